"""A sale as it is kept: what it earned, what its points tender paid, and what a return takes back.

``E(kept)`` is what the kept part of a sale earns and ``T(kept)`` what of its points tender it still
used. A return claws ``E(before) - E(after)`` and restores ``T(before) - T(after)``, so any split of
a return in any order takes the same points, and returning everything takes exactly everything.
Both are recomputed from the sale's own lines and the rule book the sale cites; no claim is believed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from points.amounts import spread
from points.caps import under_cap
from points.rulebook import EXCLUDED, RuleBook


def multiplier(body: Mapping[str, Any], book: RuleBook) -> int:
    """The basis points a sale is multiplied by: what the book gives its tier, whatever a till wrote."""
    m_bp: int = body.get("m_bp", 10_000)
    if "tier" in body:
        tiers = book.tiers
        m_bp = min(m_bp, tiers[min(body["tier"], len(tiers) - 1)].m_bp)
    return m_bp


def whole_earns(body: Mapping[str, Any], book: RuleBook) -> int | None:
    """What a sale earns before any cap and any return, its lines only added up, as most sales never come
    back; None if some of what paid for it earns nothing, so that its lines must be laid out."""
    for tender in body.get("tenders", ()):
        if tender[0] in book.not_earning:
            return None
    rate_of = book.category_rate.get  # `book.rate_index`, without a call for each line
    groups = [0] * len(book.rates)
    for line in body["lines"]:
        rate = rate_of(line[1], 0)
        if rate != EXCLUDED:
            groups[rate] += line[3]
    return book.earned(groups, multiplier(body, book))


class Sale:
    """One sale and how much of each line is still kept.

    ``full`` is what the whole sale earns before any cap, ``granted`` what it was given after caps, as its
    till said and by its own inputs; E never exceeds it.
    """

    __slots__ = (
        "base", "body", "book", "full", "granted", "kept_fen", "kept_units", "m_bp", "net",
        "over_refunded", "place", "rate", "tender_n", "units",
    )  # fmt: skip

    base: list[int]
    kept_fen: list[int]
    kept_units: list[int]
    net: list[int]
    place: dict[int, int]
    rate: list[int]
    tender_n: list[int]
    units: list[int]

    def __init__(self, body: Mapping[str, Any], book: RuleBook) -> None:
        self.body = body
        self.book = book
        self.m_bp = multiplier(body, book)
        self.over_refunded = False
        full = whole_earns(body, book)
        self.full = self.desired() if full is None else full
        self.granted: int = min(body.get("pts", 0), under_cap(self.full, book, body))

    def __getattr__(self, name: str) -> Any:
        """What is kept line by line is laid out when it is first asked for."""
        if name not in _BY_LINE:
            raise AttributeError(name)
        self._lay_out()
        return getattr(self, name)

    def _lay_out(self) -> None:
        book, lines = self.book, self.body["lines"]
        self.place = {line[0]: i for i, line in enumerate(lines)}
        self.units = [line[2] for line in lines]
        self.net = [line[3] for line in lines]
        self.rate = [book.rate_index(line[1]) for line in lines]
        self.tender_n = [0] * len(lines)
        not_earned = [0] * len(lines)
        for tender in self.body.get("tenders", ()):
            if tender[0] in book.not_earning:
                parts = spread(tender[1], self.net)
                not_earned = [before + part for before, part in zip(not_earned, parts, strict=True)]
            if tender[0] == "points":
                for i, part in enumerate(spread(tender[2], self.net)):
                    self.tender_n[i] += part
        self.base = [
            0 if rate == EXCLUDED or other >= net else net - other
            for net, other, rate in zip(self.net, not_earned, self.rate, strict=True)
        ]
        self.kept_units = self.units.copy()
        self.kept_fen = self.net.copy()

    def base_by_rate(self) -> list[int]:
        """Fen that earn, per rate of the book, of what is kept."""
        groups = [0] * len(self.book.rates)
        for base, kept, net, rate in zip(self.base, self.kept_fen, self.net, self.rate, strict=True):
            if rate != EXCLUDED and net:
                groups[rate] += base if kept == net else base * kept // net
        return groups

    def desired(self) -> int:
        """What the kept part earns before any cap."""
        return self.book.earned(self.base_by_rate(), self.m_bp)

    def earned(self) -> int:
        """E(kept)."""
        return min(self.granted, self.desired())

    def tendered(self) -> int:
        """T(kept): points of the tender that the kept part still uses."""
        return sum(
            n if kept == net else (n * kept // net if net else 0)
            for n, kept, net in zip(self.tender_n, self.kept_fen, self.net, strict=True)
        )

    def take_back(self, lines: Sequence[Sequence[int]]) -> tuple[int, int]:
        """Return ``[[line, units, fen]…]``; gives (claw, restore).

        What is returned beyond what was sold takes nothing; ``over_refunded`` says so of the last return.
        """
        earned, tendered = self.earned(), self.tendered()
        self.over_refunded = False
        for number, units, fen, *_ in lines:
            i = self.place.get(number)
            if i is None:
                self.over_refunded = True
                continue
            if units > self.kept_units[i] or fen > self.kept_fen[i]:
                self.over_refunded = True
            self.kept_units[i] = max(0, self.kept_units[i] - units)
            self.kept_fen[i] = max(0, self.kept_fen[i] - fen) if self.kept_units[i] else 0
        return earned - self.earned(), tendered - self.tendered()

    def take_back_all(self) -> tuple[int, int]:
        """Return everything that is left."""
        return self.take_back(self.rest())

    def take_back_groups(self, groups: Sequence[Sequence[int]]) -> tuple[int, int]:
        """Return ``[[rate index, fen]…]`` of a sale whose lines were not known; gives (claw, restore).

        A group takes kept fen in line order, and says nothing of units.
        """
        earned, tendered = self.earned(), self.tendered()
        self.over_refunded = False
        for rate, fen, *_ in groups:
            for i, of in enumerate(self.rate):
                part = min(fen, self.kept_fen[i]) if of == rate else 0
                self.kept_fen[i] -= part
                fen -= part
            self.over_refunded = self.over_refunded or fen > 0
        return earned - self.earned(), tendered - self.tendered()

    def take_back_as(self, kind: str, body: Mapping[str, Any]) -> tuple[int, int]:
        """Return what a refund or a void says; gives (claw, restore)."""
        if kind == "sale.void":
            return self.take_back_all()
        return self.take_back_groups(body["groups"]) if "groups" in body else self.take_back(body["lines"])

    def keep_only(self, rest: Sequence[Sequence[int]]) -> None:
        """Keep ``[[line, units, fen]…]`` and nothing else, as somebody says who knows all that came back."""
        left = {number: (units, fen) for number, units, fen, *_ in rest}
        for number, i in self.place.items():
            units, fen = left.get(number, (0, 0))
            self.kept_units[i] = min(units, self.units[i])
            self.kept_fen[i] = min(fen, self.net[i])

    def kept_of(self, rate: int) -> int:
        """Fen that are kept of the lines of one rate."""
        return sum(fen for fen, of in zip(self.kept_fen, self.rate, strict=True) if of == rate)

    def rest(self) -> list[list[int]]:
        """What can still be returned, as ``[[line, units, fen]…]``."""
        return [
            [number, self.kept_units[i], self.kept_fen[i]]
            for number, i in self.place.items()
            if self.kept_units[i] or self.kept_fen[i]
        ]


_BY_LINE = frozenset({"base", "kept_fen", "kept_units", "net", "place", "rate", "tender_n", "units"})
