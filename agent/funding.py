"""Where the points of a redemption come from: this till's own rights, then others who have them, else no.

Order: local, allowance, what sister tills give, online authorisation of the remainder, trust where
headquarters has budgeted it and is out of reach, refusal in words. An authorisation is written down before it
is asked (the intent), asked under the id of the operation it is for, and ends only by that operation or by
``auth.void``: a lost answer can strand points, never double them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from agent import trust, understanding
from agent.recorder import Draft, next_id, record
from agent.store import cells
from agent.till import Till, View
from points import rights
from points.quoting import check_redeem
from points.refusals import Refusal
from points.rights import Fund, Rights

Authorise = Callable[[str, int, int], str]
"""Ask headquarters for (operation id, member, points): ``granted``, ``unreachable``, ``unanswered`` or a
refusal's name."""


Fetch = Callable[[int, int], int]
"""Get (member, points) from sister tills, as far as they have them, or only ask how many they have; gives the
points."""


def no_sisters(_m: int, _pts: int) -> int:
    """A till that is alone in its store."""
    return 0


@dataclass(frozen=True, slots=True)
class No:
    """The business says no. ``values`` fill the words of ``refusal.<name>``."""

    refusal: Refusal
    values: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Intent:
    """An authorisation that headquarters granted for one operation."""

    op_id: str
    m: int
    pts: int


@dataclass(frozen=True, slots=True)
class OnTrust:
    """Headquarters was asked and is out of reach; what its budget allows is looked up when it is recorded."""


def may_spend(till: Till, view: View | None, pts: int) -> No | None:
    """What the business says to spending ``pts`` of a member, before rights are asked."""
    if view is None:
        return No(Refusal.unknown_member, {})
    rules, account = till.rule(), view.account
    shown = account.balance(view.today)
    if account.status == "frozen":
        return No(Refusal.frozen, {})
    if understanding.lacking(till):
        return No(Refusal.rules_behind, {})
    refusal = check_redeem(rules, pts, shown, account.debt)
    if refusal in (None, Refusal.not_enough_points) and till.time().in_doubt:
        sure, doubtful = account.near_expiry(view.today)
        if sure < pts <= sure + doubtful:
            return No(Refusal.confirm_later, {"points": sure - sure % rules.redeem_step})
    if refusal is None:
        return None
    step = rules.redeem_step
    suggested = max(step, min(pts, shown) // step * step)
    return No(refusal, {"points": account.debt or shown, "step": step, "suggested": suggested})


def authorise(
    till: Till, m: int, pts: int, by: str, ask: Authorise, fetch: Fetch = no_sisters
) -> Intent | OnTrust | No | None:
    """What headquarters must give for a redemption; None when this till's own rights are enough,
    with those that sister tills give it now.

    Call it without the lock: it may wait for the network. The intent is live until ``over`` says that
    nobody will record under it any more.
    """
    with till.book.lock:
        view = till.look(m)
        if view is None or till.shift().closed or may_spend(till, view, pts) is not None:
            return None
        here = sum(view.rights.left(view.today))
    if here < pts:
        fetch(m, pts - here)
    with till.book.lock:
        here = sum(till.rights(m).left(view.today))
        if here >= pts:
            return None
        op_id, shown = next_id(till, till.time()), view.account.balance(view.today)
        with till.book.turn() as turn:
            cells.intend(turn, op_id, m, pts - here)
        till.asking.add(op_id)
    answer = ""
    try:
        answer = ask(op_id, m, pts - here)
        if answer == "granted":
            return Intent(op_id, m, pts - here)
        give_up(till, op_id, m, by)
    finally:
        if answer != "granted":
            till.asking.discard(op_id)
    if answer == "unreachable" and trust.left(till, view) >= pts - here:
        return OnTrust()
    is_silent = answer in ("unreachable", "unanswered")
    refusal = _out_of_reach(view.rights) if is_silent else Refusal[answer]
    # When there are not enough, what is shown here is older than what is known there.
    told = here if refusal is Refusal.not_enough_points else shown
    return No(refusal, {"points": told, "here": here})


def _out_of_reach(held: Rights) -> Refusal:
    """Why points are not to be had here: they lie elsewhere, or here and may not be used."""
    stopped = held.stopped and any(g > u for _, g, u in held.allowance)
    return Refusal.silent_too_long if stopped else Refusal.not_here_offline


def give_up(till: Till, op_id: str, m: int, by: str) -> None:
    """End an intent whose operation will not come."""
    with till.book.lock:
        time = till.time()
        draft = Draft("auth.void", {"refs": [op_id]}, by, m, ended=op_id)
        record(till, draft, time, till.shift().day)


def over(till: Till, asked: Intent | OnTrust | None) -> None:
    """Nobody records under an intent any more: if its operation did not come, it is given up in time."""
    if isinstance(asked, Intent):
        till.asking.discard(asked.op_id)


def give_up_refused(till: Till, asked: Intent | OnTrust | None, by: str) -> None:
    """What was asked for is not recorded after all."""
    if isinstance(asked, Intent):
        give_up(till, asked.op_id, asked.m, by)


def spend(till: Till, view: View, pts: int, asked: Intent | OnTrust | None) -> tuple[Rights, Fund] | No:
    """Rights after spending ``pts``, and the fund that says how; no when they do not reach."""
    held, fund, short = rights.spend(view.rights, pts, view.today)
    if short and isinstance(asked, Intent) and asked.pts >= short:
        return held, [*fund, ["auth", short]]
    if short and isinstance(asked, OnTrust) and trust.left(till, view) >= short:
        return held, [*fund, ["trust", short]]
    if short:
        return No(_out_of_reach(view.rights), {"points": pts, "here": pts - short})
    return held, fund
