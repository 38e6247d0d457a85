"""The secrets that blobs of the feed are sealed with, as a till heard them: on its page, or at admission."""

from __future__ import annotations

from collections.abc import Mapping

from agent.store import feeds
from agent.till import Till
from config.sqlite import Connection
from points.wire.faults import Malformed, UnknownKey
from points.wire.keys import kid_of

SECRET = "shard-secret:"
"""Begins the name of the fact that keeps a secret; its kid follows."""


def keep_secret(turn: Connection, kid: str, secret: str) -> None:
    """A secret was told; what was sealed with it stays readable."""
    feeds.keep_fact(turn, SECRET + kid, secret)


def secret_of(till: Till, kid: str, heard: Mapping[str, str]) -> bytes:
    """A secret: from the page that comes with it (``heard``, kid -> hex), from an earlier one, or from the
    admission. Raises ``UnknownKey``."""
    kept = heard.get(kid) or feeds.fact(till.book, SECRET + kid)
    if kept is None and kid == kid_of(till.identity.shard_key):
        return till.identity.shard_key
    if kept is None:
        raise UnknownKey(kid=kid)
    try:
        return bytes.fromhex(kept)
    except ValueError as error:
        raise Malformed(why="private row") from error
