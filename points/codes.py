"""What a scanned or typed text means, decided in one fixed order.

A payment code or a bank card is recognised before anything else and goes no further: only its kind
and length leave this file, never the digits; nor do those of a text without a meaning that may hold one.
Then member codes, short codes, receipt claims, members' tokens, phones and goods. A member code is random
(20 digits, 66 bits) with a Damm check digit; it is never a phone. Control characters and the width of a
digit mean nothing: scanners frame codes with the one, keyboards of Chinese write the other.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from dataclasses import dataclass
from enum import Enum

CODE_LENGTH_MAX = 4096
CLAIM_DIGITS = frozenset(-(-8 * (152 + 5 * n) * 30103 // 100000) for n in range(9))
"""Lengths of a receipt claim of 0 to 8 rate groups, written as one number: ceil(8 · bytes · log10 2)."""
SECRET_DIGITS = 13
"""The fewest digits of a bank card. A text without a meaning that holds as many is not kept."""
TOKEN_DIGITS = -(-8 * (44 + 64) * 30103 // 100000)
"""The length of a member's token, which is the length of no claim."""

# Damm's weakly totally anti-symmetric quasigroup: finds every single wrong or swapped digit.
_DAMM = (
    "0317598642", "7092154863", "4206871359", "1750983426", "6123045978",
    "3674209581", "5869720134", "8945362017", "9438617205", "2581436790",
)  # fmt: skip

_BETWEEN = re.compile(r"[\s.\-\u2010-\u2015\u2212]")
_AIM = re.compile(r"\][A-Za-z][0-9A-Za-z]")
_WECHAT = re.compile(r"1[0-5][0-9]{16}\Z")
_ALIPAY = re.compile(r"(?:2[5-9]|30)[0-9]{14,22}\Z")
_UNIONPAY = re.compile(r"62[0-9]{17}\Z")
_CARD = re.compile(r"(?:62|60|81|[45]|3[0-9]|2[2-7])[0-9]+\Z")
_MEMBER = re.compile(r"M[0-9]{21}\Z")
_SHORT = re.compile(r"S[0-9]{11}\Z")
_TRACK = re.compile(r"(?:%?[Bb]|;)?[0-9]{13,19}[=^]")
_PAYS = re.compile(
    r"wxp://|weixin://|alipays?://|upwallet://"
    r"|https?://(?:[^/?#]*\.)?(?:alipay\.com|tenpay\.com|95516\.com|pay(?:app)?\.weixin\.qq\.com)(?![^/?#:])",
    re.IGNORECASE,
)
_PHONE = re.compile(r"(?:\+86|0086)?(1[3-9][0-9]{9})\Z")
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
    """The meaning of a scan. Surrounding blanks, control characters and one AIM symbology id are not part of
    a code."""
    text = scanned.strip()
    if len(text) > CODE_LENGTH_MAX:
        return Code(CodeKind.UNKNOWN, "", len(text))
    text = _plain(text)
    if _AIM.match(text):
        text = text[3:]
    packed = _BETWEEN.sub("", text)  # people write 138 0013 8000
    if _is_payment(packed) or _PAYS.match(text):
        return Code(CodeKind.PAYMENT, "", len(packed))
    if _is_card(packed):
        return Code(CodeKind.BANK_CARD, "", len(packed))
    phone = _PHONE.match(packed)
    if phone:
        return Code(CodeKind.PHONE, phone[1], len(phone[1]))
    kind = _kind(text)
    if kind in _MAY_HOLD_A_SECRET and sum(map(str.isdigit, text)) >= SECRET_DIGITS:
        return Code(kind, "", len(text))
    return Code(kind, text, len(text))


_NARROW = {wide: wide - 0xFEE0 for wide in range(0xFF01, 0xFF5F)}
"""Full-width to plain, and nothing else: a raised or a circled digit stays none."""
_MAY_HOLD_A_SECRET = frozenset({CodeKind.UNKNOWN, CodeKind.URL})


def _plain(text: str) -> str:
    """A text without what nobody sees, its full-width characters as plain ones."""
    if text.isascii() and text.isprintable():
        return text
    seen = "".join(mark for mark in text if unicodedata.category(mark)[0] != "C")
    return seen.translate(_NARROW).strip()


def _is_payment(packed: str) -> bool:
    return any(pattern.match(packed) for pattern in (_WECHAT, _ALIPAY, _UNIONPAY))


def _is_card(packed: str) -> bool:
    """The number on a bank card, or what its magnetic stripe says. Thirteen digits are a card's and a good's
    length: what has the check digit of both is goods, which lie on every counter."""
    if _TRACK.match(packed):
        return True
    if not SECRET_DIGITS <= len(packed) <= 19 or not _CARD.match(packed) or not _luhn(packed):
        return False
    return len(packed) > SECRET_DIGITS or not _is_ean13(packed)


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


def _is_ean13(digits: str) -> bool:
    return sum(int(digit) * (1 + i % 2 * 2) for i, digit in enumerate(digits)) % 10 == 0


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
    """A phone as it may be shown: ``138****8000``; of a shorter number nothing."""
    return f"{phone[:3]}****{phone[-4:]}" if len(phone) >= 11 else "****"
