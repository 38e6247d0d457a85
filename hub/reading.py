"""What an operation says of itself, found before its turn: its head, and what it does if it is plain.

A head is small and travels between processes; the body is parsed again only when somebody asks for it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from hub.recognition import recognised
from points.checkpoint import Earn, Plain, Spend, plain_of
from points.operations import BadOperation, Operation, known, points_moved, read
from points.rulebook import RuleBook
from points.wire import canonical
from points.wire.lane import Lane

log = logging.getLogger(__name__)


class Head(NamedTuple):
    """An operation that is canonical, of a known kind and well-formed."""

    id: str
    kind: str
    st: int
    day: int
    rule: str
    m: int | None
    refs: list[str]
    fund: list[list[Any]]
    plain: Plain | None
    store: str
    till: str


def read_head(raw: bytes, lane: Lane, books: Mapping[str, RuleBook]) -> Head | None:
    """The head of a body; None for what is not plainly right, which the judgement asks again."""
    body = recognised(raw)
    if body is not None:
        op = Operation(body, lane.store, lane.till)
    else:
        try:
            body = canonical.decode_plain(raw)
            if body is None or not known(body):
                return None
            op = read(body, lane.store, lane.till)
        except (BadOperation, TypeError):
            return None
    book = books.get(op.rule)
    try:
        plain = plain_of(op, book) if book is not None else None
    except Exception:  # one operation that cannot be reckoned must not hold up its lane
        log.exception("what an operation does could not be found")
        return None
    return Head(op.id, op.kind, op.st, op.day, op.rule, op.m, op.refs, op.fund, plain, op.store, op.till)


def thawed(kept: Sequence[Any] | None) -> Head | None:
    """A head of which only the values travelled."""
    if kept is None or type(kept) is Head:
        return kept
    head = Head._make(kept)
    plain: Any = head.plain
    if plain is None:
        return head
    return head._replace(plain=Spend(*plain) if len(plain) == len(Spend._fields) else Earn(*plain))


class Heard(Operation):
    """An operation known by its head. What few ask for is found when it is first asked for."""

    __slots__ = ("_raw", "plain")

    def __init__(self, head: Head, raw: bytes) -> None:
        (
            self.id, self.kind, self.st, self.day, self.rule, self.m, self.refs, self.fund, self.plain,
            self.store, self.till,
        ) = head  # fmt: skip
        self._raw = raw

    def __getattr__(self, name: str) -> Any:
        if name == "_moves":
            self._moves = list(points_moved(self.fund))
            return self._moves
        if name == "body":
            self.body = canonical.read_own(self._raw)
            return self.body
        raise AttributeError(name)
