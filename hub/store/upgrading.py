"""Brings headquarters' database to the schema of this program, step by step, before anything else happens.

A step never looks at today's ``schema``: it is written out once and then stays, so that a database of
any age takes the same way. Doing it again does nothing. A database that is newer than the program is
left alone and said so.
"""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError

from config.faults import Fault
from hub.store.engine import Store

STEPS = Path(__file__).resolve().parent / "migrations"


def upgrade(store: Store) -> None:
    """Run the steps that are missing. Raises ``Fault`` when the database is newer than this program."""
    config = Config()
    config.set_main_option("script_location", str(STEPS))
    with store.engine.begin() as connection:
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            raise Fault("fault.database_newer", str(error)) from error
