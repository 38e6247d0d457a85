"""What headquarters shows a store of its log, and what the store believes of it.

    shown = canonical JSON {v, note, grown, places: [[batch id, leaf, proof]…], link: null|note,
                            seen?: [[batch, proof]…]}
            proofs are the hashes one behind the other, as base64 like a batch

`note` is the newest signed head, `grown` proves that the head which the store has seen is its beginning,
`places` say where acks of this store stand in it. A store believes a head that its pinned key signed, of the
log that it knows, that has only grown since; and a place that leads from the ack it holds to that head.
`seen` are heads that other stores have seen: the batch (without its payload) in whose header one stands,
signed by their own till, and the proof that it is the beginning of this log too. All else is a
``Contradiction``, which names what was contradicted: both sides are signed, so whoever signed both is
convicted by them. A restored headquarters begins another log; `link` is then the last head that it can prove
of the old one, vouched for in the name of the new (`checkpoint.link`).
It refuses to know where heads are kept and who is told.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from binascii import Error
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from points.wire import ack, canonical, checkpoint, container, envelope, tree
from points.wire.batch_header import read_header
from points.wire.canonical import WHOLE_MAX
from points.wire.chain import HASH_BYTES
from points.wire.checkpoint import NOTE_BYTES_MAX, Checkpoint
from points.wire.faults import Malformed, WireFault, WrongLane
from points.wire.fields import VERSION, Fields, is_hex
from points.wire.lane import KeyRecord

PLACES_MAX = 64
SEEN_MAX = 4
SHOWN_BYTES_MAX = 256 * 1024

SIGNATURE, SMALLER, ROOT, GROWTH, PLACE, LINK, SEEN = (
    "signature", "smaller", "root", "growth", "place", "link", "seen",
)  # fmt: skip
"""What was contradicted: the head is not signed by the log's key or is another log's; there is less of it
than there was; two roots of one size; no proof that it only grew; an ack is not where it is said to be; a
new log does not say what it continues; another store was shown another log."""
OWED = "owed"
"""Not a contradiction: no place was shown for an ack for longer than a day."""


class Contradiction(Exception):
    """What was shown cannot be true together with what was signed before: an ack (``held``) or a head."""

    def __init__(self, why: str, held: bytes = b"") -> None:
        super().__init__(why)
        self.why, self.held = why, held


class Place(NamedTuple):
    """Where an ack stands: the leaf's number and the hashes that lead from it to the head."""

    batch_id: str
    leaf: int
    proof: tuple[bytes, ...]


class Seen(NamedTuple):
    """A head that another store has seen, in the header of a batch that its till signed."""

    batch: bytes
    proof: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """The newest head and what it proves to one store."""

    note: bytes
    grown: tuple[bytes, ...] = ()
    places: tuple[Place, ...] = ()
    link: bytes | None = None
    seen: tuple[Seen, ...] = ()


def encode(shown: Shown) -> bytes:
    """The bytes that are shown."""
    raw = canonical.encode(
        {
            "v": VERSION,
            "note": shown.note.decode(),
            "grown": text_of(shown.grown),
            "places": [[place.batch_id, place.leaf, text_of(place.proof)] for place in shown.places],
            "link": None if shown.link is None else shown.link.decode(),
            **(
                {"seen": [[_base64(one.batch), text_of(one.proof)] for one in shown.seen]}
                if shown.seen
                else {}
            ),
        }
    )
    read(raw)
    return raw


def read(raw: bytes) -> Shown:
    """What was shown, in form only. Raises ``Malformed``; unknown keys are a newer headquarters'."""
    fields = Fields(canonical.decode(raw, SHOWN_BYTES_MAX))
    if fields.whole("v") != VERSION:
        raise Malformed(why="v")
    places = fields.array("places")
    if len(places) > PLACES_MAX:
        raise Malformed(why="places")
    return Shown(
        _note(fields.raw.get("note")),
        hashes(fields.raw.get("grown")),
        tuple(_place(entry) for entry in places),
        None if fields.raw.get("link") is None else _note(fields.raw["link"]),
        tuple(_seen(entry) for entry in fields.array("seen")[:SEEN_MAX]) if "seen" in fields.raw else (),
    )


