"""A card or a phone that nobody knows here, asked of headquarters while the customer stands there.

Headquarters tells whose it is, and the contact that follows brings what the till may show, as any contact
does: of its own region, or as a visitor. One question at a time; the counter sells on meanwhile, and without
an answer everything is as it was.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from enum import Enum
from typing import Any

from agent.enrolment import seal
from agent.recorder import next_id
from agent.till import Till
from points import codes
from points.codes import CodeKind
from points.identifiers import MEMBER_MAX

Ask = Callable[[dict[str, Any]], dict[str, Any] | None]
"""The answer to a look-up: ``{m}`` or ``{}``; None without one."""


class Answered(Enum):
    """What became of a question: headquarters knows whose it is, or that it is nobody's, or did not say."""

    SOMEBODY = "somebody"
    NOBODY = "nobody"
    UNANSWERED = "unanswered"


def no_headquarters(_asked: dict[str, Any]) -> dict[str, Any] | None:
    """Of a till that asks nobody."""
    return None


class LookUp:
    """Asks whose a code is, and makes a ``contact`` when it is somebody's."""

    def __init__(self, till: Till, ask: Ask, contact: Callable[[], object]) -> None:
        self._till, self._ask, self._contact = till, ask, contact
        self._one = threading.Lock()

    def __call__(self, text: str) -> Answered:
        """What headquarters says of a scanned or typed text. It waits."""
        code = codes.recognise(text)
        if code.kind not in (CodeKind.MEMBER, CodeKind.SHORT, CodeKind.PHONE):
            return Answered.UNANSWERED
        if not self._one.acquire(blocking=False):
            return Answered.UNANSWERED
        try:
            told = self._ask(self._question(code))
            if told is None:
                return Answered.UNANSWERED
            m = told.get("m")
            if type(m) is not int or not 0 < m < MEMBER_MAX:
                return Answered.NOBODY
            self._contact()
            return Answered.SOMEBODY
        finally:
            self._one.release()

    def _question(self, code: codes.Code) -> dict[str, Any]:
        """The hash of a code; a phone is sealed to headquarters."""
        if code.kind is not CodeKind.PHONE:
            return {"who": codes.who(code.text)}
        with self._till.book.lock:
            place = next_id(self._till, self._till.time())
        box, _ = seal(self._till, place, {"phone": code.text})
        return {"id": place, "box": box.hex()}
