"""What a scan means, in one fixed order, and what of it is never kept."""

from __future__ import annotations

import random

import pytest

from points import codes
from points.codes import CodeKind, recognise


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("134567890123456789", CodeKind.PAYMENT),  # WeChat
        ("2512345678901234", CodeKind.PAYMENT),  # Alipay
        ("6212345678901234567", CodeKind.PAYMENT),  # UnionPay
        ("]Q3134567890123456789", CodeKind.PAYMENT),
        ("4111111111111111", CodeKind.BANK_CARD),
        ("4111-1111-1111-1111", CodeKind.BANK_CARD),
        ("4111111111111112", CodeKind.UNKNOWN),  # fails the check digit
        ("13800138000", CodeKind.PHONE),
        ("138 0013 8000", CodeKind.PHONE),
        ("138-0013-8000", CodeKind.PHONE),
        ("１３８００１３８０００", CodeKind.PHONE),
        ("+8613800138000", CodeKind.PHONE),
        ("0086 138 0013 8000", CodeKind.PHONE),
        ("\u202d138 0013 8000\u202c", CodeKind.PHONE),  # as address books copy it
        ("8613800138000", CodeKind.GOODS),
        ("4000000000006", CodeKind.GOODS),  # right as a card and as goods
        ("4222222222222", CodeKind.BANK_CARD),  # thirteen digits, and wrong as goods
        ("6901234567892", CodeKind.GOODS),
        ("(01)06901234567892", CodeKind.GS1),
        ("https://example.com/x", CodeKind.URL),
        ("hello", CodeKind.UNKNOWN),
        ("", CodeKind.UNKNOWN),
    ],
)
def test_a_scan_has_one_meaning_in_a_fixed_order(text: str, kind: CodeKind) -> None:
    assert recognise(text).kind is kind


def test_a_phone_is_kept_without_what_people_put_between_its_digits() -> None:
    assert recognise(" 138 0013-8000 ").text == "13800138000"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        *((text, CodeKind.PAYMENT) for text in (
            "134567890123456789", "134567890123456789\0", "\x02134567890123456789\x03",
            "13\t4567890123456789", "1345.6789.0123.4567.89", "１３４５６７８９０１２３４５６７８９",
            "\x02]Q1134567890123456789\x1d",
            "wxp://f2f0X7nA8s-9", "HTTPS://QR.ALIPAY.COM/FKX04112", "https://qr.95516.com/00010000/6234",
            "weixin://wxpay/bizpayurl?pr=a", "https://payapp.weixin.qq.com/qrpay/1",
        )),
        *((text, CodeKind.BANK_CARD) for text in (
            "4111111111111111", "4111111111111111=25121010000000000000", ";4111111111111111=2512?",
            "%B4111111111111111^WANG/XIAOMING^2512?;4111111111111111=2512?", "4111.1111.1111.1111",
            "４１１１１１１１１１１１１１１１", "4111 1111 1111 1111\r\n",
        )),
        *((text, CodeKind.UNKNOWN) for text in (
            "134567890123456789\n134567890123456789", "pay 134567890123456789", "4111111111111112",
            "card: 4111 1111 1111 1111", "١٣٤٥٦٧٨٩٠١٢٣٤٥٦٧٨٩", "²" * 18,
        )),
        ("https://example.com/pay?code=134567890123456789", CodeKind.URL),
    ],
)  # fmt: skip
def test_what_pays_is_never_kept(text: str, kind: CodeKind) -> None:
    code = recognise(text)
    assert (code.kind, code.text) == (kind, "")
    assert "1" not in repr(code).split(",")[0]


def test_what_frames_a_code_is_no_part_of_it() -> None:
    member = codes.member_code(random.Random(3).randbytes(16))
    wide = "".join(chr(ord(mark) + 0xFEE0) for mark in member)
    for text in (f"\x02{member}\x03", f"{member}\0", f"\ufeff]C1{member}\r", wide):
        assert (recognise(text).kind, recognise(text).text) == (CodeKind.MEMBER, member)
    goods = recognise("\x026901234567892\x03")
    assert (goods.kind, goods.text) == (CodeKind.GOODS, "6901234567892")
    assert recognise("https://alipay.com.example.org/x").kind is CodeKind.URL
    assert recognise("https://example.com/alipay.com").kind is CodeKind.URL
    assert recognise("hello 123").text == "hello 123"


def test_a_member_code_survives_no_single_slip_of_a_finger() -> None:
    code = codes.member_code(random.Random(1).randbytes(16))
    assert recognise(code).kind is CodeKind.MEMBER
    for i in range(1, len(code)):
        wrong = code[:i] + str((int(code[i]) + 1) % 10) + code[i + 1 :]
        assert recognise(wrong).kind is not CodeKind.MEMBER
    for i in range(1, len(code) - 1):
        if code[i] != code[i + 1]:
            swapped = code[:i] + code[i + 1] + code[i] + code[i + 2 :]
            assert recognise(swapped).kind is not CodeKind.MEMBER


def test_a_phone_is_shown_only_where_enough_of_it_stays_hidden() -> None:
    assert codes.masked_phone("13800138000") == "138****8000"
    for short in ("", "110", "1234567", "87654321", "4008123456"):
        assert codes.masked_phone(short) == "****"


def test_claims_are_told_by_their_length() -> None:
    assert len(codes.CLAIM_DIGITS) == 9
    assert max(codes.CLAIM_DIGITS) == 463
    assert recognise("9" * 463).kind is CodeKind.CLAIM
