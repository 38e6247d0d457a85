"""A receipt's values laid out as rows of paper, in the chain's language.

One big number, one small line, what was earned and used, what expires next; never three balances.
What headquarters has not confirmed is said to be so. A reprint says that it is one.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from config.words import Words, money, number
from hardware.paper import BIG, BOLD, QR, Align, Barcode, Columns, Cut, Paper, Row, Rule, Text
from points.receipts import Receipt
from points.rulebook import RuleBook

TITLES = {
    "sale.refund": "receipt.title_refund",
    "sale.void": "receipt.title_void",
    "member.enrol": "receipt.title_enrol",
}


def paper_of(
    receipt: Receipt, words: Words, rules: RuleBook, *, chain: str, store: str, claim: str = "", copy: int = 0
) -> Paper:
    """The paper of a receipt. ``copy`` n > 0 marks the n-th reprint."""
    at = clock(receipt.st_ms, rules)
    rows: list[Row] = [Text(words.say("receipt.store", chain=chain, store=store), Align.CENTRE, BOLD)]
    if copy:
        rows.append(Text(words.say("receipt.reprint", n=copy, at=at), Align.CENTRE, BOLD))
    if receipt.kind in TITLES:
        rows.append(Text(words.say(TITLES[receipt.kind]), Align.CENTRE, BOLD))
    rows.append(Columns(at, words.say("receipt.till", till=receipt.till)))
    if receipt.clock_doubt:
        rows.append(Text(words.say("receipt.clock_doubt")))
    rows.append(Text(words.say("receipt.number", number=receipt.number)))
    rows += _member(receipt, words)
    rows.append(Rule())
    rows += _movements(receipt, words)
    if receipt.tier:
        rows += _balance(receipt, words, rules)
        rows.append(Rule())
    if receipt.member_code:
        rows.append(Barcode(receipt.member_code))
    if claim:
        rows.append(QR(claim))
        if receipt.kind == "sale.earn":  # only a sale can be refunded by its code
            rows.append(Text(words.say("receipt.keep"), Align.CENTRE))
    rows.append(Cut())
    return Paper(tuple(rows))


def trial_paper(words: Words, chain: str, store: str, challenge: str = "") -> Paper:
    """The test page: the shop's name, Chinese and signs and, with a challenge, a code to scan back."""
    rows: list[Row] = [
        Text(words.say("receipt.store", chain=chain, store=store), Align.CENTRE, BOLD),
        Text(words.say("receipt.title_test"), Align.CENTRE, BOLD),
        Rule(),
        Text(words.say("receipt.test_line")),
    ]
    if challenge:
        rows += [Text(words.say("receipt.test_scan_back"), Align.CENTRE), QR(challenge)]
    return Paper((*rows, Cut()))


def clock(at_ms: int, rules: RuleBook) -> str:
    """A store time as people read it, by the chain's own zone table."""
    offset = next((minutes for since, minutes in reversed(rules.zone) if since <= at_ms), rules.zone[0][1])
    local = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at_ms, minutes=offset)
    return f"{local:%Y-%m-%d %H:%M}"


def date(day: int) -> str:
    """A day as people read it."""
    return f"{day // 10_000:04d}-{day // 100 % 100:02d}-{day % 100:02d}"


def _member(receipt: Receipt, words: Words) -> list[Row]:
    if receipt.kind == "member.enrol":
        return [Text(words.say("receipt.provisional_member"))]
    if not receipt.tier and receipt.member:
        return [Text(words.say("receipt.sealed_member", tail=receipt.member))]
    if not receipt.tier and receipt.kind == "sale.earn":
        return [Text(words.say("receipt.sealed_code" if receipt.unconfirmed else "receipt.no_member"))]
    if not receipt.tier:
        return []
    who = receipt.member or "----"
    return [Columns(words.say("receipt.member_without_phone", tail=who), receipt.tier)]


def _movements(receipt: Receipt, words: Words) -> list[Row]:
    rows: list[Row] = []

    def moved(key: str, points: str) -> None:
        rows.append(Columns(words.say(f"receipt.{key}"), points))

    has_owner = receipt.tier or receipt.unconfirmed  # points of nobody are nobody's
    if has_owner and (receipt.earned or receipt.kind == "sale.earn"):
        moved("earned", words.say("receipt.points_unit", points=number(receipt.earned, signed=True)))
    if receipt.trimmed:
        rows.append(Text(words.say("receipt.trimmed", points=number(receipt.trimmed))))
    if receipt.used:
        worth = words.say("receipt.used_worth", points=number(-receipt.used), money=money(receipt.used_fen))
        moved("used", worth)
    if receipt.origin:
        rows.append(Text(words.say("receipt.origin", origin=receipt.origin)))
    if receipt.back_fen:
        moved("sale_refunded", money(receipt.back_fen))
    if receipt.clawed:
        moved("clawed", words.say("receipt.points_unit", points=number(-receipt.clawed)))
    if receipt.restored:
        moved("restored", words.say("receipt.points_unit", points=number(receipt.restored, signed=True)))
    if receipt.unconfirmed and receipt.kind != "sale.earn":
        waits = "clawed_by_headquarters" if receipt.tier else "clawed_of_unknown"
        rows.append(Text(words.say(f"receipt.{waits}")))
    return rows


def _balance(receipt: Receipt, words: Words, rules: RuleBook) -> list[Row]:
    balance = words.say("receipt.points_unit", points=number(receipt.balance))
    rows: list[Row] = [Columns(words.say("receipt.points"), balance, right_style=BIG)]
    if receipt.pending_pts:
        as_of = clock(receipt.as_of_ms, rules)[5:] if receipt.as_of_ms else "--"
        pending = number(receipt.pending_pts)
        rows.append(Text(words.say("receipt.to_be_confirmed", points=pending, at=as_of)))
    if receipt.debt:
        rows.append(Text(words.say("receipt.debt", points=number(receipt.debt))))
    if receipt.expires_pts:
        when = date(receipt.expires_on)
        rows.append(Text(words.say("receipt.expires", points=number(receipt.expires_pts), date=when)))
    return rows
