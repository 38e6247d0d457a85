"""A till joins with a ticket, and nothing else lets it in."""

from __future__ import annotations

import base64
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wire_samples import DEVICE, HUB, HUB_FEED, HUB_PII, LANE, OTHER, TILL_SEAL, seed

from points.wire import canonical, container, joining, ticket
from points.wire.faults import (
    BadSignature,
    EnvelopeVersion,
    Integrity,
    Malformed,
    TicketSpent,
    UnknownKey,
    WireFault,
    WrongLane,
)
from points.wire.joining import HubKeys, JoinAnswer, StoreKeys
from points.wire.keys import SigningKey, kid_of
from points.wire.ticket import Ticket

TICKET = Ticket(
    host="hub.example:8443",
    https=True,
    chain="demo",
    store="s01",
    till="t1",
    ticket_id=seed("ticket", 8),
    secret=seed("secret", 16),
    fingerprint=ticket.fingerprint_of(HUB.public_raw),
    expires_ms=1785549600000,
)
STORE_KEYS = StoreKeys(seed("index"), (("members", "r1", seed("r1")), ("till", "s01/t1", seed("private"))))
ANSWER = JoinAnswer(
    hub="hq",
    inc=1,
    lane=LANE,
    term=1,
    kid=DEVICE.kid,
    keys=HubKeys(HUB.public_raw, HUB_FEED.public_raw, HUB_PII.public_raw),
    ms=1785549000000,
)
NAMES = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=16)
TICKETS = st.builds(
    Ticket,
    host=st.text("abcdefghij.:0123456789-[]", min_size=1, max_size=100),
    https=st.booleans(),
    chain=NAMES,
    store=NAMES,
    till=NAMES,
    ticket_id=st.binary(min_size=8, max_size=8),
    secret=st.binary(min_size=16, max_size=16),
    fingerprint=st.binary(min_size=16, max_size=16),
    expires_ms=st.integers(0, 2**48 - 1),
)


def asked() -> bytes:
    return joining.ask(
        TICKET,
        DEVICE,
        TILL_SEAL.public_raw,
        seed("nonce"),
        seed("inst", 16).hex(),
        "jifen/0.1.0",
        1785549000000,
    )


def granted(answer: JoinAnswer = ANSWER, signer: Any = HUB, request: bytes | None = None) -> bytes:
    read = joining.open_ask(request or asked(), TICKET.proof_key)
    return joining.grant(read, answer, STORE_KEYS, signer, seed("ephemeral"))


@given(TICKETS)
def test_a_printed_ticket_is_read_in_any_case_and_with_any_spaces(told: Ticket) -> None:
    text = ticket.encode(told)
    assert ticket.decode(text) == told
    assert ticket.decode(" " + text.lower()[:20] + "\n" + text.lower()[20:] + " ") == told
    assert set(text) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567.1")


def test_a_ticket_is_not_a_url_and_its_secret_is_not_shown() -> None:
    text = ticket.encode(TICKET)
    assert text.startswith("JT1.")
    assert "/" not in text
    assert TICKET.secret.hex() not in repr(TICKET)
    assert str(TICKET.secret) not in repr(TICKET)
    assert TICKET.origin == "https://hub.example:8443"
    assert replace(TICKET, https=False).origin == "http://hub.example:8443"


def test_every_mistyped_letter_is_told_as_a_slip() -> None:
    text = ticket.encode(TICKET)
    for at in range(len(text)):
        for letter in "A7":
            if text[at] != letter:
                with pytest.raises(Malformed):
                    ticket.decode(text[:at] + letter + text[at + 1 :])
        with pytest.raises(Malformed):
            ticket.decode(text[:at])
    for other in ("", "JT1.", "JT1.AAAA", "https://hub.example", text + "A", "JT1.é"):
        with pytest.raises(Malformed):
            ticket.decode(other)


def test_a_ticket_of_a_later_version_is_told_apart_from_a_slip() -> None:
    fields = b"\x02" + bytes(60)
    text = "JT1." + base64.b32encode(fields + sha256(fields).digest()[:4]).decode().rstrip("=")
    with pytest.raises(EnvelopeVersion):
        ticket.decode(text)
    for broken in (b"", b"\x01", b"\x01\x02" + bytes(60), b"\x01\x00" + bytes(60), b"\x01\x00\x09abc"):
        text = "JT1." + base64.b32encode(broken + sha256(broken).digest()[:4]).decode().rstrip("=")
        with pytest.raises(WireFault):
            ticket.decode(text)


