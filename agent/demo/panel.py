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

PAGE = Path(__file__).with_name("panel.html")
BODY_BYTES_MAX = 4096


class Panel:
    """Serves the panel of some stores until it is stopped."""

    def __init__(
        self,
        stores: Mapping[str, DemoStore],
        members: list[SampleMember],
        console_link: Callable[[], str],
        port: int = 0,
    ) -> None:
        self.stores = stores
        self.members = members
        self.console_link = console_link
        self.phones = Phones(console_link)
        self.token = secrets.token_urlsafe(12)
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        """Where the panel is."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/{self.token}/"

    @property
    def host(self) -> str:
        """The Host that a request must name."""
        return f"127.0.0.1:{self._server.server_address[1]}"

    def start(self) -> None:
        """Serve."""
        self._thread.start()

    def stop(self) -> None:
        """Stop serving."""
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
            size = int(self.headers.get("content-length") or 0)
            if self._place() != "press" or size > BODY_BYTES_MAX:
                self._answer(404, "text/plain", b"not here")
                return
            asked = json.loads(self.rfile.read(size))
            try:
                panel.press(asked["store"], asked["button"], str(asked.get("text", "")))
            except (KeyError, ValueError, OSError):
                self._answer(400, "text/plain", b"no such button")
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
