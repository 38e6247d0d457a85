"""An operation and its receipt as the bytes that will be kept, with blanks for what only its moment knows.

A form is written while somebody looks at a quote and filled when the cashier confirms, so that little is
left to do between the two. What is filled in is exactly what ``canonical.encode`` writes of the same
body: the keys are sorted and the blanks are keys of their own, so they cut a body into parts that are
written one by one.
"""

from __future__ import annotations

import json
from bisect import bisect
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from points.fields import ST_MAX_MS, BadOperation, word
from points.receipts import Receipt
from points.wire import canonical

BLANKS = ("at", "by", "id", "mono", "st")
"""What a form leaves open: wall clock, cashier, id, monotonic clock, store time; in the order of bytes."""
NO_ID = "f" * 32
"""The id of an operation that waits for its moment: its time is past the calendar, so nothing else has it."""


@dataclass(frozen=True, slots=True)
class BodyForm:
    """The canonical bytes of a body before and behind each blank."""

    before_at: bytes
    before_by: bytes
    before_id: bytes
    before_mono: bytes
    before_st: bytes
    end: bytes

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> BodyForm:
        """The form of a checked body; what stands in its blanks is left out."""
        gaps: list[dict[str, Any]] = [{} for _ in range(len(BLANKS) + 1)]
        for key, value in body.items():
            if key not in BLANKS:
                gaps[bisect(BLANKS, key)][key] = value
        at, by, id_, mono, st, end = [canonical.encode_checked(members)[1:-1] for members in gaps]
        return cls(
            b"{" + (at + b"," if at else b""),
            (by + b"," if by else b"") + b'"by":',
            b"," + (id_ + b"," if id_ else b"") + b'"id":"',
            b'",' + (mono + b"," if mono else b"") + b'"mono":',
            b"," + (st + b"," if st else b"") + b'"st":',
            (b"," + end if end else b"") + b"}",
        )

    def filled(self, at: int | None, by: str, op_id: str, mono: int, st: int) -> bytes:
        """The bytes of the operation. Raises ``BadOperation`` for what no operation may say."""
        if not 0 <= st <= ST_MAX_MS:
            raise BadOperation("st", "has no day in the calendar")
        if not 0 <= mono <= canonical.WHOLE_MAX:
            raise BadOperation("mono", "is no reading of a clock")
        wall = b"" if at is None else b'"at":%d,' % at
        return b"".join(
            (
                self.before_at, wall, self.before_by, _word(by), self.before_id, op_id.encode(),
                self.before_mono, b"%d" % mono, self.before_st, b"%d" % st, self.end,
            )
        )  # fmt: skip


@lru_cache(maxsize=64)
def _word(by: str) -> bytes:
    try:
        return canonical.encode_checked(word(by))
    except ValueError as error:
        raise BadOperation("by", str(error)) from error


@dataclass(frozen=True, slots=True)
class ReceiptForm:
    """A receipt as the print queue keeps it, before and behind its operation's id and time."""

    receipt: Receipt
    before_id: str
    before_st: str
    end: str

    @classmethod
    def of(cls, receipt: Receipt) -> ReceiptForm:
        """The form of a receipt; its id and its time are left out."""
        parts: list[dict[str, Any]] = [{}, {}, {}]
        gap = 0
        for key, value in receipt.to_json().items():
            if key in ("op_id", "st_ms"):
                gap += 1
            else:
                parts[gap][key] = value
        assert gap == len(parts) - 1, "a receipt has an id and a time"
        start, middle, end = (text_of(part)[1:-1] for part in parts)
        return cls(
            receipt,
            "{" + (start + "," if start else "") + '"op_id":"',
            '",' + (middle + "," if middle else "") + '"st_ms":',
            ("," + end if end else "") + "}",
        )

    def filled(self, op_id: str, st: int) -> str:
        """The text for the print queue."""
        return f"{self.before_id}{op_id}{self.before_st}{st}{self.end}"

    def made(self, op_id: str, st: int) -> Receipt:
        """The same as values."""
        return replace(self.receipt, op_id=op_id, st_ms=st)


def text_of(values: Mapping[str, Any]) -> str:
    """JSON as the till keeps it for itself."""
    return _ENCODER.encode(values)


_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