@pytest.mark.parametrize(
    "changes",
    [
        {"host": "hub/path"},
        {"host": ""},
        {"store": "S01"},
        {"secret": b"short"},
        {"expires_ms": 2**48},
        {"fingerprint": b""},
    ],
)
def test_a_ticket_in_another_form_is_not_printed(changes: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        ticket.encode(replace(TICKET, **changes))


def test_a_till_that_proves_its_ticket_is_told_its_lane_and_its_stores_keys() -> None:
    request = asked()
    assert joining.peek_ticket(request) == TICKET.ticket_id.hex()
    read = joining.open_ask(request, TICKET.proof_key)
    assert (read.chain, read.store, read.till) == ("demo", "s01", "t1")
    assert read.public_raw == DEVICE.public_raw
    answer, secrets = joining.open_grant(granted(), TICKET, request, DEVICE.public_raw, TILL_SEAL)
    assert answer == ANSWER
    assert secrets == STORE_KEYS


def test_the_secret_travels_in_neither_message_and_store_keys_only_sealed() -> None:
    for raw in (asked(), granted()):
        for secret in (TICKET.secret, TICKET.proof_key, STORE_KEYS.index, seed("r1"), DEVICE.raw):
            assert secret not in raw
            assert secret.hex().encode() not in raw
    assert seed("index").hex() not in repr(STORE_KEYS)


def test_another_ticket_or_another_key_proves_nothing() -> None:
    with pytest.raises(TicketSpent):
        joining.open_ask(asked(), ticket.proof_key(seed("other", 16)))
    box = container.unpack(joining.MAGIC, asked(), 10_000)
    header = canonical.decode(box.header)
    stolen = container.pack(
        joining.MAGIC,
        header | {"public": OTHER.public_raw.hex()},
        box.payload,
        [OTHER],
        joining.REQUEST_MEDIA_TYPE,
    )
    with pytest.raises(TicketSpent):  # a proof taken from the wire does not move to a thief's key
        joining.open_ask(stolen, TICKET.proof_key)
    not_its_own = container.pack(joining.MAGIC, header, box.payload, [OTHER], joining.REQUEST_MEDIA_TYPE)
    with pytest.raises(UnknownKey):
        joining.open_ask(not_its_own, TICKET.proof_key)
    as_answer = container.pack(joining.MAGIC, header, box.payload, [DEVICE], joining.ANSWER_MEDIA_TYPE)
    with pytest.raises(BadSignature):
        joining.open_ask(as_answer, TICKET.proof_key)


def test_a_device_does_not_join_with_a_key_that_is_nobodys() -> None:
    class Nobody(SigningKey):
        """Signs without a secret, as anybody can."""

        def __init__(self) -> None:
            self.public_raw = bytes([1]) + bytes(31)
            self.kid = kid_of(self.public_raw)

        def sign(self, message: bytes) -> bytes:
            return bytes([1]) + bytes(63)

    raw = joining.ask(
        TICKET, Nobody(), TILL_SEAL.public_raw, seed("nonce"), seed("inst", 16).hex(), "jifen", 0
    )
    with pytest.raises(BadSignature):
        joining.open_ask(raw, TICKET.proof_key)


def test_every_flipped_byte_and_every_cut_of_both_messages_is_refused() -> None:
    request, answer = asked(), granted()
    for at in range(len(request)):
        for damaged in (request[:at], request[:at] + bytes((request[at] ^ 1,)) + request[at + 1 :]):
            with pytest.raises(WireFault):
                joining.open_ask(damaged, TICKET.proof_key)
    for at in range(len(answer)):
        for damaged in (answer[:at], answer[:at] + bytes((answer[at] ^ 1,)) + answer[at + 1 :]):
            with pytest.raises(WireFault):
                joining.open_grant(damaged, TICKET, request, DEVICE.public_raw, TILL_SEAL)


def test_only_the_hub_that_the_ticket_names_may_answer() -> None:
    request = asked()
    rogue = replace(ANSWER, keys=HubKeys(OTHER.public_raw, HUB_FEED.public_raw, HUB_PII.public_raw))
    with pytest.raises(UnknownKey):
        joining.open_grant(granted(rogue, OTHER), TICKET, request, DEVICE.public_raw, TILL_SEAL)
    with pytest.raises(UnknownKey):  # the right key named, another one signing
        joining.open_grant(granted(ANSWER, OTHER), TICKET, request, DEVICE.public_raw, TILL_SEAL)


def test_an_answer_to_another_request_till_or_key_is_refused() -> None:
    request = asked()
    other = joining.ask(
        TICKET, DEVICE, TILL_SEAL.public_raw, seed("nonce 2"), seed("inst", 16).hex(), "jifen/0.1.0", 1
    )
    with pytest.raises(Integrity) as told:
        joining.open_grant(granted(request=other), TICKET, request, DEVICE.public_raw, TILL_SEAL)
    assert told.value.detail == {"what": "request"}
    moved = replace(ANSWER, lane=replace(LANE, till="t2"))
    with pytest.raises(WrongLane):
        joining.open_grant(granted(moved), TICKET, request, DEVICE.public_raw, TILL_SEAL)
    with pytest.raises(WrongLane):
        joining.open_grant(granted(), TICKET, request, OTHER.public_raw, TILL_SEAL)
    with pytest.raises(Integrity):
        joining.open_grant(granted(), TICKET, request, DEVICE.public_raw, HUB_PII)
