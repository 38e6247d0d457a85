"""A member's code as headquarters keeps it: sealed, and opened only for the till that gives it out."""

from __future__ import annotations

from hub.office import Office
from points.wire import keys


def seal_code(office: Office, m: int, code: str) -> bytes:
    """The bytes that lie in the database."""
    return keys.seal_blob(office.keys.data, "code", str(m), code.encode())


def open_code(office: Office, m: int, sealed: bytes) -> str:
    """The code again. Raises ``Integrity`` for bytes that are not this member's."""
    return keys.open_blob(office.keys.data, "code", str(m), sealed).decode()
