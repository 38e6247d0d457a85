"""The wire's laws W1 to W23, each by its name, asked of a chain at rest that went through what its seed drew.

A law gives a sentence for each break. Here are those of messages, and of how a contact ends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from hashlib import sha256

from forks import points_of
from pretend_till import PretendTill
from wire_laws_of_books import OF_BOOKS
from wire_stand import Pc, Stand, op_id_of

from agent.uplink import OutOfReach
from hub.clock_fixes import _clocks_of, _open
from hub.intake import key_record
from hub.member_editions import told_row
from points.true_time import Heard, Told, true_times
from points.wire import ack, bundle, canonical, checkpoint, chunk, envelope, hello, manifest
from points.wire import proof as proofs
from points.wire.batch_header import Anchor
from points.wire.faults import Problem, WireFault

Faults = Iterator[str]
Law = Callable[[Stand], Faults]
SMALL = 2 * 1024
MS_A_DAY = 86_400_000


def w14(stand: Stand) -> Faults:
    """A poisoned operation delays none behind it: they are posted by the same answer."""
    till = PretendTill(stand.hq, "s009", seed=stand.draw.randrange(10**6))
    try:
        m = till.enrol()
        till.send()
        till.earn(m, 10)
        till.write(b'{"id":"' + b"ab" * 16 + b'","t":"sale.earn"')
        till.op("sale.of.tomorrow", m, tv=9)
        till.earn(m, 20)
        told = till.send()
        if [letter for letter, _ in told.values()] != ["Q", "P"] or points_of(stand.hq, m) != 30:
            yield f"what stood behind a poisoned operation: {told}, {points_of(stand.hq, m)} points"
        for body in till.bodies:
            if (op_id := op_id_of(body)) is not None:
                stand.ever[op_id] = body
    finally:
        till.close()


def w15(stand: Stand) -> Faults:
    """What a till shows is headquarters' row with its own operations, each once."""
    kept = set(stand.hq.rows("SELECT DISTINCT store, till, epoch FROM waiting"))
    for pc in stand.pcs:
        if pc.shop.till.identity.lane.columns in kept:
            continue  # it shows its own that headquarters keeps too
        for m in stand.members:
            view = pc.shop.till.look(m)
            if view is None or view.row is None or not view.row.raw:
                continue
            shown, has = view.account.balance(view.today), points_of(stand.hq, m)
            if shown != has:
                yield f"{pc.shop.till.identity.lane} shows {shown} of {m}, headquarters has {has}"


def w16(stand: Stand) -> Faults:
    """By steps or whole, a till holds the rows that headquarters has. That no edition went back was asked at
    every moment."""
    rows = {m: told_row(stand.hq.office, row) for m, row in stand.hq.rows('SELECT m, "row" FROM members')}
    for pc in stand.pcs:
        held = {
            m: canonical.decode_value(row.encode(), 1 << 20)
            for m, row in pc.shop.till.book.rows("SELECT m, row FROM members")
        }
        for m, row in rows.items():
            if held.get(m) != row and m in stand.members:
                yield f"{pc.shop.till.identity.lane} holds {held.get(m)} of {m}, headquarters {row}"


def w17(stand: Stand) -> Faults:
    """No byte that nobody vouched for reached a decompressor."""
    stand.note()
    for digest in stand.unpacked - stand.authentic:
        yield f"a frame of no till was unpacked: {digest}"
    if not stand.unpacked:
        yield "nobody looked what was unpacked"
    with _watched() as seen:
        raw = bytes(stand.hq.rows("SELECT bytes FROM blobs WHERE topic = 'rules' LIMIT 1")[0][0])
        piece = manifest.Chunk(sha256(raw).hexdigest(), len(raw), 1, 1)
        with suppress(WireFault):
            chunk.open_chunk(piece, raw[:-1] + bytes([raw[-1] ^ 1]), "rules", "all")
        if seen:
            yield "a blob that is not what its name says was unpacked"


