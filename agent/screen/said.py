"""Values of the desk as JSON for a page: numbers as numbers, sentences in the language that was asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agent import understanding
from agent.approval import MANAGER
from agent.cards import Card
from agent.counter import Found, SaleQuote
from agent.day_close import DayClosed
from agent.desk import Done
from agent.directory import Listed
from agent.elsewhere import Elsewhere
from agent.funding import No
from agent.goods_back import Returnable, ReturnQuote
from agent.journal.clock import OFF_MAX_MS
from agent.look_up import Answered
from agent.papers import clock, date
from agent.till import Shift, Till
from agent.world import World
from config.words import Words, money, number
from points.codes import CodeKind
from points.quoting import Reason
from points.rulebook import RuleBook

Said = dict[str, Any]

COUNTS = frozenset({"points", "here", "suggested", "step", "trimmed", "cap"})


def no(refused: No, words: Words) -> Said:
    """A refusal: its name for a program, its sentence for a person."""
    filled = {key: _filled(key, value) for key, value in refused.values.items()}
    return {"no": refused.refusal.name, "say": words.say(f"refusal.{refused.refusal.name}", **filled)}


def fault(remedy: str, detail: Mapping[str, str | int], words: Words) -> Said:
    """A fault of the world, with what to do about it."""
    key = remedy if remedy in words else "fault.not_recorded"
    return {"fault": remedy, "say": words.say(key, **detail)}


def _filled(key: str, value: Any) -> str:
    if key == "money":
        return money(value)
    return number(value) if key in COUNTS else str(value)


def card(told: Card, till: Till, words: Words, *, online: bool, earns_only: bool = False) -> Said:
    """A member as the page shows it, and why points cannot be used where they cannot."""
    rules = till.rule()
    here = told.here if online else min(told.points, told.here + told.trusted)
    usable = told.points if online and not told.debt else here
    usable -= usable % rules.redeem_step
    why = barred = _barred(told, till, earns_only=earns_only)
    if not barred and not usable:
        why = "page.why_no_redeem_here" if here < told.points else "page.why_no_redeem_points"
    return {
        "m": told.m,
        "name": told.name,
        "tail": told.tail,
        "status": told.status,
        "tier": told.tier,
        "tier_name": told.tier_name,
        "points": told.points,
        "here": here,
        "less_here": here < told.points and not barred and not online,
        "debt": told.debt,
        "pending": told.pending_pts,
        "shown": words.say("page.shown_by_member", at=_moment(told.as_of_ms, till, words))
        if told.is_shown
        else "",
        "expires": words.say("page.expires_next", points=number(told.expires_pts), date=date(told.expires_on))
        if told.expires_pts
        else "",
        "status_say": words.say(f"state.member_{told.status}") if _is_told(told.status, words) else "",
        "usable": 0 if why else usable,
        "why_no_redeem": words.say(why) if why else "",
    }


def _barred(told: Card, till: Till, *, earns_only: bool) -> str:
    """Why no points at all may be used, however many are there."""
    if earns_only:
        return "page.why_no_redeem_short"
    if told.status == "frozen":
        return "page.why_no_redeem_frozen"
    if understanding.lacking(till):
        return "page.why_no_redeem_rules"
    return "page.why_no_redeem_debt" if told.debt else ""


def _is_told(status: str, words: Words) -> bool:
    return status != "active" and f"state.member_{status}" in words


def found(told: Found, code: str, till: Till, words: Words, *, online: bool) -> Said:
    """What a scan meant."""
    if told.kind is CodeKind.CLAIM:
        return {"found": "sale", "sale": told.sale}
    if told.card is None:
        return {
            "found": "unknown",
            "who": told.who,
            "code": code,
            "say": words.say("page.unknown_here"),
            "listed": None if told.listed is None else listed(told.listed, till, words),
        }
    return {
        "found": "member",
        "card": card(told.card, till, words, online=online, earns_only=told.earns_only),
        "earns_only": told.earns_only,
    }


def listed(told: Listed, till: Till, words: Words) -> Said:
    """What the directory tells of somebody: roughly, and as of a day."""
    tiers, (least, most) = till.rule().tiers, told.points
    points = words.say("page.listed_from", points=number(least))
    if most is not None:
        points = words.say("page.listed_between", least=number(least), most=number(most))
    return {
        "who": words.say("page.listed_who", tier=tiers[min(told.tier, len(tiers) - 1)].name),
        "points": words.say("page.listed_none") if most == 0 else points,
        "say": words.say("page.listed_as_of", at=_moment(told.as_of_ms, till, words)),
    }


def unknown_phone(phone: str, words: Words) -> Said:
    """A typed phone that nobody knows here: points may wait for it, with or without a network."""
    return {"found": "phone", "phone": phone, "say": words.say("page.phone_unknown")}


def looked_up(answered: Answered, words: Words, *, is_phone: bool) -> Said:
    """What headquarters said of a card or a phone that is still not known here."""
    key = f"page.looked_up_{answered.value}"
    if answered is Answered.NOBODY and is_phone:
        key = "page.looked_up_new_phone"
    return {"found": answered.value, "say": words.say(key)}


def quote(told: SaleQuote, till: Till, words: Words) -> Said:
    """What a sale would do, with every reason in words."""
    earn = told.earn
    return {
        "pts": earn.pts,
        "trimmed": earn.trimmed,
        "reasons": [reason(one, till.rule(), words) for one in earn.reasons],
        "points_used": told.points_used,
        "points_fen": told.points_fen,
        "due_fen": told.due_fen,
    }


def reason(told: Reason, rules: RuleBook, words: Words) -> str:
    """One line of an explanation."""
    value = told.values
    match told.key:
        case "base":
            filled = {
                "money": money(int(value["fen"])),
                "per": money(int(value["per_fen"])),
                "points": number(int(value["pts"])),
            }
        case "excluded":
            filled = {"money": money(int(value["fen"]))}
        case "below_minimum":
            filled = {"money": money(int(value["fen"])), "minimum": money(int(value["minimum_fen"]))}
        case "multiplier":
            whole, rest = divmod(int(value["bp"]), 10_000)
            filled = {"times": f"{whole}.{rest:04d}".rstrip("0").rstrip(".")}
        case _:
            filled = {key: _filled(key, one) for key, one in value.items()}
    return words.say(f"reason.{told.key}", **filled)


def done(told: Done, till: Till) -> Said:
    """What was recorded, in numbers."""
    receipt = told.receipt
    return {
        "done": told.op.kind,
        "op": told.op.id,
        "job": told.job,
        "again": told.again,
        "m": told.op.m,
        "number": receipt.number,
        "earned": receipt.earned,
        "used": receipt.used,
        "used_fen": receipt.used_fen,
        "clawed": receipt.clawed,
        "restored": receipt.restored,
        "back_fen": receipt.back_fen,
        "balance": receipt.balance,
        "pending": receipt.pending_pts,
        "debt": receipt.debt,
        "has_member": bool(receipt.tier),
        "waits": receipt.unconfirmed,
        "member_code": receipt.member_code,
        "at": clock(receipt.st_ms, till.rule())[11:],
        "approved": told.op.body.get("approved_by", "") == MANAGER,
    }


def returnable(told: Returnable) -> Said:
    """A sale and what can still come back."""
    rest = {line[0]: line for line in told.rest}
    return {
        "sale": told.sale,
        "kind": told.kind,
        "m": told.m,
        "receipt": told.receipt,
        "origin": told.origin,
        "day": date(told.day),
        "lines": [
            {
                "line": line[0], "category": line[1], "units": line[2], "fen": line[3],
                "rest_units": rest.get(line[0], [0, 0, 0])[1], "rest_fen": rest.get(line[0], [0, 0, 0])[2],
            }
            for line in told.lines
        ],
    }  # fmt: skip


def elsewhere(told: Elsewhere, digits: str, till: Till, words: Words) -> Said:
    """Another till's paper and what can still come back of it."""
    row = till.row(told.told.m) if told.told.m else None
    rules = next((book for digest, book in till.books.items() if digest.startswith(told.told.rule)), None)

    def goods(rate: int) -> str:
        if len(told.left) == 1:
            return words.say("page.whole_goods")
        if rules is None or rate >= len(rules.rates):
            return words.say("page.elsewhere_goods", n=rate + 1)
        pts, fen = rules.rates[rate]
        return words.say("page.elsewhere_group", points=number(pts), money=money(fen))

    return {
        "found": "elsewhere",
        "claim": digits,
        "number": f"{told.lane.store} · {told.number}",
        "day": date(told.told.day),
        "tail": row.tail if row else "",
        "groups": [{"rate": rate, "goods": goods(rate), "left_fen": fen} for rate, fen in told.left],
    }


