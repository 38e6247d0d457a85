"""Who may talk to this page: decided before anything is routed, read or parsed.

In this order: a Host that is this PC and this port, exactly once (a name that was re-bound to 127.0.0.1
is not); a request that no other site made, where a missing Origin proves nothing; the cookie for what
is read, the word for what is done; JSON only, and little of it. There are no CORS headers at all. A
navigation to the bare page is let through from anywhere, because that page holds nothing.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any

from agent.screen.key import PageKey
from config.faults import whereabouts

log = logging.getLogger(__name__)

BODY_BYTES_MAX = 64 * 1024
WORD_HEADER = b"x-jifen-word"
OPEN = frozenset({"/", "/favicon.ico"})
UNLOCK = "/api/session"
HEADERS = (
    (b"content-security-policy",
     b"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
     b"frame-ancestors 'none'; base-uri 'none'; form-action 'none'"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=(), payment=(), usb=(), serial=()"),
)  # fmt: skip

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class Refused(Exception):
    """A request that goes no further, with the status it is answered by."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


class Guard:
    """The ASGI application in front of the page's own."""

    def __init__(self, app: App, key: PageKey) -> None:
        self.app = app
        self.key = key
        self.hosts = {f"{host}:{key.port}".encode() for host in ("127.0.0.1", "localhost", "[::1]")}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it here."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            return  # no websockets: the connection is closed unanswered
        try:
            self.judge(scope)
            body = await self._body(scope, receive)
        except Refused as refused:
            await self._answer(send, refused)
            return
        try:
            await self.app(scope, _replay(body, receive), _dressed(send))
        except Exception as error:  # it was answered with a 500; the server would write its message down
            log.error("a request could not be answered: %s", whereabouts(error))

    def judge(self, scope: Scope) -> None:
        """Raises ``Refused`` unless the request is the page's own."""
        headers: list[tuple[bytes, bytes]] = scope["headers"]
        host = self._one(headers, b"host", 421)
        path, method = scope["path"], scope["method"]
        if host not in self.hosts or not path.startswith("/"):
            raise Refused(421, "this server is for its own page only")
        if method not in ("GET", "HEAD", "POST"):
            raise Refused(405, "GET, HEAD or POST")
        origin = self._one(headers, b"origin", 403, absent=b"")
        site = self._one(headers, b"sec-fetch-site", 403, absent=b"")
        if origin and origin != b"http://" + host:
            raise Refused(403, "another site's request")
        if site not in (b"", b"same-origin", b"none") and not _only_opens_the_page(scope, headers):
            raise Refused(403, "another site's request")
        if method == "POST":
            self._judge_act(path, headers)
        elif path.startswith("/api/") and not self._has_cookie(headers):
            raise Refused(401, "open the page by its own address first")

    def _judge_act(self, path: str, headers: list[tuple[bytes, bytes]]) -> None:
        content = self._one(headers, b"content-type", 415, absent=b"")
        if content.split(b";")[0].strip().lower() != b"application/json":
            raise Refused(415, "JSON only")
        word = self._one(headers, WORD_HEADER, 401, absent=b"").decode("latin-1")
        if path != UNLOCK and not self.key.is_word(word):
            raise Refused(401, "an act carries the page's word")

    def _has_cookie(self, headers: list[tuple[bytes, bytes]]) -> bool:
        try:
            jar = SimpleCookie(self._one(headers, b"cookie", 400, absent=b"").decode("latin-1"))
        except CookieError:
            return False
        kept = jar.get(self.key.cookie_name)
        return kept is not None and self.key.is_cookie(kept.value)

    @staticmethod
    def _one(
        headers: list[tuple[bytes, bytes]], name: bytes, status: int, absent: bytes | None = None
    ) -> bytes:
        found = [value for key, value in headers if key == name]
        if len(found) > 1 or (not found and absent is None):
            raise Refused(status, f"{name.decode()} must stand once")
        return found[0] if found else absent or b""

    @staticmethod
    async def _body(scope: Scope, receive: Receive) -> bytes:
        """The whole body; counted while it comes, because a length that is told may be a lie."""
        body: bytes = b""
        if scope["method"] != "POST":
            return body
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise Refused(400, "the request was cut off")
            piece: bytes = message.get("body", b"")
            body += piece
            if len(body) > BODY_BYTES_MAX:
                raise Refused(413, f"at most {BODY_BYTES_MAX} bytes")
            if not message.get("more_body"):
                return body

    @staticmethod
    async def _answer(send: Send, refused: Refused) -> None:
        said = json.dumps({"refused": str(refused)}).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(said)).encode())]
        await send({"type": "http.response.start", "status": refused.status, "headers": [*headers, *HEADERS]})
        await send({"type": "http.response.body", "body": said})


def _only_opens_the_page(scope: Scope, headers: list[tuple[bytes, bytes]]) -> bool:
    told = dict(headers)
    return (
        scope["method"] == "GET"
        and scope["path"] in OPEN
        and told.get(b"sec-fetch-mode") == b"navigate"
        and told.get(b"sec-fetch-dest") == b"document"
    )


def _replay(body: bytes, receive: Receive) -> Receive:
    told = False

    async def once() -> Message:
        nonlocal told
        if told:
            return await receive()
        told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return once


def _dressed(send: Send) -> Send:
    async def dressed(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", []), *HEADERS]
        await send(message)

    return dressed
