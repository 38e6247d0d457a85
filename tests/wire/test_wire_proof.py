"""One operation's proof: the committed bytes hold for ever, and no changed one proves anything else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from proof_samples import LEAF, SEQ, sample
from wire_vectors import read

from points.wire import canonical, checkpoint, key_list, proof, tree, witness
from points.wire.faults import Malformed, WireFault

TOLD = read("proof")
RAW, KEYS = TOLD["operation"].encode(), key_list.read(TOLD["keys"].encode())


def test_the_committed_proof_holds_by_its_own_keys_and_by_the_lists() -> None:
    made = proof.unpack(RAW)
    for known in (None, KEYS):
        steps = list(proof.steps(made, known))
        assert [step.name for step in steps if step.holds] == ["operation", "batch", "ack", "leaf", "head"]
    assert steps[2].detail["code"] == "J"
    assert (made.seq, made.leaf) == (SEQ, LEAF)
    assert proof.pack(made) == RAW


def test_the_committed_look_at_the_log_is_read() -> None:
    shown = witness.read(TOLD["shown"].encode())
    head = checkpoint.open_checkpoint(shown.note, "jifen/demo/1", KEYS.log)
    made, _ = sample()
    witness.prove(head, shown.places[0], made.ack)
    assert shown.link is not None
    assert checkpoint.open_link(shown.link, "jifen/demo/1", "jifen/demo/2", KEYS.log) == head


@given(at=st.integers(0, len(RAW) - 1), bit=st.integers(0, 7))
def test_a_changed_proof_is_refused_or_fails_or_proves_the_same(at: int, bit: int) -> None:
    raw = RAW[:at] + bytes((RAW[at] ^ 1 << bit,)) + RAW[at + 1 :]
    try:
        made = proof.unpack(raw)
    except WireFault:
        return
    if all(step.holds for step in proof.steps(made, KEYS)):
        plain = proof.unpack(RAW)
        assert (made.body, made.seq, made.note) == (plain.body, plain.seq, plain.note)


WRONG = [
    ("v", 2), ("body", None), ("body", "?"), ("seq", 0), ("prev", "ab"), ("path", "A"), ("batch", 1),
    ("leaf", -1), ("note", None), ("keys", []), ("keys", {"till": "", "receipt": "", "log": ""}),
]  # fmt: skip


@pytest.mark.parametrize(("key", "value"), WRONG)
def test_a_proof_in_another_form_is_refused(key: str, value: object) -> None:
    told = canonical.decode(RAW[5:].strip(), proof.PROOF_BYTES_MAX)
    with pytest.raises(WireFault):
        proof.unpack(b"JFP1\n" + canonical.encode({**told, key: value}))
    with pytest.raises(Malformed):
        proof.unpack(RAW[1:])


ROW = [*canonical.decode(TOLD["keys"].encode())["tills"][0]]
STRANGE = [
    ("v", 2), ("chain", "?"), ("receipt", ""), ("log", "ab"), ("tills", {}), ("tills", [[]]),
    ("tills", [ROW[:8]]), ("tills", [["ab" * 8, *ROW[1:]]]), ("tills", [[*ROW[:7], True, None]]),
    ("tills", [[*ROW[:4], 0, *ROW[5:]]]),
]  # fmt: skip


@pytest.mark.parametrize(("key", "value"), STRANGE)
def test_a_key_list_in_another_form_is_refused(key: str, value: object) -> None:
    told = canonical.decode(TOLD["keys"].encode())
    with pytest.raises(WireFault):
        key_list.read(canonical.encode({**told, key: value}))


@given(count=st.integers(0, 70), size=st.integers(0, 70))
def test_roots_of_entries_that_are_read_once_are_those_of_the_tree(count: int, size: int) -> None:
    entries = [bytes([n]) for n in range(count)]
    found = tree.roots_at(iter(entries), {size, count})
    wanted = {n: tree.merkle_root(entries[:n]) for n in (size, count) if n <= count}
    assert found == (count, wanted)
