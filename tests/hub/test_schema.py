"""The schema can be distributed, and the steps that lead to it lead exactly to it."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Column, Index, Integer, MetaData, Table, inspect

from config.faults import Fault
from hub.store import log, schema
from hub.store.engine import Collision, Store
from hub.store.upgrading import upgrade

GROUPS = {
    "bucket": schema.MEMBER_SCOPED,
    "store": schema.STORE_SCOPED,
    "op_bucket": schema.OPERATION_SCOPED,
}


def faults(metadata: MetaData) -> list[str]:
    """Keys, unique constraints and indexes without the column that says where a row lives."""
    found = []
    for column, names in GROUPS.items():
        for name in names:
            table = metadata.tables.get(name)
            if table is None:
                continue
            keys = [
                table.primary_key,
                *table.indexes,
                *(c for c in table.constraints if hasattr(c, "columns")),
            ]
            found += [f"{name}: {sorted(k.columns.keys())}" for k in keys if column not in k.columns]
    return found


def test_every_key_holds_the_column_that_says_where_its_row_lives() -> None:
    assert faults(schema.metadata) == []


def test_a_key_without_it_is_found() -> None:
    broken = MetaData()
    table = Table("facts", broken, Column("bucket", Integer), Column("m", Integer, primary_key=True))
    Index("by_m", table.c.m)
    assert faults(broken) == ["facts: ['m']"] * 3


def test_every_table_belongs_to_one_group() -> None:
    assert log.heads.metadata is schema.metadata
    grouped = [name for names in (*GROUPS.values(), schema.REFERENCE) for name in names]
    assert sorted(grouped) == sorted(schema.metadata.tables)


def described(store: Store) -> dict[str, object]:
    """Everything the database says of its tables."""
    look = inspect(store.engine)
    return {
        name: (
            [(c["name"], str(c["type"]), c["nullable"]) for c in look.get_columns(name)],
            look.get_pk_constraint(name)["constrained_columns"],
            sorted((i["name"] or "", *map(str, i["column_names"])) for i in look.get_indexes(name)),
        )
        for name in look.get_table_names()
        if name != "alembic_version"
    }


def ddl(store: Store) -> dict[str, str]:
    with store.look() as look:
        rows = look.run(
            "SELECT name, sql FROM sqlite_master WHERE name NOT LIKE '%alembic%' AND sql IS NOT NULL"
        )
    return {name: " ".join(sql.split()) for name, sql in rows}


def test_the_steps_lead_to_the_schema(tmp_path: Path) -> None:
    stepped, made = Store(f"sqlite:///{tmp_path}/a.sqlite"), Store(f"sqlite:///{tmp_path}/b.sqlite")
    upgrade(stepped)
    upgrade(stepped)
    schema.metadata.create_all(made.engine)
    assert described(stepped) == described(made)
    assert ddl(stepped) == ddl(made)
    with stepped.look() as look:
        assert look.run("SELECT count(*) FROM sqlite_master WHERE type = 'trigger'") == [(0,)]
    stepped.close()
    made.close()


def test_a_database_of_a_newer_program_is_left_alone(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path}/a.sqlite")
    upgrade(store)
    with store.turn() as turn:
        turn.run("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(Fault) as told:
        upgrade(store)
    assert told.value.remedy == "fault.database_newer"
    store.close()


def test_on_sqlite_a_column_takes_nothing_but_its_own_type(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'hub.sqlite'}")
    upgrade(store)
    with store.look() as look:
        loose = look.run(
            "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND strict = 0"
            " AND name NOT LIKE 'sqlite_%' AND name <> 'alembic_version'"
        )
        assert loose == []
    with pytest.raises(Collision), store.turn() as turn:
        turn.run(
            "INSERT INTO reserved (bucket, m, intent, store, till, pts)"
            " VALUES (0, 1, 'a', 's001', '01', 'many')"
        )
    store.close()
