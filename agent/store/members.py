"""The till's replica of members: rows as headquarters told them, codes and phones that point to them.

A phone stands here only as a keyed tag, a code only as the head of its hash. The replica can always
be fetched again; nothing in it is a right.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from agent.journal.database import Book
from config.sqlite import Connection
from points import codes
from points.amounts import BadAmount
from points.members import ROW_CODES
from points.wire import canonical
from points.wire.fields import is_hex

OWN = "own-phone:"
"""Begins the fact of a phone that was enrolled here and not told by headquarters yet; its tag follows."""
ERASED = "erased"


class Told(NamedTuple):
    """A row as it came, and what is looked at of it: its member, version, and the tags of its codes."""

    m: int
    ver: int
    text: str
    tags: Sequence[str] = ()
    is_erased: bool = False

    @classmethod
    def of(cls, row: Sequence[Any], text: str) -> Told:
        """The row that this text was read as. Raises ``BadAmount`` where its codes are none."""
        tags = row[ROW_CODES] if len(row) > ROW_CODES else []
        if type(tags) is not list or not all(type(tag) is str and is_hex(tag[:16], 8) for tag in tags):
            raise BadAmount("a code is told by the head of its hash")
        return cls(row[0], row[1], text, [tag[:16] for tag in tags], row[2:3] == [ERASED])


def code_key(who: str) -> int:
    """A code's place in the index: the first 8 bytes of its hash, as SQLite's signed integer."""
    return int.from_bytes(bytes.fromhex(who[:16]), "big", signed=True)


def row_of(book: Book, m: int) -> list[Any] | None:
    """The row of a member, or None when this till was never told of it."""
    found = book.row("SELECT row FROM members WHERE m = ?", (m,))
    return None if found is None else canonical.read_own(found[0])


def by_code(book: Book, code: str) -> int | None:
    """The member that a full or short code points to, from the feed or from the till's own pool."""
    found = book.row("SELECT m FROM codes WHERE who = ?", (code_key(codes.who(code)),))
    return None if found is None else int(found[0])


def by_phone(book: Book, tag: str) -> int | None:
    """The member that a phone's keyed tag points to."""
    found = book.row("SELECT m FROM phones WHERE tag = ?", (tag,))
    return None if found is None else int(found[0])


def told_at(book: Book, m: int) -> int:
    """The ``g`` of the edition that told the row of a member."""
    found = book.row("SELECT g FROM members WHERE m = ?", (m,))
    return 0 if found is None else int(found[0])


def put(turn: Connection, told: Sequence[Told], g: int = 0, *, is_first: bool = False) -> int:
    """Take rows of an edition of ``g`` that are newer than what is held; gives how many were.

    Older or equal ones change nothing. Who was erased loses the codes that led there. With ``is_first``
    nothing is held of these members, and their codes are put in later (``put_places``).
    """
    if not is_first:
        held = _held(turn, [one.m for one in told])
        put_codes(turn, [one for one in told if one.ver >= held.get(one.m, 0)])
        told = [one for one in told if one.m not in held or one.ver > held[one.m]]
        _drop_codes(turn, [one.m for one in told if one.is_erased])
    turn.executemany(
        "INSERT INTO members (m, ver, row, g) VALUES (?, ?, ?, ?) ON CONFLICT (m) DO UPDATE"
        " SET ver = excluded.ver, row = excluded.row, g = excluded.g",
        [(m, ver, text, g) for m, ver, text, _, _ in told],
    )
    return len(told)


def codes_of(told: Iterable[Told]) -> list[tuple[int, int]]:
    """(place in the index, member) of every code of these rows."""
    pairs = [(tag, one.m) for one in told for tag in one.tags]
    keys = struct.unpack(f">{len(pairs)}q", bytes.fromhex("".join(tag for tag, _ in pairs)))
    return list(zip(keys, (m for _, m in pairs), strict=True))


def put_codes(turn: Connection, told: Iterable[Told]) -> None:
    """Let the codes of these rows lead to their members."""
    put_places(turn, sorted(codes_of(told)))


def put_places(turn: Connection, places: Iterable[tuple[int, int]]) -> None:
    """Let these places of the index lead to members; quickest in their order."""
    turn.executemany(
        "INSERT INTO codes (who, m) VALUES (?, ?) ON CONFLICT (who) DO UPDATE SET m = excluded.m", places
    )


def _held(turn: Connection, ms: list[int]) -> dict[int, int]:
    """The version held of each of these members."""
    return dict(
        turn.execute(
            "SELECT m, ver FROM members WHERE m IN (SELECT value FROM json_each(?))", (json.dumps(ms),)
        )
    )


def _drop_codes(turn: Connection, ms: list[int]) -> None:
    for m in ms:
        found = turn.execute("SELECT row FROM members WHERE m = ?", (m,)).fetchone()
        row = canonical.read_own(found[0]) if found else []
        turn.executemany(
            "DELETE FROM codes WHERE who = ? AND m = ?",
            [(code_key(tag), m) for tag in (row[ROW_CODES] if len(row) > ROW_CODES else [])],
        )


