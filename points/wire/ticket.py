"""The opening ticket: a piece of paper that lets one till join, once.

    text   = "JT1." base32(fields | first 4 of SHA-256(fields)), capitals, without padding
    fields = u8 version | u8 flags (1: https) | s(hub host[:port]) s(chain) s(store) s(till)
             | id[8] | secret[16] | fingerprint[16] | u48 expires ms        s = u8 length, bytes

It is not a URL, so a telephone that reads it opens nothing; capitals and digits pass any
keyboard layout and make the QR code small; the check bytes tell a typing slip from a ticket
that is spent. The secret never travels (`joining` proves it). The fingerprint names the hub's
receipt key, so the till knows its hub without trusting the PC's certificates or clock.
It refuses to know who may make a ticket, and how often one was tried.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field
from hashlib import sha256

from points.wire.faults import EnvelopeVersion, Malformed
from points.wire.fields import U48_MAX, is_name

PREFIX = "JT1."
ID_BYTES, SECRET_BYTES, FINGERPRINT_BYTES = 8, 16, 16

_VERSION, _HTTPS = 1, 1
_CHECK_BYTES = 4
_EXPIRES_BYTES = 6
_HOST = re.compile(r"[A-Za-z0-9.:\[\]-]{1,100}").fullmatch


@dataclass(frozen=True, slots=True)
class Ticket:
    """An opening ticket. `host` is name or address with its port; `fingerprint` as `fingerprint_of`."""

    host: str
    https: bool
    chain: str
    store: str
    till: str
    ticket_id: bytes
    secret: bytes = field(repr=False)
    fingerprint: bytes
    expires_ms: int

    @property
    def origin(self) -> str:
        """Where the hub is asked."""
        return f"{'https' if self.https else 'http'}://{self.host}"

    @property
    def proof_key(self) -> bytes:
        return proof_key(self.secret)


def fingerprint_of(hub_public: bytes) -> bytes:
    """The first 16 bytes of SHA-256 of the hub's receipt key."""
    return sha256(hub_public).digest()[:FINGERPRINT_BYTES]


def proof_key(secret: bytes) -> bytes:
    """What the hub keeps instead of the secret, so that its database shows no ticket one could type."""
    return sha256(b"jifen/ticket/1\0" + secret).digest()


def encode(ticket: Ticket) -> str:
    """The text of the QR code: capitals, digits and one full stop."""
    _check(ticket)
    texts = (ticket.host, ticket.chain, ticket.store, ticket.till)
    fields = b"".join(
        (
            bytes((_VERSION, _HTTPS if ticket.https else 0)),
            *(bytes((len(text),)) + text.encode("ascii") for text in texts),
            ticket.ticket_id,
            ticket.secret,
            ticket.fingerprint,
            ticket.expires_ms.to_bytes(_EXPIRES_BYTES, "big"),
        )
    )
    marked = fields + sha256(fields).digest()[:_CHECK_BYTES]
    return PREFIX + base64.b32encode(marked).decode("ascii").rstrip("=")


def decode(text: str) -> Ticket:
    """The ticket in a scanned or typed text, case and spaces aside. Malformed tells a typing slip."""
    typed = "".join(text.split()).upper()
    if not typed.startswith(PREFIX):
        raise Malformed(why="ticket")
    letters = typed.removeprefix(PREFIX)
    try:
        marked = base64.b32decode(letters + "=" * (-len(letters) % 8))
    except (binascii.Error, ValueError) as error:
        raise Malformed(why="ticket") from error
    fields, mark = marked[:-_CHECK_BYTES], marked[-_CHECK_BYTES:]
    if sha256(fields).digest()[:_CHECK_BYTES] != mark:
        raise Malformed(why="ticket")
    if fields[:1] != bytes((_VERSION,)):
        raise EnvelopeVersion(ticket=fields[:1].hex())
    return _read(fields)


def _check(ticket: Ticket) -> None:
    if _HOST(ticket.host) is None:
        raise Malformed(why="host")
    if not (is_name(ticket.chain) and is_name(ticket.store) and is_name(ticket.till)):
        raise Malformed(why="ticket names")
    sizes = (len(ticket.ticket_id), len(ticket.secret), len(ticket.fingerprint))
    if sizes != (ID_BYTES, SECRET_BYTES, FINGERPRINT_BYTES) or not 0 <= ticket.expires_ms <= U48_MAX:
        raise Malformed(why="ticket fields")


def _read(fields: bytes) -> Ticket:
    texts, at = [], 2
    for _ in range(4):
        end = at + 1 + fields[at] if at < len(fields) else at
        texts.append(fields[at + 1 : end].decode("latin-1"))
        at = end
    rest = fields[at:]
    if len(fields) < 2 or fields[1] > _HTTPS:
        raise Malformed(why="ticket flags")
    secret_at = ID_BYTES + SECRET_BYTES
    finger_at = secret_at + FINGERPRINT_BYTES
    if len(rest) != finger_at + _EXPIRES_BYTES:
        raise Malformed(why="ticket fields")
    ticket = Ticket(
        host=texts[0],
        https=fields[1] == _HTTPS,
        chain=texts[1],
        store=texts[2],
        till=texts[3],
        ticket_id=rest[:ID_BYTES],
        secret=rest[ID_BYTES:secret_at],
        fingerprint=rest[secret_at:finger_at],
        expires_ms=int.from_bytes(rest[finger_at:], "big"),
    )
    _check(ticket)
    return ticket
