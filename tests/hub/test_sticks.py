"""A store without a network is heard by a stick, and hears by one."""

from __future__ import annotations

from dataclasses import replace

import pytest
from headquarters import Headquarters
from pretend_till import PretendTill
from test_hello import QUESTION

from hub import stick
from points.wire import ack, bundle, envelope, hello
from points.wire.bundle import ACK, ANSWER, BATCH, BLOB, HELD, REFUSED, Bundle, Item
from points.wire.faults import Problem, UnknownKey, WrongLane
from points.wire.keys import SigningKey

ASKED = hello.ask(QUESTION)


def packed(till: PretendTill, *envelopes: bytes, key: SigningKey | None = None) -> tuple[str, bytes]:
    items = [Item(bundle.QUESTION, "", ASKED), Item(HELD, "", b"")]
    items += [Item(BATCH, envelope.batch_id(raw), raw) for raw in envelopes]
    sent = Bundle(bundle.UP, till.lane, 1, tuple(items), till.seal_key.public_raw.hex())
    return bundle.write(sent, key or till.key, till.grant.keys.pii, till.chance.randbytes(32))


def opened(till: PretendTill, name: str, back: bytes | None) -> Bundle:
    assert back is not None
    return bundle.open_answer(back, till.seal_key, till.grant.keys.manifest, till.lane, frozenset({name}))


def test_a_stick_is_answered_as_the_network_would_have(hq: Headquarters, till: PretendTill) -> None:
    m = till.enrol()
    till.earn(m, 10)
    raw = till.cut()
    name, file = packed(till, raw)
    brought = stick.take(hq.office, file)
    assert (brought.batches, brought.refused) == (1, ())
    back = opened(till, name, brought.back)
    told = ack.open_ack(back.named(ACK)[envelope.batch_id(raw)], till.grant.keys.receipt)
    told.check_answers(envelope.peek(raw)[0], envelope.batch_id(raw))
    answer = hello.open_answer(
        back.only(ANSWER), ASKED, till.grant.keys.manifest, (till.lane.chain, till.lane.store, till.lane.till)
    )
    manifests = {piece.topic for piece in answer.pieces if piece.kind == hello.MANIFEST}
    assert manifests == {"rules", "keys", "members", "phones", "till"}
    assert back.named(BLOB)


def test_a_stick_read_twice_gives_the_same_acks_and_changes_nothing(
    hq: Headquarters, till: PretendTill
) -> None:
    till.earn(till.enrol(), 10)
    raw = till.cut()
    name, file = packed(till, raw)
    first = opened(till, name, stick.take(hq.office, file).back).named(ACK)
    count = hq.rows("SELECT count(*) FROM op_seen")
    over_http = till.deliver(raw)
    again = opened(till, name, stick.take(hq.office, file).back).named(ACK)
    assert first == again == {envelope.batch_id(raw): over_http.body}
    assert hq.rows("SELECT count(*) FROM op_seen") == count


def test_a_stick_that_comes_before_an_earlier_one_is_told_of_the_gap(
    hq: Headquarters, till: PretendTill
) -> None:
    m = till.enrol()
    early = till.cut()
    count = len(till.bodies)
    till.earn(m, 10)
    late = till.cut(count + 1)
    name, file = packed(till, late)
    brought = stick.take(hq.office, file)
    assert [fault.problem for _, fault in brought.refused] == [Problem.GAP]
    back = opened(till, name, brought.back)
    assert list(back.named(REFUSED)) == [envelope.batch_id(late)]
    assert not back.named(BLOB)
    assert stick.take(hq.office, packed(till, early)[1]).batches == 1
    assert stick.take(hq.office, file).batches == 1


def test_what_is_signed_by_another_till_is_not_taken(
    hq: Headquarters, till: PretendTill, other: PretendTill
) -> None:
    till.earn(till.enrol(), 10)
    with pytest.raises(WrongLane):
        stick.take(hq.office, packed(till, till.cut(), key=other.key)[1])
    with pytest.raises(UnknownKey):
        stick.take(hq.office, packed(till, key=SigningKey.from_raw(bytes(32)))[1])
    stolen = till.cut()
    brought = stick.take(hq.office, packed(other, stolen)[1])
    assert [fault.problem for _, fault in brought.refused] == [Problem.WRONG_LANE]


def test_what_a_till_holds_does_not_travel_again(hq: Headquarters, till: PretendTill) -> None:
    name, file = packed(till)
    held = opened(till, name, stick.take(hq.office, file).back).named(BLOB)
    items = (Item(bundle.QUESTION, "", ASKED), Item(HELD, "", b"".join(map(bytes.fromhex, held))))
    sent = Bundle(bundle.UP, till.lane, 2, items, till.seal_key.public_raw.hex())
    name, file = bundle.write(replace(sent), till.key, till.grant.keys.pii, till.chance.randbytes(32))
    assert len(opened(till, name, stick.take(hq.office, file).back).named(BLOB)) < len(held)
