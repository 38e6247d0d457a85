"""The way to headquarters: signed requests over HTTP, and nothing else.

The only door to httpx. A request is signed with the device key and real time; when headquarters
says that this PC's clock is off, its time is used from then on. Whatever goes wrong with the network
comes back as ``Unreachable``; whatever headquarters refuses comes back as its problem. Nothing here
decides what to say next.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import httpx

from points.wire import canonical, endpoints, hub_time, requests
from points.wire.faults import Problem, WireFault
from points.wire.keys import SigningKey

ANSWER_BYTES_MAX = 64 * 1024 * 1024
AUTHORISE_MS_MAX = 800


class OutOfReach(Exception):
    """No answer; what was asked may have been done all the same."""


class Uplink:
    """Signed calls to one hub. ``connected`` False plays a cut cable without touching the network."""

    def __init__(
        self,
        hub_url: str,
        key: SigningKey,
        hub_public: bytes,
        *,
        real_s: Callable[[], float] = time.time,
        connected: bool = True,
    ) -> None:
        self.hub_url = hub_url.rstrip("/")
        self.key = key
        self.hub_public = hub_public
        self.connected = connected
        self.bytes_sent = self.bytes_heard = self.requests = 0
        self._real_s = real_s
        self._ahead_s = 0
        self._signature = ""
        self._client = httpx.Client(timeout=httpx.Timeout(30, connect=5), trust_env=False)

    def call(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        content_type: str | None = None,
        extra: dict[str, str] | None = None,
        timeout_s: float = 30,
    ) -> bytes:
        """The bytes of a good answer. Raises ``OutOfReach`` or the ``WireFault`` that was answered."""
        try:
            return self._once(method, path, body, content_type, extra, timeout_s)
        except WireFault as fault:
            if fault.problem != Problem.CLOCK_SKEW:
                raise
            told = hub_time.heard(fault.detail, self._signature, self.hub_public)
            self._ahead_s = told.ms // 1000 - int(self._real_s())
        return self._once(method, path, body, content_type, extra, timeout_s)

    def _once(
        self,
        method: str,
        path: str,
        body: bytes | None,
        content_type: str | None,
        extra: dict[str, str] | None,
        timeout_s: float,
    ) -> bytes:
        if not self.connected:
            raise OutOfReach("the network is switched off")
        at = urlsplit(self.hub_url)
        created = int(self._real_s()) + self._ahead_s
        headers = requests.sign(self.key, method, at.netloc, at.path + path, "", body, content_type, created)
        self._signature = headers["signature"]
        headers |= extra or {}
        try:
            answer = self._client.request(
                method, self.hub_url + path, content=body, headers=headers, timeout=timeout_s
            )
        except httpx.HTTPError as error:
            raise OutOfReach(str(error)) from error
        self.requests += 1
        self.bytes_sent += len(body or b"")
        self.bytes_heard += len(answer.content)
        if answer.status_code // 100 != 2:
            raise endpoints.read_problem(
                answer.status_code, answer.content, answer.headers.get("retry-after")
            )
        if len(answer.content) > ANSWER_BYTES_MAX:
            raise WireFault("too-large", max=ANSWER_BYTES_MAX)
        return answer.content

    def authorise(self, op_id: str, m: int, pts: int) -> str:
        """Ask for points under an operation's id: ``granted``, ``unreachable`` or a refusal's name."""
        body = canonical.encode({"id": op_id, "m": m, "n": pts})
        try:
            raw = self.call(
                "POST", endpoints.authorisations(), body, endpoints.JSON, timeout_s=AUTHORISE_MS_MAX / 1000
            )
            answer: dict[str, Any] = canonical.decode(raw)
        except (OutOfReach, WireFault):
            return "unreachable"
        if answer.get("granted") == pts:
            return "granted"
        refused = answer.get("refused")
        return refused if refused in ("not_enough_points", "debt", "frozen") else "not_enough_points"

    def reaches(self) -> bool:
        """Whether headquarters answers at all, for a doctor and a page."""
        if not self.connected:
            return False
        try:
            return self._client.get(self.hub_url + "/health/live", timeout=2).status_code == 200
        except httpx.HTTPError:
            return False

    def close(self) -> None:
        """Close for good."""
        self._client.close()


def join(hub_url: str, body: bytes) -> bytes:
    """Ask for admission; unsigned by the request profile, because the hub does not know the key yet."""
    try:
        answer = httpx.post(
            hub_url.rstrip("/") + endpoints.join(),
            content=body,
            headers={"content-type": endpoints.JOIN},
            timeout=30,
            trust_env=False,
        )
    except httpx.HTTPError as error:
        raise OutOfReach(str(error)) from error
    if answer.status_code // 100 != 2:
        raise endpoints.read_problem(answer.status_code, answer.content)
    return answer.content
