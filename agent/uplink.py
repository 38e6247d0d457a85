"""The way to headquarters: signed requests over HTTP, and nothing else.

The only door to httpx. A request is signed with the device key and real time; when headquarters
says that this PC's clock is off, its time is used from then on. Whatever goes wrong with the network
comes back as ``OutOfReach``; whatever headquarters refuses comes back as its problem. Nothing here
decides what to say next.

A customer waits for an authorisation, so it has one deadline for everything: names, connecting,
sending, every byte of the answer, and asking again with another clock. A library's time-out runs anew
with each byte; whoever waits here therefore waits for a thread, and no longer than the deadline.
"""

from __future__ import annotations

import math
import secrets
import ssl
import threading
import time
from collections.abc import Callable
from functools import cache
from typing import Any, Protocol, TypeVar
from urllib.parse import urlsplit

import httpx

from agent.patience import Patience
from points.wire import canonical, endpoints, hub_time, requests
from points.wire.chunk import blob_name
from points.wire.faults import Problem, WireFault
from points.wire.keys import SigningKey

ANSWER_BYTES_MAX = 64 * 1024 * 1024
AUTHORISE_MS_MAX = 800
REFUND_MS_MAX, LOOK_UP_MS_MAX = 4_000, 3_000
"""A refund waits for the till that sold, which may have to be asked first."""
BESIDE_BYTES_MAX = 512 * 1024
"""A sale's body as a text within an answer, and what is left of it."""
MIRROR_REST_S = 600
PATIENT = httpx.Timeout(30, connect=5)
RUNG_MAX = 1_000
REFUSED = ("not_enough_points", "held_elsewhere", "debt", "frozen")


Answer = TypeVar("Answer")


class OutOfReach(Exception):
    """No answer; what was asked may have been done all the same."""


class Door(Protocol):
    """Where a call goes and its answer comes from: the network, or a stick that was there and back."""

    def call(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        content_type: str | None = None,
        extra: dict[str, str] | None = None,
    ) -> bytes:
        """The bytes of a good answer. Raises ``OutOfReach`` or the ``WireFault`` that was answered."""
        ...

    def blob(self, sha: str, *, is_shared: bool) -> bytes:
        """A blob by its name; ``is_shared`` of a topic that is the same for all tills."""
        ...


class Deadline:
    """A moment after which nobody waits any more."""

    def __init__(self, ms: int, mono_s: Callable[[], float] = time.monotonic) -> None:
        self._mono_s = mono_s
        self._end_s = mono_s() + ms / 1000

    def left_s(self) -> float:
        """Seconds that are left. Raises ``OutOfReach`` when there are none."""
        left = self._end_s - self._mono_s()
        if left <= 0:
            raise OutOfReach("no answer in time")
        return left


@cache
def _authorities() -> ssl.SSLContext:
    """Who may vouch for a hub. Reading their certificates takes tens of milliseconds, hundreds on an old
    till: once in a program, and not when a customer is being authorised."""
    return httpx.create_ssl_context(trust_env=False)


def _client(timeout: httpx.Timeout | float = 5.0) -> httpx.Client:
    return httpx.Client(timeout=timeout, trust_env=False, verify=_authorities())


