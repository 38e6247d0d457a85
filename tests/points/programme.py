"""A plain programme and a shorthand for operations, for tests that care about points."""

from __future__ import annotations

import json
from typing import Any

from points import operations, rulebook
from points.operations import Operation
from points.rulebook import RuleBook

MS_PER_DAY = 86_400_000
FIRST_MS = 1_767_225_600_000  # 2026-01-01 00:00 UTC

PLAIN: dict[str, Any] = {
    "v": 1,
    "name": "plain",
    "zone": [[0, 0]],
    "rates": [[1, 1000]],
    "category_rate": {"giftcard": -1},
    "min_order_fen": 0,
    "day_cap_pts": 0,
    "tiers": [[0, 10_000, "普通"], [1001, 12_000, "银卡"], [5001, 15_000, "金卡"], [10_001, 20_000, "钻石"]],
    "expiry": ["rolling", 12],
    "redeem": {"pts": 1, "fen": 10, "step": 1},
    "grace_days": 30,
    "settle": [1000, 100],
    "not_earning": ["points"],
}


def book(**changes: Any) -> RuleBook:
    """The plain programme with some rules changed."""
    return rulebook.read(json.dumps({**PLAIN, **changes}, sort_keys=True, separators=(",", ":")).encode())


class Story:
    """Builds operations one after the other, with ids and store times that rise."""

    def __init__(self, rules: RuleBook, m: int = 1024) -> None:
        self.rules, self.m, self.n = rules, m, 0

    def op(self, kind: str, at_ms: int, store: str = "s001", till: str = "01", **body: Any) -> Operation:
        self.n += 1
        st = at_ms + self.n
        rule = body.pop("rule", self.rules)
        raw = {
            "id": f"{self.n:032x}", "t": kind, "tv": 1, "day": rule.today(st), "st": st, "boot": "b",
            "mono": st, "by": "c1", "rule": rule.hash, "m": self.m, **body,
        }  # fmt: skip
        if "fund" in raw:
            raw = {"inc": 1, "term": 1, **raw}
        return operations.read({k: v for k, v in raw.items() if v is not None}, store, till)

    def sale(self, at_ms: int, fen: int, used: int = 0, used_fen: int = 0, **more: Any) -> Operation:
        tenders: list[list[Any]] = [["cash", fen - used_fen]]
        if used:
            tenders.append(["points", used_fen, used])
            more.setdefault("fund", [["local", used]])
        pts = more.pop("pts", 10**9)
        body = {
            "receipt": "1", "lines": [[1, "all", 1, fen]], "tenders": tenders, "tier": 0, "m_bp": 10_000,
            "day_used": 0, "desired": pts, "pts": pts,
        }  # fmt: skip
        return self.op("sale.earn", at_ms, **{**body, **more})
