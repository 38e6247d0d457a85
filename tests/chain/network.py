"""The network of a pretend chain: it loses, doubles, delays, tears and flips, and lies down in parts.

``Wire`` is the product's own uplink up to the moment when bytes leave the PC. What arrives arrives at the
real doors. A copy of a batch or of a question may arrive days later, when its sender has long forgotten it;
its answer is heard by nobody. What protects a connection on the way (TLS) is taken to work where a message is
not signed itself: such messages are lost or late, and never changed.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from agent.uplink import AUTHORISE_MS_MAX, Deadline, OutOfReach, Uplink
from points.wire.faults import WireFault
from tests.chain.disk import Killed
from tests.chain.head_office import HUB_URL, HeadOffice
from tests.chain.pc import Pc
from tests.chain.plan import Weather

AUTHORISE = "/v1/authorisations"


@dataclass(slots=True)
class Storm:
    """The weather of this moment; ``is_calm`` is the second phase, when all is well again."""

    weather: Weather
    chance: random.Random
    mark: Callable[[str], None]
    later: Callable[[int, str, bytes, dict[str, str]], None]
    """A copy that arrives after so many ms: path, body, headers."""
    is_calm: bool = False
    cuts: dict[str, str] = field(default_factory=dict)
    """By store: "both" when nothing goes through, "down" when no answer comes back."""
    store_cuts: set[str] = field(default_factory=set)
    """Stores whose own network, from till to till, is down."""

    def calm_down(self) -> None:
        """All is well again."""
        self.is_calm = True
        self.cuts.clear()
        self.store_cuts.clear()

    def happens(self, often: float) -> bool:
        """Whether something happens that happens so often."""
        return bool(often) and not self.is_calm and self.chance.random() < often

    def damaged(self, raw: bytes) -> bytes:
        """The same bytes torn or flipped."""
        if not raw:
            return raw
        if self.chance.random() < 0.5:
            return raw[: self.chance.randrange(len(raw))]
        at, bit = self.chance.randrange(len(raw)), self.chance.randrange(8)
        return raw[:at] + bytes([raw[at] ^ 1 << bit]) + raw[at + 1 :]


class Wire(Uplink):
    """A PC's way to headquarters, real up to the cable."""

    def __init__(self, pc: Pc, hub: HeadOffice, storm: Storm) -> None:
        identity = pc.identity
        self.hub_url, self.key, self.hub_public = HUB_URL, identity.key, identity.hub_receipt_public
        self.connected = True
        self._real_s = lambda: pc.clock.now().wall_ms / 1000
        self._mono_s = lambda: 0.0
        self._ahead_s = 0
        self._client = self._quick = self  # type: ignore[assignment]
        self.pc, self.hub, self.storm = pc, hub, storm
        self.is_unplugged = False
        self.kill = ""
        """Where the next request kills the program: "before" it leaves, or "after" it was answered."""

    @property
    def cut(self) -> str:
        """How this PC's way to headquarters is cut."""
        return "both" if self.is_unplugged else self.storm.cuts.get(self.pc.name[0], "")

    def _signed(self, method: str, path: str, body: bytes | None, content_type: str | None) -> dict[str, str]:
        if self.hub.signed:
            headers = super()._signed(method, path, body, content_type)
            return headers | {"host": HUB_URL.partition("//")[2]}
        return {"kid": self.key.kid, "signature": ""}

    def _send(
        self,
        client: Any,
        deadline: Deadline | None,
        method: str,
        path: str,
        body: bytes | None,
        headers: dict[str, str],
    ) -> bytes:
        storm, sent, mark = self.storm, body or b"", self.storm.mark
        asks = path == AUTHORISE
        if self.kill == "before":
            self.kill = ""
            mark("kill before asking")
            raise Killed
        if self.cut == "both" or not self.hub.is_up:
            if asks:
                mark("authorisation in outage")
            raise OutOfReach
        weather = storm.weather
        if storm.happens(weather.lose_request):
            mark("authorisation question lost" if asks else "request lost")
            raise OutOfReach
        if method == "POST" and storm.happens(weather.late):
            storm.later(storm.chance.randrange(weather.late_ms_max) + 1, path, sent, headers)
            if storm.chance.random() < 0.5:  # delayed, not doubled
                raise OutOfReach
        if storm.happens(weather.damage) and body and not asks:
            mark("request torn or flipped")
            sent = storm.damaged(sent)
        answer = self._ask_hub(method, path, sent, headers)
        if storm.happens(weather.double):
            mark("request doubled")
            answer = self._ask_hub(method, path, sent, headers)
        if self.kill == "after":
            self.kill = ""
            mark("kill before hearing")
            raise Killed
        lost = storm.happens(weather.lose_answer) or (asks and storm.happens(3 * weather.lose_answer))
        if self.cut == "down" or lost:
            mark("authorisation answer lost" if asks else "answer lost")
            raise OutOfReach
        if isinstance(answer, WireFault):
            raise answer
        if storm.happens(weather.damage) and not asks:
            mark("answer torn or flipped")
            return storm.damaged(answer)
        return answer

    def _ask_hub(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> bytes | WireFault:
        try:
            return self.hub.answer(method, path, body, headers)
        except WireFault as fault:
            return fault

    def authorise(self, op_id: str, m: int, pts: int) -> str:
        """As the product asks, in no time: an answer that is late is one that is lost."""
        said = self._authorise(Deadline(AUTHORISE_MS_MAX, self._mono_s), op_id, m, pts)
        if said not in ("granted", "unreachable"):
            self.storm.mark("authorisation refused")
        return said

    def reaches(self) -> bool:
        """Whether headquarters seems to answer."""
        return (
            self.cut != "both" and self.hub.is_up and not self.storm.happens(self.storm.weather.lose_request)
        )

    def close(self) -> None:
        """There is nothing to close."""
