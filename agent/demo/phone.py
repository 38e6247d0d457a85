"""Members' phones in the demo: what a mini-programme would show, fetched from headquarters as it is shown.

The demo has no mini-programme, so the same digits are read off headquarters' page of the member by HTTP,
with a session like a person's. A phone has a network of its own: it is asked whatever the store's line is.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from http.cookiejar import CookieJar
from urllib.error import HTTPError
from urllib.request import HTTPCookieProcessor, ProxyHandler, build_opener

DIGITS = re.compile(r'id="token">([0-9]+)<')
ANSWER_S_MAX = 10
PAGE_BYTES_MAX = 1 << 20


class Phones:
    """Shows any member's token. ``console_link`` gives a link that opens headquarters' pages once."""

    def __init__(self, console_link: Callable[[], str]) -> None:
        self._console_link = console_link
        self._open = build_opener(ProxyHandler({}), HTTPCookieProcessor(CookieJar())).open
        self._origin = ""
        self._one = threading.Lock()

    def show(self, m: int) -> str:
        """The digits on a member's phone. Raises KeyError for who has none, OSError when nobody answers."""
        with self._one:
            found = DIGITS.search(self._page(m))
        if found is None:
            raise KeyError(m)
        return found[1]

    def _page(self, m: int) -> str:
        for is_fresh in (False, True):
            if is_fresh or not self._origin:
                link = self._console_link()
                self._origin = link.partition("/console/")[0]
                self._read(link)
            try:
                return self._read(f"{self._origin}/console/members/{m}")
            except HTTPError as error:
                if error.code != 401 or is_fresh:  # 401: the session is over
                    raise KeyError(m) from error
        raise KeyError(m)

    def _read(self, url: str) -> str:
        with self._open(url, timeout=ANSWER_S_MAX) as answer:
            text: bytes = answer.read(PAGE_BYTES_MAX)
            return text.decode("utf-8")
