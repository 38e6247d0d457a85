"""The intake's tests again, on PostgreSQL: the same schema, the same statements, the same answers."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from headquarters import Headquarters, headquarters
from postgres_server import NoServer, server
from test_intake import *  # noqa: F403  (these very tests, with the fixture below)
from test_judging_over_http import *  # noqa: F403
from test_rights_over_http import *  # noqa: F403

from hub.verify import verify

pytestmark = pytest.mark.postgres
_names = itertools.count()


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    try:
        with server() as url:
            yield url
    except NoServer as why:
        warnings.warn(f"PostgreSQL did not start, so nothing is proved on it: {why}", stacklevel=1)
        pytest.skip(str(why))


@pytest.fixture
def hq(tmp_path: Path, postgres: str) -> Iterator[Headquarters]:
    name = f"jifen{next(_names)}"
    plain = postgres.replace("+psycopg", "")
    with psycopg.connect(plain.format(name="postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")  # type: ignore[arg-type]
    with headquarters(tmp_path, database_url=postgres.format(name=name)) as made:
        yield made
        assert verify(made.office).faults == []
