"""One operation of every kind that was ever written, as the program that first knew the kind wrote it."""

from __future__ import annotations

from typing import Any

from points.wire import canonical

ID, SALE, RULE, WHO = (
    "0198635c1c007abc8def0123456789ab",
    "0198635c1c007abc8def0123456789aa",
    "5a" * 32,
    "0c" * 16,
)
SIGNED = ["t2", 1, 17, "ab" * 8, "cd" * 64]
GIVEN = '{"id":"0198635c1c007abc8def0123456789ac","t":"rights.give"}'
TERM = {"inc": 1, "term": 3}
TO = ["s01", "t1"]
NOTE = {"asked_by": "li", "approved_by": "wang"}

SAYS: dict[str, dict[str, Any]] = {
    "member.enrol": {"m": 1024, "pii": "7b" * 32},
    "sale.earn": {
        "m": 1024, "receipt": "t1-1-7", "lines": [[1, "food", 2, 2500], [2, "饮料", 1, 399]],
        "tenders": [["cash", 2399], ["points", 500, 50]], "tier": 1, "m_bp": 12000, "day_used": -3,
        "week_used": 12, "segment": "new", "feed_g": 41, "desired": 28, "pts": 20,
        "fund": [["local", 30], ["allowance", 20], ["add", 20]], **TERM, "at": 1785549600123,
    },
    "redeem.cash": {"m": 1024, "pts": 40, "fen": 400, "fund": [["auth", 40]], **TERM, "approved_by": "wang"},
    "sale.refund": {
        "m": 1024, "refs": [SALE], "lines": [[1, 1, 1250]], "claw_pts": 12, "restore_pts": 5,
        "fund": [["burn_l", 4], ["burn_a", 8]], **TERM, "given": [*SIGNED, GIVEN],
    },
    "sale.void": {"m": 1024, "refs": [SALE], "claw_pts": 20, "restore_pts": 50},
    "rights.return": {"m": 1024, "fund": [["back_l", 4], ["back_a", 8]], **TERM},
    "rights.give": {
        "m": 1024, "sched": [[20270801, 40]], "fund": [["give_a", 40, "pts", ["s01", "t2", 1, 3]]], **TERM,
    },
    "rights.take": {
        "m": 1024, "refs": [SALE], "sched": [[20270801, 40]], "fund": [["take", 40, "pts", SALE]], **TERM,
        "given": [*SIGNED, GIVEN],
    },
    "rights.close": dict(TERM),
    "auth.void": {"m": 1024, "refs": [SALE]},
    "member.resolve": {"m": 1024, "refs": [SALE]},
    "rights.grant": {"m": 1024, "to": TO, "g": 300, "sched": [[20270801, 200], [0, 100]], **TERM},
    "auth.reserve": {"m": 1024, "refs": [SALE], "to": TO, "n": 40, **TERM},
    "auth.unlock": {"m": 1024, "refs": [SALE], "to": TO, "n": 40, "unlock": [["s01", "t2", 25]], **TERM},
    "member.issue": {"to": TO, "first": 1024, "codes": [WHO, "0d" * 16]},
    "refund.cede": {"refs": [SALE], "given": [*SIGNED, GIVEN]},
    "refund.give": {"refs": [SALE], "to": [*TO, 2], "rest": [[1, 1, 1250], [2, 1, 399]]},
    "refund.reserve": {"refs": [ID], "sale": SALE, "to": TO, "lines": [[1, 1, 1250]], **TERM},
    "refund.void": {"refs": [ID], "sale": SALE},
    "op.dismiss": {"m": 1024, "refs": [SALE], "place": ["s01", "t1", 1, 17], "back": [8, 4], **TERM},
    "agent.lost": {
        "agent": TO, "epoch": 1, "seq": 400, "went_on": [[2, 7]], "evidence": "burnt", **NOTE, **TERM,
    },
    "debt.charge": {"m": 1024, "refs": [SALE], "spent": ID, "pts": 40, "note": "why", "decided_by": "li"},
    "debt.writeoff": {"m": 1024, "refs": [SALE], "pts": 40, "note": "why", **NOTE},
    "claim.earn": {
        "m": 1024, "refs": [SALE], "pts": 40, "earned_st": 1785549600000, "digest": "5c" * 16,
        "place": ["s01", "t1", 1, 17],
    },
    "clock.fix": {"m": 1024, "refs": [SALE], "true_st": 1785549600000, "true_day": 20260801},
}  # fmt: skip
"""What each kind says besides the mandatory keys, with everything that it may say."""


def body(kind: str, **more: Any) -> dict[str, Any]:
    """An operation of this kind."""
    return {
        "id": ID, "t": kind, "tv": 1, "day": 20260801, "st": 1785549600000, "boot": "00112233aabbccdd",
        "mono": 7200000, "by": "c07", "rule": RULE, **SAYS[kind], **more,
    }  # fmt: skip


def less(told: dict[str, Any], *keys: str) -> dict[str, Any]:
    """The same without some keys: as a program wrote it before it knew them."""
    return {key: value for key, value in told.items() if key not in keys}


WHOLE = {"fund": 4, "tenders": 5}
"""How long a record of an array is with all that may be left out at its end."""


def grown(value: Any, whole: int = 0) -> Any:
    """Every array of records in a value, each record with two entries more at its end, behind all that it may
    leave out. What is a list of one thing each is no record."""
    if isinstance(value, dict):
        return {
            key: inner if key in ("refs", "codes") else grown(inner, WHOLE.get(key, 0))
            for key, inner in value.items()
        }
    if not isinstance(value, list):
        return value
    if all(isinstance(entry, list) for entry in value):
        return [grown(entry, whole) for entry in value]
    left_out = [None] * (whole - len(value))
    return [*(grown(entry) for entry in value), *left_out, None, {"new": [1]}]


def evolved() -> dict[str, tuple[dict[str, Any], str]]:
    """Name -> (a body of another program's, how it is read: as a name of ``SAYS``, or its outcome)."""
    told: dict[str, tuple[dict[str, Any], str]] = {}
    for kind in SAYS:
        told[f"{kind} with longer arrays"] = (grown(body(kind)), kind)
        told[f"{kind} with unknown keys"] = (body(kind, weather="雨", zz={"deep": [1, [2]]}), kind)
        told[f"{kind} of the next version"] = (body(kind, tv=2), "unknown-version")
    told["a kind of tomorrow"] = ({**body("rights.close"), "t": "coupon.redeem"}, "unknown-type")
    told["a kind of tomorrow with rights"] = ({**body("redeem.cash"), "t": "gift.redeem"}, "unknown-type")
    earlier = less(body("sale.earn"), "feed_g", "week_used", "segment", "at")
    told["sale.earn two versions ago"] = (earlier, "sale.earn")
    told["sale.refund two versions ago"] = (less(body("sale.refund"), "given", "claw_pts"), "sale.refund")
    told["refund.cede two versions ago"] = (less(body("refund.cede"), "given"), "refund.cede")
    told["agent.lost two versions ago"] = (less(body("agent.lost"), "went_on"), "agent.lost")
    told["op.dismiss two versions ago"] = (less(body("op.dismiss"), "back", "inc", "term"), "op.dismiss")
    told["redeem.cash two versions ago"] = (less(body("redeem.cash"), "approved_by"), "redeem.cash")
    return told


def text(told: dict[str, Any]) -> str:
    """The bytes as they are signed."""
    return canonical.encode(told).decode("utf-8")
