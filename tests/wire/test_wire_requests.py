"""Request signatures: our exact profile, RFC 9421's own example, and another implementation."""

from __future__ import annotations

import base64
import datetime
import time
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from http_message_signatures import HTTPMessageSigner, HTTPMessageVerifier, HTTPSignatureKeyResolver
from http_message_signatures.algorithms import ED25519
from hypothesis import given
from hypothesis import strategies as st
from wire_samples import DEVICE, HUB, OTHER

from points.wire import hub_time, keys, requests
from points.wire.faults import (
    BadSignature,
    ClockSkew,
    Integrity,
    Malformed,
    UnknownKey,
    WireFault,
)

NOW = 1785549600
PATH = "/v1/lanes/s01/t1/1/batches"
KNOWN = {DEVICE.kid: DEVICE.public_raw, OTHER.kid: OTHER.public_raw}


def signed(
    method: str = "POST",
    authority: str = "hub.example:8443",
    path: str = PATH,
    query: str = "",
    body: bytes | None = b"batch",
    content_type: str | None = "application/vnd.jifen.batch",
    created: int = NOW,
) -> dict[str, str]:
    return requests.sign(DEVICE, method, authority, path, query, body, content_type, created)


def verified(headers: dict[str, str], body: bytes = b"batch", **changes: Any) -> str:
    told: dict[str, Any] = {
        "method": "POST",
        "authority": "hub.example:8443",
        "path": PATH,
        "query": "",
        "hub_now_s": NOW,
    }
    return requests.verify(headers, body=body, find_key=KNOWN.get, **(told | changes))


def test_the_ed25519_example_of_rfc_9421_holds() -> None:
    """Appendix B.2.6: key `test-key-ed25519`, a signature over six components."""
    public = base64.b64decode("JrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=")
    secret = base64.b64decode("MC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtMDoQikTmiCqirVv9mWG9qfSnF")[-32:]
    base = requests.base_of(
        [
            ("date", "Tue, 20 Apr 2021 02:07:55 GMT"),
            ("@method", "POST"),
            ("@path", "/foo"),
            ("@authority", "example.com"),
            ("content-type", "application/json"),
            ("content-length", "18"),
        ],
        '("date" "@method" "@path" "@authority" "content-type" "content-length")'
        ';created=1618884473;keyid="test-key-ed25519"',
    )
    signature = base64.b64decode(
        "wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw=="
    )
    keys.verify(public, signature, base)
    key = keys.SigningKey.from_raw(secret)
    assert key.public_raw == public
    assert key.sign(base) == signature


def test_the_headers_are_what_the_law_says_letter_by_letter() -> None:
    told = signed(query="a=1&b=2")
    digest = f"sha-256=:{base64.b64encode(sha256(b'batch').digest()).decode()}:"
    covered = '("@method" "@authority" "@path" "@query" "content-digest" "content-type")'
    params = f'{covered};created={NOW};keyid="{DEVICE.kid}";tag="jifen/1"'
    assert told["signature-input"] == "jifen=" + params
    base = (
        '"@method": POST\n'
        '"@authority": hub.example:8443\n'
        f'"@path": {PATH}\n'
        '"@query": ?a=1&b=2\n'
        f'"content-digest": {digest}\n'
        '"content-type": application/vnd.jifen.batch\n'
        f'"@signature-params": {params}'
    )
    signature = base64.b64encode(DEVICE.sign(base.encode())).decode()
    assert told["signature"] == f"jifen=:{signature}:"
    assert told["content-digest"] == digest


def test_a_signed_request_is_verified_with_and_without_a_body() -> None:
    assert verified(signed()) == DEVICE.kid
    bodyless = signed(method="GET", body=None, content_type=None)
    assert "content-type" not in bodyless["signature-input"]
    assert verified(bodyless, b"", method="GET") == DEVICE.kid
    empty = signed(body=b"")
    assert verified(empty, b"") == DEVICE.kid


def test_names_of_headers_and_of_the_host_are_read_in_any_case() -> None:
    told = {name.title(): value for name, value in signed().items()}
    assert verified(told, authority="HUB.example:8443") == DEVICE.kid


