"""The rule book: what a chain promised, as one signed blob that every operation cites by its hash.

A book is read once, checked whole, and never changes; another promise is another book with
another hash. So anybody can recompute a receipt years later from (lines, book) alone. A book with
an unknown rule is not published, because a rule that is not understood cannot be kept; nor is one that two
readers could read as two promises: a key that stands twice, a fraction, another encoding than UTF-8. A till
whose program is older passes over a rule that it does not know, unless the book calls it critical.

Shape (JSON): ``v`` 1 · ``name`` · ``zone`` [[from_utc_ms, offset_minutes]…] · ``rates`` [[pts, fen]…]
· ``category_rate`` {category: index of a rate, -1 earns nothing} · ``min_order_fen`` · ``day_cap_pts``
(0: none) · ``tiers`` [[min_pts, multiplier_bp, name]…] · ``expiry`` plan · ``redeem`` {pts, fen, step}
· ``grace_days`` · ``settle`` [fen, pts] · ``not_earning`` [tender kind…] · ``manager`` {redeem_pts,
refund_fen} (above these a manager's PIN is asked for; 0: never) · ``refund_elsewhere`` {sale_fen,
day_fen} (what a till may take back of other stores' sales without a network; left out or 0: nothing) ·
``crit`` [name…] (rules, nested ones as ``redeem.step``, that nobody may pass over who keeps this book).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NoReturn

from points.amounts import BadAmount, whole
from points.days import BadDay, Day, day, local_day, local_minute
from points.expiry import ENDS, PLANS, last_day
from points.tiers import Tier, reached

BOOK_BYTES_MAX = 256 * 1024
EXCLUDED = -1

_RULES = frozenset(
    {
        *("v", "name", "zone", "rates", "category_rate", "min_order_fen", "day_cap_pts", "tiers", "expiry"),
        *("redeem", "grace_days", "settle"),
    }
)
_RULES_LEFT_OUT = frozenset({"not_earning", "manager", "refund_elsewhere", "crit"})
_REDEEM = frozenset({"pts", "fen", "step"})
_MANAGER = frozenset({"redeem_pts", "refund_fen"})
_ELSEWHERE = frozenset({"sale_fen", "day_fen"})
_NESTED = (("redeem", _REDEEM), ("manager", _MANAGER), ("refund_elsewhere", _ELSEWHERE))
KNOWN = _RULES | _RULES_LEFT_OUT | {f"{rule}.{name}" for rule, names in _NESTED for name in names}
"""Every rule that this program understands, by the name that ``crit`` calls it."""
CRITICAL_MAX = 32


class BadRuleBook(ValueError):
    """The book cannot be kept as it is written; says which rule and why."""


class NotUnderstood(BadRuleBook):
    """The book is in order and of a later version: ``names`` are critical rules that are not known here."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(f"rules that are critical and not known here; update first: {', '.join(names)}")
        self.names = tuple(names)


