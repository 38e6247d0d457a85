"""The wire against PouchDB and express-pouchdb: the same operations of real purchases pushed, the same
members pulled by a fresh edge, on this machine, in turns.

    python tests/bench/race_pouchdb.py [--rounds 3]

Both sides keep everything on the disk. Ours also signs, chains, judges, posts and answers with a receipt;
theirs stores documents. Bytes are counted on the line, both ways. Needs node, npm and the extra ``data``;
without one of them it says so and ends.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from carry_backlog import record  # noqa: E402  (needs the path above)
from fill_till import drawn, measure  # noqa: E402
from headquarters import RULES, headquarters  # noqa: E402
from ports import free_port  # noqa: E402
from slow_line import slow_line  # noqa: E402

from agent.ahead import AT_ONCE  # noqa: E402
from agent.replay import purchases  # noqa: E402

OPERATIONS, MEMBERS = 10_000, 100_000
WIDE_KBIT_S = 10_000_000
BARS = {"push": 10, "bytes": 8, "pull": 20}


class Race:
    """One folder with the peer installed, and the documents that both sides carry."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("package.json", "server.js", "edge.js"):
            shutil.copy(HERE / "pouchdb" / name, folder)
        subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund"], cwd=folder, check=True)
        self.turn = 0

    def ours_pushed(self, bodies: Path) -> tuple[float, int]:
        """(operations a second, bytes an operation) of a till that tells its backlog; its bodies are kept."""
        place = self._place()
        with headquarters(place, {**RULES, "zone": purchases.new_york()}) as hq:
            hq.office.code_pool = 1_000
            shop = hq.shop("s001")
            for _ in range(8):
                shop.sync()
            shop.uplink.connected = False
            told = shop.till.log.seq
            count = record(shop, OPERATIONS)[0] - told
            entries = list(shop.till.log.walk())[-count:]
            bodies.write_bytes(b"\n".join(document(one.body) for one in entries) + b"\n")
            shop.uplink.connected, shop.uplink.at_once = True, AT_ONCE
            with slow_line(int(hq.url.rpartition(":")[2]), WIDE_KBIT_S, 0) as line:
                shop.uplink.hub_url = f"http://127.0.0.1:{line.port}"
                began = time.perf_counter()
                done = shop.night.contact()
                took_s = time.perf_counter() - began
                assert done.settled, done.alarms
                shop.uplink.close()
        return count / took_s, (line.up + line.down) // count

    def theirs_pushed(self, bodies: Path) -> tuple[float, int]:
        """The same of a PouchDB that replicates the same bodies."""
        with self._server() as port, slow_line(port, WIDE_KBIT_S, 0) as line:
            told = self._edge("push", f"http://127.0.0.1:{line.port}/race", bodies)
        return told["count"] / told["seconds"], (line.up + line.down) // int(told["count"])

    def theirs_pulled(self) -> float:
        """Seconds until a fresh PouchDB has all members."""
        rows = self.folder / "members"
        if not rows.exists():
            made = ({"_id": f"{row[0]:010d}", "row": row} for row in drawn(MEMBERS))
            rows.write_text("\n".join(json.dumps(one, ensure_ascii=False) for one in made) + "\n", "utf-8")
        with self._server() as port:
            self._edge("load", f"http://127.0.0.1:{port}/race", rows)
            told = self._edge("pull", f"http://127.0.0.1:{port}/race", rows)
        assert told["count"] == MEMBERS
        return float(told["seconds"])

    @contextmanager
    def _server(self) -> Iterator[int]:
        port, place = free_port(), self._place()
        with subprocess.Popen(
            ["node", "server.js", str(place), str(port)], cwd=self.folder, stdout=subprocess.PIPE, text=True
        ) as server:
            try:
                assert server.stdout is not None
                assert server.stdout.readline().strip() == "ready"
                yield port
            finally:
                server.terminate()

    def _edge(self, what: str, url: str, documents: Path) -> dict[str, Any]:
        place = self._place()
        done = subprocess.run(
            ["node", "edge.js", what, str(place), url, str(documents)],
            cwd=self.folder, check=True, capture_output=True, text=True,
        )  # fmt: skip
        told: dict[str, Any] = json.loads(done.stdout)
        return told

    def _place(self) -> Path:
        self.turn += 1
        place = self.folder / f"place-{self.turn}"
        place.mkdir()
        return place


def document(body: bytes) -> bytes:
    """An operation as a document under its own id."""
    return b'{"_id":"%s",%s' % (json.loads(body)["id"].encode(), body[1:])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    if shutil.which("node") is None or shutil.which("npm") is None:
        raise SystemExit("race_pouchdb: skipped, needs node and npm")
    with tempfile.TemporaryDirectory(prefix="jifen-bench-") as name:
        race = Race(Path(name))
        bodies = race.folder / "bodies"
        ours, theirs, pulls = [], [], []
        for _ in range(rounds):
            ours.append(race.ours_pushed(bodies))
            theirs.append(race.theirs_pushed(bodies))
            pulls.append((measure(MEMBERS)["usable_s"], race.theirs_pulled()))
    push = [median(one[0] for one in side) for side in (ours, theirs)]
    size = [median(one[1] for one in side) for side in (ours, theirs)]
    pull = [median(one[at] for one in pulls) for at in (0, 1)]
    ratios = {"push": push[0] / push[1], "bytes": size[1] / size[0], "pull": pull[1] / pull[0]}
    print(
        f"push  {push[0]:>8,.0f} op/s   PouchDB {push[1]:>8,.0f} op/s   {ratios['push']:.1f} times (bar 10)"
    )
    print(f"bytes {size[0]:>8,} B/op   PouchDB {size[1]:>8,} B/op   {ratios['bytes']:.1f} times (bar 8)")
    print(f"pull  {pull[0]:>8.2f} s      PouchDB {pull[1]:>8.2f} s      {ratios['pull']:.1f} times (bar 20)")
    told = {"bars": BARS, "rounds": rounds, "push_ops_s": push, "bytes_an_op": size, "pull_s": pull} | {
        "ratios": {name: round(ratio, 1) for name, ratio in ratios.items()}
    }
    (HERE / "results").mkdir(exist_ok=True)
    (HERE / "results" / "pouchdb.json").write_text(json.dumps(told, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
