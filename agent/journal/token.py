"""The continuation token, beside the key: what headquarters told this till to show with its next hello.

It is not in the database, because a database that was put back is healed from the second file; a copy of the
whole disk shows a token that was used. A token that cannot be kept or read costs nothing: headquarters takes
the last but one again, and believes a till that has none.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path

from points.wire.fields import is_hex
from points.wire.hello import TOKEN_BYTES

log = logging.getLogger(__name__)


class TokenFile:
    """One small file, written in place: a token torn by a power cut is none that headquarters made."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> str | None:
        """The token that is kept, None for none."""
        try:
            text = self.path.read_text("ascii")
        except (OSError, ValueError):
            return None
        return text if is_hex(text, TOKEN_BYTES) else None

    def keep(self, token: str) -> None:
        """Keep a token, synced."""
        if token == self.read():
            return
        try:
            file = os.open(self.path, os.O_WRONLY | os.O_CREAT, 0o600)
            try:
                os.pwrite(file, token.encode("ascii"), 0)
                os.fdatasync(file)
            finally:
                os.close(file)
        except OSError as error:
            log.warning("the continuation token was not kept: %s", error)
