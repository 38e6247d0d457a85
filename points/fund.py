"""What an operation says of rights: its ``fund``, one frozen layout that is readable of unknown kinds too.

``[[act, n, asset, ref]…]``, n above zero, defaults at the end left out. The counters of headquarters are sums
of these entries alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from points.amounts import whole
from points.identifiers import BadName

POINTS = "pts"
SPENDS = frozenset({"local", "allowance", "auth", "trust"})
USES_LOCAL = frozenset({"local", "burn_l", "back_l", "give_l"})
USES_ALLOWANCE = frozenset({"allowance", "burn_a", "back_a", "give_a"})
GIVES = frozenset({"give_l", "give_a"})
ACTS = SPENDS | USES_LOCAL | USES_ALLOWANCE | {"add", "take"}


def points_moved(fund: Sequence[Sequence[Any]]) -> Iterator[tuple[str, int]]:
    """The entries of a ``fund`` that mean points: an asset left out, or ``pts``."""
    for entry in fund:
        if len(entry) < 3 or entry[2] in (None, POINTS):
            yield entry[0], entry[1]


def check_entry(entry: Any) -> None:
    """An entry of a ``fund``. Raises for what moves no rights."""
    if entry[0] not in ACTS:
        raise BadName(f"{entry[0]!r} moves no rights")
    whole(entry[1], 1)
    for extra in entry[2:4]:
        if extra is not None and not isinstance(extra, str | list):
            raise BadName(f"{extra!r} is neither an asset nor a reference")
