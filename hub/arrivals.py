"""The one counter of everything that arrives or changes at headquarters.

Batches are numbered for the feeds in this order, and members carry the number of their last change. It
only rises, so what changes after a publication always carries a number that was not published.
"""

from __future__ import annotations

from hub.store.engine import Turn


def next_arrival(turn: Turn) -> int:
    """The next number."""
    row = turn.one(
        "INSERT INTO settings (name, value) VALUES ('arrived', '1')"
        " ON CONFLICT (name) DO UPDATE SET value = CAST(CAST(settings.value AS bigint) + 1 AS text)"
        " RETURNING value"
    )
    assert row is not None
    return int(row[0])