def believe(own: Checkpoint | None, shown: Shown, origin: str, log_public: bytes) -> Checkpoint:
    """The head that was shown, when everything that this store has seen is its beginning.

    ``own`` is the newest head that was believed, ``origin`` the log that headquarters speaks of now. Raises
    ``Contradiction``.
    """
    try:
        head = checkpoint.open_checkpoint(shown.note, origin, log_public)
    except WireFault as fault:
        raise Contradiction(SIGNATURE) from fault
    if own is None:
        return head
    if own.origin != origin:
        _continues(own, shown, origin, log_public)
        return head
    _grew(own, head, shown.grown)
    return head


def prove(head: Checkpoint, place: Place, held: bytes) -> None:
    """Nothing when the ack that is held stands where it is said to; else raises ``Contradiction``."""
    if not tree.is_included(ack.leaf_entry(held), place.leaf, head.size, place.proof, head.root):
        raise Contradiction(PLACE, held)


def agree(head: Checkpoint, seen: Seen, record: KeyRecord) -> None:
    """Nothing when the head that another store's till has signed is the beginning of this log; else raises
    ``Contradiction``. Raises ``WireFault`` where that till has not signed it."""
    box = container.unpack(envelope.MAGIC, seen.batch, envelope.ENVELOPE_BYTES_MAX)
    container.check(box, envelope.MEDIA_TYPE, [record.public_raw])
    header = read_header(box.header)
    if header.lane not in record.lanes or not record.vouches_for(header.last):
        raise WrongLane(kid=record.kid)
    other = header.moment.sth
    if other is None:
        return
    if not tree.is_consistent(other.size, bytes.fromhex(other.root), head.size, head.root, seen.proof):
        raise Contradiction(SEEN, seen.batch)


def _grew(own: Checkpoint, head: Checkpoint, proof: Sequence[bytes]) -> None:
    if head.size < own.size:
        raise Contradiction(SMALLER)
    if head.size == own.size and head.root != own.root:
        raise Contradiction(ROOT)
    if head.size > own.size and not tree.is_consistent(own.size, own.root, head.size, head.root, proof):
        raise Contradiction(GROWTH)


def _continues(own: Checkpoint, shown: Shown, origin: str, log_public: bytes) -> None:
    """What a restored headquarters can still prove may be less than was seen, never something else."""
    try:
        last = checkpoint.open_link(shown.link or b"", own.origin, origin, log_public)
    except WireFault as fault:
        raise Contradiction(LINK) from fault
    if last.size >= own.size:
        _grew(own, last, shown.grown)


def _place(entry: Any) -> Place:
    if type(entry) is not list or len(entry) < 3:
        raise Malformed(why="places")
    batch_id, leaf, proof = entry[:3]
    if not is_hex(batch_id, HASH_BYTES) or type(leaf) is not int or not 0 <= leaf <= WHOLE_MAX:
        raise Malformed(why="places")
    return Place(batch_id, leaf, hashes(proof))


def _seen(entry: Any) -> Seen:
    if type(entry) is not list or len(entry) < 2 or not isinstance(entry[0], str):
        raise Malformed(why="seen")
    try:
        batch = b64decode(entry[0].encode("ascii"), validate=True)
    except (Error, ValueError) as error:
        raise Malformed(why="seen") from error
    return Seen(batch, hashes(entry[1]))


def _note(text: object) -> bytes:
    if not isinstance(text, str) or len(text) > NOTE_BYTES_MAX:
        raise Malformed(why="note")
    return text.encode()


def hashes(text: object) -> tuple[bytes, ...]:
    """A proof as it travels. Raises ``Malformed``."""
    try:
        raw = b64decode(text.encode("ascii"), validate=True) if isinstance(text, str) else b"?"
    except (Error, ValueError) as error:
        raise Malformed(why="proof") from error
    if len(raw) % HASH_BYTES or len(raw) > tree.HASHES_MAX * HASH_BYTES:
        raise Malformed(why="proof")
    return tuple(raw[at : at + HASH_BYTES] for at in range(0, len(raw), HASH_BYTES))


def text_of(proof: Sequence[bytes]) -> str:
    """The same as text."""
    return _base64(b"".join(proof))


def _base64(raw: bytes) -> str:
    return b64encode(raw).decode()
