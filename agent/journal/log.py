"""The append-only log of one lane: numbered, chained, and in two files.

``append`` happens inside a write turn; ``settle`` after it puts the same bytes into the mirror. What
can be made before the commit is: a processor that has just waited for a disk is slow to begin with. The
turn is on disk before anybody is told of a success, and so is the mirror unless its disk refuses: then
the state line warns, and nothing more is recorded before the second copy has caught up. At start the
two files are reconciled: whichever knows less is given what it lacks; if they tell different histories
the till stops before a sale.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from agent.journal.database import Book
from agent.journal.mirror import Mirror, Record, follows, packed
from config.faults import Fault
from config.sqlite import Connection
from points.wire import canonical, chain
from points.wire.faults import WireFault
from points.wire.fields import Fields
from points.wire.lane import Lane

EPOCH_STEP = 1 << 32


@dataclass(frozen=True, slots=True)
class Entry:
    """One operation as it stands in the log."""

    pos: int
    body: bytes
    hash: bytes

    @property
    def seq(self) -> int:
        """Its number in its epoch."""
        return self.pos % EPOCH_STEP


class Log:
    """The open log of the current lane. The caller holds the book's lock while appending."""

    def __init__(self, book: Book, mirror: Mirror, lane: Lane, genesis: bytes) -> None:
        self.book = book
        self.mirror = mirror
        self.fault: Fault | None = None
        """Why the second file is behind, while it is."""
        self.begin(lane, genesis)

    def begin(self, lane: Lane, genesis: bytes) -> None:
        """Read where this lane stands; ``genesis`` is the hash before its first operation."""
        self.lane, self.genesis, self._unmirrored = lane, genesis, b""
        self.seq, self.head, self.last_st = self._read_head()

    def _read_head(self) -> tuple[int, bytes, int]:
        row = self.book.row(
            "SELECT pos, hash, body FROM ops WHERE pos < ? ORDER BY pos DESC LIMIT 1", (self.pos(EPOCH_STEP),)
        )
        if row is None:
            return 0, self.genesis, 0
        pos, head, body = row
        try:
            st_ms = Fields(canonical.decode(body)).whole("st")
        except WireFault as error:
            raise _broken(pos % EPOCH_STEP) from error
        return (pos % EPOCH_STEP, head, st_ms) if pos > self.pos(0) else (0, self.genesis, st_ms)

    def pos(self, seq: int) -> int:
        """The position of operation ``seq`` of this lane."""
        return self.lane.epoch * EPOCH_STEP + seq

    def append(
        self,
        turn: Connection,
        body: bytes,
        op_id: str,
        m: int | None,
        kind: str,
        day: int,
        *,
        after: Entry | None = None,
    ) -> Entry:
        """Write the next operation inside ``turn``: the next of the log, or the one ``after`` another
        of the same turn. It counts only after ``settle``.
        """
        seq, head = (after.seq, after.hash) if after else (self.seq, self.head)
        seq += 1
        pos, link = self.pos(seq), chain.link(head, seq, body)
        turn.execute(
            "INSERT INTO ops (pos, op_id, m, kind, day, body, hash) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (pos, op_id, m, kind, day, body, link),
        )
        return Entry(pos, body, link)

    def records(self, entries: Sequence[Entry]) -> bytes:
        """The same operations as the second file keeps them."""
        epoch = self.lane.epoch
        return b"".join([packed(epoch, entry.seq, entry.hash, entry.body) for entry in entries])

    def settle(self, last: Entry, st_ms: int, records: bytes) -> bool:
        """After the commit: ``last`` is the head, and ``records`` go into the second file.

        False means that the second copy is behind, not that the operation is lost: it is committed.
        Nothing more is recorded before ``copy`` has brought the second file up to date.
        """
        self.seq, self.head, self.last_st = last.seq, last.hash, st_ms
        self._unmirrored += records
        try:
            self.copy()
        except Fault:
            return False
        return True

    def copy(self) -> None:
        """Write to the second file what it still lacks; raises a Fault when the disk does not take it."""
        if self._unmirrored:
            try:
                self.mirror.append(self._unmirrored)
            except Fault as fault:
                self.fault = fault
                raise
            self._unmirrored = b""
            self.fault = None

    def between(self, first: int, last: int) -> list[Entry]:
        """Operations by position, both ends included."""
        rows = self.book.rows(
            "SELECT pos, body, hash FROM ops WHERE pos BETWEEN ? AND ? ORDER BY pos", (first, last)
        )
        return [Entry(*row) for row in rows]

    def hash_before(self, pos: int) -> bytes:
        """The chain hash that the operation at ``pos`` continues."""
        if pos % EPOCH_STEP == 1:
            return self.genesis
        row = self.book.row("SELECT hash FROM ops WHERE pos = ?", (pos - 1,))
        assert row is not None, "the log has no gap"
        link: bytes = row[0]
        return link

    def walk(self) -> Iterator[Entry]:
        """Verify the chain of this lane from its genesis; raises a Fault at the first break."""
        link = self.genesis
        rows = self.book.rows("SELECT pos, body, hash FROM ops WHERE pos >= ? ORDER BY pos", (self.pos(1),))
        for seq, (pos, body, stored) in enumerate(rows, 1):
            link = chain.link(link, seq, body)
            if link != stored or pos != self.pos(seq):
                raise _broken(seq)
            yield Entry(pos, body, stored)

    def reconcile(self) -> list[Record]:
        """Bring both files to the longer history; gives what the database did not know.

        A broken end of the second file is written again from the database when that knows more. Raises a
        Fault when the two do not continue one another: then the disk was exchanged, and a technician
        decides before anything is sold under a number that was already printed.
        """
        lacking: list[Record] = []
        link, seq = self.head, self.seq
        common: Record | None = None
        for record in self.mirror.read():
            if record.epoch != self.lane.epoch:
                continue
            if record.seq <= self.seq:
                common = record
                continue
            if record.seq != seq + 1 or not follows(link, record):
                raise _rewound(record.seq)
            lacking.append(record)
            link, seq = record.hash, record.seq
        if common is not None and self.hash_before(self.pos(common.seq + 1)) != common.hash:
            raise _rewound(common.seq)
        mirrored = seq if lacking else common.seq if common else 0
        if self.mirror.is_broken and mirrored >= self.seq:
            raise _rewound(mirrored + 1)
        behind = self.between(self.pos(mirrored + 1), self.pos(self.seq)) if mirrored < self.seq else []
        if behind:
            self._unmirrored = self.records(behind)
            self.copy()
        return lacking


def _broken(seq: int) -> Fault:
    return Fault("fault.log_broken", f"the log breaks at operation {seq}", seq=seq)


def _rewound(seq: int) -> Fault:
    return Fault("fault.rewound", f"the second copy tells another history from {seq}", seq=seq)
