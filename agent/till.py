"""One till, awake: its book, key, clock and rules, and what it may show of a member.

Shown is always a fold: headquarters' row with the till's own pending facts on top, never a sum
(W15). The pending ones are kept in memory (`pending`), rebuilt from the book at start.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from agent import pending
from agent.identity import Identity
from agent.journal.clock import Clock, Reading, StoreTime, Witness, raised_by, store_time
from agent.journal.database import Book
from agent.journal.log import EPOCH_STEP, Log
from agent.pending import Pending
from agent.session import Session, session_ms
from agent.store import cells, feeds, members, outbox, refunds, sales, tokens, trusts, volume
from agent.store.tokens import Shown
from config.faults import Fault
from config.sqlite import Connection
from points import rulebook
from points.days import Day, day
from points.fold import Account
from points.members import MemberRow, begin, read_row
from points.operations import Operation
from points.rights import Rights, renew, replay
from points.rulebook import RuleBook
from points.wire import canonical

NIGHT_MS = 6 * 3_600_000
"""How long past midnight a day goes on that the manager has opened."""
IN_USE_MS = 60_000
OWN_TERM, DOUBTED = "own_term", "doubted"
"""The fact that names the latest term which headquarters has told to be this PC's own."""
RESTORED = "restored_from"
"""The fact that names the first operation put back from the second file whose rights are not counted yet."""


@dataclass(slots=True)
class Shift:
    """The business day that is open, for books and caps."""

    day: Day
    closed: bool


@dataclass(slots=True)
class View:
    """A member as this till sees it for one act: read once, under the lock, and then acted upon.

    ``row`` is what headquarters told last, by its feed or by a newer token; ``token`` is that one, or one
    that is as new as the feed's; ``as_of_ms`` is when it was so, ``in_replica`` whether the feed has a row.
    """

    m: int
    row: MemberRow | None
    account: Account
    rights: Rights
    today: Day
    as_of_ms: int = 0
    token: Shown | None = None
    in_replica: bool = True

    @property
    def rests_on_token(self) -> bool:
        """Whether its points are what a member has shown, and not what the feed told."""
        return self.token is not None and (self.row is None or not self.row.raw)


