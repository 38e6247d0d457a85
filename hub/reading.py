"""What an operation says of itself, found before its turn, and what it does if it is plain.

Only the values of it travel between processes; the body is parsed again only when somebody asks for it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from hub.recognition import recognised
from points.checkpoint import Earn, Plain, Spend, plain_of
from points.fields import BadOperation
from points.fund import points_moved
from points.operations import Operation, known, read
from points.rulebook import RuleBook
from points.wire import canonical
from points.wire.lane import Lane

log = logging.getLogger(__name__)

NONE: list[Any] = []


class Heard(Operation):
    """An operation that is canonical, of a known kind and well-formed; ``plain`` is what it does if it is
    plain. What few ask for is found when it is first asked for."""

    __slots__ = ("_raw", "plain")

    def __init__(self, values: Sequence[Any], raw: bytes) -> None:
        (
            self.id, self.kind, self.st, self.day, self.rule, self.m, self.refs, self.fund, self.store,
            self.till, plain,
        ) = values  # fmt: skip
        self._raw = raw
        self.plain: Plain | None = plain
        if type(plain) is tuple:  # it has travelled
            self.plain = Spend(*plain) if len(plain) == len(Spend._fields) else Earn(*plain)

    def values(self) -> tuple[Any, ...]:
        """All of it but its bytes."""
        return (
            self.id, self.kind, self.st, self.day, self.rule, self.m, self.refs, self.fund, self.store,
            self.till, None if self.plain is None else tuple(self.plain),
        )  # fmt: skip

    def __getattr__(self, name: str) -> Any:
        if name == "_moves":
            self._moves = list(points_moved(self.fund))
            return self._moves
        if name == "body":
            self.body = canonical.read_own(self._raw)
            return self.body
        raise AttributeError(name)


def hear(raw: bytes, lane: Lane, books: Mapping[str, RuleBook]) -> Heard | None:
    """The operation in a body; None for what is not plainly right, which the judgement asks again."""
    body = recognised(raw)
    if body is None:
        try:
            body = canonical.decode_plain(raw)
            if body is None or not known(body):
                return None
            read(body, lane.store, lane.till)
        except (BadOperation, TypeError):
            return None
    get, book = body.get, books.get(body["rule"])
    op = Heard(
        (
            body["id"], body["t"], body["st"], body["day"], body["rule"], get("m"), get("refs", NONE),
            get("fund", NONE), lane.store, lane.till, None,
        ),
        raw,
    )  # fmt: skip
    if book is not None:
        op.rule = book.hash  # one text for all of a batch
        op.body = body
        try:
            op.plain = plain_of(op, book)
        except Exception:  # one operation that cannot be reckoned must not hold up its lane
            log.exception("what an operation does could not be found")
            return None
        del op.body  # it is large, and seldom asked for again
    return op