class Uplink:
    """Signed calls to one hub. ``connected`` False plays a cut cable without touching the network."""

    at_once = 1
    """How many batches of a backlog may be under way."""
    news_s: int | None = None
    """Within how many seconds headquarters asked for a contact, with the last ring; None: it did not."""
    patience: Patience | None = None
    """Towards headquarters, of whoever asks by itself; None asks at once."""
    mirror = ""
    """Where a static server has headquarters' shared blobs, "" for nowhere."""
    _heard_s, _failed_s, _mirror_after_s = -math.inf, -math.inf, -math.inf

    def __init__(
        self,
        hub_url: str,
        key: SigningKey,
        hub_public: bytes,
        *,
        real_s: Callable[[], float] = time.time,
        connected: bool = True,
        mono_s: Callable[[], float] = time.monotonic,
        chance: Callable[[], int] = lambda: secrets.randbits(32),
    ) -> None:
        self.hub_url = hub_url.rstrip("/")
        self.key = key
        self.hub_public = hub_public
        self.connected = connected
        self._real_s = real_s
        self._mono_s = mono_s
        self._ahead_s = 0
        self.patience = Patience(lambda: int(mono_s() * 1000), chance)
        self._client = _client(PATIENT)
        self._quick: httpx.Client | None = None
        self._held: httpx.Client | None = None

    def call(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        content_type: str | None = None,
        extra: dict[str, str] | None = None,
    ) -> bytes:
        """The bytes of a good answer; ``path`` may have a query behind a question mark.

        Raises ``OutOfReach`` or the ``WireFault`` that was answered.
        """
        return self._ask(self._client, None, method, path, body, content_type, extra or {})

    def blob(self, sha: str, *, is_shared: bool) -> bytes:
        """A blob by its name; what all tills share from the mirror, where there is one that has it.

        A mirror that does not answer, or answers with something else, is left alone for a while. Raises what
        ``call`` does.
        """
        if is_shared and self.mirror and self.connected and self._mono_s() >= self._mirror_after_s:
            raw = self._mirrored(self.mirror.rstrip("/") + endpoints.blob(sha))
            if raw is not None:
                if blob_name(raw) == sha:
                    return raw
                self._mirror_after_s = self._mono_s() + MIRROR_REST_S
        return self.call("GET", endpoints.blob(sha))

    def _mirrored(self, url: str) -> bytes | None:
        raw = bytearray()
        try:
            with self._client.stream("GET", url, timeout=PATIENT) as answer:
                if answer.status_code == 404:  # not exported yet
                    return None
                answer.raise_for_status()
                for piece in answer.iter_bytes():
                    raw += piece
                    if len(raw) > ANSWER_BYTES_MAX:
                        raise httpx.DecodingError("too large")
        except (httpx.HTTPError, httpx.InvalidURL, RuntimeError):
            self._mirror_after_s = self._mono_s() + MIRROR_REST_S
            return None
        return bytes(raw)

    def _ask(
        self,
        client: httpx.Client,
        deadline: Deadline | None,
        method: str,
        path: str,
        body: bytes | None,
        content_type: str | None,
        extra: dict[str, str],
    ) -> bytes:
        """Ask, and once more when headquarters says that this PC's clock is off."""
        headers = self._signed(method, path, body, content_type)
        try:
            return self._send(client, deadline, method, path, body, headers | extra)
        except WireFault as fault:
            if fault.problem != Problem.CLOCK_SKEW:
                raise
            told = hub_time.heard(fault.detail, headers["signature"], self.hub_public)
            self._ahead_s = told.ms // 1000 - int(self._real_s())
        headers = self._signed(method, path, body, content_type)
        return self._send(client, deadline, method, path, body, headers | extra)

    def _signed(self, method: str, path: str, body: bytes | None, content_type: str | None) -> dict[str, str]:
        at = urlsplit(self.hub_url)
        # Never before 1970: a PC that was in 2099 when it heard the time, and is set right, would sign a time
        # that headquarters cannot even read, and never hear the right one.
        created = max(0, int(self._real_s()) + self._ahead_s)
        path, _, query = path.partition("?")
        return requests.sign(self.key, method, at.netloc, at.path + path, query, body, content_type, created)

    def _send(
        self,
        client: httpx.Client,
        deadline: Deadline | None,
        method: str,
        path: str,
        body: bytes | None,
        headers: dict[str, str],
    ) -> bytes:
        if not self.connected:
            raise OutOfReach("the network is switched off")
        timeout, raw = PATIENT if deadline is None else httpx.Timeout(deadline.left_s()), bytearray()
        url = self.hub_url + path
        try:
            with client.stream(method, url, content=body, headers=headers, timeout=timeout) as answer:
                is_good = answer.status_code // 100 == 2
                for piece in answer.iter_bytes():
                    self._hear(is_good)  # also the breaths of a question that is held
                    raw += piece
                    if len(raw) > ANSWER_BYTES_MAX:
                        raise WireFault("too-large", max=ANSWER_BYTES_MAX)
        except (httpx.HTTPError, RuntimeError) as error:  # RuntimeError: closed by whoever stopped waiting
            if not client.is_closed:
                self._miss()
            raise OutOfReach(str(error)) from error
        self._hear(is_good)
        if not is_good:
            raise endpoints.read_problem(answer.status_code, bytes(raw), answer.headers.get("retry-after"))
        return bytes(raw)

    def _hear(self, is_good: bool = True) -> None:
        self._heard_s = self._mono_s()
        if is_good and self.patience is not None:
            self.patience.succeed()

    def _miss(self) -> None:
        self._failed_s = self._mono_s()
        if self.patience is not None:
            self.patience.fail()

    @property
    def may_ask(self) -> bool:
        """Whether who asks by itself may do so now."""
        return self.patience is None or self.patience.is_over

    def has_answered(self, within_s: float) -> bool:
        """Whether the last that was heard of headquarters is an answer, and not older than that."""
        lately_s = self._mono_s() - within_s
        return self.connected and self._heard_s > self._failed_s and self._heard_s >= lately_s

    def refund(self, asked: dict[str, Any]) -> dict[str, Any] | None:
        """Ask for a sale by its paper, or for lines of it to be reserved: ``{sale, m, rest, granted?}``,
        ``{asked}`` or ``{refused}``; None without an answer in time.

        What is answered after the deadline is not heard: the caller ends its intent.
        """
        return self._beside(REFUND_MS_MAX, endpoints.refunds(), asked)

    def look_up(self, asked: dict[str, Any]) -> dict[str, Any] | None:
        """Ask whose a code or a phone is: ``{m}``, or ``{}`` when it is nobody's; None without an answer in
        time."""
        return self._beside(LOOK_UP_MS_MAX, endpoints.look_ups(), asked)

    def _beside(self, ms: int, path: str, asked: dict[str, Any]) -> dict[str, Any] | None:
        """Ask by a client of its own: a customer may be authorised meanwhile."""
        deadline, body, client = Deadline(ms, self._mono_s), canonical.encode(asked), _client()

        def ask() -> dict[str, Any] | None:
            try:
                raw = self._ask(client, deadline, "POST", path, body, endpoints.JSON, {})
                return canonical.decode(raw, BESIDE_BYTES_MAX)
            except (OutOfReach, WireFault):
                return None

        try:
            return self._in_time(deadline, ask) if self.connected else None
        finally:
            client.close()

    def authorise(self, op_id: str, m: int, pts: int) -> str:
        """Ask for points under an operation's id: ``granted``, ``unreachable``, ``unanswered`` when
        headquarters answers and does not say, or a refusal's name.

        What is answered after the deadline is not heard: the caller ends its intent, and the hub releases
        what it may have reserved.
        """
        if not self.connected:
            return "unreachable"
        deadline = Deadline(AUTHORISE_MS_MAX, self._mono_s)
        said = self._in_time(deadline, lambda: self._authorise(deadline, op_id, m, pts))
        if said is None:
            stale, self._quick = self._quick, None
            if stale is not None:
                stale.close()  # else a line that drips would hold the thread for ever
        return said or "unreachable"

    @staticmethod
    def _in_time(deadline: Deadline, ask: Callable[[], Answer]) -> Answer | None:
        """What is answered before the deadline; None for what comes later, or never."""
        answers: list[Answer] = []
        asking = threading.Thread(target=lambda: answers.append(ask()), name="asking", daemon=True)
        asking.start()
        try:
            asking.join(deadline.left_s())
            deadline.left_s()
        except OutOfReach:
            return None
        return answers[0] if answers else None

    def _authorise(self, deadline: Deadline, op_id: str, m: int, pts: int) -> str:
        body = canonical.encode({"id": op_id, "m": m, "n": pts})
        client = self._quick = self._quick or _client()
        try:
            raw = self._ask(client, deadline, "POST", endpoints.authorisations(), body, endpoints.JSON, {})
            answer: dict[str, Any] = canonical.decode(raw)
        except OutOfReach:
            return "unreachable"
        except WireFault:
            return "unanswered"
        if answer.get("granted") == pts:
            return "granted"
        refused = answer.get("refused")
        return refused if refused in REFUSED else "not_enough_points"

    def rung(self) -> list[int | str]:
        """Members whose rights headquarters wants back now, and sales whose right to be refunded it asks for;
        it holds the question open for a while.

        Raises ``OutOfReach`` or the ``WireFault`` that was answered.
        """
        client = self._held = self._held or _client(PATIENT)
        raw = self._ask(client, None, "GET", endpoints.bell(), None, None, {})
        answer = canonical.decode(raw.lstrip(b" "))
        told, sales = answer.get("recall"), answer.get("sales", [])
        if not isinstance(told, list) or len(told) > RUNG_MAX or any(type(m) is not int for m in told):
            raise WireFault(Problem.MALFORMED, why="bell")
        if not isinstance(sales, list) or len(sales) > RUNG_MAX or any(type(one) is not str for one in sales):
            raise WireFault(Problem.MALFORMED, why="bell")
        if not self.connected:
            raise OutOfReach("the network was switched off meanwhile")
        news = answer.get("news")
        self.news_s = min(news, endpoints.SPREAD_S_MAX) if type(news) is int and news >= 0 else None
        return [*told, *sales]

    def reaches(self) -> bool:
        """Whether headquarters answers at all, for a doctor and a page."""
        if not self.connected:
            return False
        try:
            answer = self._client.get(self.hub_url + endpoints.LIVE, timeout=2)
        except httpx.HTTPError:
            self._miss()
            return False
        now_s, heard_s = self._mono_s(), self._heard_s
        was_silent = self._failed_s > heard_s
        if answer.status_code != 200:
            self._miss()
            return False
        self._hear()
        if was_silent and self.patience is not None:
            silent_ms = int(min(now_s - heard_s, endpoints.SPREAD_S_MAX) * 1000)
            self.patience.rest(min(silent_ms, endpoints.spread_ms(answer.content)))
        return True

    def close(self) -> None:
        """Close for good."""
        for client in (self._client, self._quick, self._held):
            if client is not None:
                client.close()


def join(hub_url: str, body: bytes) -> bytes:
    """Ask for admission; unsigned by the request profile, because the hub does not know the key yet."""
    try:
        answer = httpx.post(
            hub_url.rstrip("/") + endpoints.join(),
            content=body,
            headers={"content-type": endpoints.JOIN},
            timeout=30,
            trust_env=False,
            verify=_authorities(),
        )
    except httpx.HTTPError as error:
        raise OutOfReach(str(error)) from error
    if answer.status_code // 100 != 2:
        raise endpoints.read_problem(answer.status_code, answer.content)
    return answer.content
