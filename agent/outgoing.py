"""What a till says to headquarters: its question, and envelopes that are cut once and kept.

The same bytes go over the network and on a stick. Nothing is sent here, and nothing that was kept is
changed: an envelope is in the book before anybody else sees it.
"""

from __future__ import annotations

from collections import deque

from agent import understanding, witness
from agent.identity import VERSION
from agent.journal.log import EPOCH_STEP
from agent.store import feeds, outbox
from agent.till import Till
from points.wire import envelope, hello
from points.wire.batch_header import OPS_MAX, Anchor, Moment
from points.wire.calls import SendBatch
from points.wire.hello import Shard
from points.wire.manifest import CHAIN_WIDE, PRIVATE_TOPIC, private_shard
from points.wire.visitors import TOPIC as VISITORS


def own_shard(till: Till) -> Shard:
    """The shard of this till's own page."""
    return PRIVATE_TOPIC, private_shard(till.store, till.till)


def shared_shards(till: Till) -> list[Shard]:
    """The shards that this till shares with others, in the order in which they are taken."""
    return [
        ("rules", CHAIN_WIDE), ("keys", CHAIN_WIDE), ("members", till.identity.region),
        ("phones", till.store), (VISITORS, till.store),
    ]  # fmt: skip


def delivered(till: Till) -> int:
    """The last number of this lane that was acknowledged, 0 for none."""
    return max(0, outbox.delivered(till.book) - till.log.pos(0))


def question(till: Till, *, has_more: bool, token: str | None, inst: str) -> bytes:
    """Where this till stands and which editions it holds, as a hello asks it.

    On a stick without an ``inst``, and without what it has seen of the log: an answer that is heard late
    would contradict what came between.
    """
    now = till.clock.now()
    of_log, sth = witness.to_say(till) if inst else (None, None)
    earlier = outbox.earlier(till.book, till.identity.lane.epoch)
    return hello.ask(
        hello.Question(
            agent=VERSION,
            nonce=till.chance(hello.NONCE_BYTES).hex(),
            lanes={till.identity.lane.epoch: delivered(till) + 1}
            | {epoch: last + 1 for epoch, last in earlier.items()},
            feeds={shard: feeds.edition(till.book, *shard)[0] for shard in shared_shards(till)},
            held=frozenset(feeds.chunks(till.book, *own_shard(till))),
            has_more=has_more,
            is_shut=till.is_shut,
            boot=now.boot,
            mono=now.mono_ms,
            wall=now.wall_ms,
            token=token,
            inst=inst,
            sth=sth,
            log=of_log,
            dialect=understanding.dialect(till),
            takes_deltas=True,
        )
    )


def envelope_for(till: Till, call: SendBatch) -> tuple[int, int, bytes, bytes | None]:
    """(first, last, bytes, ack if it has one) of the stored envelope that this call asks for, or of one that
    is cut for it."""
    position = call.epoch * EPOCH_STEP + call.first
    found = outbox.envelope_from(till.book, position)
    if found is not None and call.recut and found[3] is None:  # what was answered is never cut anew
        found = None
    return found or (*_cut(till, position, call.epoch * EPOCH_STEP + call.last), None)


def _cut(till: Till, first: int, last: int) -> tuple[int, int, bytes]:
    """Cut an envelope once and keep it before it is sent. Raises a Fault where the book says another chain
    than it was written with."""
    with till.book.lock:
        entries = till.log.between(first, min(last, first + OPS_MAX - 1))
        entries = entries[: envelope.fitting(len(entry.body) for entry in entries)]
        heard = till.witness if till.witness and not till.witness.is_copy else None
        now = till.clock.now()
        anchor = Anchor(heard.hub_ms, heard.boot, heard.mono_ms) if heard else None
        moment = Moment(
            now.wall_ms, now.boot, now.mono_ms, till.inst, VERSION, till.identity.inc, anchor,
            witness.in_batch(till),
        )  # fmt: skip
        raw = envelope.cut(
            till.identity.lane,
            first % EPOCH_STEP,
            till.log.hash_before(first),
            [entry.body for entry in entries],
            till.identity.key,
            moment,
        )
        if envelope.peek(raw)[0].head != entries[-1].hash.hex():  # the book was edited: say where
            deque(till.log.walk(), maxlen=0)
        with till.book.turn() as turn:
            outbox.keep_envelope(turn, first, entries[-1].pos, envelope.batch_id(raw), raw)
        return first, entries[-1].pos, raw
