"""Headquarters put back from a copy of its database: what it decided since comes from its journal.

The stores offer again what they told it since, with the answers that it gave. Nothing that it may have
granted in the time that is missing is granted to anybody else: with the journal it knows what that was.
Without one, nobody is granted anything until every PC has closed the term that it had, or is declared lost;
no time ends that.
    * A higher incarnation begins: every till closes its term and is given another, and headquarters writes
      in a lane of its own from then on, so that no number of the last one means two things.
    * Editions, members' rows and arrivals go on above all numbers that may have been used.
    * Whatever is done here is done again after a break with the same result.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

from config.faults import worded
from hub import admission, intake, publishing, sessions
from hub.handovers import is_closed
from hub.intake import HEARD, MISSING
from hub.office import Office
from hub.opening import open_envelope
from hub.store import losses, schema
from hub.store.engine import Turn
from hub.store.journal import Journal, Record, sync_folder
from points.identifiers import bucket
from points.wire import envelope
from points.wire.faults import Gap

log = logging.getLogger(__name__)

INC, PUT_BACK, TURNS = "inc", "put-back", "journal"
RESTORED, BLINDLY, BEHIND = "restored", "restored-blindly", "behind"
MARK = "started"


class Missing(NamedTuple):
    """A PC that has not spoken in this incarnation: it tells everything else and closes its term before."""

    store: str
    till: str
    epoch: int


class PutBack(NamedTuple):
    """When headquarters was put back, whether its journal was whole, and who has still to be heard of."""

    ms: int
    is_whole: bool
    missing: tuple[Missing, ...]


class _Mark(NamedTuple):
    """How far headquarters had come when it started last, in a file beside its keys.

    While it is put back its next incarnation stands here, and whether it lacks what its journal held: after
    a break the rest is done, and done so.
    """

    inc: int = 1
    turns: int = 0
    is_blind: bool = False

    @classmethod
    def read(cls, folder: Path) -> _Mark:
        try:
            told = json.loads((folder / MARK).read_bytes())
            return cls(int(told["inc"]), int(told["turns"]), bool(told.get("is_blind", False)))
        except FileNotFoundError:
            return cls()
        except (ValueError, KeyError, TypeError) as error:
            raise worded("fault.mark_broken", f"{folder / MARK}: {error}") from error

    def write(self, folder: Path) -> None:
        fresh = folder / f"{MARK}.new"
        with fresh.open("w") as file:
            json.dump(self._asdict(), file)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(folder / MARK)
        sync_folder(folder)


def incarnation(look: Turn) -> int:
    """How often headquarters was put back, and 1."""
    row = look.one("SELECT value FROM settings WHERE name = ?", (INC,))
    return int(row[0]) if row else 1


def recover(office: Office, journal: Journal, beside: Path, *, is_put_back: bool = False) -> None:
    """Bring the database and the journal together at start, before anything is answered.

    ``beside`` is the folder of the keys, where it is written how far the last start had come.
    ``is_put_back``: somebody says so; else it is found by that and by the journal. Raises a ``Fault`` when
    the journal begins later than the database ends.
    """
    mark = _Mark.read(beside)
    with office.store.turn() as turn:  # nobody writes meanwhile, in any process
        journal.read()
        known, is_new = turns_of(turn), _is_new(turn)
        is_whole = journal.first <= known and (is_new or not journal.is_empty)
        if journal.first > known and not is_put_back:
            raise worded(
                "fault.journal_late", f"{journal.folder}: from turn {journal.first}, not {known + 1}"
            )
        ahead = list(journal.after(known)) if is_whole else []
        is_put_back |= not is_new and (incarnation(turn), max(known, journal.last)) < (mark.inc, mark.turns)
        lags = len(ahead) == 1 and not ahead[0].is_marked  # it was never said, or else all else is here
        is_put_back |= bool(ahead) and not lags
        if is_put_back:  # nothing else says so after a break: the copy has grown by then
            is_whole &= not mark.is_blind
            mark = _Mark(max(incarnation(turn), mark.inc) + 1, mark.turns, not is_whole)
            mark.write(beside)
    for record in ahead:
        _again(office, record)
    _join(office, journal, is_new=is_new)
    if is_put_back:
        _begin_again(office, mark, beside, is_whole=is_whole)
    _Mark(office.inc, journal.last).write(beside)
    if ahead:
        log.warning("%d turns were done again from the journal", len(ahead))


def state(look: Turn) -> PutBack | None:
    """How far headquarters has come since it was put back; None if it never was."""
    told = _put_back(look)
    return None if told is None else PutBack(*told, tuple(_missing(look, "", is_whole=told[1])))


def held_back(look: Turn, ms: Collection[int]) -> set[int]:
    """Those of these members who are granted nothing now: who may have points out, or owe some, that
    headquarters does not know of.

    What came back of a sale came back in its store, so with its journal headquarters knows whose members
    these may be.
    """
    told = _put_back(look)
    if told is None:
        return set()
    is_whole = told[1]
    if not is_whole:
        return set(ms) if _missing(look, "", is_whole=False) else set()
    keys = [(bucket(m), m) for m in ms]
    cells = look.find(schema.cells, ["m", "store"], ["bucket", "m"], keys)
    stores = {store for store in {store for _, store in cells} if _missing(look, store, is_whole=True)}
    return {m for m, store in cells if store in stores}


def _put_back(look: Turn) -> tuple[int, bool] | None:
    """(when, with its whole journal)"""
    row = look.one("SELECT value FROM settings WHERE name = ?", (PUT_BACK,))
    if row is None:
        return None
    ms, is_whole = json.loads(row[0])
    return int(ms), bool(is_whole)


def _missing(look: Turn, store: str, *, is_whole: bool) -> list[Missing]:
    """Who is waited for; of one store, or of all."""
    begins = MISSING.partition("{")[0] + (f"{store}/" if store else "")
    past = begins[:-1] + chr(ord(begins[-1]) + 1)
    rows = look.run("SELECT name, value FROM settings WHERE name >= ? AND name < ?", (begins, past))
    found = []
    for name, value in rows:
        at, till, epoch = name.partition(":")[2].split("/")
        if not (is_whole and value == HEARD):  # what it may hold is known, and set aside for it
            found.append(Missing(at, till, int(epoch)))
    if not found:
        return []
    gone = {tuple(pc[:3]) for pc in losses.declared(look)}
    if is_whole:  # who has gone on in another lane has told what it has, and the rest is known
        current = set(look.run("SELECT store, till, epoch FROM agents"))
        found = [pc for pc in found if tuple(pc) in current]
    return [pc for pc in found if tuple(pc) not in gone]


def suspect(turn: Turn, office: Office) -> None:
    """A till knows a later edition than there is: the journal and the keys' folder were put back too.

    People must say so; until then what was granted since the copy may be granted again.
    """
    if turn.one("SELECT 1 FROM cases WHERE reason = ? AND closed_ms IS NULL", (BEHIND,)) is None:
        turn.put(schema.cases, [(BEHIND, "", None, "", "{}", office.clock(), None)])
        log.error("a till knows later editions: this is an old copy; say so with jifen hub restore")


def _is_new(look: Turn) -> bool:
    return look.one("SELECT 1 FROM keys UNION ALL SELECT 1 FROM books LIMIT 1") is None


def turns_of(look: Turn) -> int:
    """How many turns that decided the database knows."""
    row = look.one("SELECT value FROM settings WHERE name = ?", (TURNS,))
    return int(row[0]) if row else 0


def _keep(turn: Turn, name: str, value: str, *, twice: bool = False) -> None:
    turn.put(schema.settings, [(name, value)], on_conflict="replace", twice=twice)


def _again(office: Office, record: Record) -> None:
    """Do what a turn of the journal did."""
    with office.store.turn() as turn:
        if turns_of(turn) >= record.n:
            return
        for kind, what, rows in record.entries:
            if kind == "sql":
                turn.many(what, rows)
            elif kind == "batch":
                _post(turn, office, what, rows)
        office.inc = incarnation(turn)
        office.load_books(turn)
        _keep(turn, TURNS, str(record.n))


def _post(turn: Turn, office: Office, raw: bytes, answer: bytes | None) -> None:
    """Headquarters' own envelope, or one of a PC that may be gone, with the answer that it had.

    What of the latter is not here before it comes when its till is heard, or never.
    """
    header, kid = envelope.peek(raw)
    record = intake.key_record(turn, office, kid)
    opened = open_envelope(raw, record, office.books, office.today())
    honoured = None if answer is None else intake.Honoured.read(office, header, raw, answer)
    with contextlib.suppress(*(() if answer is None else (Gap,))):
        intake.post_batch(turn, office, opened, raw, record, honoured=honoured)


def _join(office: Office, journal: Journal, *, is_new: bool) -> None:
    """From here on what is decided is in both."""
    with office.store.turn() as turn:
        journal.read()
        known = max(turns_of(turn), journal.last)
        if journal.is_empty and not is_new:
            known += 1  # a copy from before this does not know of everything that is in no journal
        if known != turns_of(turn):
            _keep(turn, TURNS, str(known))
        if journal.is_empty or journal.last < known:
            if not journal.is_empty:
                log.warning("the journal lacks turns %d to %d: make a copy now", journal.last + 1, known)
            journal.begin(known)
        journal.mark()
    office.store.journal = journal


def _begin_again(office: Office, mark: _Mark, beside: Path, *, is_whole: bool) -> None:
    with office.store.turn() as turn:
        before, now = state(turn), office.clock()
        is_whole = is_whole and (before is None or before.is_whole or not before.missing)
        office.inc = max(incarnation(turn) + 1, mark.inc)
        mark._replace(inc=office.inc).write(beside)  # first: no number of it is used twice
        _keep(turn, INC, str(office.inc), twice=True)
        arrived = turn.one("SELECT value FROM settings WHERE name = 'arrived'")
        _keep(turn, "arrived", str(max(office.base, int(arrived[0]) if arrived else 0)), twice=True)
        turn.run("UPDATE agents SET granted_at = 0")
        # What the copy keeps may have been posted since, and its till was told so: this is the newest word.
        turn.run("UPDATE told SET later = 1, g = NULL WHERE letter IN ('P', 'Q')")
        pcs = _in_service(turn, is_whole=is_whole)
        _keep(turn, PUT_BACK, json.dumps([now, is_whole]), twice=True)
        turn.run("DELETE FROM settings WHERE name >= 'missing:' AND name < 'missing;'", twice=True)
        rows = [(MISSING.format(*pc[:3]), "") for pc in pcs]
        turn.put(schema.settings, rows, on_conflict="replace", twice=True)
        if not is_whole:  # numbers may have been issued that are not known: all go on in fresh blocks
            admission.leave_blocks(turn, office.inc)
        if office.session_ms:
            for store, till, _, term in pcs:
                sessions.may_last(turn, office, store, till, (office.inc, term))
        publishing.publish_again(turn, office)
        detail = json.dumps({"inc": office.inc, "pcs": len(pcs)})
        turn.put(schema.cases, [(RESTORED if is_whole else BLINDLY, "", None, "", detail, now, None)])
    log.warning("headquarters was put back: incarnation %d", office.inc)


def _in_service(look: Turn, *, is_whole: bool) -> list[tuple[str, str, int, int]]:
    """(store, till, epoch, term) of the PCs that are waited for: every till's own; and when it is not known
    who was given what, those that another has replaced too, unless they are known to have closed."""
    rows = look.run(
        "SELECT k.store, k.till, k.epoch, k.term, k.epoch = a.epoch FROM keys k"
        " JOIN agents a ON a.store = k.store AND a.till = k.till"
        " WHERE k.revoked_at_ms IS NULL ORDER BY k.store, k.till, k.epoch"
    )
    return [
        (store, till, epoch, term)
        for store, till, epoch, term, is_current in rows
        if is_current or not (is_whole or is_closed(look, store, till, (1, term)))
    ]
