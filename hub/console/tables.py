"""A table of the console: columns with a kind, rows of plain values; shown as a page or written as CSV.

Both are the same rows, so what is downloaded is what was seen. A cell that begins like a formula is
written so that a spreadsheet shows it and does not run it.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from config.words import Words, number

Why = list[tuple[str, str, str]]
"""What is said of an outcome, part by part."""

FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Column:
    """``key`` of its words under ``console``; ``kind``: text, n, time, day, store, member, said (a
    key of words, or a key and its values), why (an outcome's detail)."""

    key: str
    kind: str = "text"


@dataclass(frozen=True, slots=True)
class Table:
    """``name`` is also the name of its CSV."""

    name: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Any]]


def shown(kind: str, value: Any, zone_minutes: int) -> str:
    """A value as people read it."""
    if value is None or value == "":
        return "–"
    match kind:
        case "n":
            return number(int(value))
        case "time":
            local = datetime.fromtimestamp(int(value) // 1000, UTC) + timedelta(minutes=zone_minutes)
            return f"{local:%Y-%m-%d %H:%M}"
        case "day":
            text = str(value)
            return f"{text[:4]}-{text[4:6]}-{text[6:]}" if len(text) == 8 else "∞"
    return str(value)


def why(detail: str, words: Words) -> Why:
    """The reason in an outcome's detail and what it names, each as (key of its words, its plain form, the
    number or name in it); the key is empty where there are no words."""
    told: dict[str, Any] = json.loads(detail)
    reason = str(told.pop("reason", ""))
    said = [(f"console.why_{reason.replace('-', '_')}", reason, "")]
    for key, value in told.items():
        n = shown("n", value, 0) if type(value) is int else str(value)
        said.append((f"console.named_{key}", f"{key} {n}", n))
    return [(key if key in words else "", plain, n) for key, plain, n in said]


def as_csv(table: Table, words: Words, zone_minutes: int) -> bytes:
    """The rows as CSV that spreadsheets open as UTF-8."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(words.say(f"console.{column.key}") for column in table.columns)
    for row in table.rows:
        writer.writerow(
            _cell(column.kind, value, words, zone_minutes)
            for column, value in zip(table.columns, row, strict=True)
        )
    return b"\xef\xbb\xbf" + text.getvalue().encode()


def _cell(kind: str, value: Any, words: Words, zone_minutes: int) -> str | int:
    if kind == "n":
        return "" if value is None else int(value)
    if kind == "why":
        parts = why(str(value), words) if value else []
        return " ".join(words.say(key, n=n) if key else plain for key, plain, n in parts).strip()
    if kind == "said":
        return words.say(*value[:1], **value[1]) if isinstance(value, tuple) else words.say(value)
    text = "" if value in (None, "") else shown(kind, value, zone_minutes)
    return f"'{text}" if text.startswith(FORMULA) else text