def take_phones(turn: Connection, told: Iterable[tuple[str, int]]) -> None:
    """Take the store's phone index whole: what is not told any more is forgotten, but own phones wait."""
    tags = dict(told)
    held: dict[str, int] = dict(turn.execute("SELECT tag, m FROM phones"))
    names = turn.execute("SELECT name FROM facts WHERE substr(name, 1, ?) = ?", (len(OWN), OWN))
    own = {name[len(OWN) :] for (name,) in names}
    turn.executemany("DELETE FROM facts WHERE name = ?", [(OWN + tag,) for tag in own & tags.keys()])
    gone = held.keys() - tags.keys() - own
    turn.executemany("DELETE FROM phones WHERE tag = ?", [(tag,) for tag in gone])
    _put_phones(turn, [(tag, m) for tag, m in tags.items() if held.get(tag) != m])


def put_own_phone(turn: Connection, tag: str, m: int) -> None:
    """A phone that was enrolled here: known at once, and kept until headquarters tells it or another.

    A phone that leads to somebody already goes on leading there: headquarters gives it to the first, and
    tells no till again what it has told.
    """
    put = turn.execute("INSERT INTO phones (tag, m) VALUES (?, ?) ON CONFLICT (tag) DO NOTHING", (tag, m))
    if put.rowcount:
        turn.execute("INSERT INTO facts (name, value) VALUES (?, ?)", (OWN + tag, str(m)))


def _put_phones(turn: Connection, tags: list[tuple[str, int]]) -> None:
    turn.executemany(
        "INSERT INTO phones (tag, m) VALUES (?, ?) ON CONFLICT (tag) DO UPDATE SET m = excluded.m", tags
    )


def is_visitor(book: Book, m: int) -> bool:
    """Whether a member is told as one of another region."""
    return book.row("SELECT 1 FROM visitors WHERE m = ?", (m,)) is not None


def keep_visitors(turn: Connection, number: int, parts: int, ms: set[int]) -> None:
    """The visitors whose number is ``number`` modulo ``parts`` are these; of others nothing is known more."""
    held = {m for (m,) in turn.execute("SELECT m FROM visitors WHERE m % ? = ?", (parts, number))}
    gone = sorted(held - ms)
    _drop_codes(turn, gone)
    for table in ("members", "visitors"):
        turn.executemany(f"DELETE FROM {table} WHERE m = ?", [(m,) for m in gone])
    turn.executemany("INSERT INTO visitors (m) VALUES (?)", [(m,) for m in sorted(ms - held)])


def is_empty(book: Book) -> bool:
    """Whether this till knows nobody."""
    return book.row("SELECT 1 FROM members LIMIT 1") is None


def count(book: Book) -> int:
    """How many members this till knows."""
    found = book.row("SELECT count(*) FROM members")
    return 0 if found is None else int(found[0])


def put_pool(turn: Connection, pairs: Iterable[tuple[int, str]]) -> None:
    """Take unused (number, code) pairs for enrolling; a pair heard again stays as it is."""
    turn.executemany("INSERT INTO pool (m, code) VALUES (?, ?) ON CONFLICT (m) DO NOTHING", list(pairs))


def use_number(turn: Connection, m: int) -> None:
    """A number belongs to somebody, whatever its code is: nobody else is given it, also if it is heard again.

    A database that was put back from an old copy would else give one number to two people.
    """
    turn.execute(
        "INSERT INTO pool (m, code, used) VALUES (?, '', 1) ON CONFLICT (m) DO UPDATE SET used = 1", (m,)
    )


def next_from_pool(book: Book) -> tuple[int, str] | None:
    """An unused pair, or None when the pool is empty."""
    found = book.row("SELECT m, code FROM pool WHERE used = 0 ORDER BY m LIMIT 1")
    return None if found is None else (int(found[0]), str(found[1]))


def pool_pair(book: Book, code: str) -> tuple[int, bool] | None:
    """(number, already used) of a code that was issued to this till, such as a card of its stock."""
    found = book.row("SELECT m, used FROM pool WHERE code = ?", (code,))
    return None if found is None else (int(found[0]), bool(found[1]))


def pool_left(book: Book) -> int:
    """How many pairs are unused."""
    found = book.row("SELECT count(*) FROM pool WHERE used = 0")
    return 0 if found is None else int(found[0])


def use_pair(turn: Connection, m: int, code: str) -> None:
    """The pair belongs to somebody from now on, and its code is known here at once, as a hash."""
    turn.execute("UPDATE pool SET used = 1, code = '' WHERE m = ?", (m,))
    turn.execute(
        "INSERT INTO codes (who, m) VALUES (?, ?) ON CONFLICT (who) DO NOTHING",
        (code_key(codes.who(code)), m),
    )
