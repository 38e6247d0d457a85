"""What a scanned or typed text means, decided in one fixed order.

A payment code or a bank card is recognised before anything else and goes no further: only its kind
and length leave this file, never the digits. Then member codes, short codes, receipt claims, members' tokens,
phones and goods. A member code is random (20 digits, 66 bits) with a Damm check digit; it is never a phone.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from enum import Enum

CODE_LENGTH_MAX = 4096
CLAIM_DIGITS = frozenset(-(-8 * (152 + 5 * n) * 30103 // 100000) for n in range(9))
"""Lengths of a receipt claim of 0 to 8 rate groups, written as one number: ceil(8 · bytes · log10 2)."""
TOKEN_DIGITS = -(-8 * (44 + 64) * 30103 // 100000)
"""The length of a member's token, which is the length of no claim."""

# Damm's weakly totally anti-symmetric quasigroup: finds every single wrong or swapped digit.
_DAMM = (
    "0317598642", "7092154863", "4206871359", "1750983426", "6123045978",
    "3674209581", "5869720134", "8945362017", "9438617205", "2581436790",
)  # fmt: skip

_AIM = re.compile(r"\][A-Za-z][0-9A-Za-z]")
_WECHAT = re.compile(r"1[0-5][0-9]{16}\Z")
_ALIPAY = re.compile(r"(?:2[5-9]|30)[0-9]{14,22}\Z")
_UNIONPAY = re.compile(r"62[0-9]{17}\Z")
_CARD = re.compile(r"(?:62|60|81|[45]|3[0-9]|2[2-7])[0-9]+\Z")
_MEMBER = re.compile(r"M[0-9]{21}\Z")
_SHORT = re.compile(r"S[0-9]{11}\Z")
_PHONE = re.compile(r"1[3-9][0-9]{9}\Z")
_EAN = re.compile(r"(?:[0-9]{8}|[0-9]{12,14})\Z")
_GS1 = re.compile(r"\(?01\)?[0-9]{14}")
_URL = re.compile(r"https?://", re.IGNORECASE)


class CodeKind(Enum):
    """What a text is; the first that fits, in this order."""

    PAYMENT = "payment_code"
    BANK_CARD = "bank_card"
    MEMBER = "member"
    SHORT = "short"
    CLAIM = "claim"
    TOKEN = "token"
    PHONE = "phone"
    GOODS = "goods"
    GS1 = "gs1"
    URL = "url"
    UNKNOWN = "unknown_code"


@dataclass(frozen=True, slots=True)
class Code:
    """A recognised text. ``text`` is empty for what must not be kept; ``length`` is its length."""

    kind: CodeKind
    text: str
    length: int

    def __repr__(self) -> str:
        return f"Code({self.kind.value}, {self.length} characters)"  # a code is never logged


def recognise(scanned: str) -> Code:
    """The meaning of a scan. Surrounding blanks and one AIM symbology id are not part of a code."""
    text = scanned.strip()
    if _AIM.match(text):
        text = text[3:]
    if len(text) > CODE_LENGTH_MAX:
        return Code(CodeKind.UNKNOWN, "", len(text))
    digits = text.replace(" ", "").replace("-", "")
    ascii_digits = digits.isascii() and digits.isdigit()
    if ascii_digits and (_WECHAT.match(digits) or _ALIPAY.match(digits) or _UNIONPAY.match(digits)):
        return Code(CodeKind.PAYMENT, "", len(digits))
    if ascii_digits and 14 <= len(digits) <= 19 and _CARD.match(digits) and _luhn(digits):
        return Code(CodeKind.BANK_CARD, "", len(digits))
    if _PHONE.match(digits):  # people write 138 0013 8000
        return Code(CodeKind.PHONE, digits, len(digits))
    return Code(_kind(text), text, len(text))


def _kind(text: str) -> CodeKind:
    if _MEMBER.match(text) and damm(text[1:]) == 0:
        return CodeKind.MEMBER
    if _SHORT.match(text) and damm(text[1:]) == 0:
        return CodeKind.SHORT
    if text.isascii() and text.isdigit() and len(text) in CLAIM_DIGITS:
        return CodeKind.CLAIM
    if text.isascii() and text.isdigit() and len(text) == TOKEN_DIGITS:
        return CodeKind.TOKEN
    if _EAN.match(text):
        return CodeKind.GOODS
    if _GS1.match(text):
        return CodeKind.GS1
    if _URL.match(text):
        return CodeKind.URL
    return CodeKind.UNKNOWN


def damm(digits: str) -> int:
    """The Damm check value: 0 when the last digit is the right check digit."""
    value = 0
    for digit in digits:
        value = int(_DAMM[value][int(digit)])
    return value


def _luhn(digits: str) -> bool:
    total = 0
    for i, digit in enumerate(reversed(digits)):
        n = int(digit) * (1 + i % 2)
        total += n - 9 if n > 9 else n
    return total % 10 == 0


def member_code(chance: bytes) -> str:
    """A full member code from at least 16 random bytes: ``M``, 20 digits, check digit."""
    assert len(chance) >= 16
    digits = f"{int.from_bytes(chance, 'big') % 10**20:020d}"
    return f"M{digits}{damm(digits)}"


def short_code(chance: bytes) -> str:
    """A short code for typing from at least 8 random bytes; it earns only."""
    assert len(chance) >= 8
    digits = f"{int.from_bytes(chance, 'big') % 10**10:010d}"
    return f"S{digits}{damm(digits)}"


def who(code: str) -> str:
    """How an operation names a code whose member is not known here: 32 hex, never the code itself."""
    return hashlib.sha256(b"jifen/code/1\0" + code.encode()).hexdigest()[:32]


def masked_phone(phone: str) -> str:
    """A phone as it may be shown: ``138****8000``."""
    return f"{phone[:3]}****{phone[-4:]}" if len(phone) >= 7 else "****"
