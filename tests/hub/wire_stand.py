"""A chain on real HTTP that is drawn by seed: tills sell, are copied, put back, killed; messages are lost,
doubled, late and damaged; headquarters is put back and changes its program. What the laws ask for is noted.
"""

from __future__ import annotations

import json
import random
import shutil
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from forks import close, copied, enrolled, heard, sold
from headquarters import NOON_MS, Headquarters, Shop

from agent import day_close, goods_back
from agent.journal.clock import Reading
from agent.recorder import Recorded
from agent.uplink import OutOfReach
from config.sqlite import open_database
from points.operations import KINDS, Operation
from points.wire import canonical, envelope
from points.wire.faults import Problem, WireFault

DOINGS = {
    "sell": 30, "redeem": 10, "refund": 6, "enrol": 4, "home": 3, "sync": 26, "clock": 3, "kill": 6,
    "copy": 4, "put back": 4, "clone": 2, "hub copy": 3, "hub restore": 2, "hub start": 2, "schema": 2,
}  # fmt: skip
FATES = {
    "": 70, "lose request": 5, "lose answer": 7, "double": 5, "late": 5, "flip request": 4, "flip answer": 4,
    "kill before": 1, "kill after": 2,
}  # fmt: skip
YEAR_MS = 365 * 86_400_000
PCS_MAX = 3
CALLS_MAX = 400


class Killed(BaseException):
    """The plug is pulled in the middle of a contact."""


@dataclass(frozen=True, slots=True)
class Call:
    """A request and what was answered: its size there and back, and the problem that was told."""

    method: str
    path: str
    sent: int
    heard: int
    problem: str = ""


class Line:
    """A till's way to headquarters. ``fate`` draws what becomes of each request; in calm all goes well."""

    def __init__(self, shop: Shop, stand: Stand) -> None:
        self.calls: list[Call] = []
        self._real, self._stand = shop.uplink._send, stand
        shop.uplink._send = self.send

    def send(
        self, client: Any, deadline: Any, method: str, path: str, body: bytes | None, headers: dict[str, str]
    ) -> bytes:
        stand, fate = self._stand, self._stand.fate()
        if len(self.calls) > CALLS_MAX:
            raise AssertionError(f"a contact never ends: {Counter(call.path for call in self.calls)}")
        if method == "POST" and body is not None and body[:4] == envelope.MAGIC:
            stand.authentic.add(frame_of(body))
        if fate == "kill before":
            raise Killed
        if fate == "lose request":
            raise OutOfReach(fate)
        if fate == "late" and method == "POST":
            stand.late.append(lambda: self._ask(client, deadline, method, path, body, headers))
            raise OutOfReach(fate)
        sent = stand.flipped(body) if fate == "flip request" else body
        answer = self._ask(client, deadline, method, path, sent, headers)
        if fate == "double":
            answer = self._ask(client, deadline, method, path, sent, headers)
        if fate == "kill after":
            raise Killed
        if fate == "lose answer":
            raise OutOfReach(fate)
        return stand.flipped(answer) or b"" if fate == "flip answer" else answer

    def _ask(self, *asked: Any) -> bytes:
        method, path, body = asked[2:5]
        try:
            answer = self._real(*asked)
        except WireFault as fault:
            if fault.problem not in set(Problem):
                self._stand.wordless.append(f"{path} was answered by a word of no table: {fault.problem}")
            self.calls.append(Call(method, path, len(body or b""), 0, str(fault.problem)))
            raise
        self.calls.append(Call(method, path, len(body or b""), len(answer)))
        return answer


@dataclass
class Pc:
    """One PC: its shop, its line, its own clock beside the chain's, and what a person has seen there."""

    shop: Shop
    line: Line
    ahead_ms: int = 0
    papers: dict[str, bytes] = field(default_factory=dict)
    """By operation: its body as it stood in the book when its paper was printed."""
    is_suspect: bool = False
    """It runs on an old copy, or beside another, and headquarters has not been asked since."""


