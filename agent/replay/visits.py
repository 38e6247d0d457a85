"""Purchases as a history of visits: who came where and when, earned what and wished to redeem what, as CSV.

The form is the one that headquarters rehearses grant policies on: ``ms,member,store,till,earned,wish``, with
``ms`` on the shop's wall. The rules are the replay's own: 1 point per 100 fen, at most 100 a day; at every
fifth visit a household wishes half of what it would have if every wish were granted. Each store has one till.
The rows stay with whoever asked for them; they are no part of the project.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from agent.replay.baskets import Basket
from agent.replay.year import REDEEM_EVERY

COLUMNS = ("ms", "member", "store", "till", "earned", "wish")
FEN_A_POINT, DAY_CAP_PTS = 100, 100
TILL = "01"


@dataclass(slots=True)
class _Household:
    visits: int = 0
    points: int = 0
    day: int = 0
    earned_today: int = 0

    def buys(self, basket: Basket) -> tuple[int, int]:
        """Points (earned, wished) at one visit."""
        self.visits += 1
        wish = self.points // 2 if self.visits % REDEEM_EVERY == 0 else 0
        if basket.day != self.day:
            self.day, self.earned_today = basket.day, 0
        earned = min(basket.net_fen // FEN_A_POINT, DAY_CAP_PTS - self.earned_today)
        self.earned_today += earned
        self.points += earned - wish
        return earned, wish


def write(path: Path, baskets: Iterable[Basket], zone: Sequence[Sequence[int]]) -> int:
    """Write baskets, which come in order of time, as visits; gives how many."""
    households: dict[int, _Household] = defaultdict(_Household)
    count = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(COLUMNS)
        for basket in baskets:
            minutes = next(offset for since, offset in reversed(zone) if since <= basket.at_ms)
            earned, wish = households[basket.household].buys(basket)
            wall_ms = basket.at_ms + minutes * 60_000
            rows.writerow((wall_ms, f"h{basket.household}", f"s{basket.store}", TILL, earned, wish))
            count += 1
    return count