@dataclass
class Till:
    """The live state of one till. Whoever reads and then writes holds ``book.lock``."""

    identity: Identity
    book: Book
    log: Log
    clock: Clock
    chance: Callable[[int], bytes] = secrets.token_bytes
    witness: Witness | None = None
    books: dict[str, RuleBook] = field(default_factory=dict)
    rules: RuleBook | None = None
    known_rules: frozenset[str] = rulebook.KNOWN
    pending: Pending = field(default_factory=Pending)
    tokens: dict[int, Shown] = field(default_factory=dict)
    """What members' tokens told, by member; some may be out of date."""
    asking: set[str] = field(default_factory=set)
    """Intents that a redemption is about to end: asked right now, or granted and not recorded yet."""
    editions: int = 0
    """How many editions of anything were taken since it woke."""
    looked_mono_ms: int = -IN_USE_MS
    leaving_until_mono_ms: int = 0
    """Its power was said to go: until this reading, unless it wakes anew, what went home stays there."""
    as_of_ms: int = 0
    session: Session = field(init=False)
    began: Reading = field(init=False)
    inst: str = field(init=False)
    """This start of the program, 32 hex: two that write one lane are told apart by it."""
    chain_name: str = ""
    store_name: str = ""
    _shift: Shift | None = None

    def __post_init__(self) -> None:
        self.inst, self.began = self.chance(16).hex(), self.clock.now()
        self.session = Session(self.book)

    @property
    def store(self) -> str:
        """The store's name in the chain."""
        return self.identity.lane.store

    @property
    def till(self) -> str:
        """The register's number."""
        return self.identity.lane.till

    def wake(self) -> None:
        """At start: reconcile the two files, then rebuild what is kept in memory."""
        self.load_books()
        self.go_on(self.identity)
        lacking = self.log.reconcile()
        if lacking:
            self._restore([record.body for record in lacking])
        self.recall()
        self.rebuild_rights()
        self.gather()

    def go_on(self, identity: Identity) -> None:
        """Be who it is after a fork: move the book to the lane that was granted, unless that was done. Raises
        a Fault for a key folder older than the book."""
        volume.check_key(self.book, identity.lane.epoch)
        granted = identity.granted
        if granted is None:
            return
        if volume.goes_on_in(self.book) != granted.lane.epoch:
            volume.move(self.book, self.till, granted, identity.genesis)
        self.identity = identity
        self.log.begin(granted.lane, identity.genesis)

    def recall(self) -> None:
        """Read the rules and facts that were kept; changes nothing on disk."""
        self.load_books()
        kept = feeds.fact(self.book, "term")
        if kept:
            inc, term = kept.split(",")
            self.identity = replace(self.identity, inc=int(inc), term=int(term))
        shift = feeds.fact(self.book, "shift")
        if shift:
            number, closed = shift.split(",")
            self._shift = Shift(day(int(number)), closed == "1")
        heard = feeds.fact(self.book, "witness")
        if heard:
            hub_ms, mono_ms, boot, *copy = heard.split(",")
            self.witness = Witness(int(hub_ms), int(mono_ms), boot, is_copy=bool(copy))
        self.tokens = tokens.every(self.book)
        self.session.recall()

    def _restore(self, bodies: list[bytes]) -> None:
        """Put back what the second file knows and the database does not."""
        for body in bodies:
            raw = canonical.decode(body)
            op = Operation(raw, self.store, self.till)
            with self.book.turn() as turn:
                entry = self.log.append(turn, body, op.id, op.m, op.kind, op.day)
                self.index(turn, op, entry.pos)
                if op.kind == "rights.close":  # which one began with it, its next page tells
                    self.write_term(turn, raw["inc"], raw["term"] + 1)
                trusts.keep(turn, op, entry.pos)
                if feeds.fact(self.book, RESTORED) is None:
                    feeds.keep_fact(turn, RESTORED, str(entry.pos))
            self.log.seq, self.log.head, self.log.last_st = entry.seq, entry.hash, op.st

    def index(self, turn: Connection, op: Operation, pos: int) -> None:
        """Make an operation that came from elsewhere findable, and its number used."""
        if op.kind == "sale.earn" and op.body["receipt"] != self.lane_position(pos):
            if not sales.receipt_exists(self.book, op.body["receipt"], op.day):  # else it was sold twice
                sales.index_sale(turn, op.body["receipt"], op.day, pos)
        elif op.kind in sales.FINDABLE_BY_REF:
            sales.index_return(turn, op.refs[0], pos)
        elif op.kind == "member.enrol" and op.m is not None:
            members.use_number(turn, op.m)

    def rebuild_rights(self) -> None:
        """Count what restored operations moved; it waits for the first rule book when none is held.

        Nothing is recorded before that, and no grant is heard: what was used is known before it.
        """
        kept = feeds.fact(self.book, RESTORED)
        if kept is None or self.rules is None:
            return
        with self.book.turn() as turn:
            for _, body in sales.since(self.book, int(kept) - 1):
                op = Operation(canonical.decode(body), self.store, self.till)
                if op.fund and op.m is not None:
                    rules = self.books.get(op.rule, self.rules)
                    today = rules.today(op.st)
                    held = cells.read(self.book, op.m)
                    cells.write(turn, op.m, replay(held, op, today, rules.expires_on(today)))
            feeds.drop_fact(turn, RESTORED)

    def load_books(self) -> None:
        """Read the rule books that are held; the current one decides from now on."""
        for digest, blob, current in feeds.books(self.book):
            if digest not in self.books:
                self.books[digest] = rulebook.read_kept(blob)
            if current:
                self.rules = self.books[digest]

    def rule(self) -> RuleBook:
        """The current rule book; a Fault before the first one came."""
        if self.rules is None:
            raise Fault("fault.no_rules", "no rule book has been received yet")
        return self.rules

    def time(self) -> StoreTime:
        """Store time for the next operation."""
        return store_time(self.clock.now(), self.log.last_st, self.witness, self.began)

    def heard_hub(self, hub_ms: int) -> None:
        """Headquarters signed this time just now; remember with which reading it was heard.

        Only an answer that was made for this question will do: a stored one is as old as its first asking.
        """
        now = self.clock.now()
        if self.witness is None or hub_ms > self.witness.hub_ms:
            self._keep_witness(Witness(hub_ms, now.mono_ms, now.boot))

    def heard_copy(self, signed_ms: int) -> None:
        """Headquarters signed this time at some moment: it is that or later, so store time only rises."""
        witness = raised_by(signed_ms, self.clock.now(), self.log.last_st, self.witness)
        if witness is not None:
            self._keep_witness(witness)

    def _keep_witness(self, witness: Witness) -> None:
        self.witness = witness
        kept = f"{witness.hub_ms},{witness.mono_ms},{witness.boot}"
        with self.book.turn() as turn:
            feeds.keep_fact(turn, "witness", kept + (",copy" if witness.is_copy else ""))

    def shift(self, time: StoreTime | None = None) -> Shift:
        """The open business day at ``time``; a new local day opens itself, a closed one stays closed.

        One that the manager has opened passes midnight, and ends at six in the morning.
        """
        kept, rules, st_ms = self._shift, self.rule(), (time or self.time()).st_ms
        if kept is not None and kept.day >= rules.today(st_ms if kept.closed else st_ms - NIGHT_MS):
            return kept
        return Shift(rules.today(st_ms), False)

    @property
    def is_shut(self) -> bool:
        """Whether it takes no rights now: its day is closed, or it is about to be switched off."""
        is_leaving = self.clock.now().mono_ms < self.leaving_until_mono_ms
        return is_leaving or (self.rules is not None and self.shift().closed)

    @property
    def is_in_use(self) -> bool:
        """Whether somebody stands at the counter: a member was looked at a moment ago."""
        return 0 <= self.clock.now().mono_ms - self.looked_mono_ms < IN_USE_MS

    @property
    def is_silent_too_long(self) -> bool:
        """Whether headquarters has not heard this till for so long that its allowance may not be spent."""
        if self.session.until_ms is None and self.session.over_at is None:
            return False
        now_ms = session_ms(self.clock.now(), self.log.last_st, self.witness)
        return self.session.is_over(now_ms)

    def keep_shift(self, shift: Shift) -> None:
        """Open or close a business day."""
        with self.book.turn() as turn:
            feeds.keep_fact(turn, "shift", f"{shift.day},{int(shift.closed)}")
        self._shift = shift

    def gather(self) -> None:
        """Rebuild the pending facts: what the held edition of members does not count yet."""
        self.editions += 1
        self.chain_name = feeds.fact(self.book, "chain_name") or self.identity.lane.chain
        self.store_name = feeds.fact(self.book, "store_name") or self.store
        self.as_of_ms = int(feeds.fact(self.book, "members_as_of") or 0)
        self.pending = pending.gather(self.book, self.identity)

    def add_pending(self, op: Operation) -> None:
        """An operation of this till that headquarters' row does not count yet."""
        self.pending.add(op)

    def row(self, m: int) -> MemberRow | None:
        """What headquarters told of a member."""
        raw = members.row_of(self.book, m)
        return None if raw is None else read_row(raw)

    def shown(self, m: int, row: MemberRow | None, told: Shown | None = None) -> Account | None:
        """A member's account as this till may show it; None when it knows nothing of the member.

        ``told`` is the token that ``row`` stands for: it counts what was delivered before it was issued.
        """
        uncounted, counted = self.pending.of(self.book, m), list[Operation]()
        if told is not None and uncounted:
            delivered = outbox.delivered(self.book)
            counted = [op for op in uncounted if op.st <= told.issued_ms and self._pos(op) <= delivered]
            uncounted = [op for op in uncounted if op not in counted]
        if row is None and not uncounted:
            return None
        account = begin(row, self.books) if row is not None else Account(m, self.books)
        for op in counted:  # in the token's points, which do not say of which day they are
            account.days[op.day] = account.days.get(op.day, 0) + (op.kind == "sale.earn" and op.body["pts"])
        own = {op.id for op in uncounted}
        for op in uncounted:
            self.fold(account, op, own)
        return account

    def fold(self, account: Account, op: Operation, own: set[str] | None = None) -> None:
        """Fold an own operation on a shown account, knowing the sale it returns; ``own`` are all that are."""
        told = refunds.refunded(self.book, op.id) if op.kind == "sale.refund" else None
        if told is not None:  # a sale that headquarters told of, as it was before this refund
            sale, before = told
            account.recall(Operation(canonical.decode(sale.body), sale.store, sale.till), before)
        elif op.refs and op.refs[0] not in account.sales:
            own = {p.id for p in self.pending.of(self.book, account.m)} if own is None else own
            self._remember_sale(account, op.refs[0], own | {op.id})
        account.take(op)

    def look(self, m: int) -> View | None:
        """Everything an act needs of a member, read once; None when this till knows nothing of it."""
        row, told, now_ms = self.row(m), self.tokens.get(m), self.time().st_ms
        self.looked_mono_ms = self.clock.now().mono_ms
        in_replica, as_of_ms, newer = row is not None, self.as_of_ms, None
        if told is not None and (now_ms >= told.expires_ms or (row is not None and told.row < row.ver)):
            told = None
        if told is not None and (row is None or told.row > row.ver):
            row, as_of_ms, newer = tokens.row_of(told, row), told.issued_ms, told
        account = self.shown(m, row, newer)
        if account is None:
            return None
        today = self.rule().today(now_ms)
        return View(m, row, account, self.rights(m), today, as_of_ms, told, in_replica)

    def _pos(self, op: Operation) -> int:
        entry = sales.entry(self.book, op.id)
        assert entry is not None, "what is pending stands in the book"
        return entry[0]

    def _remember_sale(self, account: Account, sale: str, pending: set[str]) -> None:
        body = sales.body(self.book, sale)
        if body is None:
            return
        account.remember(Operation(canonical.decode(body), self.store, self.till))
        for _, raw in sales.returns_of(self.book, sale):
            earlier = Operation(canonical.decode(raw), self.store, self.till)
            if earlier.id not in pending:
                account.remember(earlier)

    def rights(self, m: int) -> Rights:
        """What this till may spend of a member's points."""
        held = cells.read(self.book, m)
        here = (self.identity.inc, self.identity.term)
        if held.granted == 0 and not held.local and (held.inc, held.term) < here:
            return Rights(*here)
        return replace(held, stopped=True) if self.is_silent_too_long else held

    def write_term(self, turn: Connection, inc: int, term: int) -> None:
        """The rights of the old term are over; only local ones stay. In the turn that records its close.

        What was used up is renewed too, or an old page that comes late would find its term still open.
        """
        feeds.keep_fact(turn, "term", f"{inc},{term}")
        for m, held in cells.whole(self.book):
            cells.write(turn, m, renew(held, inc, term))

    @property
    def has_own_term(self) -> bool:
        """Whether the term it is in is its own; a PC that was replaced is in the one that its successor began
        with, and has no part in what is set aside for that."""
        own = feeds.fact(self.book, OWN_TERM)
        is_first = feeds.fact(self.book, "term") is None  # the one that it was admitted for
        return is_first or own == f"{self.identity.inc},{self.identity.term}"

    def enter_term(self, inc: int, term: int) -> None:
        """The term that was written begins."""
        self.identity = replace(self.identity, inc=inc, term=term)
        self.editions += 1

    def lane_position(self, pos: int) -> str:
        """How a position is printed: till-epoch-number, which never repeats."""
        return f"{self.till}-{pos // EPOCH_STEP}-{pos % EPOCH_STEP}"

    def facts(self) -> dict[str, Any]:
        """What the state line of a page shows of the book itself."""
        return {
            "seq": self.log.seq,
            "members": members.count(self.book),
            "pool": members.pool_left(self.book),
        }
