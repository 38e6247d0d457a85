"""Bugs of the protocol, each put into the product alone: a chain that cannot see them proves nothing.

A mutant is a function that changes the product through ``Surgery``, which puts everything back afterwards.
Names say the bug as it would be confessed. ``KNOWN_HARMLESS`` are the ones that no law can see, with why.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Mutant = Callable[["Surgery"], None]


class Surgery:
    """Changes of attributes that are taken back at the end."""

    def __init__(self) -> None:
        self._before: list[tuple[Any, str, Any]] = []

    def put(self, place: Any, name: str, new: Any) -> Any:
        """Replace an attribute; gives what was there."""
        old = place.__dict__[name]
        self._before.append((place, name, old))
        setattr(place, name, new)
        return old

    def undo(self) -> None:
        """Everything as it was."""
        while self._before:
            place, name, old = self._before.pop()
            setattr(place, name, old)


MUTANTS: dict[str, Mutant] = {}
FAST: list[str] = []
"""Those that a few chains find; the others take longer."""
KNOWN_HARMLESS: dict[str, str] = {}
WEATHER: dict[str, str] = {}
"""Those that can only be seen in a weather of their own (``gate.WEATHERS``)."""


def mutant(
    name: str, *, fast: bool = False, harmless: str = "", weather: str = ""
) -> Callable[[Mutant], Mutant]:
    """Enter a bug into the table."""

    def enter(bug: Mutant) -> Mutant:
        assert name not in MUTANTS, name
        MUTANTS[name] = bug
        if fast:
            FAST.append(name)
        if harmless:
            KNOWN_HARMLESS[name] = harmless
        if weather:
            WEATHER[name] = weather
        return bug

    return enter


from tests.storms import (  # noqa: E402
    mutants_of_goods,  # noqa: F401  (they enter theirs)
    mutants_of_headquarters,  # noqa: F401
    mutants_of_losses,  # noqa: F401
    mutants_of_tills,  # noqa: F401
    mutants_of_transfers,  # noqa: F401
)