class Stand:
    """The chain. ``note`` looks at everything that must never change; the laws are asked at rest."""

    def __init__(self, hq: Headquarters, seed: int) -> None:
        self.hq, self.draw = hq, random.Random(f"wire/{seed}")
        self.is_calm = True
        self.marks: Counter[str] = Counter()
        self.late: list[Callable[[], bytes]] = []
        self.ever: dict[str, bytes] = {}
        self.gone: set[str] = set()
        """Recorded, told nobody, and lost with a disk that was put back."""
        self.accepted: dict[tuple[str, str, int, int], str] = {}
        """The hash of every operation that headquarters ever took, by its place."""
        self.acks: dict[str, bytes] = {}
        """By the name of an envelope: what was answered to it first."""
        self.heads: list[bytes] = []
        self.editions: dict[tuple[int, str, str], int] = {}
        self.undetected: list[str] = []
        self.unpacked: set[str] = set()
        """Digests of every frame that a decompressor was given."""
        self.authentic: set[str] = set()
        self.restores = 0
        self.wordless: list[str] = []
        self.pcs = [self.pc(hq.shop("s001", "01")), self.pc(hq.shop("s001", "02")), self.pc(hq.shop("s002"))]
        self.members = [enrolled(pc.shop) for pc in self.pcs]
        self.copies: dict[int, list[Path]] = {n: [] for n in range(3)}
        self.hub_copies = [hq.copy("hub0.sqlite")]
        for _ in range(2):
            for pc in self.pcs:
                self.contact(pc)

    # -- parts ----------------------------------------------------------------------------------

    def pc(self, shop: Shop) -> Pc:
        made = Pc(shop, Line(shop, self))
        shop.till.clock = _Clock(self.hq, made)
        return made

    def fate(self) -> str:
        """What becomes of the next request."""
        drawn = "" if self.is_calm else self.draw.choices(list(FATES), list(FATES.values()))[0]
        self.marks[drawn] += bool(drawn)
        return drawn

    def flipped(self, raw: bytes | None) -> bytes | None:
        if not raw:
            return raw
        at = self.draw.randrange(len(raw))
        return raw[:at] + bytes([raw[at] ^ 1 << self.draw.randrange(8)]) + raw[at + 1 :]

    # -- what happens ---------------------------------------------------------------------------

    def step(self) -> None:
        pc, m = self.draw.choice(self.pcs), self.draw.choice(self.members)
        doing = self.draw.choices(list(DOINGS), list(DOINGS.values()))[0]
        self.marks[doing] += 1
        match doing:
            case "sell" if pc.shop.till.look(m) is not None:
                for op_id in sold(pc.shop, m):
                    self.printed(pc, op_id)
            case "redeem":
                done = pc.shop.counter.redeem(m, self.draw.randint(1, 120), "c1")
                if isinstance(done, Recorded):
                    self.printed(pc, done.op.id)
            case "refund":
                self.refund(pc)
            case "enrol" if pc.shop.till.facts()["pool"] and self.marks["hub restore"] == 0:
                self.members.append(enrolled(pc.shop))
            case "home":
                day_close.give_back(pc.shop.till, "agent")
            case "sync":
                self.contact(pc)
            case "clock":
                pc.ahead_ms += self.draw.choice((1, -1, 3, -3)) * self.draw.choice((86_400_000, 10 * YEAR_MS))
            case "kill":
                self.kill(pc)
            case "copy" | "put back" | "clone":
                self.fork(pc, doing)
            case "hub copy":
                self.hub_copies.append(self.hq.copy(f"hub{len(self.hub_copies)}.sqlite"))
            case "hub restore":
                self.restore()
            case "hub start":
                self.hq.reopen()
            case "schema":  # a program that does not know a kind, and the one that does
                self.hq.reopen(kinds={kind: one for kind, one in KINDS.items() if kind[0] != "sale.refund"})
                self.contact(pc)
                self.hq.reopen()
        if self.late and self.draw.random() < 0.3:
            self.arrive_late()
        self.note()
        self.hq.clock.now_ms += self.draw.randint(1, 20) * 60_000

    def printed(self, pc: Pc, op_id: str) -> None:
        """A paper came out: its operation is on the disk already, for whoever opens the book anew."""
        ((body,),) = self.on_disk(pc, "SELECT body FROM ops WHERE op_id = ?", op_id) or ((b"",),)
        pc.papers[op_id] = bytes(body)

    def on_disk(self, pc: Pc, sql: str, *arguments: Any) -> list[tuple[Any, ...]]:
        """What another program finds in the book now."""
        with closing(open_database(pc.shop.till.book.path)) as look:
            found: list[tuple[Any, ...]] = look.execute(sql, arguments).fetchall()
            return found

    def refund(self, pc: Pc) -> None:
        till = pc.shop.till
        bodies = [canonical.decode(body) for _, body in till.book.rows("SELECT op_id, body FROM ops")]
        sales = [
            op.id for op in (Operation(b, till.store, till.till) for b in bodies) if op.kind == "sale.earn"
        ]
        if sales:
            goods_back.refund(till, self.draw.choice(sales), [[1, 0, 3_000]], "c1")

    def contact(self, pc: Pc) -> bool:
        """One contact; whether it went to its end, with everything acknowledged."""
        pc.line.calls.clear()
        other, epoch = self.is_elsewhere(pc), pc.shop.till.identity.lane.epoch
        try:
            settled = bool(pc.shop.night.contact(rest=lambda _ms: None).settled)
        except Killed:
            self.marks["killed in a contact"] += 1
            self.kill(pc)
            return False
        greeted = any(call.path == "/v1/hello" and not call.problem for call in pc.line.calls)
        if pc.is_suspect and greeted and self.is_calm:
            pc.is_suspect = False
            self.marks["fork looked for"] += 1
            if other and pc.shop.till.identity.lane.epoch == epoch:
                self.undetected.append(f"{pc.shop.till.identity.lane} went on though it has another history")
        return settled

    def is_elsewhere(self, pc: Pc) -> bool:
        """Whether headquarters holds another history of this PC's lane than the PC, or more of it."""
        log = pc.shop.till.log
        rows = self.hq.rows(
            "SELECT seq, head FROM lanes WHERE store = ? AND till = ? AND epoch = ?", *log.lane.columns
        )
        if not rows or not self.is_calm:
            return False
        seq, head = rows[0]
        return bool(seq > log.seq or log.hash_before(log.pos(seq + 1)).hex() != head)

    def kill(self, pc: Pc) -> None:
        """The program is gone in the middle of whatever it did; it starts again on what is on the disk."""
        folder = pc.shop.folder
        image = folder.with_name(f"{folder.name}.image")
        shutil.copytree(folder, image)
        close(pc.shop)
        shutil.rmtree(folder)
        image.rename(folder)
        self.begin(pc)

    def begin(self, pc: Pc) -> None:
        """The till once more, on its folder."""
        pc.shop = self.hq.open(pc.shop.folder)
        pc.line = Line(pc.shop, self)
        pc.shop.till.clock = _Clock(self.hq, pc)

    def fork(self, pc: Pc, doing: str) -> None:
        n = self.pcs.index(pc)
        if n not in self.copies:
            return
        copies = self.copies[n]
        if doing == "copy":
            copies.append(copied(pc.shop, self.hq.folder / f"copy{n}.{len(copies)}"))
        elif copies and doing == "put back":
            had = self.recorded(pc)
            close(pc.shop)
            shutil.rmtree(pc.shop.folder)
            shutil.copytree(self.draw.choice(copies), pc.shop.folder)
            self.begin(pc)
            pc.is_suspect, pc.papers = True, {}
            elsewhere = set().union(*(self.recorded(other) for other in self.pcs if other is not pc))
            self.gone |= had - elsewhere - heard(self.hq).keys()
            self.editions = {key: ver for key, ver in self.editions.items() if key[0] != n}
        elif copies and doing == "clone" and len(self.pcs) < 3 + PCS_MAX:
            folder = self.hq.folder / f"clone{len(self.pcs)}"
            shutil.copytree(self.draw.choice(copies), folder)
            self.pcs.append(self.pc(self.hq.open(folder)))
            self.pcs[-1].is_suspect = True

    def restore(self) -> None:
        """An old copy of headquarters' database is put back."""
        before, waits = heard(self.hq).keys(), self.custody()
        self.hq.put_back(self.draw.choice(self.hub_copies))
        kept = set().union(*(self.recorded(pc) for pc in self.pcs))
        self.gone |= (before | waits) - kept - heard(self.hq).keys() - self.custody()
        self.restores += 1
        self.accepted = {}  # what it does not know any more another PC of the lane may tell it first

    def arrive_late(self) -> None:
        """A copy of a request arrives of which its sender knows nothing any more."""
        send = self.late.pop(self.draw.randrange(len(self.late)))
        try:
            send()
        except (WireFault, OutOfReach):
            self.marks["late and refused"] += 1

    # -- what is known --------------------------------------------------------------------------

    def recorded(self, pc: Pc) -> set[str]:
        return {op_id for (op_id,) in pc.shop.till.book.rows("SELECT op_id FROM ops")}

    def custody(self) -> set[str]:
        """Ids of what headquarters keeps and has not posted."""
        ids = (op_id_of(bytes(body)) for (body,) in self.hq.rows("SELECT body FROM waiting"))
        return {op_id for op_id in ids if op_id is not None}

    def of_envelope(self, name: str) -> set[str]:
        """The ids of the operations of an envelope that a PC holds."""
        return {
            op_id
            for pc in self.pcs
            for (op_id,) in pc.shop.till.book.rows(
                "SELECT o.op_id FROM envelopes e JOIN ops o ON o.pos BETWEEN e.first AND e.last"
                " WHERE e.batch_id = ?",
                (name,),
            )
        }

    def note(self) -> None:
        """Look at what may never change, at any moment."""
        for n, pc in enumerate(self.pcs):
            book = pc.shop.till.book
            self.ever |= {op_id: bytes(body) for op_id, body in book.rows("SELECT op_id, body FROM ops")}
            for raw, answer in book.rows("SELECT bytes, ack FROM envelopes"):
                self.authentic.add(frame_of(bytes(raw)))
                if answer is not None:
                    self.acks.setdefault(envelope.batch_id(bytes(raw)), bytes(answer))
            self.heads += [bytes(note) for (note,) in book.rows("SELECT note FROM log_heads")]
            for topic, shard, ver in book.rows("SELECT topic, shard, ver FROM feeds"):
                assert ver >= self.editions.get((n, topic, shard), 0), f"{topic}/{shard} went back to {ver}"
                self.editions[n, topic, shard] = ver
        for store, till, epoch, raw in self.hq.rows("SELECT store, till, epoch, envelope FROM batches"):
            header = envelope.peek(bytes(raw))[0]
            self.authentic.add(frame_of(bytes(raw)))
            self.accepted.setdefault((store, till, epoch, header.last), header.head)
            assert self.accepted[store, till, epoch, header.last] == header.head, "two histories were taken"

    def rest(self) -> None:
        """All is well again, everybody tells everything, and what was late has come."""
        self.is_calm = True
        while self.late:
            self.arrive_late()
        for pc in self.pcs:
            pc.shop.uplink.connected = True
        for _ in range(5):
            for pc in self.pcs:
                self.contact(pc)
            self.note()


def frame_of(raw: bytes) -> str:
    """The digest of what a decompressor is given of an envelope."""
    return sha256(raw[-envelope.peek(raw)[0].psize :]).hexdigest()


def op_id_of(body: bytes) -> str | None:
    """The id that a body names; None for one that cannot be read."""
    try:
        return str(json.loads(body)["id"])
    except ValueError:
        return None


class _Clock:
    """A PC's own clock: its wall may be years off, its count of time is not."""

    def __init__(self, hq: Headquarters, pc: Pc) -> None:
        self._hq, self._pc = hq, pc

    def now(self) -> Reading:
        at = self._hq.clock.now_ms
        return Reading(max(0, at + self._pc.ahead_ms), at - NOON_MS + 1_000_000, "00112233aabbccdd")
