"""What must hold of a small chain, asked from the outside: of answers, files and headquarters' own proof.

The witness keeps what tills answered, by bytes, and reads nothing that the product keeps. Each law is a
function that raises ``Violated`` with what is wrong, in words.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from agent.journal.log import EPOCH_STEP
from agent.journal.mirror import Mirror
from agent.replay.hub_process import HubProcess
from config.settings import load_hub
from hub.assembly import open_office
from hub.office import Office
from hub.verify import state, verify
from points.identifiers import HUB_STORE

Ops = list[tuple[int, bytes]]
AGENT_MADE = frozenset({"rights.return", "rights.close", "auth.void"})
"""What a till records of its own accord, when it is started or heard."""


class Violated(Exception):
    """A law was broken; the message says which and where."""


def ask(true: object, law: str) -> None:
    """Raise ``Violated`` unless it is true."""
    if not true:
        raise Violated(law)


class Witness:
    """Every operation that a till answered with, and every act that was cut off before its answer."""

    def __init__(self) -> None:
        self.answered: dict[str, tuple[str, int, bytes]] = {}
        self.in_doubt: Counter[tuple[str, str]] = Counter()

    def heard(self, store: str, ops: Ops) -> None:
        """A till answered with these."""
        for seq, body in ops:
            op_id = json.loads(body)["id"]
            ask(op_id not in self.answered, f"{store} answered with {op_id} twice")
            self.answered[op_id] = store, seq, body

    def cut_off(self, store: str, kind: str) -> None:
        """An act had no answer: it may have been recorded, once."""
        self.in_doubt[store, kind] += 1

    def found(self, store: str, ops: Ops) -> None:
        """What a till that was started again has recorded: each was in doubt, or is the till's own."""
        for _, body in ops:
            kind = json.loads(body)["t"]
            if kind not in AGENT_MADE:
                self.in_doubt[store, kind] -= 1
                ask(self.in_doubt[store, kind] >= 0, f"{store} recorded a {kind} that nobody asked for")
        self.heard(store, ops)


@contextmanager
def office_of(hub: HubProcess, now_ms: int) -> Iterator[Office]:
    """Headquarters' books, opened beside its process."""
    settings = load_hub(hub.config, {})
    office = open_office(settings, (hub.folder / "rules.json").read_bytes())
    office.clock = lambda: now_ms
    try:
        yield office
    finally:
        office.store.close()


def rows(database: Path, sql: str) -> list[tuple[Any, ...]]:
    """What a file says, read beside whoever writes it."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=10)) as base:
        return base.execute(sql).fetchall()


def facts(hub: HubProcess) -> dict[str, tuple[str, bytes]]:
    """Each operation of a till that headquarters has posted: (store, its bytes)."""
    posted = rows(hub.database, "SELECT op_id, store, body FROM facts")
    counts = Counter(op_id for op_id, _, _ in posted)
    ask(all(n == 1 for n in counts.values()), "an operation was posted twice")
    return {op_id: (store, bytes(body)) for op_id, store, body in posted if store != HUB_STORE}


def exactly_once(hub: HubProcess, witness: Witness) -> None:
    """What was answered stands at headquarters once, to the byte, and nothing else does."""
    posted = facts(hub)
    for op_id, (store, _, body) in witness.answered.items():
        ask(op_id in posted, f"{op_id} of {store} was answered and is not at headquarters")
        ask(posted[op_id] == (store, body), f"{op_id} of {store} is at headquarters with other bytes")
    strange = posted.keys() - witness.answered.keys()
    ask(not strange, f"headquarters has {len(strange)} operations that nobody saw")


def no_gap(hub: HubProcess) -> None:
    """Headquarters has every number of every lane, and as many as the lane's head says."""
    numbers = defaultdict(list)
    for store, till, epoch, seq in rows(hub.database, "SELECT store, till, epoch, seq FROM op_seen"):
        numbers[store, till, epoch].append(seq)
    for store, till, epoch, last in rows(hub.database, "SELECT store, till, epoch, seq FROM lanes"):
        lane = sorted(numbers[store, till, epoch])
        ask(lane == list(range(1, last + 1)), f"the lane of {store} has gaps: {len(lane)} of {last}")


def two_files_agree(folder: Path) -> Ops:
    """A till's database and its second file tell the same history; gives it."""
    kept = rows(folder / "data" / "agent.sqlite", "SELECT pos % 4294967296, hash, body FROM ops ORDER BY pos")
    mirror = Mirror(folder / "keys" / "mirror.log")
    try:
        mirrored = [(one.seq, one.hash, one.body) for one in mirror.read()]
        ask(not mirror.is_broken, f"the second file of {folder.name} is broken")
    finally:
        mirror.close()
    ask(EPOCH_STEP == 1 << 32 and mirrored == [tuple(one) for one in kept], f"{folder.name}: two histories")
    ask([seq for seq, _, _ in kept] == list(range(1, len(kept) + 1)), f"the log of {folder.name} has gaps")
    (sound,) = rows(folder / "data" / "agent.sqlite", "PRAGMA integrity_check")[0]
    ask(sound == "ok", f"the database of {folder.name} is not sound: {sound}")
    return [(seq, bytes(body)) for seq, _, body in kept]


def books_are_right(hub: HubProcess, now_ms: int) -> dict[str, Any]:
    """Headquarters proves its books without a fault; gives what it holds of everybody."""
    with office_of(hub, now_ms) as office:
        faults = verify(office).faults
        ask(not faults, f"headquarters finds {faults[:3]}")
        told = state(office)
    ask(sum(told["accounts"].values()) == 0, "debits are not credits")
    return told


def bank(state: dict[str, Any], witness: Witness, buyers: Mapping[str, int]) -> tuple[int, int]:
    """Points in are points out, member by member, added up from answers alone; gives (in, out).

    Under the town's rules a sale of n yuan earns n points, goods of n yuan take n points along, and nothing
    expires meanwhile. ``buyers`` says who got a receipt: a till may not know whom it sold to.
    """
    came: Counter[int] = Counter()
    went: Counter[int] = Counter()
    whose: dict[str, int] = {}
    for _, _, raw in witness.answered.values():
        body = json.loads(raw)
        if body["t"] == "sale.earn":
            m = whose[body["id"]] = buyers[body["receipt"]]
            ask(body.get("m", m) == m, f"the sale {body['receipt']} went to another member")
            yuan = sum(line[3] for line in body["lines"]) // 100
            ask(body["pts"] == yuan, f"a sale of {yuan} yuan earned {body['pts']}")
            came[m] += yuan
        elif body["t"] == "redeem.cash":
            went[body["m"]] += body["pts"]
    for _, _, raw in witness.answered.values():
        body = json.loads(raw)
        if body["t"] == "sale.refund":
            went[whose[body["refs"][0]]] += sum(line[2] for line in body["lines"]) // 100
    kept = {int(m): sum(lot[1] for lot in one["lots"]) - one["debt"] for m, one in state["members"].items()}
    for m in kept.keys() | came.keys():
        right = came[m] - went[m]
        ask(kept.get(m, 0) == right, f"member {m} has {kept.get(m, 0)} points, {right} are right")
    return sum(came.values()), sum(went.values())
