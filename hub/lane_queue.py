"""Batches that came before the one in front of them: a till with a backlog sends several at a time.

On its way one may overtake another, and a till that hears of a gap sends everything behind it again. So what
is but a little early waits, without a thread, until the lane has come so far or it is clear that it does not.
It is bounded for each lane and in all; nothing is decided by it, and what is refused is asked again.
"""

from __future__ import annotations

import asyncio
from collections import Counter

from hub.office import Office
from points.wire import envelope
from points.wire.batch_header import OPS_MAX
from points.wire.faults import Gap
from points.wire.lane import Lane

EARLY_MAX = 4
"""Batches of one lane that wait at once, and how many a waiting one may be ahead of the lane."""
WAITING_MAX, WAITING_BYTES_MAX = 256, 32 * 1024 * 1024
WAIT_S, LOOK_EVERY_S = 10.0, 0.2


class LaneQueue:
    """The early batches of all lanes. For coroutines of one loop."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._waiting: Counter[Lane] = Counter()
        self._bytes = 0

    async def comes(self, raw: bytes, gap: Gap) -> bool:
        """Wait for what comes before this batch, which was refused for the gap; whether it has come."""
        header, _ = envelope.peek(raw)
        lane, wants = header.lane, gap.detail["next"]
        if header.first - wants > EARLY_MAX * OPS_MAX or self._is_full(lane, len(raw)):
            return False
        self._waiting[lane] += 1
        self._bytes += len(raw)
        try:
            async with asyncio.timeout(WAIT_S):
                while await asyncio.to_thread(self._reached, lane) < header.first - 1:
                    await asyncio.sleep(LOOK_EVERY_S)
            return True
        except TimeoutError:
            return False
        finally:
            self._waiting -= Counter([lane])
            self._bytes -= len(raw)

    def _is_full(self, lane: Lane, more: int) -> bool:
        is_full = self._waiting.total() >= WAITING_MAX or self._bytes + more > WAITING_BYTES_MAX
        return is_full or self._waiting[lane] >= EARLY_MAX

    def _reached(self, lane: Lane) -> int:
        with self._office.store.look() as look:
            row = look.one(
                "SELECT seq FROM lanes WHERE store = ? AND till = ? AND epoch = ?",
                (lane.store, lane.till, lane.epoch),
            )
        return 0 if row is None else int(row[0])
