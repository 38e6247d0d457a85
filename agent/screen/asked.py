"""What a page may ask, field by field: strict, because a false that becomes 0 points is a sale.

Amounts are whole fen, points whole points. Words are composed (NFC) as an operation writes them. An unknown
field is an error. ``act`` is the asker's own id
of the act; it makes a second click harmless.
"""

from __future__ import annotations

import unicodedata
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from points.fields import word

FEN_MAX = 2**32 - 1
POINTS_MAX = 2**32 - 1
"""No more than a receipt's claim can carry."""
JOB_MAX = 2**63 - 1


def _composed(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _as_recorded(text: str) -> str:
    return word(_composed(text))


Act = Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{8,64}$")]
By = Annotated[str, Field(min_length=1, max_length=32), AfterValidator(_as_recorded)]
Pin = Annotated[str, Field(max_length=12)]
Text = Annotated[str, Field(max_length=64)]
Fen = Annotated[int, Field(ge=0, le=FEN_MAX)]
Points = Annotated[int, Field(ge=0, le=POINTS_MAX)]
Member = Annotated[int, Field(ge=0, lt=1 << 40)]
Job = Annotated[int, Field(ge=0, le=JOB_MAX)]
OpId = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]


def _each_once(rows: list[Any]) -> list[Any]:
    if len({row[0] for row in rows}) != len(rows):
        raise ValueError("a number stands twice")
    return rows


EachOnce = AfterValidator(_each_once)
"""Lines and groups are named by their first entry; the same one twice has no meaning."""
Line = tuple[
    Annotated[int, Field(ge=0, le=10**6)],
    Annotated[str, Field(min_length=1, max_length=64), AfterValidator(_as_recorded)],
    Annotated[int, Field(ge=1, le=10**6)],
    Fen,
]
ReturnLine = tuple[Annotated[int, Field(ge=0, le=10**6)], Annotated[int, Field(ge=0, le=10**6)], Fen]
ReturnGroup = tuple[Annotated[int, Field(ge=0, le=7)], Annotated[int, Field(ge=1, le=FEN_MAX)]]


def _in_all(lines: list[Any]) -> list[Any]:
    if sum(line[3] for line in lines) > FEN_MAX:
        raise ValueError("the amounts are too large together")
    return lines


Lines = Annotated[list[Line], Field(min_length=1, max_length=500), EachOnce, AfterValidator(_in_all)]


class Asked(BaseModel):
    """Strict in every field."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Session(Asked):
    """A code of the page's address, or nothing when the cookie is there."""

    code: Text = ""


class Scan(Asked):
    """A code that was typed, or captured by the page."""

    text: Annotated[str, Field(min_length=1, max_length=4096)]


class Goods(Asked):
    """What is bought: one amount, or lines of a point of sale."""

    fen: Fen | None = None
    lines: Lines | None = None


class Quote(Goods):
    """A sale that is being thought about."""

    m: Member | None = None
    points: Points = 0


Paid = Literal["cash", "card", "wechat", "alipay", "unionpay", "other"]
Receipt = Annotated[str, Field(pattern=r"^[A-Za-z0-9./_-]{0,32}$")]


class Sell(Quote):
    """A sale."""

    act: Act
    by: By = "cashier"
    who: Annotated[str, Field(pattern=r"^([0-9a-f]{32})?$")] = ""
    paid: Paid = "cash"
    receipt: Receipt = ""
    pin: Pin = ""


class SellToPhone(Goods):
    """A sale whose points go to a typed phone that nobody knows here."""

    act: Act
    by: By = "cashier"
    phone: Annotated[str, Field(pattern=r"^1[3-9][0-9]{9}$")]
    paid: Paid = "cash"
    receipt: Receipt = ""


class Redeem(Asked):
    """Points as cash."""

    act: Act
    by: By = "cashier"
    m: Member
    points: Annotated[int, Field(ge=1, le=POINTS_MAX)]
    pin: Pin = ""


class Find(Asked):
    """A receipt by its number or its scanned claim."""

    text: Annotated[str, Field(min_length=1, max_length=4096)]


class QuoteReturn(Asked):
    """Goods that may come back."""

    sale: OpId
    lines: Annotated[list[ReturnLine], Field(min_length=1, max_length=500), EachOnce]


class Refund(QuoteReturn):
    """Goods that come back."""

    act: Act
    by: By = "cashier"
    pin: Pin = ""


class RefundElsewhere(Asked):
    """Goods of another till's sale that come back, by the code on its paper."""

    act: Act
    by: By = "cashier"
    claim: Annotated[str, Field(pattern=r"^[0-9]{1,600}$")]
    groups: Annotated[list[ReturnGroup], Field(min_length=1, max_length=8), EachOnce]
    pin: Pin = ""


class Void(Asked):
    """A sale or redemption that was a mistake."""

    act: Act
    by: By = "cashier"
    sale: OpId
    pin: Pin = ""


class Enrol(Asked):
    """A new member; everything may stay empty."""

    act: Act
    by: By = "cashier"
    phone: Annotated[str, Field(pattern=r"^(1[3-9][0-9]{9})?$")] = ""
    name: Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]{0,32}$"), AfterValidator(_composed)] = ""
    card: Text = ""


class Reprint(Asked):
    """A receipt again: of one operation, or of the last one."""

    op: OpId | None = None


class Resolve(Asked):
    """What the cashier saw on the paper."""

    job: Job
    printed: bool


class DayOpen(Asked):
    """Another shift."""

    pin: Pin = ""


class Day(Asked):
    """The end of the day."""

    by: By = "cashier"


class Stick(Asked):
    """The stick to exchange with: one of those that are offered."""

    folder: Annotated[str, Field(min_length=1, max_length=1024)]


class Nothing(Asked):
    """An act that needs no more than its name."""