@pytest.mark.parametrize(
    "changes",
    [
        {"method": "PUT"},
        {"authority": "hub.example"},
        {"path": PATH + "/"},
        {"query": "a"},
    ],
)
def test_a_request_moved_elsewhere_is_refused(changes: dict[str, str]) -> None:
    with pytest.raises(BadSignature):
        verified(signed(), **changes)


def test_a_changed_body_type_digest_or_time_is_refused() -> None:
    told = signed()
    with pytest.raises(Integrity):
        verified(told, b"other")
    for name, value in [
        ("content-type", "application/json"),
        ("content-digest", requests.content_digest(b"other")),
        ("signature-input", told["signature-input"].replace(str(NOW), str(NOW + 1))),
        ("signature-input", told["signature-input"].replace(DEVICE.kid, OTHER.kid)),
    ]:
        with pytest.raises(BadSignature):
            verified(told | {name: value}, b"other" if name == "content-digest" else b"batch")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("signature", ""),
        ("signature", "jifen=:AAAA:"),
        ("signature", "sig1=:" + "A" * 86 + "==:"),
        ("signature-input", ""),
        ("signature-input", 'jifen=("@method");created=1;keyid="0011223344556677";tag="jifen/1"'),
    ],
)
def test_whatever_is_not_this_profile_is_refused_unread(name: str, value: str) -> None:
    with pytest.raises(BadSignature):
        verified(signed() | {name: value})


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("jifen=", "JIFEN="),
        ("jifen=", " jifen="),
        ('"@method" "@authority"', '"@authority" "@method"'),
        (' "@query"', ""),
        (' "content-digest"', ""),
        (";created=", ";nonce=1;created="),
        (";tag=", ';alg="ed25519";tag='),
        ('tag="jifen/1"', 'tag="jifen/2"'),
        ('tag="jifen/1"', 'tag="jifen/1";x'),
        ("created=1", "created=01"),
        ("created=1", "created=-1"),
        ("created=", "created=999999999999"),
    ],
)
def test_another_order_parameter_or_spelling_is_refused_even_if_well_signed(old: str, new: str) -> None:
    told = signed()
    params = told["signature-input"].replace(old, new, 1)
    assert params != told["signature-input"]
    base = requests.signature_base(
        "POST",
        "hub.example:8443",
        PATH,
        "",
        told["content-digest"],
        told["content-type"],
        params.strip().partition("=")[2],
    )
    signature = f"jifen=:{base64.b64encode(DEVICE.sign(base)).decode()}:"
    with pytest.raises(BadSignature):
        verified(told | {"signature-input": params, "signature": signature})


def test_a_body_must_be_covered_with_its_type() -> None:
    bodyless = signed(body=None, content_type=None)
    with pytest.raises(BadSignature):
        verified(bodyless, b"smuggled")
    told = signed()
    del told["content-type"]
    with pytest.raises(BadSignature):
        verified(told)
    with pytest.raises(Malformed):
        requests.sign(DEVICE, "POST", "h", "/", "", b"body", None, NOW)


@pytest.mark.parametrize("bad", ["a\nb", "a\r\nb", "", "é", " a", "a\x7f"])
def test_a_component_that_could_add_a_line_is_never_signed_nor_verified(bad: str) -> None:
    with pytest.raises(Malformed):
        signed(authority=bad)
    with pytest.raises(BadSignature):
        verified(signed(), authority=bad)
    if bad:
        with pytest.raises(Malformed):
            signed(path="/" + bad + "\n")
    with pytest.raises(Malformed):
        signed(content_type=bad)


def test_a_key_nobody_knows_is_named() -> None:
    with pytest.raises(UnknownKey) as told:
        requests.verify(signed(), "POST", "hub.example:8443", PATH, "", b"batch", NOW, {}.get)
    assert told.value.detail == {"kid": DEVICE.kid}


@pytest.mark.parametrize("away", [-301, 301, -(10**6), 10**9])
def test_a_clock_more_than_five_minutes_away_is_told_the_hubs_time(away: int) -> None:
    told = signed(created=NOW + away)
    with pytest.raises(ClockSkew) as found:
        verified(told)
    assert found.value.detail["hub_s"] == NOW
    with pytest.raises(BadSignature):  # a stranger is not told
        verified(told | {"signature": signed()["signature"]})


