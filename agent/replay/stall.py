"""One real till under a driver: its own SQLite, counter, night and uplink, with time told from outside.

Every act answers with what was recorded by it, so that the driver keeps its own book of wishes and
answers. Run as a program it takes acts as JSON lines, so that it can be killed at any moment and
started again; what was recorded and not answered is then found by its number.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from agent import day_close, enrolment, goods_back, intents, provisioning
from agent.counter import Counter, Found
from agent.funding import No
from agent.journal.clock import Reading
from agent.night import Night
from agent.recorder import Recorded
from agent.store import prints
from agent.till import Till
from agent.uplink import Uplink
from config.night_window import NightWindow

BOOT = "0123456789abcdef"
ANY_MINUTE = NightWindow(0, 1439)

Answer = dict[str, Any]


class ToldClock:
    """Business time as the driver tells it; wall and monotonic agree."""

    def __init__(self) -> None:
        self.now_ms = 0

    def now(self) -> Reading:
        """The told moment."""
        return Reading(self.now_ms, self.now_ms, BOOT)


class Stall:
    """A till that does what it is told. Begun from a folder that was joined before."""

    def __init__(self, folder: Path) -> None:
        identity = provisioning.identity_of(folder / "keys")
        book, log = provisioning.open_book(folder / "data", folder / "keys", identity)
        self.clock = ToldClock()
        self.till = Till(identity, book, log, self.clock)
        self.till.wake()
        self.clock.now_ms = self.till.log.last_st
        self.uplink = Uplink(identity.hub_url, identity.key, identity.hub_receipt_public)
        self.counter = Counter(self.till, self.uplink.authorise)
        self.night = Night(self.till, self.uplink, ANY_MINUTE)
        if self.till.rules is not None:
            intents.end_cut_off(self.till, "agent")

    def act(self, name: str, now_ms: int, connected: bool, **arguments: Any) -> Answer:
        """Do one act at a told time; the answer holds every operation recorded since the last told one."""
        self.clock.now_ms = max(now_ms, self.clock.now_ms)
        self.uplink.connected = connected
        since = arguments.pop("since")
        answer: Answer = getattr(self, "_" + name)(**arguments)
        answer["ops"] = self._since(since)
        return answer

    def _since(self, seq: int) -> list[Any]:
        log = self.till.log
        return [
            [entry.seq, json.loads(entry.body)] for entry in log.between(log.pos(seq + 1), log.pos(log.seq))
        ]

    def _nothing(self) -> Answer:
        return {}

    def _enrol(self) -> Answer:
        new = enrolment.enrol(self.till, "c1")
        return _said(new) if isinstance(new, No) else {"m": new.m, "code": new.code}

    def _code(self, m: int) -> Answer:
        row = self.till.book.row(
            "SELECT receipt ->> '$.member_code' FROM ops JOIN prints ON id = pos * ?"
            " WHERE m = ? AND kind = 'member.enrol'",
            (prints.COPIES_MAX, m),
        )
        assert row is not None, "the till that enrolled a member has the code on its slip"
        return {"code": row[0]}

    def _card(self, code: str) -> Answer:
        found = self.counter.scan(code)
        if isinstance(found, No) or found.card is None:
            return {"known": False}
        card = found.card
        return {"known": True, "m": card.m, "points": card.points, "here": card.here, "debt": card.debt}

    def _sell(self, code: str, lines: list[list[Any]], receipt: str) -> Answer:
        found = self.counter.scan(code)
        assert isinstance(found, Found)
        m = found.card.m if found.card else None
        return _said(self.counter.sell(m, lines, "c1", who=found.who, receipt=receipt))

    def _redeem(self, m: int, pts: int) -> Answer:
        return _said(self.counter.redeem(m, pts, "c1"))

    def _refund(self, sale: str, lines: list[list[int]]) -> Answer:
        return _said(goods_back.refund(self.till, sale, lines, "c1"))

    def _close_day(self) -> Answer:
        return {"given_back": day_close.close_day(self.till, "c1").given_back}

    def _contact(self) -> Answer:
        done = self.night.run(rest=lambda _ms: None) if self.till.rules else self.night.contact()
        return {
            "settled": done.settled,
            "batches": done.batches,
            "alarms": [alarm.problem for alarm in done.alarms],
        }

    def close(self) -> None:
        """Close for good."""
        self.uplink.close()
        self.till.book.close()


def _said(result: Recorded | No) -> Answer:
    if isinstance(result, No):
        return {"no": result.refusal.name}
    return {"id": result.op.id, "seq": result.entry.seq}


def main() -> None:
    """Serve acts from standard input until it ends."""
    stall = Stall(Path(sys.argv[1]))
    print(json.dumps({"seq": stall.till.log.seq}), flush=True)
    for text in sys.stdin:
        asked = json.loads(text)
        print(
            json.dumps(stall.act(asked.pop("act"), asked.pop("now_ms"), asked.pop("connected"), **asked)),
            flush=True,
        )


if __name__ == "__main__":
    main()
