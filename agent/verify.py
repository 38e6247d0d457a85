"""`jifen verify`: proves a paper, a receipt of headquarters, an operation or a whole log, without a network.

It looks at files alone, so it runs on any PC: no book, no settings, no headquarters. What is proved rests on
keys; those of a key list (`jifen hub keys`) are headquarters' own, those in a proof only say who signed it,
and that is said. Each line is one step, with what to do where it fails. 0: everything holds, 1: something
does not, 2: it was not understood.
"""

from __future__ import annotations

import argparse
import sys
from base64 import b64decode
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from config.words import LANGUAGES, Words, load_words
from points.wire import ack, bundle, checkpoint, claim, envelope, proof, tree
from points.wire.checkpoint import NOTE_BYTES_MAX, Checkpoint
from points.wire.faults import Malformed, WireFault
from points.wire.key_list import KEY_LIST_BYTES_MAX, KeyList
from points.wire.key_list import read as read_keys
from points.wire.keys import RAW_BYTES
from points.wire.lane import KeyRecord
from points.wire.proof import Step
from points.wire.sealing import SealingKey

FILE_BYTES_MAX = 64 * 1024 * 1024
LEAF_CHARS_MAX = 32 * 1024
WELL, WRONG, NOT_UNDERSTOOD = 0, 1, 2

Look = Callable[[bytes, KeyList | None], Iterator[Step]]


