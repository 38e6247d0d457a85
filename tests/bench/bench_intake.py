"""Headquarters' intake on SQLite: verify, judge and post batches of 1,000, beside raw writes of its rows.

100,000 members of 20 stores with history; each batch is one store's: 85 % home members and 15 % visitors,
sales of four lines that add to the till's own rights, a tenth redemptions, two in a hundred refunds. The raw
contender is given the very statements and rows that the intake wrote, recorded once, and executes them and
nothing else: no signature, no decoding, no question, no judgement.
"""

from __future__ import annotations

import atexit
import random
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from rounds import Bench, Contender, Work

from config.memory import collect_seldom
from config.night_window import NightWindow
from config.settings import HubSettings
from hub import admission, intake, reception
from hub.assembly import open_office
from hub.decisions import decide
from hub.office import Office
from hub.opening import Openers
from hub.sequencer import Sequencer
from hub.store import engine, schema
from points import codes
from points.identifiers import new_op_id
from points.wire import canonical, chain, envelope
from points.wire.batch_header import Moment
from points.wire.keys import SigningKey
from points.wire.lane import Lane

STORES, MEMBERS, BATCH, BATCHES = 20, 100_000, 1_000, 20
QUEUE = 8
NOON_MS = 1_795_060_800_000
SEED = 11
RULES: dict[str, Any] = {
    "v": 1, "name": "bench", "zone": [[0, 480]], "rates": [[1, 100]], "category_rate": {}, "min_order_fen": 0,
    "day_cap_pts": 0, "tiers": [[0, 10_000, "普通"], [100_000, 12_000, "银卡"]], "expiry": ["rolling", 12],
    "redeem": {"pts": 1, "fen": 1, "step": 1}, "grace_days": 30, "settle": [1000, 100],
    "not_earning": ["points"], "manager": {"redeem_pts": 0, "refund_fen": 0},
}  # fmt: skip


@dataclass
class Writing:
    """One store's till, writing."""

    lane: Lane
    key: SigningKey
    prev: bytes
    seq: int = 0
    st: int = NOON_MS
    sales: list[tuple[int, str, int]] = field(default_factory=list)

    def cut(self, bodies: Sequence[bytes]) -> bytes:
        moment = Moment(self.st, "0" * 16, 0, "0" * 32, "bench", 1)
        raw = envelope.cut(self.lane, self.seq + 1, self.prev, bodies, self.key, moment)
        self.prev = chain.links(self.prev, self.seq + 1, bodies)[-1]
        self.seq += len(bodies)
        return raw


@dataclass
class Prepared:
    """A folder with a filled headquarters, and the batches that come next."""

    folder: Path
    envelopes: list[bytes]


def office_in(folder: Path) -> Office:
    settings = HubSettings(
        data_dir=folder, key_dir=folder / "keys", listen_host="127.0.0.1", listen_port=0, public_url="",
        database_url="", chain="demo", chain_name="demo", rulebook=None, language="zh", ticket_hours=24,
        code_pool=20, grant_policy="visits",
        night=NightWindow(0, 240),
    )  # fmt: skip
    office = open_office(settings, canonical.encode(RULES))
    office.clock = lambda: NOON_MS
    return office


