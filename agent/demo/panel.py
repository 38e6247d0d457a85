"""The demo's panel: one page with the hands of the world, on loopback, with a token in its address.

It uses the standard library's server, because it is a toy beside the product and must not look like
one of its doors.
"""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from agent.demo.phone import Phones
from agent.demo.stores import DemoStore, SampleMember
from config.faults import Fault

PAGE = Path(__file__).with_name("panel.html")
BODY_BYTES_MAX = 4096
NO_BUTTON = "没有这个按钮 · no such button".encode()


class Panel:
    """Holds its port from the beginning, and serves the panel of some stores from ``start`` until ``stop``.

    Raises a Fault when the port cannot be had.
    """

    stores: Mapping[str, DemoStore]
    members: list[SampleMember]
    console_link: Callable[[], str]
    phones: Phones

    def __init__(self, port: int = 0) -> None:
        self.token = secrets.token_urlsafe(12)
        try:
            self._server = ThreadingHTTPServer(("127.0.0.1", port), _handler(self))
        except OSError as error:
            reason = error.strerror or "?"
            raise Fault("fault.panel_port", f"port {port}: {reason}", port=port, reason=reason) from error
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        """Where the panel is."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/{self.token}/"

    @property
    def host(self) -> str:
        """The Host that a request must name."""
        return f"127.0.0.1:{self._server.server_address[1]}"

    def start(
        self, stores: Mapping[str, DemoStore], members: list[SampleMember], console_link: Callable[[], str]
    ) -> None:
        """Serve."""
        self.stores, self.members, self.console_link = stores, members, console_link
        self.phones = Phones(console_link)
        self._thread.start()

    def stop(self) -> None:
        """Stop serving; the port is free again."""
        if self._thread.is_alive():
            self._server.shutdown()
        self._server.server_close()

    def press(self, store: str, button: str, text: str) -> None:
        """What a button means: ``phone`` scans what the phone of the member ``text`` shows at this moment."""
        if button == "phone":
            button, text = "scan", self.phones.show(int(text))
        self.stores[store].press(button, text)

    def state(self) -> dict[str, Any]:
        """Everything the page shows."""
        return {
            "stores": [store.state() for store in self.stores.values()],
            "members": [
                {
                    "m": member.m,
                    "name": member.name,
                    "phone": member.phone,
                    "code": member.code,
                    "store": member.store,
                }
                for member in self.members
            ],
            "console": "console",
        }


def _pressed(body: bytes) -> tuple[str, str, str]:
    """(store, button, text) of a body. Raises ValueError or KeyError for anything else."""
    asked = json.loads(body)
    if not isinstance(asked, dict) or not all(isinstance(asked[key], str) for key in ("store", "button")):
        raise ValueError("not a button")
    return asked["store"], asked["button"], str(asked.get("text", ""))


def _handler(panel: Panel) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """One request of the panel's page."""

        def do_GET(self) -> None:
            """The page, the state, or a store's roll of paper."""
            place = self._place()
            if place == "":
                self._answer(200, "text/html; charset=utf-8", PAGE.read_bytes())
            elif place == "console":  # a link opens headquarters' pages once, so every click asks for its own
                self.send_response(302)
                self.send_header("location", panel.console_link())
                self.send_header("content-length", "0")
                self.end_headers()
            elif place == "state":
                self._answer(200, "application/json", json.dumps(panel.state()).encode())
            elif place is not None and place.startswith("roll/") and place[5:].split("?")[0] in panel.stores:
                roll = panel.stores[place[5:].split("?")[0]].printer.roll_png()
                self._answer(200, "image/png", roll)
            else:
                self._answer(404, "text/plain", b"not here")

        def do_POST(self) -> None:
            """A button."""
            length = self.headers.get("content-length", "0")
            size = int(length) if length.isascii() and length.isdigit() else -1
            if self._place() != "press" or size > BODY_BYTES_MAX:
                self._answer(404, "text/plain", b"not here")
                return
            try:
                panel.press(*_pressed(self.rfile.read(max(size, 0))))
            except (KeyError, ValueError, OSError, RecursionError):  # the last: brackets in brackets
                self._answer(400, "text/plain; charset=utf-8", NO_BUTTON)
                return
            self._answer(200, "application/json", b"{}")

        def _place(self) -> str | None:
            """The path behind the token, if this request may be answered at all."""
            prefix = f"/{panel.token}/"
            if self.headers.get("host") != panel.host or not self.path.startswith(prefix):
                return None
            return self.path[len(prefix) :]

        def _answer(self, status: int, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body)))
            self.send_header("cache-control", "no-store")
            self.send_header("x-content-type-options", "nosniff")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_words: object) -> None:
            """Say nothing; codes are in the addresses' bodies and belong in no log."""

    return Handler
