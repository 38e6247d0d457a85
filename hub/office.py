"""Headquarters, awake: its store, keys, clock and rule books, which every part of it is given."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from hub.bells import Bells
from hub.clock import Clock
from hub.drafts import Recent
from hub.keys import HubKeys
from hub.opening import Opened, open_envelope
from hub.policy import Policy, by_visits
from hub.store.engine import Store, Turn
from hub.store.sharing import SharedTurns
from points import rulebook
from points.identifiers import HUB_STORE
from points.operations import KINDS, Kinds
from points.rulebook import RuleBook
from points.wire.dialect import Dialect
from points.wire.lane import KeyRecord, Lane

HUB_TILL = "w1"
INCARNATION = 2**32
"""More than one incarnation ever counts: batches, editions, changes of a member's row."""


class Trust(NamedTuple):
    """Points that may be spent beyond every right, out of reach: of one operation, of one member's day at a
    till, and of a till until headquarters has posted them. All 0: none. ``chain`` is the most that all tills
    together may be told, 0 for no bound."""

    operation: int = 0
    member_day: int = 0
    till: int = 0
    chain: int = 0


class Unlock(NamedTuple):
    """Points that may be promised beyond what headquarters holds, while they lie at silent tills: of one
    member, of one silent till, and of the chain. All three above 0, or none."""

    member: int = 0
    till: int = 0
    chain: int = 0


NO_TRUST, NO_UNLOCK = Trust(), Unlock()


@dataclass
class Office:
    """What the parts of headquarters share."""

    chain: str
    chain_name: str
    store: Store
    keys: HubKeys
    clock: Clock
    name: str = "hub"
    inc: int = 1
    """How often it was put back from a copy, and 1: an older one ends every right that it gave."""
    code_pool: int = 200
    trust: Trust = NO_TRUST
    session_ms: int = 0
    """How long a till may spend allowances without being heard; 0: for ever."""
    unlock: Unlock = NO_UNLOCK
    spare_pcs: int = 0
    """How many PCs that turn out to be a second one of a till are accepted unasked, a store."""
    chance: Callable[[int], bytes] = secrets.token_bytes
    forms: Dialect = field(default_factory=Dialect)
    """The oldest and the newest form in which it publishes editions."""
    kinds: Kinds = field(default_factory=lambda: KINDS)
    """The operations that it understands; others are kept until it does."""
    policy: Policy = by_visits
    """Who is granted what may be spent offline."""
    books: dict[str, RuleBook] = field(default_factory=dict)
    current: RuleBook | None = None
    open_envelope: Callable[[bytes, KeyRecord, Mapping[str, RuleBook], int], Opened] = open_envelope
    """Here, or in a process of its own."""
    publishing: threading.Lock = field(default_factory=threading.Lock)
    recent: Recent = field(default_factory=Recent)
    bells: Bells = field(default_factory=Bells)
    process: str = field(default_factory=lambda: secrets.token_hex(8))
    """Whose this office is among all that work on one database."""
    shared: SharedTurns = field(init=False)

    def __post_init__(self) -> None:
        self.shared = SharedTurns(self.store)

    @property
    def lane(self) -> Lane:
        """Headquarters' own lane: a new one since it was put back, for what the last one told may be lost."""
        return Lane(self.chain, HUB_STORE, HUB_TILL, self.inc)

    @property
    def lanes(self) -> frozenset[Lane]:
        """Every lane that headquarters has written in."""
        return frozenset(Lane(self.chain, HUB_STORE, HUB_TILL, epoch) for epoch in range(1, self.inc + 1))

    @property
    def base(self) -> int:
        """What this incarnation counts from: above every number that an earlier one may have told."""
        return (self.inc - 1) * INCARNATION

    def told_version(self, ver: int) -> int:
        """The version of a member's row as stores are told it: above every one of an earlier incarnation."""
        return self.base + ver

    def load_books(self, turn: Turn) -> None:
        """Read the rule books; the current one is cited by headquarters' own decisions."""
        for digest, blob, current in turn.run('SELECT hash, blob, "current" FROM books'):
            if digest not in self.books:
                self.books[digest] = rulebook.read_kept(blob)
            if current:
                self.current = self.books[digest]

    def rules(self) -> RuleBook:
        """The current rule book."""
        assert self.current is not None, "a hub is begun with a rule book"
        return self.current

    def today(self) -> int:
        """The chain's local day."""
        return self.rules().today(self.clock())
