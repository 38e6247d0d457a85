"""The counter: what a cashier can do with a member and a sale, network or not.

Each act is read, quoted and recorded under the till's one lock, so that what was on the screen is
what is on the paper. A refusal is a value with a word that says what to do next; a fault is the
world's, and nothing is lost with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from agent import claims, funding, member_tokens
from agent.cards import Card, card_of
from agent.directory import Listed, Look, nobody
from agent.funding import Authorise, Fetch, Intent, No, OnTrust, no_sisters
from agent.journal.clock import StoreTime
from agent.recorder import UNMARKED, Draft, Mark, Prepared, Recorded, prepare, record, record_prepared
from agent.slips import slip
from agent.store import members, sales
from agent.till import Till, View
from points import codes, rights
from points.codes import Code, CodeKind
from points.fields import BadOperation
from points.quoting import EarnQuote, quote_earn
from points.refusals import Refusal
from points.rights import Fund, Rights
from points.wire import claim, keys
from points.wire.faults import WireFault

Lines = Sequence[Sequence[Any]]

CASH = "cash"
NOBODY = "-"
"""Who confirms a quote that nobody has confirmed yet."""


@dataclass(frozen=True, slots=True)
class Found:
    """A scan that meant something: a member's card, an unknown member's code and what the directory tells of
    it, or a sale to return."""

    kind: CodeKind
    card: Card | None = None
    who: str = ""
    sale: str = ""
    earns_only: bool = False
    listed: Listed | None = None


@dataclass(frozen=True, slots=True)
class SaleQuote:
    """What a sale would do: what it earns, what points pay of it, what is left to pay."""

    earn: EarnQuote
    points_used: int
    points_fen: int
    due_fen: int


@dataclass(frozen=True, slots=True)
class _Shown:
    """The sale that the quote on the screen leads to; good only while nothing has changed since."""

    asked: tuple[Any, ...]
    lines: list[list[Any]]
    sale: Prepared


class Counter:
    """The acts of one till's counter. Safe from any thread; one act at a time."""

    def __init__(
        self,
        till: Till,
        ask: Authorise,
        fetch: Fetch = no_sisters,
        near: Fetch = no_sisters,
        listed: Look = nobody,
    ) -> None:
        self.till = till
        self._ask, self._fetch, self._near, self._listed = ask, fetch, near, listed
        self._shown: _Shown | None = None

    def scan(self, text: str) -> Found | No:
        """The meaning of a scanned or typed text."""
        found = self._meaning(text)
        if isinstance(found, Found) and found.card is not None:
            return replace(found, card=self._with_sisters(found.card))
        if isinstance(found, Found) and found.who:
            return replace(found, listed=self._listed(found.who))
        return found

    def _with_sisters(self, card: Card) -> Card:
        """What may be used here counts what sister tills have at hand. Call it without the lock: it waits."""
        lacking = 0 if card.debt or card.status == "frozen" else card.points - card.here
        return replace(card, here=card.here + self._near(card.m, lacking)) if lacking > 0 else card

    def _meaning(self, text: str) -> Found | No:
        code = codes.recognise(text)
        with self.till.book.lock:
            match code.kind:
                case CodeKind.PAYMENT | CodeKind.BANK_CARD:
                    return No(Refusal[code.kind.value], {})
                case CodeKind.MEMBER | CodeKind.SHORT:
                    return self._found(code, members.by_code(self.till.book, code.text))
                case CodeKind.PHONE:
                    tag = keys.phone_tag(self.till.identity.index_key, code.text)
                    m = members.by_phone(self.till.book, tag)
                    return No(Refusal.unknown_member, {}) if m is None else self._found(code, m)
                case CodeKind.CLAIM:
                    return self._claimed(code)
                case CodeKind.TOKEN:
                    told = member_tokens.hear(self.till, code.text)
                    return told if isinstance(told, No) else Found(code.kind, self._card(told.m))
        return No(Refusal.unknown_code, {})

    def _found(self, code: Code, m: int | None) -> Found:
        card = None if m is None else self._card(m)
        who = "" if code.kind is CodeKind.PHONE else codes.who(code.text)
        return Found(code.kind, card, who, earns_only=code.kind is CodeKind.SHORT)

    def _claimed(self, code: Code) -> Found | No:
        try:
            told = claim.decode(code.text)
        except WireFault:
            return No(Refusal.unknown_code, {})
        if sales.body(self.till.book, told.op_id) is None:
            proved = claims.signed_by(self.till, told) is not None
            return No(Refusal.refund_elsewhere_offline if proved else Refusal.receipt_not_proved, {})
        return Found(code.kind, sale=told.op_id)

    def card(self, m: int) -> Card | None:
        """A member's card as it is now."""
        card = self._card(m)
        return None if card is None else self._with_sisters(card)

    def _card(self, m: int) -> Card | None:
        with self.till.book.lock:
            view = self.till.look(m)
            return None if view is None else card_of(self.till, view)

    def quote(self, m: int | None, lines: Lines, points_used: int = 0) -> SaleQuote | No:
        """What a sale of ``lines`` earns the member when ``points_used`` pay a part of it."""
        with self.till.book.lock:
            self._shown = None
            view = self.till.look(m) if m is not None else None
            if view is None and m is not None:
                return No(Refusal.unknown_member, {})
            quote = self._quote(view, lines, points_used)
            if isinstance(quote, SaleQuote):
                self._prepare(view, lines, quote)
            return quote

    def may_spend(self, m: int | None, pts: int) -> No | None:
        """What the business says to spending points of a member, whatever rights are here."""
        with self.till.book.lock:
            return funding.may_spend(self.till, None if m is None else self.till.look(m), pts)

    def _prepare(self, view: View | None, lines: Lines, quote: SaleQuote) -> None:
        """Make ready what the cashier will confirm. What cannot be recorded is said when it is sold."""
        till, time = self.till, self.till.time()
        shift = till.shift(time)
        if shift.closed:
            return
        try:
            draft = self._draft(view, lines, NOBODY, quote, None)
            if isinstance(draft, Draft):
                asked = self._asked(draft.m, quote.points_used, time)
                self._shown = _Shown(asked, draft.body["lines"], prepare(till, draft, time, shift.day))
        except (BadOperation, WireFault):
            self._shown = None

    def _asked(self, m: int | None, points_used: int, time: StoreTime) -> tuple[Any, ...]:
        """What a quote was asked for, and the state of the till that it depends on."""
        till, rules = self.till, self.till.rule()
        today, boot = rules.today(time.st_ms), time.moment.boot
        shift = till.shift(time)
        state = till.log.seq, till.editions, shift.day, shift.closed, boot, time.suspect
        return m, points_used, state, today, rules.hash, till.is_silent_too_long

    def _confirm(self, m: int | None, lines: Lines, by: str, points_used: int, mark: Mark) -> Recorded | None:
        """Record the quote on the screen, if it is still good. What is recorded are the lines it was made of.

        A quote is recorded once: afterwards the log has gone on. It stays where it is until the next one,
        because taking it apart takes time too.
        """
        shown = self._shown
        if shown is None or shown.lines != lines or mark.approved_by:
            return None
        time = self.till.time()
        if shown.asked != self._asked(m, points_used, time):
            return None
        return record_prepared(self.till, shown.sale, time, by, mark)

    def _quote(self, view: View | None, lines: Lines, points_used: int) -> SaleQuote | No:
        rules = self.till.rule()
        due, fen = sum(line[3] for line in lines), rules.worth_fen(points_used)
        if points_used:
            no = funding.may_spend(self.till, view, points_used)
            if no is not None:
                return no
        if fen > due:
            most = due * rules.redeem_pts // max(1, rules.redeem_fen)
            return No(Refusal.above_bill_share, {"points": most // rules.redeem_step * rules.redeem_step})
        account = view.account if view else None
        day_used = account.days.get(self.till.shift().day, 0) if account else 0
        tenders = _tenders(CASH, due - fen, points_used, fen)
        earn = quote_earn(rules, lines, tenders, account.tier if account else 0, day_used)
        return SaleQuote(earn, points_used, fen, due - fen)

    def sell(
        self,
        m: int | None,
        lines: Lines,
        by: str,
        points_used: int = 0,
        who: str = "",
        paid: str = CASH,
        receipt: str = "",
        mark: Mark = UNMARKED,
    ) -> Recorded | No:
        """Record a sale: it earns, and points may pay a part of it."""
        if not who and not receipt and paid == CASH:
            with self.till.book.lock:
                confirmed = self._confirm(m, lines, by, points_used, mark)
            if confirmed is not None:
                return confirmed
        asked = (
            funding.authorise(self.till, m, points_used, by, self._ask, self._fetch)
            if m and points_used
            else None
        )
        if isinstance(asked, No):
            return asked
        intent = asked
        try:
            with self.till.book.lock:
                done = self._sell(m, lines, by, points_used, who, paid, receipt, intent, mark)
                if isinstance(done, No):
                    funding.give_up_refused(self.till, intent, by)
                return done
        finally:
            funding.over(self.till, intent)

    def _sell(
        self,
        m: int | None,
        lines: Lines,
        by: str,
        points_used: int,
        who: str,
        paid: str,
        receipt: str,
        intent: Intent | OnTrust | None,
        mark: Mark,
    ) -> Recorded | No:
        till, time = self.till, self.till.time()
        shift = till.shift(time)
        if shift.closed:
            return No(Refusal.day_closed, {})
        view = till.look(m) if m is not None else None
        if m is not None and view is None:
            return No(Refusal.unknown_member, {})
        quote = self._quote(view, lines, points_used)
        if isinstance(quote, No):
            return quote
        draft = self._draft(view, lines, by, quote, intent, who, paid, receipt)
        if isinstance(draft, No):
            return draft
        draft.mark = mark
        return record(till, draft, time, shift.day)

    def _draft(
        self,
        view: View | None,
        lines: Lines,
        by: str,
        quote: SaleQuote,
        intent: Intent | OnTrust | None,
        who: str = "",
        paid: str = CASH,
        receipt: str = "",
    ) -> Draft | No:
        """The sale that a quote leads to. Its slip folds the sale into the view."""
        till, m = self.till, view.m if view else None
        held: Rights | None = None
        fund: Fund = []
        if view is not None:
            funded = _fund_sale(till, view, quote, intent)
            if isinstance(funded, No):
                return funded
            held, fund = funded
        earn = quote.earn
        body = {
            "receipt": receipt or till.lane_position(till.log.pos(till.log.seq + 1)),
            "lines": [list(line) for line in lines],
            "tenders": _tenders(paid, quote.due_fen, quote.points_used, quote.points_fen),
            "tier": earn.tier,
            "m_bp": earn.m_bp,
            "day_used": earn.day_used,
            "feed_g": till.pending.g,
            "desired": earn.desired,
            "pts": earn.pts,
        }
        if m is None and who:
            body["who"] = who
        draft = Draft("sale.earn", body, by, m, fund, held)
        if isinstance(intent, Intent):
            draft.op_id = draft.ended = intent.op_id
        draft.slip = slip(
            till,
            view,
            earned=earn.pts,
            used=quote.points_used,
            used_fen=quote.points_fen,
            trimmed=earn.trimmed,
            unconfirmed="who" in body,
            reasons=[(reason.key, reason.values) for reason in earn.reasons],
        )
        return draft

    def redeem(self, m: int, pts: int, by: str, mark: Mark = UNMARKED) -> Recorded | No:
        """Points as cash, outside a sale."""
        intent = funding.authorise(self.till, m, pts, by, self._ask, self._fetch)
        if isinstance(intent, No):
            return intent
        try:
            with self.till.book.lock:
                done = self._redeem(m, pts, by, intent, mark)
                if isinstance(done, No):
                    funding.give_up_refused(self.till, intent, by)
                return done
        finally:
            funding.over(self.till, intent)

    def _redeem(
        self, m: int, pts: int, by: str, intent: Intent | OnTrust | None, mark: Mark
    ) -> Recorded | No:
        till, shift, view = self.till, self.till.shift(), self.till.look(m)
        if shift.closed:
            return No(Refusal.day_closed, {})
        no = funding.may_spend(till, view, pts)
        if no is not None or view is None:
            return no or No(Refusal.unknown_member, {})
        spent = funding.spend(till, view, pts, intent)
        if isinstance(spent, No):
            return spent
        held, fund = spent
        fen = till.rule().worth_fen(pts)
        draft = Draft("redeem.cash", {"pts": pts, "fen": fen}, by, m, fund, held, mark=mark)
        if isinstance(intent, Intent):
            draft.op_id = draft.ended = intent.op_id
        draft.slip = slip(till, view, used=pts, used_fen=fen)
        return record(till, draft, till.time(), shift.day)


def _fund_sale(
    till: Till, view: View, quote: SaleQuote, intent: Intent | OnTrust | None
) -> tuple[Rights, Fund] | No:
    """What the sale's points tender takes, then what it earns that may be spent here at once."""
    held = view.rights
    fund: Fund = []
    if quote.points_used:
        spent = funding.spend(till, view, quote.points_used, intent)
        if isinstance(spent, No):
            return spent
        held, fund = spent
    add = max(0, quote.earn.pts - view.account.debt)
    if add:
        held = rights.earn(held, add, till.rule().expires_on(view.today))
        fund = [*fund, ["add", add]]
    return held, fund


def _tenders(paid: str, due_fen: int, points_used: int, points_fen: int) -> list[list[Any]]:
    tenders: list[list[Any]] = [[paid, due_fen]]
    if points_used:
        tenders.append(["points", points_fen, points_used])
    return tenders