@dataclass(frozen=True)
class RuleBook:
    """One checked rule book. ``hash`` is the SHA-256 of the blob it was read from, 64 hex."""

    hash: str
    name: str
    zone: tuple[tuple[int, int], ...]
    rates: tuple[tuple[int, int], ...]
    category_rate: Mapping[str, int]
    min_order_fen: int
    day_cap_pts: int
    tiers: tuple[Tier, ...]
    expiry: tuple[Any, ...]
    redeem_pts: int
    redeem_fen: int
    redeem_step: int
    grace_days: int
    settle: tuple[int, int]
    not_earning: frozenset[str]
    manager_redeem_pts: int
    manager_refund_fen: int
    elsewhere_sale_fen: int = 0
    elsewhere_day_fen: int = 0

    def rate_index(self, category: str) -> int:
        """Which rate a line of this category earns by; ``EXCLUDED`` if it earns nothing."""
        return self.category_rate.get(category, 0)

    def tier_at(self, tier_pts: int) -> int:
        """The index of the highest tier that these tier points reach."""
        return reached(self._tier_minima, tier_pts)

    @cached_property
    def _tier_minima(self) -> tuple[int, ...]:
        return tuple(tier.min_pts for tier in self.tiers)

    def today(self, st_ms: int) -> Day:
        """The chain's local day at a store time."""
        return local_day(st_ms, self.zone)

    def minute(self, st_ms: int) -> int:
        """How many minutes after the chain's local midnight a store time is."""
        return local_minute(st_ms, self.zone)

    def expires_on(self, earned: Day) -> Day:
        """The last day on which points earned on ``earned`` may be spent; ``NEVER`` if always."""
        return last_day(self.expiry, earned)

    @cached_property
    def common_denominator(self) -> int:
        """The product of all rates' denominators, so that groups add up before the one floor."""
        product = 1
        for _, den in self.rates:
            product *= den
        return product

    def earned(self, base_by_rate: Sequence[int], m_bp: int) -> int:
        """Points for a base in fen per rate: one floor, at the end of the sale; none below the minimum."""
        if sum(base_by_rate) < self.min_order_fen:
            return 0
        common = self.common_denominator
        top = 0
        for (num, den), base in zip(self.rates, base_by_rate, strict=True):
            top += base * num * (common // den)
        return top * m_bp // (common * 10_000)

    def worth_fen(self, pts: int) -> int:
        """What points pay for at the counter, rounded down to whole fen."""
        return pts * self.redeem_fen // self.redeem_pts


def read(blob: bytes) -> RuleBook:
    """The book in ``blob``, checked whole. Raises ``BadRuleBook`` with the rule and the reason."""
    if len(blob) > BOOK_BYTES_MAX:
        raise BadRuleBook(f"a rule book has at most {BOOK_BYTES_MAX} bytes")

    def strictly() -> RuleBook:
        raw = _decode(blob.decode("utf-8"))
        book = _book(raw, hashlib.sha256(blob).hexdigest())
        _all_known(raw)
        return book

    return _read(strictly)


def read_told(blob: bytes, known: Set[str] = KNOWN) -> RuleBook:
    """The book that headquarters has told, to a program that understands the rules ``known``.

    A rule that is not known is passed over, unless the book calls it critical: ``NotUnderstood`` then, as for
    a book of a later version. Raises ``BadRuleBook`` for one that is wrong.
    """

    def told() -> RuleBook:
        raw = _decode(blob.decode("utf-8"))
        if type(raw["v"]) is int and raw["v"] > 1:
            raise NotUnderstood(["v"])
        lacking = [name for name in _critical(raw) if name not in known]
        if lacking:
            raise NotUnderstood(lacking)
        return _book(raw, hashlib.sha256(blob).hexdigest())

    return _read(told)


def _critical(raw: Mapping[str, Any]) -> list[str]:
    names = raw.get("crit", [])
    if type(names) is not list or len(names) > CRITICAL_MAX:
        raise BadRuleBook(f"crit is a list of at most {CRITICAL_MAX} names of rules")
    if not all(isinstance(name, str) and 0 < len(name) <= 64 and name.isprintable() for name in names):
        raise BadRuleBook("crit names rules")
    return names


def _stands(raw: Mapping[str, Any], name: str) -> bool:
    rule, _, inner = name.partition(".")
    return rule in raw and (not inner or inner in raw[rule])


def read_kept(blob: bytes) -> RuleBook:
    """A book that was accepted once, by this program or an older one: operations cite it for ever, so what
    was passed over when it came is passed over still."""
    return _read(lambda: _book(json.loads(blob), hashlib.sha256(blob).hexdigest()))


def _read(reading: Callable[[], RuleBook]) -> RuleBook:
    try:
        return reading()
    except BadRuleBook:
        raise
    except (BadAmount, BadDay) as error:
        raise BadRuleBook(str(error)) from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BadRuleBook(f"the rule book is incomplete or misshapen: {error!r}") from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    rules = dict(pairs)
    if len(rules) != len(pairs):
        raise BadRuleBook("a rule stands twice")
    return rules


def _no_fraction(text: str) -> NoReturn:
    raise BadRuleBook(f"{text} is not a whole number")


_decode = json.JSONDecoder(
    object_pairs_hook=_once, parse_float=_no_fraction, parse_constant=_no_fraction
).decode


def _only(rules: dict[str, Any], must: frozenset[str], may: frozenset[str] = frozenset()) -> None:
    """Exactly these rules stand here, those of ``may`` or not."""
    strange, missing = rules.keys() - must - may, must - rules.keys()
    if strange or missing:
        raise BadRuleBook(f"rules that are not known here: {sorted(strange)}; missing: {sorted(missing)}")


def _all_known(raw: dict[str, Any]) -> None:
    """No rule stands anywhere that this program would pass over."""
    _only(raw, _RULES, _RULES_LEFT_OUT)
    _only(raw["redeem"], _REDEEM)
    _only(raw.get("manager", {}), frozenset(), _MANAGER)
    _only(raw.get("refund_elsewhere", {}), frozenset(), _ELSEWHERE)
    away = [name for name in _critical(raw) if name not in KNOWN or not _stands(raw, name)]
    if away:
        raise BadRuleBook(f"crit names rules that do not stand in this book: {away}")
    if len(raw["settle"]) != 2:
        raise BadRuleBook("a settlement rate is fen and points")


def _book(raw: dict[str, Any], digest: str) -> RuleBook:
    if type(raw["v"]) is not int or raw["v"] != 1:
        raise BadRuleBook("this version of the rule book is not known here; update first")
    redeem, manager, elsewhere = raw["redeem"], raw.get("manager", {}), raw.get("refund_elsewhere", {})
    tiers = tuple(Tier(whole(low, 0), whole(m_bp, 1, 10**6), str(name)) for low, m_bp, name in raw["tiers"])
    minima = [tier.min_pts for tier in tiers]
    if not tiers or minima[0] != 0 or minima != sorted(set(minima)):
        raise BadRuleBook("tiers begin at 0 and rise")
    rates = tuple((whole(num, 0), whole(den, 1, 10**9)) for num, den in raw["rates"])
    if not 1 <= len(rates) <= 8:
        raise BadRuleBook("a book has one to eight rates, as many as a receipt claim can carry")
    zone = tuple((whole(since, -(2**60), 2**60), whole(offset, -1440, 1440)) for since, offset in raw["zone"])
    if not zone or [row[0] for row in zone] != sorted({row[0] for row in zone}):
        raise BadRuleBook("the zone table has at least one row and rises")
    settle_fen, settle_pts, *_ = raw["settle"]
    return RuleBook(
        hash=digest,
        name=str(raw["name"]),
        zone=zone,
        rates=rates,
        category_rate={str(k): whole(v, EXCLUDED, len(rates) - 1) for k, v in raw["category_rate"].items()},
        min_order_fen=whole(raw["min_order_fen"], 0),
        day_cap_pts=whole(raw["day_cap_pts"], 0),
        tiers=tiers,
        expiry=_plan(raw["expiry"]),
        redeem_pts=whole(redeem["pts"], 1),
        redeem_fen=whole(redeem["fen"], 0),
        redeem_step=whole(redeem["step"], 1),
        grace_days=whole(raw["grace_days"], 0, 366),
        settle=(whole(settle_fen, 0), whole(settle_pts, 1)),
        not_earning=frozenset(map(str, raw.get("not_earning", ["points"]))) | {"points"},
        manager_redeem_pts=whole(manager.get("redeem_pts", 0), 0),
        manager_refund_fen=whole(manager.get("refund_fen", 0), 0),
        elsewhere_sale_fen=whole(elsewhere.get("sale_fen", 0), 0),
        elsewhere_day_fen=whole(elsewhere.get("day_fen", 0), 0),
    )


def _plan(raw: list[Any]) -> tuple[Any, ...]:
    if PLANS.get(raw[0]) != len(raw):
        raise BadRuleBook(f"headquarters must choose an expiry plan of {sorted(PLANS)}; got {raw!r}")
    match raw:
        case ["rolling" | "rolling_year_end", months]:
            whole(months, 1, 1200)
        case ["calendar_end", period] if period not in ENDS:
            raise BadRuleBook(f"a calendar end is one of {sorted(ENDS)}")
        case ["fixed", last]:
            day(last)
    return tuple(raw)
