"""A new till learns all members of a region over real HTTP: how long until they are usable, at what cost.

    python tests/bench/fill_till.py [MEMBERS …]

The members are drawn, with lots, names and codes; headquarters publishes them before the clock starts.
``usable`` is the whole contact: asked, fetched, verified, checked and on the disk. ``after the last chunk``
is what is left of it when the last byte has come. Beside it the same rows written bare, by one executemany
in one transaction.
"""

from __future__ import annotations

import json
import random
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / part) for part in ("", "agent", "hub")]

from headquarters import Headquarters, headquarters  # noqa: E402  (needs the path above)

from agent.contact import Contact  # noqa: E402
from agent.store import members  # noqa: E402
from config.memory import collect_seldom  # noqa: E402
from hub import publishing  # noqa: E402
from hub.store import schema  # noqa: E402
from points.identifiers import bucket  # noqa: E402

BARS_S = {100_000: 1.0, 1_000_000: 5.0}
FIRST = 1_000_000


def drawn(count: int) -> Iterator[list[Any]]:
    """Rows as headquarters keeps them, by number."""
    draw = random.Random(7)
    for n in range(count):
        m = FIRST + n
        lots = [
            [f"s{draw.randrange(400):03d}", draw.randrange(1, 2_000), 0, 20271231 + 10_000 * i, "std", "s001"]
            for i in range(draw.choice((0, 1, 1, 2)))
        ]
        tag = sha256(f"M{m}".encode()).hexdigest()[:16]
        yield [
            m, draw.randrange(1, 90), "active", draw.choice((0, 0, 0, 1)), draw.randrange(90_000),
            draw.choice("张王李赵陈刘杨黄") + "*", f"{draw.randrange(10_000):04d}", 0, lots,
            [20261119, draw.randrange(300)], [20261116, draw.randrange(900)], [], [tag],
        ]  # fmt: skip


def fill(hq: Headquarters, count: int) -> None:
    """Put them into headquarters' database, published."""
    with hq.office.store.turn() as turn:
        columns = [column.name for column in schema.members.columns]
        rows = []
        for row in drawn(count):
            known = {
                "bucket": bucket(row[0]), "m": row[0], "ver": row[1], "row": json.dumps(row), "touched": 10**6
            }  # fmt: skip
            blank = {c.name: "" if c.type.python_type is str else 0 for c in schema.members.columns}
            rows.append(tuple((blank | known)[name] for name in columns))
        turn.put(schema.members, rows)
        turn.put(schema.changed, [(one, 10**6) for one in range(256)], on_conflict="replace")
    publishing.publish(hq.office)


def bare(folder: Path, rows: list[list[Any]]) -> float:
    """Seconds for the same rows in a bare database."""
    book = sqlite3.connect(folder / "bare.sqlite", isolation_level=None)
    book.execute("PRAGMA journal_mode=WAL")
    book.execute("PRAGMA synchronous=FULL")
    book.execute("CREATE TABLE members (m INTEGER PRIMARY KEY, ver INTEGER, row TEXT) STRICT")
    book.execute("CREATE TABLE codes (who INTEGER PRIMARY KEY, m INTEGER) STRICT")
    made = [(row[0], row[1], json.dumps(row, ensure_ascii=False, separators=(",", ":"))) for row in rows]
    tags = [(members.code_key(row[12][0]), row[0]) for row in rows]
    began = time.perf_counter()
    book.execute("BEGIN IMMEDIATE")
    book.executemany("INSERT INTO members VALUES (?, ?, ?)", made)
    book.executemany("INSERT INTO codes VALUES (?, ?)", tags)
    book.execute("COMMIT")
    took_s = time.perf_counter() - began
    book.close()
    return took_s


def measure(count: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="jifen-bench-") as name:
        folder = Path(name)
        with headquarters(folder) as hq:
            shop = hq.shop("s001")
            fill(hq, count)
            last, carried = 0.0, 0
            call = shop.uplink.call

            def noted(method: str, path: str, *rest: Any) -> bytes:
                nonlocal last, carried
                raw = call(method, path, *rest)
                if path.startswith("/v1/blob/"):
                    last, carried = time.perf_counter(), carried + len(raw)
                return raw

            shop.uplink.call = noted  # type: ignore[method-assign]
            collect_seldom()
            began = time.perf_counter()
            done = Contact(shop.till, shop.uplink).run()
            usable = time.perf_counter()
            assert done.settled
            assert members.count(shop.till.book) >= count
            bare_s = bare(folder, list(drawn(count)))
    return {
        "members": count, "usable_s": round(usable - began, 2), "after_last_chunk_s": round(usable - last, 2),
        "bytes_a_member": round(carried / count, 1), "bare_rows_s": round(bare_s, 2),
        "ratio_to_bare": round((usable - began) / bare_s, 2), "bar_s": BARS_S.get(count),
    }  # fmt: skip


def main() -> None:
    told = [measure(int(count)) for count in sys.argv[1:] or BARS_S]
    (HERE / "results").mkdir(exist_ok=True)
    (HERE / "results" / "fill.json").write_text(json.dumps(told, indent=1) + "\n", "utf-8")
    for row in told:
        print(
            f"{row['members']:>9,} members: usable after {row['usable_s']} s, {row['after_last_chunk_s']} s"
            f" after the last chunk (bar {row['bar_s']}); {row['bytes_a_member']} B each;"
            f" bare rows {row['bare_rows_s']} s: {row['ratio_to_bare']} times"
        )


if __name__ == "__main__":
    main()
