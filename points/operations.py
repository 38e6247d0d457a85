"""What an operation may say: facts, decisions and sums; never lots, draws, homes or debt.

An operation is a fact: what happened at a counter, or what a person or the hub decided. Its body is
one JSON object whose shape is checked here before anything believes it. Unknown keys are kept (the
signed bytes are never rewritten), unknown kinds are parked by headquarters, and a bad field names
itself. A correction is a new operation with ``refs``; nothing is ever edited. A body that says what
only the fold finds is refused: whoever read it there would believe its writer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from points import decisions
from points.amounts import AMOUNT_MAX, BadAmount, whole
from points.days import BadDay, day
from points.fields import (
    LINES_MAX,
    ST_MAX_MS,
    WORD_MAX,
    BadOperation,
    Check,
    code_digest,
    digest,
    many,
    numbered_once,
    one_ref,
    return_line,
    term,
    word,
)
from points.fund import SPENDS, check_entry, points_moved
from points.identifiers import MEMBER_MAX, BadName, op_id

REFS_MAX, FUND_MAX, GROUPS_MAX = 16, 64, 8
LINE_NUMBER_MAX = UNITS_MAX = 10**6
WALL_MAX_MS = 2**53 - 1
"""A clock may say what it likes, within what a body can carry."""
DERIVED = frozenset({"lots", "draws", "homes", "debt"})
"""What a body never says of itself."""


Kinds = Mapping[tuple[str, int], Callable[[Mapping[str, Any]], None]]
"""What checks the body of a kind in a version."""


class Operation:
    """One checked body and the lane it came by. Do not change it: other parts share it."""

    __slots__ = ("_moves", "body", "day", "fund", "id", "kind", "m", "refs", "rule", "st", "store", "till")

    def __init__(self, body: Mapping[str, Any], store: str, till: str) -> None:
        self.body = body
        self.store = store
        self.till = till
        self.id: str = body["id"]
        self.kind: str = body["t"]
        self.st: int = body["st"]
        self.day: int = body["day"]
        self.rule: str = body["rule"]
        self.m: int | None = body.get("m")
        self.refs: list[str] = body.get("refs", _NONE)
        self.fund: list[list[Any]] = body.get("fund", _NONE)
        self._moves = list(points_moved(self.fund)) if self.fund else _NO_MOVES

    def moves(self) -> Sequence[tuple[str, int]]:
        """How this operation moves rights to points: (act, how many); other assets are other cells."""
        return self._moves


_NONE: list[Any] = []
_NO_MOVES: list[tuple[str, int]] = []


def read(body: Mapping[str, Any], store: str, till: str, kinds: Kinds | None = None) -> Operation:
    """A checked operation. Raises ``BadOperation`` naming the field; says nothing of unknown kinds.

    ``kinds`` are those of another version of this program than ``KINDS``.
    """
    field = "keys"
    try:
        if _ARE_KEYS("".join(body)) is None or "" in body:
            raise BadOperation(field, "are words of a-z and _")
        if not _is_plain(body):
            for field, check in _HEAD:
                check(body[field])
            for field, check in _OPTIONAL:
                if field in body:
                    check(body[field])
        field = "fund"
        if "fund" in body:
            many(body["fund"], FUND_MAX, check_entry)
            term(body)
        field = "body"
        check_body = (KINDS if kinds is None else kinds).get((body["t"], body["tv"]))
        if check_body is not None:
            for field in DERIVED & body.keys():
                raise BadOperation(field, "is found by the fold and never said")
            check_body(body)
    except BadOperation:
        raise
    except (BadName, BadAmount, BadDay) as error:
        raise BadOperation(field, str(error)) from error
    except KeyError as error:
        raise BadOperation(str(error.args[0]), "is missing") from error
    except (TypeError, ValueError, IndexError, AttributeError) as error:
        raise BadOperation(field, f"is misshapen: {error}") from error
    return Operation(body, store, till)


def known(body: Mapping[str, Any], kinds: Kinds | None = None) -> bool:
    """Whether this kind in this version is understood here, or in a program of these ``kinds``."""
    return (body.get("t"), body.get("tv")) in (KINDS if kinds is None else kinds)


_HEAD: tuple[tuple[str, Check], ...] = (
    ("id", op_id),
    ("t", word),
    ("by", word),
    ("tv", lambda value: whole(value, 1, 2**31)),
    ("st", lambda value: whole(value, 0, ST_MAX_MS)),
    ("mono", lambda value: whole(value, 0, 2**53 - 1)),
    ("boot", word),
    ("day", day),
    ("rule", digest),
)
_OPTIONAL: tuple[tuple[str, Check], ...] = (
    ("m", lambda value: whole(value, 0, MEMBER_MAX - 1)),
    ("at", lambda value: whole(value, -WALL_MAX_MS, WALL_MAX_MS)),
    ("who", code_digest),
    ("pii", digest),
    ("refs", lambda value: many(value, REFS_MAX, op_id)),
)
_ARE_KEYS = re.compile(r"[a-z_]+").fullmatch
_HEAD_IS_PLAIN = re.compile(r"[0-9a-f]{32} [0-9a-f]{64} [a-z.]{1,64} [!-~]{1,64} [!-~]{1,64}").fullmatch


def _is_plain(body: Mapping[str, Any]) -> bool:
    """Whether what every operation says is plainly right, found with one question.

    A thousand operations come in a batch; only what is not plain is asked field by field, and named.
    """
    try:
        return _says_plainly(body)
    except (KeyError, TypeError, BadDay):
        return False


def _says_plainly(body: Mapping[str, Any]) -> bool:
    return (
        type(body["tv"]) is type(body["st"]) is type(body["mono"]) is type(body.get("m", 0)) is int
        and type(body.get("at", 0)) is int
        and -WALL_MAX_MS <= body.get("at", 0) <= WALL_MAX_MS
        and 1 <= body["tv"] <= 2**31
        and 0 <= body["st"] <= ST_MAX_MS
        and 0 <= body["mono"] < 2**53
        and 0 <= body.get("m", 0) < MEMBER_MAX
        and not ("who" in body or "pii" in body or "refs" in body)
        and _HEAD_IS_PLAIN(" ".join((body["id"], body["rule"], body["t"], body["by"], body["boot"])))
        is not None
        and day(body["day"]) is not None
    )


def _line(line: Any) -> None:
    number, category, units, net = line[0], line[1], line[2], line[3]
    if (  # thousands of lines in a batch: what is plainly right is asked no further
        type(number) is int
        and type(units) is int
        and type(net) is int
        and 0 <= number <= LINE_NUMBER_MAX
        and 1 <= units <= UNITS_MAX
        and 0 <= net <= AMOUNT_MAX
        and type(category) is str
        and 0 < len(category) <= WORD_MAX
        and category.isprintable()
    ):
        return
    whole(number, 0, LINE_NUMBER_MAX)
    word(category)
    whole(units, 1, UNITS_MAX)
    whole(net, 0)


def _tender(tender: Any) -> None:
    if tender[0] == "cash" and type(tender[1]) is int and 0 <= tender[1] <= AMOUNT_MAX:
        return
    word(tender[0])
    whole(tender[1], 0)
    if tender[0] == "points":
        whole(tender[2], 1)


def _spent_equals(body: Mapping[str, Any], pts: int) -> int:
    """Check that ``pts`` are funded; gives what is added besides."""
    spent = added = 0
    for act, n in points_moved(body.get("fund", ())):
        if act in SPENDS:
            spent += n
        elif act == "add":
            added += n
    if spent != pts:
        raise BadOperation("fund", f"{spent} points are funded, {pts} are spent")
    return added


def _enrol(body: Mapping[str, Any]) -> None:
    if "m" not in body and "pii" not in body:
        raise BadOperation("m", "somebody is enrolled: by number or by a sealed identity")


def _earn(body: Mapping[str, Any]) -> None:
    word(body["receipt"], 32)
    numbered_once(many(body["lines"], LINES_MAX, _line, least=1))
    tenders = many(body["tenders"], 16, _tender)
    if sum(tender[1] for tender in tenders) != sum(line[3] for line in body["lines"]):
        raise BadOperation("tenders", "what was paid is not what was sold")
    whole(body["tier"], 0, 255)
    whole(body["m_bp"], 0, 10**6)
    whole(body["day_used"])  # below zero where more of the day came back than this till had heard of
    whole(body.get("feed_g", 0), 0, 2**53 - 1)
    whole(body.get("week_used", 0))
    if "segment" in body:
        word(body["segment"])
    whole(body["desired"], 0)
    whole(body["pts"], 0, body["desired"])
    used = sum(tender[2] for tender in tenders if tender[0] == "points")
    if _spent_equals(body, used) > body["pts"]:
        raise BadOperation("fund", "more is added than was earned")
    if "m" not in body and ("fund" in body or used):
        raise BadOperation("fund", "no points move without a member's number")


def _redeem(body: Mapping[str, Any]) -> None:
    whole(body["m"], 0)
    whole(body["pts"], 1)
    whole(body["fen"], 0)
    _spent_equals(body, body["pts"])


def _return_group(group: Any) -> None:
    whole(group[0], 0, GROUPS_MAX - 1)
    whole(group[1], 1)


def _refund(body: Mapping[str, Any]) -> None:
    one_ref(body)
    if ("lines" in body) == ("groups" in body):
        raise BadOperation("lines", "lines come back, or groups of a sale whose lines are not known")
    if "groups" in body:
        numbered_once(many(body["groups"], GROUPS_MAX, _return_group, least=1))
    else:
        numbered_once(many(body["lines"], LINES_MAX, return_line, least=1))
    if "given" in body:
        decisions.given(body["given"])
    _void(body)


def _void(body: Mapping[str, Any]) -> None:
    one_ref(body)
    for key in ("claw_pts", "restore_pts"):
        if key in body:
            whole(body[key], 0, AMOUNT_MAX)
    if any(entry[0] not in ("burn_l", "burn_a") for entry in body.get("fund", ())):
        raise BadOperation("fund", "a return only burns rights")


KINDS: Kinds = {
    ("member.enrol", 1): _enrol,
    ("sale.earn", 1): _earn,
    ("redeem.cash", 1): _redeem,
    ("sale.refund", 1): _refund,
    ("sale.void", 1): _void,
    ("rights.return", 1): decisions.rights_return,
    ("rights.give", 1): decisions.rights_give,
    ("rights.take", 1): decisions.rights_take,
    ("rights.close", 1): term,
    ("auth.void", 1): decisions.resolve,
    ("member.resolve", 1): decisions.resolve,
    ("rights.grant", 1): decisions.grant,
    ("auth.reserve", 1): decisions.reserve,
    ("auth.unlock", 1): decisions.unlock,
    ("member.issue", 1): decisions.issue,
    ("refund.cede", 1): decisions.cede,
    ("refund.give", 1): decisions.give_refund,
    ("refund.reserve", 1): decisions.reserve_refund,
    ("refund.void", 1): decisions.void_refund,
    ("op.dismiss", 1): decisions.dismiss,
    ("agent.lost", 1): decisions.lost,
    ("debt.charge", 1): decisions.charge,
    ("debt.writeoff", 1): decisions.write_off,
    ("claim.earn", 1): decisions.claimed,
    ("clock.fix", 1): decisions.fix_clock,
}
"""Every kind that is understood here, in the version whose bytes are frozen."""

HUB_KINDS = frozenset(
    {
        *("rights.grant", "auth.reserve", "auth.unlock", "refund.reserve"),
        *("member.issue", "member.resolve", "op.dismiss", "agent.lost", "claim.earn"),
        *("debt.charge", "debt.writeoff", "clock.fix"),
    }
)
"""Decisions that only headquarters' own lane may carry."""
