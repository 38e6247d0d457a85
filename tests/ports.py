"""A port that nobody listens on, so that runs beside each other do not meet."""

from __future__ import annotations

import socket


def free_port() -> int:
    """A port of this machine that was free a moment ago."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