class Chain:
    """Writes what the stores of a chain would write, by a seed."""

    def __init__(self, office: Office) -> None:
        self.office, self.dice = office, random.Random(SEED)
        self.rule = office.rules().hash
        self.lanes = [self._open(n) for n in range(STORES)]
        self.home = MEMBERS // STORES

    def _open(self, n: int) -> Writing:
        store, key = f"s{n:03d}", SigningKey.from_raw(bytes([n + 1]) * 32)
        with self.office.store.turn() as turn:
            admission.open_store(turn, store, store)
            turn.put(
                schema.keys,
                [(key.kid, key.public_raw, store, "01", 1, "s1", 0, None, None, 0, "", 0, "", None)],
            )
            turn.put(schema.agents, [(store, "01", 1, 1, 1, 1, 0, None, "")])
        return Writing(
            Lane("demo", store, "01", 1), key, chain.genesis("demo", store, "01", 1, key.public_raw)
        )

    def member(self, store: int, index: int) -> int:
        """Blocks of 1,024 belong to a store."""
        return 1024 * (1 + store * ((self.home + 1023) // 1024)) + index

    def issue(self) -> None:
        facts = []
        for store in range(STORES):
            for first in range(0, self.home, 1000):
                ms = [self.member(store, first + i) for i in range(min(1000, self.home - first))]
                whos = [codes.who(f"M{m}") for m in ms]
                facts.append(("member.issue", {"to": [f"s{store:03d}", "01"], "first": ms[0], "codes": whos}))
        for fact in facts:
            with self.office.store.turn() as turn:
                decide(turn, self.office, [fact])

    def body(self, lane: Writing, kind: str, **more: Any) -> dict[str, Any]:
        lane.st += self.dice.randrange(500, 60_000)
        return {
            "id": new_op_id(lane.st, self.dice.randbytes(10)), "t": kind, "tv": 1,
            "day": self.office.rules().today(lane.st), "st": lane.st, "boot": "00112233aabbccdd",
            "mono": lane.st - NOON_MS, "by": "c1", "rule": self.rule, **more,
        }  # fmt: skip

    def sale(self, lane: Writing, m: int) -> dict[str, Any]:
        lines = [
            [n, self.dice.choice(("dairy", "produce", "grocery")), 1, self.dice.randrange(100, 4_000)]
            for n in range(1, 1 + self.dice.choice((2, 3, 4, 4, 5, 6)))
        ]
        fen = sum(line[3] for line in lines)
        body = self.body(
            lane, "sale.earn", m=m, receipt=f"r{lane.st}", lines=lines, tenders=[["cash", fen]], tier=0,
            m_bp=10_000, day_used=0, feed_g=7, desired=fen // 100, pts=fen // 100, fund=[["add", fen // 100]],
            inc=1, term=1,
        )  # fmt: skip
        lane.sales.append((m, body["id"], lines[0][3]))
        return body

    def history(self) -> Iterator[bytes]:
        """Every member enrolled, with two sales."""
        for store, lane in enumerate(self.lanes):
            ms = [self.member(store, i) for i in range(self.home)]
            for start in range(0, self.home, BATCH):
                part = ms[start : start + BATCH]
                yield lane.cut([canonical.encode(self.body(lane, "member.enrol", m=m)) for m in part])
            for _ in range(2):
                self.dice.shuffle(ms)
                for start in range(0, self.home, BATCH):
                    yield lane.cut([canonical.encode(self.sale(lane, m)) for m in ms[start : start + BATCH]])
        latest = max(lane.st for lane in self.lanes)
        for lane in self.lanes:
            lane.st = latest + 86_400_000

    def batch(self, store: int) -> bytes:
        lane = self.lanes[store]
        bodies = []
        for _ in range(BATCH):
            m = self.member(store, self.dice.randrange(self.home))
            act = self.dice.random()
            if act < 0.02:
                m, sale, fen = lane.sales.pop(self.dice.randrange(len(lane.sales)))
                body = self.body(lane, "sale.refund", m=m, refs=[sale], lines=[[1, 1, fen]])
            elif act < 0.12:
                pts = self.dice.randrange(1, 20)
                more = {"pts": pts, "fen": pts, "fund": [["local", pts]], "inc": 1, "term": 1}
                body = self.body(lane, "redeem.cash", m=m, **more)
            else:
                if self.dice.random() < 0.15:
                    m = self.member(self.dice.randrange(STORES), self.dice.randrange(self.home))
                body = self.sale(lane, m)
            bodies.append(canonical.encode(body))
        return lane.cut(bodies)


@cache
def prepared() -> Prepared:
    """Made once a run, copied for every round."""
    folder = Path(tempfile.mkdtemp(prefix="jifen-bench-hub-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    office = office_in(folder)
    writer = Chain(office)
    writer.issue()
    for raw in writer.history():
        reception.receive(office, raw)
    Sequencer(office).step()
    envelopes = [writer.batch(n % STORES) for n in range(BATCHES)]
    office.store.close()
    return Prepared(folder, envelopes)


@contextmanager
def copy_of(folder: Path) -> Iterator[Office]:
    shutil.copytree(prepared().folder, folder / "hub")
    office = office_in(folder / "hub")
    try:
        yield office
    finally:
        office.store.close()


@contextmanager
def taken_in(folder: Path) -> Iterator[Work]:
    envelopes = prepared().envelopes
    collect_seldom()
    with copy_of(folder) as office:
        yield lambda i: reception.receive(office, envelopes[i])


@contextmanager
def taken_in_from_a_queue(folder: Path) -> Iterator[Work]:
    """As `jifen hub serve` does when stores queue: envelopes are opened in a process of its own, and what
    waits for the pen is committed together, and the log is numbered meanwhile."""
    envelopes = prepared().envelopes
    collect_seldom()
    with copy_of(folder) as office, ThreadPoolExecutor(QUEUE) as stores:
        openers = Openers(1, office.store.url)
        office.open_envelope = openers.open_envelope
        with office.store.look() as look:  # the process has started
            record = intake.key_record(look, office, envelope.peek(envelopes[0])[1])
        openers.open_envelope(envelopes[0], record, office.books, office.today())
        sequencer = Sequencer(office)
        sequencer.start()
        answers: list[Future[bytes]] = []

        def work(i: int) -> None:
            while len(answers) < min(i + QUEUE, len(envelopes)):
                answers.append(stores.submit(reception.receive, office, envelopes[len(answers)]))
            answers[i].result()

        yield work
        sequencer.stop()
        openers.close()


Written = tuple[str, list[Any]]


@cache
def recorded() -> list[list[Written]]:
    """The writing statements of each batch, with their rows."""
    found: list[list[Written]] = []

    class Recorder:
        """The driver's cursor, remembering what changes something."""

        def __init__(self, cursor: Any) -> None:
            self.cursor = cursor

        def execute(self, sql: str, arguments: Any = ()) -> Any:
            if not sql.startswith(("SELECT", "WITH")) and "RETURNING" not in sql:
                found[-1].append((sql, [arguments]))
            return self.cursor.execute(sql, arguments)

        def executemany(self, sql: str, rows: list[Any]) -> Any:
            found[-1].append((sql, list(rows)))
            return self.cursor.executemany(sql, rows)

        def __getattr__(self, name: str) -> Any:
            return getattr(self.cursor, name)

    plain = engine.Turn.__init__

    def begin(self: engine.Turn, connection: Any) -> None:
        plain(self, connection)
        self._cursor = Recorder(self._cursor)

    with tempfile.TemporaryDirectory(prefix="jifen-bench-record-") as folder, copy_of(Path(folder)) as office:
        engine.Turn.__init__ = begin  # type: ignore[method-assign]
        try:
            for raw in prepared().envelopes:
                found.append([])
                reception.receive(office, raw)
        finally:
            engine.Turn.__init__ = plain  # type: ignore[method-assign]
    return found


@contextmanager
def written_raw(folder: Path) -> Iterator[Work]:
    batches = recorded()
    with copy_of(folder) as office:

        def work(i: int) -> None:
            with office.store.turn() as turn:
                for sql, rows in batches[i]:
                    turn.many(sql, rows)

        yield work


BENCH = Bench(
    title="intake, SQLite",
    contenders=[
        Contender("raw writes of the same rows", written_raw),
        Contender("verify, judge, post, receipt", taken_in),
        Contender("the same, eight stores at a time", taken_in_from_a_queue),
    ],
    calls=BATCHES,
    operations=BATCH,
    note="100,000 members with two sales each; 15 % visitors, 10 % redemptions, 2 % refunds",
)
