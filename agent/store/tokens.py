"""What members' tokens told here, one row a member, until it is out of date. Nothing in it is a right."""

from __future__ import annotations

from dataclasses import astuple, dataclass

from agent.journal.database import Book
from config.sqlite import Connection
from points.days import NEVER
from points.identifiers import HUB_STORE
from points.members import MemberRow

KEPT_MAX = 10_000
"""Members; beyond it the one that was shown longest ago is forgotten."""


@dataclass(frozen=True, slots=True)
class Shown:
    """Headquarters' word of a member at ``issued_ms``, good until ``expires_ms``, as a token told it.

    ``row`` is the version of the member's row; ``shown_ms`` the store time at which it was last shown here.
    """

    m: int
    row: int
    tier: int
    points: int
    debt: int
    issued_ms: int
    expires_ms: int
    shown_ms: int

    @property
    def age(self) -> tuple[int, int]:
        """Of two words of a member, the one with the higher pair is the newer."""
        return self.row, self.issued_ms


def every(book: Book) -> dict[int, Shown]:
    """What is held, by member."""
    rows = book.rows("SELECT m, row, tier, points, debt, issued_ms, expires_ms, shown_ms FROM tokens")
    return {row[0]: Shown(*row) for row in rows}


def keep(turn: Connection, told: Shown) -> None:
    """Take one in the place of the member's last; what is out of date by then is forgotten."""
    turn.execute("DELETE FROM tokens WHERE expires_ms <= ?", (told.shown_ms,))
    turn.execute(
        "INSERT INTO tokens (m, row, tier, points, debt, issued_ms, expires_ms, shown_ms)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (m) DO UPDATE SET row = excluded.row,"
        " tier = excluded.tier, points = excluded.points, debt = excluded.debt,"
        " issued_ms = excluded.issued_ms, expires_ms = excluded.expires_ms, shown_ms = excluded.shown_ms",
        astuple(told),
    )
    turn.execute(
        "DELETE FROM tokens WHERE m IN (SELECT m FROM tokens ORDER BY shown_ms DESC, m LIMIT -1 OFFSET ?)",
        (KEPT_MAX,),
    )


def row_of(told: Shown, row: MemberRow | None) -> MemberRow:
    """A token in the form of a member row, with the name of an older row; its points are one endless lot.

    It has no ``raw``: headquarters wrote no such row.
    """
    return MemberRow(
        raw=(),
        m=told.m,
        ver=told.row,
        status="active",
        tier=told.tier,
        tier_pts=row.tier_pts if row else 0,
        name_masked=row.name_masked if row else "",
        tail=row.tail if row else "",
        debt=told.debt,
        lots=[["token", told.points, 0, NEVER, 0, HUB_STORE]] if told.points else [],
        day=row.day if row else (0, 0),
    )
