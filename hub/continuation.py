"""The continuation token: a till shows what its last hello was answered with, so a copy of it is found out.

A token is the number of an answer and a tag that only headquarters makes. The till keeps the last one beside
its key and shows it with the next hello; each answer to the newest gives the next. Whoever shows an older one
was put back from an old copy, or is one. An answer may have been lost, so the last but one is good too, for
the program that had it or one that was never heard before; one that comes back after another is a copy.
A till that shows none is believed: it has an older program, or lost the file. So is one that shows a later
number than is known here: then headquarters itself was put back.
"""

from __future__ import annotations

import json
from typing import NamedTuple

from hub.office import Office
from hub.store import schema
from hub.store.engine import Turn
from points.wire.hello import TOKEN_BYTES, Question
from points.wire.keys import equal, hkdf, hmac_sha256
from points.wire.lane import Lane

NAME = "token:{}/{}/{}"
NUMBER_BYTES = 4
PROGRAMS_MAX = 8


class _Issued(NamedTuple):
    """The number that was issued last, and the programs that were heard in this lane, the latest last."""

    number: int
    programs: tuple[str, ...]


def is_stale(look: Turn, office: Office, lane: Lane, asked: Question) -> bool:
    """Whether the till that asks has shown a token that another one has used already."""
    issued, shown = _issued(look, lane), shown_number(office, lane, asked.token)
    if issued is None or shown is None or shown >= issued.number:
        return False
    is_last_but_one = shown == issued.number - 1
    is_new = asked.inst not in issued.programs
    return not (is_last_but_one and (is_new or asked.inst == issued.programs[-1]))


def next_token(turn: Turn, office: Office, lane: Lane, asked: Question) -> str:
    """The token of this answer; the same again when the last one was not shown yet. Not for a stale till."""
    issued, shown = _issued(turn, lane), shown_number(office, lane, asked.token)
    number = max(1 if issued is None else issued.number, 1 if shown is None else shown + 1)
    programs = () if issued is None else issued.programs
    if asked.inst and asked.inst != (programs or ("",))[-1]:
        programs = (*(one for one in programs if one != asked.inst), asked.inst)[-PROGRAMS_MAX:]
    if issued != (number, programs):
        name = NAME.format(lane.store, lane.till, lane.epoch)
        turn.put(schema.settings, [(name, json.dumps([number, *programs]))], on_conflict="replace")
    return _token(office, lane, number)


def _issued(look: Turn, lane: Lane) -> _Issued | None:
    row = look.one(
        "SELECT value FROM settings WHERE name = ?", (NAME.format(lane.store, lane.till, lane.epoch),)
    )
    if row is None:
        return None
    number, *programs = json.loads(row[0])
    return _Issued(int(number), tuple(programs))


def last_number(look: Turn, lane: Lane) -> int:
    """The number of the token that was issued last in this lane; 0 for none."""
    issued = _issued(look, lane)
    return 0 if issued is None else issued.number


def shown_number(office: Office, lane: Lane, token: str | None) -> int | None:
    """The number of a token that we made for this lane; None for none, and for anything else."""
    if token is None:
        return None
    number = int.from_bytes(bytes.fromhex(token)[:NUMBER_BYTES], "big")
    return number if equal(bytes.fromhex(token), bytes.fromhex(_token(office, lane, number))) else None


def _token(office: Office, lane: Lane, number: int) -> str:
    raw = number.to_bytes(NUMBER_BYTES, "big")
    key = hkdf(office.keys.hub_index, b"", b"jifen/continuation/1\0", 32)
    place = f"{lane.chain}/{lane.store}/{lane.till}/{lane.epoch}".encode()
    return (raw + hmac_sha256(key, raw + place)[: TOKEN_BYTES - NUMBER_BYTES]).hex()