class NotUnderstood(Exception):
    """What was given is nothing that can be proved; ``words`` say what can."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words


def main(argv: list[str]) -> int:
    """Prove one thing; the exit code tells how it ended."""
    parser = argparse.ArgumentParser(
        prog="jifen verify",
        description="prove a paper, a receipt, an operation or a log · 核对凭据，不需要网络",
    )
    parser.add_argument("what", help="a paper's digits, a file, or a folder written by jifen hub log")
    parser.add_argument("older", nargs="?", type=Path, help="an earlier folder of the same log, or its note")
    parser.add_argument("--keys", type=Path, help="the chain's keys, written by jifen hub keys")
    parser.add_argument("--seal-key", type=Path, help="the key file that a stick's bundle is sealed to")
    parser.add_argument("--language", choices=LANGUAGES, default="zh")
    asked = parser.parse_args(argv)
    words = load_words(asked.language)
    try:
        known = read_keys(_read(asked.keys, KEY_LIST_BYTES_MAX)) if asked.keys else None
        steps = list(_steps(asked.what, asked.older, known, asked.seal_key))
    except NotUnderstood as error:
        print(words.say(f"verify.{error.words}"), file=sys.stderr)
        return NOT_UNDERSTOOD
    except (WireFault, OSError) as error:
        print(words.say("verify.unreadable", why=str(error)), file=sys.stderr)
        return NOT_UNDERSTOOD
    for step in steps:
        print(_line(step, words))
    return WELL if all(step.holds for step in steps) else WRONG


def _steps(what: str, older: Path | None, known: KeyList | None, seal: Path | None) -> Iterator[Step]:
    path = Path(what)
    if claim.looks_like_one(what):
        return _paper(what.encode(), known)
    if path.is_dir():
        return _log(path, older, known)
    raw = _read(path, FILE_BYTES_MAX)
    if raw.startswith(bundle.MAGIC):
        return _stick(raw, known, seal)
    look = BY_MAGIC.get(raw[:4])
    if look is not None:
        return look(raw, known)
    if claim.looks_like_one(raw.decode("ascii", "replace").strip()):
        return _paper(raw.strip(), known)
    raise NotUnderstood("unknown_kind")


def _line(step: Step, words: Words) -> str:
    detail = dict(step.detail)
    if "ms" in detail:
        detail["when"] = f"{datetime.fromtimestamp(int(detail['ms']) / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"
    if "code" in detail:
        detail["outcome"] = words.say(f"verify.outcome_{str(detail['code']).lower() or 'accepted'}")
    if "kind" in detail:
        key = f"console.kind_{str(detail['kind']).replace('.', '_')}"
        detail["kind"] = words.say(key) if key in words else detail["kind"]
    key = f"verify.{step.name}" + ("" if step.holds else "_not")
    return f"{'✓' if step.holds else '✗'} {words.say(key, **detail)}"


def _paper(raw: bytes, known: KeyList | None) -> Iterator[Step]:
    return proof.claim_steps(claim.decode(raw.decode("ascii")), _needed(known))


def _receipt(raw: bytes, known: KeyList | None) -> Iterator[Step]:
    return proof.ack_steps(raw, _needed(known))


def _operation(raw: bytes, known: KeyList | None) -> Iterator[Step]:
    made = proof.unpack(raw)
    yield from proof.steps(made, known)
    if known is None:
        keys = {"receipt": made.receipt.hex()[:16], "log": made.log.hex()[:16]}
        yield Step("keys_of_file", True, dict(keys))


def _stick(raw: bytes, known: KeyList | None, seal: Path | None) -> Iterator[Step]:
    """A bundle is whole, of whom it says, and each of its batches and acks is too."""
    keys = _needed(known)
    if seal is None:
        raise NotUnderstood("needs_seal")
    parcel = bundle.unseal(raw, SealingKey.from_raw(_read(seal, RAW_BYTES)))
    record = keys.tills.get(parcel.kid)
    who = record.public_raw if record is not None else keys.manifest
    try:
        came = bundle.verify(parcel, who)
    except WireFault as fault:
        yield Step("stick", False, {"why": str(fault.problem)})
        return
    place: dict[str, str | int] = {
        "store": came.lane.store,
        "till": came.lane.till,
        "ms": came.ms,
        "items": len(came.items),
    }
    yield Step("stick" if came.way == bundle.UP else "stick_back", True, place)
    for item in came.items:
        if item.kind == bundle.ACK:
            yield from proof.ack_steps(item.raw, keys)
        elif item.kind == bundle.BATCH and record is not None:
            yield _batch(item.raw, record)


def _batch(raw: bytes, record: KeyRecord) -> Step:
    try:
        header = envelope.open_batch(raw, record).header
    except WireFault as fault:
        return Step("stick_batch", False, {"why": str(fault.problem)})
    return Step("stick_batch", True, {"first": header.first, "last": header.last})


BY_MAGIC: dict[bytes, Look] = {ack.MAGIC: _receipt, proof.MAGIC: _operation}
"""What a file is, by its first four bytes."""


def _needed(known: KeyList | None) -> KeyList:
    if known is None:
        raise NotUnderstood("needs_keys")
    return known


# -- a whole log ---------------------------------------------------------------------------------


def _log(folder: Path, older: Path | None, known: KeyList | None) -> Iterator[Step]:
    """The head is signed and speaks of exactly these leaves, and an earlier head of these as well."""
    note = _read(folder / "checkpoint.note", NOTE_BYTES_MAX)
    head, before = checkpoint.read(note), _older(older)
    public = known.log if known else _public(_read(folder / "key", NOTE_BYTES_MAX))
    yield _signed("head", note, public)
    sizes = {head.size} | ({checkpoint.read(before).size} if before else set())
    with (folder / "leaves").open("r", encoding="ascii") as lines:
        count, roots = tree.roots_at(_leaves(lines), sizes)
    holds = count == head.size and roots.get(head.size) == head.root
    yield Step("leaves", holds, {"count": count, "size": head.size})
    if before is not None:
        first = checkpoint.read(before)
        yield _signed("older", before, public)
        yield Step("grown", _is_beginning(first, head, roots), {"first": first.size, "size": head.size})
    if known is None:
        yield Step("key_of_folder", True, {"log": public.hex()[:16]})


def _is_beginning(first: Checkpoint, head: Checkpoint, roots: dict[int, bytes]) -> bool:
    return first.origin == head.origin and roots.get(first.size) == first.root


def _older(path: Path | None) -> bytes | None:
    if path is None:
        return None
    return _read(path / "checkpoint.note" if path.is_dir() else path, NOTE_BYTES_MAX)


def _signed(name: str, note: bytes, public: bytes) -> Step:
    try:
        head = proof.head_of(note, public)
    except WireFault as fault:
        return Step(name, False, {"why": str(fault.problem)})
    return Step(name, True, {"log": head.origin, "size": head.size})


def _leaves(lines: Iterable[str]) -> Iterator[bytes]:
    for line in lines:
        if len(line) > LEAF_CHARS_MAX:
            raise Malformed(why="leaves")
        try:
            yield bytes.fromhex(line.strip())
        except ValueError as error:
            raise Malformed(why="leaves") from error


def _public(raw: bytes) -> bytes:
    """The key in a verifier line (name+hash+base64), as ``checkpoint.verifier_key`` writes it."""
    try:
        public = b64decode(raw.decode("ascii").strip().split("+", 2)[2], validate=True)[1:]
    except (ValueError, IndexError) as error:
        raise Malformed(why="key") from error
    if len(public) != RAW_BYTES:
        raise Malformed(why="key")
    return public


def _read(path: Path, most: int) -> bytes:
    with path.open("rb") as file:
        raw = file.read(most + 1)
    if len(raw) > most:
        raise Malformed(why=path.name)
    return raw
