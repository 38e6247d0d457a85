"""What a store believes of headquarters' log: what continues all that it has seen, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wire_samples import DEVICE, GENESIS, LANE, MOMENT, RECORD, bodies, seed

from points.wire import canonical, checkpoint, envelope, tree, witness
from points.wire.batch_header import TreeHead
from points.wire.checkpoint import Checkpoint
from points.wire.faults import BadSignature, Malformed, UnknownKey, WireFault
from points.wire.keys import SigningKey
from points.wire.lane import KeyRecord
from points.wire.witness import Contradiction, Place, Seen, Shown

KEY, OTHER = SigningKey.from_raw(seed("log key")), SigningKey.from_raw(seed("another log key"))
FIRST, SECOND = checkpoint.origin_of("demo", 1), checkpoint.origin_of("demo", 2)
ENTRIES = [bytes([n]) for n in range(40)]


def head(size: int, origin: str = FIRST, entries: list[bytes] = ENTRIES) -> Checkpoint:
    return Checkpoint(origin, size, tree.merkle_root(entries[:size]))


def show(own: int, size: int, origin: str = FIRST) -> Shown:
    grown = tree.prove_consistency(tree.over(ENTRIES), own, size)
    return Shown(checkpoint.sign(head(size, origin), KEY), tuple(grown))


def why(own: Checkpoint | None, shown: Shown, origin: str = FIRST) -> str:
    with pytest.raises(Contradiction) as found:
        witness.believe(own, shown, origin, KEY.public_raw)
    return found.value.why


@given(own=st.integers(1, 40), more=st.integers(0, 39))
def test_what_only_grew_is_believed(own: int, more: int) -> None:
    size = min(40, own + more)
    assert witness.believe(head(own), show(own, size), FIRST, KEY.public_raw) == head(size)
    assert witness.believe(None, show(own, size), FIRST, KEY.public_raw) == head(size)


def test_everything_else_is_a_contradiction() -> None:
    assert why(head(9), show(9, 9), SECOND) == witness.SIGNATURE
    assert why(head(9), replace(show(9, 20), note=checkpoint.sign(head(20), OTHER))) == witness.SIGNATURE
    assert why(head(9), show(5, 8)) == witness.SMALLER
    assert why(replace(head(9), root=bytes(32)), show(9, 9)) == witness.ROOT
    assert why(replace(head(9), root=bytes(32)), show(9, 20)) == witness.GROWTH
    assert why(head(9), show(10, 20)) == witness.GROWTH


def test_another_log_is_believed_with_a_link_to_what_was_seen() -> None:
    link = checkpoint.link(head(20), SECOND, KEY)
    new = replace(show(9, 20), note=checkpoint.sign(head(3, SECOND), KEY), link=link)
    assert witness.believe(head(9), new, SECOND, KEY.public_raw) == head(3, SECOND)
    seen_more = head(30)  # the backup was older than this head: that is the hole that a restore leaves
    assert witness.believe(seen_more, new, SECOND, KEY.public_raw) == head(3, SECOND)
    assert why(head(9), replace(new, link=None), SECOND) == witness.LINK
    assert why(head(9), replace(new, link=checkpoint.link(head(20), SECOND, OTHER)), SECOND) == witness.LINK
    assert why(head(9), replace(new, link=checkpoint.sign(head(20), KEY)), SECOND) == witness.LINK
    assert why(replace(head(9), root=bytes(32)), new, SECOND) == witness.GROWTH
    assert why(replace(head(20), root=bytes(32)), new, SECOND) == witness.ROOT


def test_a_link_is_no_head_and_a_head_no_link() -> None:
    link = checkpoint.link(head(20), SECOND, KEY)
    assert checkpoint.open_link(link, FIRST, SECOND, KEY.public_raw) == head(20)
    with pytest.raises(UnknownKey):
        checkpoint.open_checkpoint(link, FIRST, KEY.public_raw)
    with pytest.raises(UnknownKey):
        checkpoint.open_link(checkpoint.sign(head(20), KEY), FIRST, SECOND, KEY.public_raw)
    with pytest.raises(BadSignature):
        checkpoint.open_link(link.replace(b"\n20\n", b"\n21\n"), FIRST, SECOND, KEY.public_raw)
    with pytest.raises(Malformed):
        checkpoint.link(head(20), FIRST, KEY)


def batch_of(seen: Checkpoint | None) -> bytes:
    sth = seen and TreeHead(seen.size, seen.root.hex())
    raw = envelope.cut(LANE, 1, GENESIS, bodies(1), DEVICE, replace(MOMENT, sth=sth))
    return envelope.without_payload(raw)


def test_what_another_store_has_seen_is_held_against_the_head() -> None:
    def seen(other: Checkpoint | None, own: int = 9) -> Seen:
        return Seen(batch_of(other), tuple(tree.prove_consistency(tree.over(ENTRIES), own, 20)))

    for fine in (seen(head(9)), seen(head(20), 20), seen(None)):
        witness.agree(head(20), fine, RECORD)
    for other in (replace(head(9), root=bytes(32)), replace(head(20), root=bytes(32)), head(21)):
        with pytest.raises(Contradiction) as found:
            witness.agree(head(20), seen(other, min(20, other.size)), RECORD)
        assert found.value.why == witness.SEEN
        assert found.value.held == batch_of(other)
    for record in (
        KeyRecord(OTHER.public_raw, RECORD.lanes),
        replace(RECORD, lanes=frozenset()),
        replace(RECORD, revoked_at_ms=1, max_seq_at_revocation=0),
    ):
        with pytest.raises(WireFault):
            witness.agree(head(20), seen(head(9)), record)


SHOWN = witness.encode(
    replace(show(9, 20), places=(Place("ab" * 32, 3, (bytes(32),)),), seen=(Seen(b"x", ()),))
)


def test_what_is_shown_is_read_as_it_was_made() -> None:
    assert witness.encode(witness.read(SHOWN)) == SHOWN
    newer = canonical.encode({**canonical.decode(SHOWN), "later": 1})
    assert witness.read(newer) == witness.read(SHOWN)


WRONG = [
    ("v", 2), ("note", None), ("note", "x" * 3_000), ("grown", None), ("grown", "A"), ("grown", "AAAA"),
    ("grown", "é"), ("grown", "A" * 4_000), ("places", {}), ("places", [[]]), ("places", [["ab", 1, ""]]),
    ("places", [["ab" * 32, -1, ""]]), ("places", [["ab" * 32, True, ""]]), ("link", 1),
    ("places", [["ab" * 32, 1, ""]] * 65), ("seen", {}), ("seen", [["eA=="]]), ("seen", [["?", ""]]),
    ("seen", [[1, ""]]),
]  # fmt: skip


@pytest.mark.parametrize(("key", "value"), WRONG)
def test_what_is_shown_in_another_form_is_refused(key: str, value: object) -> None:
    with pytest.raises(Malformed):
        witness.read(canonical.encode({**canonical.decode(SHOWN), key: value}))


@given(at=st.integers(0, len(SHOWN) - 1), bit=st.integers(0, 7))
def test_what_was_damaged_is_refused_or_contradicts_or_proves_the_same(at: int, bit: int) -> None:
    raw = SHOWN[:at] + bytes((SHOWN[at] ^ 1 << bit,)) + SHOWN[at + 1 :]
    try:
        believed = witness.believe(head(9), witness.read(raw), FIRST, KEY.public_raw)
    except (WireFault, Contradiction):
        return
    assert believed == head(20)
