"""What a headquarters must know to verify everything again: stores, keys, agents, rule books; no fact.

An empty headquarters with another's registry can be delivered everything once more, the other's own
lane included, and ends with the same state. Until its lane is whole it only listens
(``hub.decisions.listens``).
"""

from __future__ import annotations

from hub.decisions import LISTENS
from hub.office import Office
from hub.store import schema
from hub.store.engine import Store

TABLES = (schema.stores, schema.keys, schema.agents, schema.books, schema.blocks)


def copy_registry(source: Store, office: Office) -> None:
    """Copy the registry of ``source`` into an empty ``office``, which from then on only listens."""
    with source.look() as look, office.store.turn() as turn:
        for table in TABLES:
            names = ", ".join(f'"{column.name}"' for column in table.columns)
            turn.put(table, look.run(f"SELECT {names} FROM {table.name}"), on_conflict="replace")
        turn.put(schema.settings, [(LISTENS, "1")], on_conflict="replace")
        office.load_books(turn)