def return_quote(told: ReturnQuote) -> Said:
    """What a return would do."""
    claw = 0 if told.m is None and not told.waits else told.claw_pts  # what nobody got is not taken back
    return {"claw": claw, "restore": told.restore_pts, "fen": told.fen, "lines": told.lines}


def closed(told: DayClosed, words: Words) -> Said:
    """The day that was closed."""
    key, points = ("page.day_kept", told.kept) if told.kept else ("page.day_given_back", told.given_back)
    return {
        "day": date(told.day),
        "totals": told.totals,
        "given_back": told.given_back,
        "kept": told.kept,
        "say": words.say(key, points=number(points)),
    }


def opened(told: Shift, words: Words) -> Said:
    """The day that was opened."""
    return {"day": told.day, "say": words.say("page.day_opened", date=date(told.day))}


def state(told: World, till: Till, words: Words) -> Said:
    """The line that is always in view."""
    unsynced = (
        words.say("state.unsynced", count=number(told.unsynced))
        if told.unsynced
        else words.say("state.synced")
    )
    return {
        "chain": till.chain_name,
        "store": till.store_name,
        "till": till.till,
        "network": {"key": told.network, "say": words.say(f"state.{told.network}")},
        "unsynced": {"count": told.unsynced, "say": unsynced},
        "printer": {
            "key": told.printer,
            "say": words.say(f"state.{told.printer}"),
            "waiting": told.waiting,
        },
        "looks": [
            {"job": look.job, "number": look.number, "say": words.say(f"state.job_{look.state.lower()}")}
            for look in told.looks
        ],
        "silent": words.say("state.silent_too_long") if told.silent_too_long else "",
        "doubted": words.say("state.doubted") if told.doubted else "",
        "behind": words.say("state.rules_behind") if told.rules_behind else "",
        "far": words.say("state.far") if told.far else "",
        "clock": _clock(told, words),
        "day": {
            "closed": told.day_closed,
            "say": _day(told, words),
        },
        "rules": told.has_rules,
        "redeem": _redeem(till),
        "rules_say": "" if told.has_rules else words.say("fault.no_rules"),
        "as_of": _moment(told.as_of_ms, till, words),
        "last_contact": _moment(told.last_contact_ms, till, words),
        "members": told.members,
        "pool": told.pool,
        "operations": told.operations,
        "scanners": [
            {"address": address, "ok": well.health.value == "ok",
             "say": words.say(well.words, **{"reason": "", **well.detail})}
            for address, well in told.scanners
        ],
        "fault": fault(told.fault, told.fault_detail, words)["say"] if told.fault else "",
    }  # fmt: skip


def _clock(told: World, words: Words) -> str:
    """What is wrong with this PC's clock; nothing while it is a few minutes off."""
    if told.clock_doubt:
        return words.say("state.clock_doubt")
    if abs(told.clock_off_ms) <= OFF_MAX_MS:
        return ""
    minutes = number(abs(told.clock_off_ms) // 60_000)
    return words.say("state.clock_ahead" if told.clock_off_ms > 0 else "state.clock_behind", minutes=minutes)


def _day(told: World, words: Words) -> str:
    if not told.has_rules:
        return words.say("state.waiting_for_rules")
    if told.day_closed:
        return words.say("state.day_is_closed")
    return words.say("state.day_is_open", date=date(told.day))


def _moment(at_ms: int, till: Till, words: Words) -> str:
    if not at_ms or till.rules is None:
        return words.say("page.never")
    return clock(at_ms, till.rule())[5:]


def _redeem(till: Till) -> Said:
    """What points are worth, so that a page can show it while somebody types."""
    if till.rules is None:
        return {"pts": 1, "fen": 0, "step": 1}
    return {"pts": till.rules.redeem_pts, "fen": till.rules.redeem_fen, "step": till.rules.redeem_step}