def w18(stand: Stand) -> Faults:
    """A signature of one kind of message is none of another kind."""
    office, pc = stand.hq.office, stand.pcs[0]
    with office.store.look() as look:
        kid = look.run("SELECT kid FROM keys WHERE store = 's001' AND till = '01' AND epoch = 1")[0][0]
        record = key_record(look, office, kid)
    (batch,) = [
        bytes(raw)
        for (raw,) in stand.hq.rows(
            "SELECT envelope FROM batches WHERE store = 's001' AND till = '01' AND epoch = 1 LIMIT 1"
        )
    ]
    (answer,) = [
        bytes(raw) for (raw,) in stand.hq.rows("SELECT ack FROM batches WHERE store <> 'hq' LIMIT 1")
    ]
    (edition,) = [bytes(raw) for (raw,) in stand.hq.rows("SELECT bytes FROM manifests WHERE topic = 'rules'")]
    lane, keys = pc.shop.till.identity.lane, office.keys
    readers: Mapping[str, Callable[[bytes], object]] = {
        "an answer": lambda raw: ack.open_ack(raw, keys.receipt.public_raw),
        "an edition": lambda raw: manifest.open_manifest(
            raw, keys.manifest.public_raw, "demo", "rules", "all"
        ),
        "a hello": lambda raw: hello.open_answer(
            raw, b"{}", keys.manifest.public_raw, ("demo", lane.store, lane.till)
        ),
        "a batch": lambda raw: envelope.open_batch(raw, record),
        "a bundle": lambda raw: bundle.unseal(raw, keys.pii),
        "a proof": lambda raw: proofs.unpack(raw),
        "a head": lambda raw: checkpoint.read(raw),
    }
    for name, raw in {"a batch": batch, "an answer": answer, "an edition": edition}.items():
        for reader, read in readers.items():
            for dressed in {raw, _dressed(raw, batch), _dressed(raw, answer), _dressed(raw, edition)}:
                if reader == name and dressed == raw:
                    continue
                try:
                    read(dressed)
                except WireFault:
                    continue
                yield f"{name} is read as {reader}"


def _dressed(raw: bytes, other: bytes) -> bytes:
    """A message under another kind's name, with its signature as it was."""
    return other[:4] + raw[4:]


def w19(stand: Stand) -> Faults:
    """Times that are found of a lane never fall, whatever its wall said."""
    with stand.hq.office.store.look() as look:
        for store, till, epoch in look.run("SELECT store, till, epoch FROM lanes WHERE store <> 'hq'"):
            last = 0
            for (raw,) in look.run(
                "SELECT envelope FROM batches WHERE store = ? AND till = ? AND epoch = ? ORDER BY first",
                (store, till, epoch),
            ):
                batch = _open(look, stand.hq.office, bytes(raw))
                anchor = batch.header.moment.anchor
                known = None if anchor is None else Heard(*_anchor(anchor))
                ops = [told for told, _, _ in _clocks_of(batch)]
                times = [one.ms for one in true_times(ops, _cut(batch), known) if one is not None]
                if times != sorted(times):
                    yield f"{store}/{till}/{epoch}: {times}"
                off = [ms for ms in times if abs(ms - stand.hq.clock.now_ms) > 400 * MS_A_DAY]
                if off:
                    yield f"{store}/{till}/{epoch} is years off though its clock was counted: {off[:3]}"
                last = max([last, *times])


def _anchor(anchor: Anchor) -> tuple[int, str, int]:
    return anchor.hub_ms, anchor.boot, anchor.mono


def _cut(batch: envelope.Batch) -> Told:
    return Told(batch.header.moment.boot, batch.header.moment.mono, batch.header.moment.wall)


def w20(stand: Stand) -> Faults:
    """With nothing to say and nothing new a contact is one request of at most 2 KB there and back."""
    for pc in stand.pcs:
        stand.contact(pc)
        stand.contact(pc)
        calls = [call for call in pc.line.calls if call.path != "/health/live"]
        if [call.path for call in calls] != ["/v1/hello"] or max(calls[0].sent, calls[0].heard) > SMALL:
            yield f"{pc.shop.till.identity.lane}: {calls}"


