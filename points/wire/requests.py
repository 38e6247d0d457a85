"""Signatures on a device's HTTP requests: RFC 9421 and RFC 9530, one exact profile.

    Content-Digest:  sha-256=:<base64 of SHA-256 of the body, the empty one too>:
    Signature-Input: jifen=("@method" "@authority" "@path" "@query" "content-digest" "content-type")
                     ;created=<s>;keyid="<kid>";tag="jifen/1"            (one line, no spaces added)
    Signature:       jifen=:<base64 of Ed25519>:

A request without a body covers the first five. There is no nonce, because every device call
is idempotent, and no choice of algorithm, because the key has one. The profile is matched
as a whole: other labels, orders or parameters are refused and not parsed, since a general
parser's freedom is where such libraries were broken. `created` must be within 300 s of the
hub's clock; on skew the answer carries the hub's time, and no one trusts the PC's.
The signature dies with the request; lasting evidence is the batch envelope.
It refuses to know what is asked for.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from hashlib import sha256

from points.wire.faults import BadSignature, ClockSkew, Integrity, Malformed, UnknownKey
from points.wire.keys import SigningKey
from points.wire.keys import verify as verify_signature

LABEL, TAG = "jifen", "jifen/1"
SKEW_S_MAX = 300

BODYLESS = '"@method" "@authority" "@path" "@query" "content-digest"'
WITH_BODY = BODYLESS + ' "content-type"'

_INPUT = re.compile(
    rf"{LABEL}=(\(({re.escape(WITH_BODY)}|{re.escape(BODYLESS)})\);created=(0|[1-9][0-9]{{0,11}});"
    rf'keyid="([0-9a-f]{{16}})";tag="{re.escape(TAG)}")'
).fullmatch
_SIGNATURE = re.compile(rf"{LABEL}=:([A-Za-z0-9+/]{{86}}==):").fullmatch
_VALUE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?").fullmatch


def sign(
    key: SigningKey,
    method: str,
    authority: str,
    path: str,
    query: str,
    body: bytes | None,
    content_type: str | None,
    created: int,
) -> dict[str, str]:
    """The headers to add to a request, names in lower case.

    `authority` is the Host as sent (default port left out), `path` and `query` are as they stand in
    the request line, `query` without its question mark; `created` in seconds of what the agent
    believes to be hub time. A body needs a content type.
    """
    digest = content_digest(body or b"")
    covered = BODYLESS if content_type is None else WITH_BODY
    if body and content_type is None:
        raise Malformed(why="content-type")
    params = f'({covered});created={created};keyid="{key.kid}";tag="{TAG}"'
    message = signature_base(method, authority, path, query, digest, content_type, params)
    headers = {
        "content-digest": digest,
        "signature-input": f"{LABEL}={params}",
        "signature": f"{LABEL}=:{base64.b64encode(key.sign(message)).decode()}:",
    }
    if content_type is not None:
        headers["content-type"] = content_type
    return headers


def verify(
    headers: Mapping[str, str],
    method: str,
    authority: str,
    path: str,
    query: str,
    body: bytes,
    hub_now_s: int,
    find_key: Callable[[str], bytes | None],
) -> str:
    """The kid whose key signed this request. `find_key` gives a raw public key by kid, or None.

    Raises BadSignature (also when there is none), UnknownKey, Integrity (`what`: content-digest) or
    ClockSkew with the hub's time. The body is hashed only after the signature was found good.
    """
    found = {name.lower(): value for name, value in headers.items()}
    told = _INPUT(found.get("signature-input", ""))
    signed = _SIGNATURE(found.get("signature", ""))
    if told is None or signed is None:
        raise BadSignature(why="not signed in this profile")
    params, covered, created, kid = told.groups()
    content_type = found.get("content-type") if covered == WITH_BODY else None
    if (content_type is None) != (covered == BODYLESS) or (body and covered == BODYLESS):
        raise BadSignature(why="content-type")
    public = find_key(kid)
    if public is None:
        raise UnknownKey(kid=kid)
    digest = found.get("content-digest", "")
    try:
        message = signature_base(method, authority, path, query, digest, content_type, params)
        signature = base64.b64decode(signed[1], validate=True)
    except (Malformed, binascii.Error) as error:
        raise BadSignature(why="not a request of this profile") from error
    verify_signature(public, signature, message)
    if digest != content_digest(body):
        raise Integrity(what="content-digest")
    if abs(hub_now_s - int(created)) > SKEW_S_MAX:
        raise ClockSkew(hub_s=hub_now_s)
    return kid


def content_digest(body: bytes) -> str:
    """RFC 9530, SHA-256."""
    return f"sha-256=:{base64.b64encode(sha256(body).digest()).decode()}:"


def signature_base(
    method: str,
    authority: str,
    path: str,
    query: str,
    digest: str,
    content_type: str | None,
    params: str,
) -> bytes:
    """RFC 9421 §2.5 for this profile; `params` is what stands behind `jifen=`."""
    components = [
        ("@method", method.upper()),
        ("@authority", authority.lower()),
        ("@path", path or "/"),
        ("@query", "?" + query),
        ("content-digest", digest),
    ]
    if content_type is not None:
        components.append(("content-type", content_type))
    return base_of(components, params)


def base_of(components: list[tuple[str, str]], params: str) -> bytes:
    """The signature base of any component list; a value is one line of printable ASCII."""
    if not all(_VALUE(value) for _, value in components):
        raise Malformed(why="component")
    lines = [f'"{name}": {value}' for name, value in components]
    return "\n".join([*lines, f'"@signature-params": {params}']).encode("ascii")
