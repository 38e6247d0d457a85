"""A till on a real disk with a clock that a test moves, and members as headquarters would tell them."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from agent.counter import Counter
from agent.identity import Identity
from agent.journal.clock import Reading
from agent.journal.database import Book
from agent.journal.log import Log
from agent.journal.mirror import Mirror
from agent.journal.schema import migrations
from agent.store import cells, feeds, members
from agent.till import Till
from points import codes, rulebook
from points.rights import hear_grant
from points.wire import canonical
from points.wire.keys import SigningKey
from points.wire.lane import Lane
from points.wire.sealing import SealingKey

NOON_MS = 1_795_060_800_000  # 2026-11-19 04:00 UTC, noon in Shanghai
RULES: dict[str, Any] = {
    "v": 1, "name": "test", "zone": [[0, 480]], "rates": [[1, 1000]], "category_rate": {},
    "min_order_fen": 5000, "day_cap_pts": 100,
    "tiers": [[0, 10_000, "普通"], [1001, 12_000, "银卡"]], "expiry": ["rolling", 12],
    "redeem": {"pts": 100, "fen": 1000, "step": 10}, "grace_days": 30, "settle": [1000, 100],
    "not_earning": ["points"], "manager": {"redeem_pts": 0, "refund_fen": 0},
}  # fmt: skip


@dataclass
class HandClock:
    """A clock that stands still until it is moved."""

    now_ms: int = NOON_MS
    boot: str = "00112233aabbccdd"

    def now(self) -> Reading:
        return Reading(self.now_ms, self.now_ms - NOON_MS + 1_000_000, self.boot)


def identity(store: str = "s001", till: str = "01", seed: int = 7) -> Identity:
    key = SigningKey.from_raw(random.Random(f"{store}{till}{seed}").randbytes(32))
    hub = SigningKey.from_raw(b"h" * 32)
    return Identity(
        lane=Lane("demo", store, till, 1), key=key, hub_name="hub", hub_url="http://127.0.0.1:9",
        hub_receipt_public=hub.public_raw, hub_manifest_public=hub.public_raw,
        hub_pii_public=SealingKey.from_raw(b"p" * 32).public_raw, index_key=b"i" * 32, shard_key=b"s" * 32,
        region="r1",
    )  # fmt: skip


@cache
def _empty() -> bytes:
    """The database of a till that has just been opened, made once."""
    with TemporaryDirectory(prefix="jifen-empty-") as folder:
        path = Path(folder) / "agent.sqlite"
        Book(path, migrations).close()
        return path.read_bytes()


def open_till(
    folder: Path, clock: HandClock | None = None, rules: dict[str, Any] | None = None, **who: Any
) -> Till:
    folder.mkdir(parents=True, exist_ok=True)
    who_is = identity(**who)
    if not (folder / "agent.sqlite").exists():
        (folder / "agent.sqlite").write_bytes(_empty())
    book = Book(folder / "agent.sqlite", migrations)
    log = Log(book, Mirror(folder / "mirror.log"), who_is.lane, who_is.genesis)
    till = Till(who_is, book, log, clock or HandClock(), random.Random(5).randbytes)
    if not feeds.books(book):
        blob = canonical.encode({**RULES, **(rules or {})})
        with book.turn() as turn:
            feeds.keep_book(turn, rulebook.read(blob).hash, blob)
            members.put_pool(turn, [(1024 + i, codes.member_code(bytes([i]) * 16)) for i in range(50)])
    till.wake()
    return till


def counter_of(till: Till, answer: str = "unreachable") -> Counter:
    return Counter(till, lambda _op, _m, _pts: answer)


def tell_member(till: Till, m: int, pts: int, ver: int = 1, debt: int = 0, status: str = "active") -> None:
    """A row as headquarters tells it: one lot that expires next year."""
    lots = [["00" * 16 + ".0", pts, 0, 20271118, 0, "s009"]] if pts else []
    row = [m, ver, status, 0, pts, "王*", "8000", debt, lots, [0, 0], [0, 0], [], [codes.who(f"M{m}")[:16]]]
    with till.book.turn() as turn:
        members.put(turn, [members.Told.of(row, json.dumps(row))])


def grant(till: Till, m: int, pts: int) -> None:
    """An allowance as headquarters gives it."""
    with till.book.turn() as turn:
        cells.write(turn, m, hear_grant(till.rights(m), 1, 1, pts, [[20271118, pts]]))


GOODS = [[1, "food", 2, 8000], [2, "food", 1, 4500]]
