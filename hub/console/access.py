"""Who may look: a link that is good once, then a session; and what every answer of the console carries.

The link's key is printed by whoever starts the hub or asks for one; the database keeps only hashes.
A form carries a word that belongs to its session, and comes from the console's own origin. Nothing is
loaded from elsewhere, nothing runs: the pages have no script at all.
"""

from __future__ import annotations

import hmac
import secrets
from hashlib import sha256

from hub.store.engine import Turn

LINK_MS = 3_600_000
SESSION_MS = 12 * 3_600_000
COOKIE = "jifen-console"
HEADERS = {
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self';"
        " frame-ancestors 'none'; base-uri 'none'"
    ),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",  # with none at all a browser says `Origin: null` of our own form
    "cache-control": "no-store",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=()",
}


def make_link_key(turn: Turn, now_ms: int) -> str:
    """A fresh key for one opening of the console within the hour."""
    return _keep(turn, "link", now_ms + LINK_MS)


def open_session(turn: Turn, key: str, now_ms: int) -> str | None:
    """A session for a link's key, which is used up by it; None if it is spent, old or made up."""
    name = _name("link", key)
    row = turn.one("DELETE FROM settings WHERE name = ? RETURNING value", (name,))
    if row is None or int(row[0]) < now_ms:
        return None
    return _keep(turn, "session", now_ms + SESSION_MS)


def is_open(look: Turn, session: str, now_ms: int) -> bool:
    """Whether a session is known and not over."""
    row = look.one("SELECT value FROM settings WHERE name = ?", (_name("session", session),))
    return row is not None and int(row[0]) >= now_ms


def forget_old(turn: Turn, now_ms: int) -> None:
    """Remove links and sessions that are over."""
    for kind in ("link", "session"):
        for name, until in turn.run("SELECT name, value FROM settings WHERE name LIKE ?", (f"{kind}:%",)):
            if int(until) < now_ms:
                turn.run("DELETE FROM settings WHERE name = ?", (name,))


def word_of(session: str) -> str:
    """The word that a form of this session carries."""
    return hmac.digest(session.encode(), b"jifen/console-form/1", "sha256").hex()


def is_word_of(session: str, word: str) -> bool:
    """Whether a form's word belongs to this session."""
    return hmac.compare_digest(word_of(session).encode(), word.encode())


def _keep(turn: Turn, kind: str, until_ms: int) -> str:
    key = secrets.token_urlsafe(24)
    turn.run("INSERT INTO settings (name, value) VALUES (?, ?)", (_name(kind, key), str(until_ms)))
    return key


def _name(kind: str, key: str) -> str:
    return f"{kind}:{sha256(key.encode()).hexdigest()}"
