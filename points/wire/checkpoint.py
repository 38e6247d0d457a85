"""A head of the log as a signed note: C2SP `tlog-checkpoint` and `signed-note`.

    jifen/demo/1                             origin: the chain, and how often its headquarters was restored
    42                                       leaves
    <base64 of the root>
                                             an empty line; all before it is signed, with its line ends
    — jifen/demo/1 <base64 of key hash[4] | Ed25519 signature[64]>

    key hash = first 4 bytes of SHA256(name | 0A 01 | public key)

The log key signs nothing else. Other lines of signatures are those of witnesses and are passed over, as the
specification wants; that of the log is there once. Extension lines are not spoken. The text is printable, so
that a person can copy it, and is kept as it came: two notes of one size with different roots, or of two sizes
that no proof joins, convict whoever signed both.
A restored headquarters continues as another log, and vouches in that log's name for the last head of the old
one that it can prove: the same note, with a line that names the new log.
It refuses to know what the leaves are.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from binascii import Error
from dataclasses import dataclass
from hashlib import sha256

from points.wire.canonical import WHOLE_MAX
from points.wire.chain import HASH_BYTES
from points.wire.faults import BadSignature, Malformed, TooLarge, UnknownKey
from points.wire.fields import U32_MAX, is_name
from points.wire.keys import RAW_BYTES, SIGNATURE_BYTES, SigningKey, verify

NOTE_BYTES_MAX = 2_048
SIGNATURES_MAX = 8
KEY_HASH_BYTES = 4

_ED25519 = b"\x01"
_DASH = "\u2014 "
_SIZE = re.compile(r"0|[1-9][0-9]{0,15}").fullmatch
_SIGNED = re.compile(r"\u2014 ([!-*,-~]{1,64}) ([A-Za-z0-9+/=]{1,512})").fullmatch


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """How many leaves the log has, and the root over them."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> bytes:
        """What is signed."""
        return f"{self.origin}\n{self.size}\n{b64encode(self.root).decode()}\n".encode()


def inc_of(origin: str) -> int:
    """How often the headquarters of that log was restored; Malformed for what is no log of ours."""
    _, _, inc = origin.rpartition("/")
    if not inc.isascii() or not inc.isdigit() or len(inc) > 10:
        raise Malformed(why="origin")
    return int(inc)


def origin_of(chain: str, inc: int) -> str:
    """The name of a chain's log; a restored headquarters begins another one."""
    if not is_name(chain) or not 1 <= inc <= U32_MAX:
        raise Malformed(why="origin")
    return f"jifen/{chain}/{inc}"


def key_hash(name: str, public_raw: bytes) -> bytes:
    """Which key signed, as a hint."""
    return sha256(name.encode() + b"\n" + _ED25519 + public_raw).digest()[:KEY_HASH_BYTES]


def verifier_key(name: str, public_raw: bytes) -> str:
    """The public key as other programs of this format take it: name+hash+base64."""
    return f"{name}+{key_hash(name, public_raw).hex()}+{b64encode(_ED25519 + public_raw).decode()}"


def sign(checkpoint: Checkpoint, key: SigningKey) -> bytes:
    """The note's bytes."""
    return _signed(checkpoint, checkpoint.origin, key)


def link(last: Checkpoint, origin: str, key: SigningKey) -> bytes:
    """The log ``origin`` says that it continues the log of ``last``, of which it can prove no more."""
    if last.origin == origin:
        raise Malformed(why="origin")
    return _signed(last, origin, key)


def _signed(checkpoint: Checkpoint, name: str, key: SigningKey) -> bytes:
    signature = key_hash(name, key.public_raw) + key.sign(checkpoint.text)
    raw = checkpoint.text + f"\n{_DASH}{name} {b64encode(signature).decode()}\n".encode()
    read(raw)
    return raw


def open_checkpoint(raw: bytes, origin: str, public_raw: bytes) -> Checkpoint:
    """The verified head of the log ``origin``.

    Raises ``TooLarge``, ``Malformed``, ``UnknownKey`` when this key has not signed, ``BadSignature``.
    """
    return _verified(raw, origin, origin, public_raw)


def open_link(raw: bytes, former: str, origin: str, public_raw: bytes) -> Checkpoint:
    """The last head of the log ``former`` that the log ``origin`` continues. Raises the same."""
    return _verified(raw, former, origin, public_raw)


def _verified(raw: bytes, origin: str, name: str, public_raw: bytes) -> Checkpoint:
    found, signatures = _parse(raw)
    if found.origin != origin:
        raise Malformed(why="origin")
    ours = (name, key_hash(name, public_raw))
    mine = [sig[KEY_HASH_BYTES:] for signer, sig in signatures if (signer, sig[:KEY_HASH_BYTES]) == ours]
    if not mine:
        raise UnknownKey(name=name)
    if len(mine) > 1:
        raise Malformed(why="signature twice")
    if len(public_raw) != RAW_BYTES or len(mine[0]) != SIGNATURE_BYTES:
        raise BadSignature()
    verify(public_raw, mine[0], found.text)
    return found


def read(raw: bytes) -> Checkpoint:
    """What a note says, whoever signed it."""
    return _parse(raw)[0]


def _parse(raw: bytes) -> tuple[Checkpoint, list[tuple[str, bytes]]]:
    if len(raw) > NOTE_BYTES_MAX:
        raise TooLarge(max=NOTE_BYTES_MAX)
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Malformed(why="note") from error
    lines = text.split("\n")
    if len(lines) < 6 or lines[3] or lines[-1] or len(lines) > 5 + SIGNATURES_MAX:
        raise Malformed(why="note")
    origin, size = lines[0], lines[1]
    if not re.fullmatch(r"[!-*,-~]{1,64}", origin):
        raise Malformed(why="origin")
    if _SIZE(size) is None or int(size) > WHOLE_MAX:
        raise Malformed(why="size")
    root = _base64(lines[2])
    if len(root) != HASH_BYTES:
        raise Malformed(why="root")
    signatures = []
    for line in lines[4:-1]:
        found = _SIGNED(line)
        if found is None:
            raise Malformed(why="signature")
        signatures.append((found[1], _base64(found[2])))
    return Checkpoint(origin, int(size), root), signatures


def _base64(text: str) -> bytes:
    """Strictly: one text a value, or a stranger could write the same note in other bytes."""
    try:
        raw = b64decode(text.encode("ascii"), validate=True)
    except (Error, ValueError) as error:
        raise Malformed(why="base64") from error
    if b64encode(raw).decode() != text:
        raise Malformed(why="base64")
    return raw
