"""Heads of the log: the note's form byte by byte, and every damage to it."""

from __future__ import annotations

from base64 import b64decode, b64encode
from dataclasses import replace
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wire_samples import HUB, HUB_LOG, OTHER, seed

from points.wire import checkpoint, keys
from points.wire.checkpoint import Checkpoint
from points.wire.faults import BadSignature, Malformed, TooLarge, UnknownKey, WireFault

HEAD = Checkpoint("jifen/demo/1", 42, seed("root"))
NOTE = checkpoint.sign(HEAD, HUB_LOG)


def test_a_note_is_what_the_specification_says_byte_by_byte() -> None:
    body = b"jifen/demo/1\n42\n" + b64encode(seed("root")) + b"\n"
    assert body == HEAD.text
    lead, line = NOTE.split(b"\n\n")
    assert lead + b"\n" == body
    dash, name, told = line.removesuffix(b"\n").split(b" ")
    hint = sha256(b"jifen/demo/1\n\x01" + HUB_LOG.public_raw).digest()[:4]
    assert (dash, name, told) == (
        "—".encode(), b"jifen/demo/1", b64encode(hint + HUB_LOG.sign(body))
    )  # fmt: skip
    assert checkpoint.verifier_key("jifen/demo/1", HUB_LOG.public_raw).split("+")[1] == hint.hex()


def test_the_published_key_of_the_format_has_its_published_hash() -> None:
    """The example of Go's note package, which the specification describes."""
    name, hint, told = ["PeterNeumann", "c74f20a3", "ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"]
    public = b64decode(told)[1:]
    assert checkpoint.key_hash(name, public).hex() == hint
    assert checkpoint.verifier_key(name, public) == f"{name}+{hint}+{told}"


def test_a_published_note_verifies() -> None:
    public = b64decode("ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")[1:]
    told = "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
    text = (
        "If you think cryptography is the answer to your problem,\n"
        "then you don't know what your problem is.\n"
    )
    keys.verify(public, b64decode(told)[4:], text.encode())


def test_a_signed_head_is_read_back() -> None:
    assert checkpoint.open_checkpoint(NOTE, "jifen/demo/1", HUB_LOG.public_raw) == HEAD
    assert checkpoint.read(NOTE) == HEAD


@given(st.integers(0, 8 * len(NOTE) - 1))
def test_no_bit_of_a_note_may_differ(bit: int) -> None:
    bent = bytearray(NOTE)
    bent[bit // 8] ^= 1 << bit % 8
    with pytest.raises(WireFault):
        checkpoint.open_checkpoint(bytes(bent), "jifen/demo/1", HUB_LOG.public_raw)


@given(st.binary(max_size=300))
def test_whatever_comes_is_refused_in_our_words(raw: bytes) -> None:
    with pytest.raises(WireFault):
        checkpoint.open_checkpoint(raw, "jifen/demo/1", HUB_LOG.public_raw)


def test_another_key_another_log_and_other_lines() -> None:
    with pytest.raises(UnknownKey):
        checkpoint.open_checkpoint(NOTE, "jifen/demo/1", HUB.public_raw)
    with pytest.raises(Malformed):
        checkpoint.open_checkpoint(NOTE, "jifen/demo/2", HUB_LOG.public_raw)
    hers = checkpoint.sign(HEAD, OTHER).split(b"\n\n")[1]
    assert checkpoint.open_checkpoint(NOTE + hers, "jifen/demo/1", HUB_LOG.public_raw) == HEAD
    with pytest.raises(Malformed):
        checkpoint.open_checkpoint(NOTE + NOTE.split(b"\n\n")[1], "jifen/demo/1", HUB_LOG.public_raw)
    with pytest.raises(Malformed):
        checkpoint.open_checkpoint(NOTE + hers * 8, "jifen/demo/1", HUB_LOG.public_raw)
    with pytest.raises(TooLarge):
        checkpoint.open_checkpoint(NOTE + hers * 30, "jifen/demo/1", HUB_LOG.public_raw)
    other = checkpoint.sign(replace(HEAD, size=43), HUB_LOG).split(b"\n\n")[1]
    with pytest.raises(BadSignature):
        checkpoint.open_checkpoint(HEAD.text + b"\n" + other, "jifen/demo/1", HUB_LOG.public_raw)


@pytest.mark.parametrize("size", ["042", "-1", "+1", "1_0", "", "9007199254740992", "4" * 17, "٤"])
def test_a_size_has_one_spelling(size: str) -> None:
    with pytest.raises(Malformed):
        checkpoint.read(NOTE.replace(b"\n42\n", f"\n{size}\n".encode()))


def test_what_no_log_is_called() -> None:
    for chain, inc in (("Demo", 1), ("demo", 0), ("demo", 2**32)):
        with pytest.raises(Malformed):
            checkpoint.origin_of(chain, inc)
    with pytest.raises(Malformed):
        checkpoint.sign(replace(HEAD, origin="a b"), HUB_LOG)
