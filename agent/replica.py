"""Taking an edition of the members piece by piece, beside the counter.

A piece is one turn: rows that are newer than what is held, each with the ``g`` of the edition that told it,
so that what is shown of a member counts every own operation once, before, between and after pieces (W15).
The newest blob is taken first: a row that no newer one tells is then as it is in this edition. The edition is
held when its last piece is; one that was cut off goes on with the blobs that are not done, and a newer one
takes over what was done of it. Nothing older is taken (W16). What is here can always be fetched again, so a
piece is not waited for until it is on the disk; the last turn is, and everything before it.

A code's place in its index is as random as the code. Of a first edition they are put in behind the rows, in
their order, when as many more have come as half of what is there: so each page of the index is written a few
times and not once for every turn, and who came first is found by the code while the rest loads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from agent.pending import MEMBERS, note_counted
from agent.shard_secrets import secret_of
from agent.store import feeds, members
from agent.store.members import Told
from agent.till import Till
from points import plain_rows
from points.amounts import BadAmount
from points.members import read_row
from points.wire import chunk, deltas
from points.wire.deltas import Piece
from points.wire.faults import Malformed
from points.wire.manifest import Manifest

IN_USE_ROWS, IN_USE_REST_MS = 240, 5
"""How many rows a turn takes while somebody is at the counter, and how long the pen rests after it."""
IDLE_ROWS = 5_000
CODES_AT_ONCE = 2_000
"""The fewest codes that are gathered before they are put in."""
COPIED_ROWS = 50_000
"""After how many the log is copied into the database; at the end sooner."""
ALIAS = b',"merged",'

Blobs = Mapping[str, bytes]


def missing(till: Till, manifest: Manifest, blobs: Blobs) -> tuple[str, ...]:
    """The blobs of an edition that are to be fetched; the list of its steps alone while that is not here."""
    if manifest.deltas is not None and manifest.deltas not in blobs:
        return (manifest.deltas,)
    return tuple(piece.chunk.sha for piece in _left(till, manifest, blobs) if piece.chunk.sha not in blobs)


def fill(
    till: Till,
    manifest: Manifest,
    raw: bytes,
    blobs: Blobs,
    rest: Callable[[int], None],
    tell: Callable[[int], None],
) -> int:
    """Take an edition whose blobs are here; gives how many rows were new.

    ``rest`` waits so many milliseconds, ``tell`` hears how many rows are left. How far own operations are
    counted must be known before (`edition`). Raises the ``WireFault`` of a blob that is not what it should
    be; what was taken before it stays.
    """
    fresh, left = 0, _left(till, manifest, blobs)
    rows_left = copied_at = sum(piece.chunk.n for piece in left)
    # A snapshot alone tells each member once; steps tell some again, and the newest of them come first.
    is_first = all(piece.chunk in manifest.chunks for piece in left) and members.is_empty(till.book)
    coming, done, indexed = list[tuple[int, int]](), list[Piece](), 0
    with till.book.copied_beside() as copy:
        for piece in left:
            for rows in _slices(till, _lines(till, manifest, piece, blobs)):
                with till.book.light_turn() as turn:
                    fresh += members.put(turn, rows, manifest.g, is_first=is_first)
                if is_first:
                    coming += members.codes_of(rows)
                rows_left -= len(rows)
                tell(rows_left)
                if till.is_in_use:
                    rest(IN_USE_REST_MS)
            done.append(piece)
            is_due = not is_first or till.is_in_use or len(coming) >= max(CODES_AT_ONCE, indexed // 2)
            if is_due or not rows_left:
                indexed += len(coming)
                _index(till, coming, rest)
                with till.book.light_turn() as turn:
                    for one in done:
                        feeds.keep_chunk(turn, manifest.topic, manifest.shard, one.chunk.sha)
                coming, done = [], []
            if copied_at - rows_left >= (COPIED_ROWS if rows_left else IDLE_ROWS):
                copied_at = rows_left
                copy()
    _hold(till, manifest, raw)
    return fresh


def _index(till: Till, coming: list[tuple[int, int]], rest: Callable[[int], None]) -> None:
    """Put codes into their index, in its order."""
    coming.sort()
    at = 0
    while at < len(coming):
        some = coming[at : at + (IN_USE_ROWS if till.is_in_use else IDLE_ROWS)]
        at += len(some)
        with till.book.light_turn() as turn:
            members.put_places(turn, some)
        if till.is_in_use:
            rest(IN_USE_REST_MS)


def _left(till: Till, manifest: Manifest, blobs: Blobs) -> list[Piece]:
    """What is not done of an edition, in the order in which it is taken."""
    held = feeds.edition(till.book, manifest.topic, manifest.shard)[0]
    done = feeds.chunks(till.book, manifest.topic, manifest.shard)
    steps = deltas.read(manifest, blobs.get(manifest.deltas or ""))
    return [piece for piece in deltas.pieces(manifest, steps, held) if piece.chunk.sha not in done]


def _lines(till: Till, manifest: Manifest, piece: Piece, blobs: Blobs) -> list[bytes]:
    """The rows of a blob as they were written; an alias behind the others, so that the member it leads to is
    here."""
    key = None if piece.kid is None else secret_of(till, piece.kid, {})
    lines = chunk.open_lines(piece.chunk, blobs[piece.chunk.sha], manifest.topic, manifest.shard, key)
    return sorted(lines, key=lambda line: ALIAS in line) if ALIAS in b"".join(lines) else lines


def _slices(till: Till, lines: Sequence[bytes]) -> Iterator[Sequence[Told]]:
    """What one turn takes, checked: a whole blob is read in one go only where nobody waits."""
    at = 0
    while at < len(lines):
        some = lines[at : at + (IN_USE_ROWS if till.is_in_use else IDLE_ROWS)]
        at += len(some)
        text = _text(some)
        found = plain_rows.recognise(text, len(some))
        if found is None:
            yield _careful(some, text)
        else:
            yield [Told(int(m), int(ver), row, (tag,) if tag else ()) for row, m, ver, tag in found]


def _text(lines: Sequence[bytes]) -> str:
    try:
        return b"\n".join(lines).decode()
    except UnicodeDecodeError as error:
        raise Malformed(why="utf-8") from error


def _careful(lines: Sequence[bytes], text: str) -> list[Told]:
    """Rows of which one at least is not as nearly all are."""
    told = []
    try:
        for row, line in zip(chunk.read_lines(lines), text.split("\n"), strict=True):
            read_row(row)
            told.append(Told.of(row, line))
    except BadAmount as error:
        raise Malformed(why="member row") from error
    return told


def _hold(till: Till, manifest: Manifest, raw: bytes) -> None:
    """Every row is here: the edition is the one that is held, and counts for every member alike."""
    topic, shard = manifest.topic, manifest.shard
    with till.book.lock:
        with till.book.turn() as turn:
            feeds.keep_fact(turn, "members_as_of", str(manifest.issued))
            note_counted(till.book, till.identity, turn, MEMBERS, manifest.g)
            for piece in manifest.chunks:
                feeds.keep_chunk(turn, topic, shard, piece.sha)
            feeds.forget_chunks(turn, topic, shard, {piece.sha for piece in manifest.chunks})
            feeds.keep_edition(turn, topic, shard, manifest.ver, manifest.g, raw)
        till.gather()
