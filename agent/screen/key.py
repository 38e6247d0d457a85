"""The page's key: made once a boot, kept where the counter's own user may read it, never in a URL's path.

A browser gets in by a one-use code that travels in the fragment of the page's address, which is never
sent to a server nor written to its log. It is exchanged for a cookie that scripts cannot read and a
word that each act must carry. A point of sale reads the word from the same file. The key outlives a
restart of the program, so a page that was open goes on; it does not outlive the boot of the PC.
"""

from __future__ import annotations

import hmac
import json
import os
import secrets
import threading
from hashlib import sha256
from pathlib import Path

FILE = "page.json"


class PageKey:
    """The key of one page server at ``port``; ``folder`` holds its file."""

    def __init__(self, folder: Path, port: int, boot: str) -> None:
        self.path = folder / FILE
        self.port = port
        self._boot = boot
        self._lock = threading.Lock()
        self._secret = self._kept() or secrets.token_bytes(32)
        self.cookie_name = f"jifen_{port}"  # cookies know no ports: two tills on one PC must not mix
        self.cookie = self._derived("cookie")
        self.word = self._derived("word")
        self._code = ""
        self._new_code()

    def _derived(self, use: str) -> str:
        return hmac.new(self._secret, use.encode(), sha256).hexdigest()

    def _kept(self) -> bytes | None:
        try:
            kept = json.loads(self.path.read_bytes())
            return bytes.fromhex(kept["secret"]) if kept["boot"] == self._boot else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    @property
    def url(self) -> str:
        """The page's address with a code that opens it once."""
        return f"http://127.0.0.1:{self.port}/#{self._code}"

    def _new_code(self) -> None:
        self._code = secrets.token_urlsafe(16)
        told = {"boot": self._boot, "secret": self._secret.hex(), "url": self.url, "word": self.word}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        beside = self.path.with_suffix(".new")
        file = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o640)
        try:
            os.fchmod(file, 0o640)  # a service's mask leaves a new file to its owner alone
            os.write(file, json.dumps(told).encode())
        finally:
            os.close(file)
        beside.rename(self.path)

    def opens(self, code: str) -> bool:
        """Whether this is the code; it opens once, and the next one takes its place."""
        with self._lock:
            if not code or not _same(code, self._code):
                return False
            self._new_code()
            return True

    def is_cookie(self, value: str) -> bool:
        """Whether this is the cookie that was given."""
        return _same(value, self.cookie)

    def is_word(self, value: str) -> bool:
        """Whether this is the word that an act must carry."""
        return _same(value, self.word)


def _same(told: str, kept: str) -> bool:
    """In constant time, and of any text that can be sent."""
    return hmac.compare_digest(told.encode(errors="surrogatepass"), kept.encode())
