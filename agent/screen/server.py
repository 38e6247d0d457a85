"""The page's HTTP server: on this PC only, in a thread of its own, with a start and an end that are known."""

from __future__ import annotations

import socket
import threading

import uvicorn

from agent.screen.events import Events
from agent.screen.guard import App
from config.faults import Fault

LOOPBACK = "127.0.0.1"
END_S = 3


class Server:
    """Serves one application at a port of 127.0.0.1. ``port`` 0 takes any free one."""

    def __init__(self, port: int) -> None:
        try:
            self._socket = socket.create_server((LOOPBACK, port))
        except OSError as error:
            raise Fault("fault.page_port", f"the page's port {port} is taken: {error}", port=port) from error
        self.port: int = self._socket.getsockname()[1]
        self._server: uvicorn.Server | None = None
        self._events: Events | None = None
        self._thread: threading.Thread | None = None

    def start(self, app: App, events: Events) -> None:
        """Begin to answer; a request made from now on is answered."""
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,  # a path may name a member
            lifespan="off",
            server_header=False,
            timeout_graceful_shutdown=END_S,
            h11_max_incomplete_event_size=16 * 1024,
            http="h11",
            ws="none",
        )
        self._server = uvicorn.Server(config)
        self._events = events
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, name="screen", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """End every stream, then the server."""
        if self._events is not None:
            self._events.close()
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join(timeout=END_S + 2)
        self._socket.close()
