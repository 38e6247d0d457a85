"""What a program can read of what headquarters tells: a till says it with its hello.

    speaks: {reads: [oldest, newest], lacks: [rule…]}     in `x` of a question; both arrays may grow

`reads` are the forms of editions (`schema` of a manifest) that the program understands, `lacks` the critical
rules of the newest book that it does not, for which it spends no points until it is updated. A program that
says nothing of it reads the first form and lacks nothing: it is older than this.
It refuses to know what is done about it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from points.wire.faults import Malformed
from points.wire.fields import AGENT_CHARS_MAX, U16_MAX, Fields

FORM = 1
"""The newest form of an edition; a later one is published beside the one before it for half a year."""
LACKS_MAX = 32


@dataclass(frozen=True, slots=True)
class Dialect:
    """The oldest and the newest form that are read, and critical rules that are not understood."""

    oldest: int = FORM
    newest: int = FORM
    lacks: tuple[str, ...] = ()

    def common(self, other: Dialect) -> int | None:
        """The newest form that both know; None for none."""
        newest = min(self.newest, other.newest)
        return newest if newest >= max(self.oldest, other.oldest) else None


def tell(dialect: Dialect) -> dict[str, Any]:
    """As a question says it."""
    return {"reads": [dialect.oldest, dialect.newest], "lacks": list(dialect.lacks)}


def read(fields: Fields) -> Dialect:
    """What a question says. Raises ``Malformed``."""
    reads, lacks = fields.array("reads"), fields.array("lacks")
    if len(reads) < 2 or any(type(form) is not int or not 1 <= form <= U16_MAX for form in reads[:2]):
        raise Malformed(why="reads")
    if reads[0] > reads[1]:
        raise Malformed(why="reads")
    is_named = (
        type(name) is str and 0 < len(name) <= AGENT_CHARS_MAX and name.isprintable() for name in lacks
    )
    if len(lacks) > LACKS_MAX or not all(is_named):
        raise Malformed(why="lacks")
    return Dialect(reads[0], reads[1], tuple(lacks))