def w21(stand: Stand) -> Faults:
    """What goes up and what comes down never wait for each other."""
    one, other = stand.pcs[0], stand.pcs[1]
    if one.shop.till.look(stand.members[0]) is None:
        return
    for stuck, up, down in (("/batches", False, True), ("/v1/blob/", True, False)):
        _sell(one, stand)
        _sell(other, stand)
        stand.contact(other)
        before, there = _delivered(stand, one), _edition(one)
        real = one.shop.uplink._send

        def send(*asked: object, real: Callable[..., bytes] = real, stuck: str = stuck) -> bytes:
            if stuck in str(asked[3]):
                raise OutOfReach("stuck")
            return real(*asked)

        one.shop.uplink._send = send  # type: ignore[method-assign]
        stand.contact(one)
        one.shop.uplink._send = real  # type: ignore[method-assign]
        went_up, came_down = _delivered(stand, one) > before, _edition(one) > there
        if (up and not went_up) or (down and not came_down):
            yield f"{stuck} was stuck, and so was the other way: up {went_up}, down {came_down}"
        stand.contact(one)


def _sell(pc: Pc, stand: Stand) -> None:
    pc.shop.counter.sell(stand.members[0], [[1, "all", 1, 1_000]], "c1")


def _delivered(stand: Stand, pc: Pc) -> int:
    rows = stand.hq.rows(
        "SELECT seq FROM lanes WHERE store = ? AND till = ? AND epoch = ?",
        *pc.shop.till.identity.lane.columns,
    )
    return int(rows[0][0]) if rows else 0


def _edition(pc: Pc) -> int:
    ((ver,),) = pc.shop.till.book.rows("SELECT ver FROM feeds WHERE topic = 'members'")
    return int(ver)


def w22(stand: Stand) -> Faults:
    """Every no has a word of the table, and no contact goes on for ever: both were asked at every call. A
    question that is none is told so, and not that headquarters broke."""
    yield from stand.wordless
    for pc in stand.pcs:
        for method, path, body in (
            ("POST", "/v1/hello", b"{}"), ("GET", "/v1/blob/" + "00" * 32, None),
            ("POST", "/v1/lanes/s001/01/99/batches", b"JFB1"), ("GET", "/v1/nothing", None),
        ):  # fmt: skip
            try:
                pc.shop.uplink.call(method, path, body, None if body is None else "application/json")
            except WireFault as fault:
                if fault.problem not in set(Problem) - {Problem.INTERNAL}:
                    yield f"{path} was answered {fault.problem}"
            else:
                yield f"{path} was answered well"


def w23(stand: Stand) -> Faults:
    """Whoever is killed goes on: once more each PC is killed, and everything above still holds."""
    stand.note()
    for pc in stand.pcs:
        stand.kill(pc)
    for _ in range(2):
        for pc in stand.pcs:
            stand.contact(pc)
        stand.note()
    for law in (*(OF_BOOKS[n - 1] for n in (1, 2, 3, 4, 5, 6, 9, 10, 12)), w15):
        yield from law(stand)


LAWS: Mapping[str, Law] = {
    f"W{n}": law
    for n, law in enumerate((*OF_BOOKS, w14, w15, w16, w17, w18, w19, w20, w21, w22, w23), 1)
}  # fmt: skip


def broken(stand: Stand) -> dict[str, list[str]]:
    """What is broken of a chain at rest, by law."""
    found = {name: list(law(stand)) for name, law in LAWS.items()}
    return {name: faults for name, faults in found.items() if faults}


@contextmanager
def watched(stand: Stand) -> Iterator[None]:
    """Every frame of a batch that is unpacked meanwhile is noted."""
    real = envelope.decompress

    def decompress(frame: bytes, usize_max: int) -> bytes:
        stand.unpacked.add(sha256(frame).hexdigest())
        return real(frame, usize_max)

    envelope.decompress = decompress
    try:
        yield
    finally:
        envelope.decompress = real


@contextmanager
def _watched() -> Iterator[list[bytes]]:
    seen: list[bytes] = []
    real = chunk.decompress
    chunk.decompress = lambda frame, most: (seen.append(frame), real(frame, most))[1]  # type: ignore[attr-defined]
    try:
        yield seen
    finally:
        chunk.decompress = real  # type: ignore[attr-defined]