@pytest.mark.parametrize("away", [-300, 0, 300])
def test_a_clock_within_five_minutes_is_good_enough(away: int) -> None:
    assert verified(signed(created=NOW + away)) == DEVICE.kid


def test_the_hubs_time_is_signed_for_the_refused_request_only() -> None:
    told = signed()["signature"]
    detail = hub_time.tell(hub_time.HubTime("hq", 3, NOW * 1000 + 5), told, HUB)
    assert detail["hub_s"] == NOW
    assert hub_time.heard(detail, told, HUB.public_raw) == hub_time.HubTime("hq", 3, NOW * 1000 + 5)
    with pytest.raises(Integrity):
        hub_time.heard(detail, signed(created=NOW + 1)["signature"], HUB.public_raw)
    with pytest.raises(UnknownKey):
        hub_time.heard(detail, told, OTHER.public_raw)
    raw = bytes.fromhex(detail["signed"])
    for at in range(len(raw)):
        damaged = raw[:at] + bytes((raw[at] ^ 1,)) + raw[at + 1 :]
        with pytest.raises(WireFault):
            hub_time.heard({"signed": damaged.hex()}, told, HUB.public_raw)
    for nothing in ({}, {"signed": 1}, {"signed": "xy"}, {"signed": ""}):
        with pytest.raises(WireFault):
            hub_time.heard(nothing, told, HUB.public_raw)


# The other implementation.


@dataclass
class Message:
    """A request as `http-message-signatures` wants to see it."""

    method: str
    url: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None


class Keys(HTTPSignatureKeyResolver):  # type: ignore[misc]
    def resolve_public_key(self, key_id: str) -> Any:
        return Ed25519PublicKey.from_public_bytes(KNOWN[key_id])

    def resolve_private_key(self, key_id: str) -> Any:
        return Ed25519PrivateKey.from_private_bytes({DEVICE.kid: DEVICE.raw}[key_id])


COMPONENTS = ("@method", "@authority", "@path", "@query", "content-digest", "content-type")
PATHS = st.lists(st.text("abcdefghij0123456789-._~", min_size=1, max_size=8), max_size=4).map(
    lambda parts: "/" + "/".join(parts)
)
QUERIES = st.text("abc=&123-", max_size=12)


@given(
    method=st.sampled_from(["GET", "POST", "PUT"]),
    path=PATHS,
    query=QUERIES,
    body=st.binary(max_size=60),
    typed=st.booleans(),
)
def test_what_we_sign_the_other_implementation_verifies(
    method: str, path: str, query: str, body: bytes, typed: bool
) -> None:
    content_type = "application/octet-stream" if typed or body else None
    told = requests.sign(
        DEVICE, method, "hub.example:8443", path, query, body, content_type, int(time.time())
    )
    url = f"https://hub.example:8443{path}" + (f"?{query}" if query else "")
    verifier = HTTPMessageVerifier(signature_algorithm=ED25519, key_resolver=Keys())
    results = verifier.verify(Message(method, url, told, body), max_age=None, expect_tag="jifen/1")
    assert [result.label for result in results] == ["jifen"]


@given(method=st.sampled_from(["GET", "POST"]), path=PATHS, query=QUERIES, body=st.binary(max_size=60))
def test_what_the_other_implementation_signs_we_verify(
    method: str, path: str, query: str, body: bytes
) -> None:
    url = f"https://hub.example:8443{path}" + (f"?{query}" if query else "")
    headers, covered = {}, COMPONENTS[:5]
    if body:
        headers["content-type"], covered = "text/plain", COMPONENTS
    message = Message(method, url, headers, body)
    signer = HTTPMessageSigner(signature_algorithm=ED25519, key_resolver=Keys())
    signer.sign(
        message,
        key_id=DEVICE.kid,
        created=datetime.datetime.fromtimestamp(NOW, datetime.UTC),
        label="jifen",
        tag="jifen/1",
        include_alg=False,
        covered_component_ids=covered,
        body=body,
    )
    headers = {name.lower(): value for name, value in message.headers.items()}
    assert verified(headers, body, method=method, path=path, query=query) == DEVICE.kid
