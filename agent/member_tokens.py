"""A member's token at the counter: a name that headquarters has signed, a view, and a witness of time.

It proves a number and what headquarters knew of it at a moment, not who shows it, and not that nobody else
shows a photograph of it just now. So it names the member where the till has no row, its points are shown with
the moment at which they were so, and it may open what a budget of trust allows (`points.trust`). It moves no
right, and two tills that hear the same one have heard nothing strange.
"""

from __future__ import annotations

import json

from agent.funding import No
from agent.store import feeds, tokens
from agent.store.tokens import Shown
from agent.till import Till
from config.sqlite import Connection
from points.refusals import Refusal
from points.wire import member_token
from points.wire.faults import Malformed, WireFault
from points.wire.fields import is_hex
from points.wire.keys import RAW_BYTES, kid_of

FACT = "token_keys"
"""The fact that holds headquarters' keys of this purpose: {kid: public key in hex}."""
KEYS_MAX = 8


def hear_keys(turn: Connection, told: list[list[str]]) -> None:
    """Take the keys that are good, in the place of all earlier ones; Malformed for what are none."""
    if type(told) is not list or len(told) > KEYS_MAX:
        raise Malformed(why="token keys")
    for kid, public in told:
        if not is_hex(public, RAW_BYTES) or kid_of(bytes.fromhex(public)) != kid:
            raise Malformed(why="token key")
    feeds.keep_fact(turn, FACT, json.dumps(dict(told)))


def hear(till: Till, digits: str) -> Shown | No:
    """What a scanned token says, or the newer one that is held; no when it proves nothing or is too old.

    The caller holds the till's lock. What is proved is a witness of time before its own age is asked, so that
    a slow clock believes no old one for longer than it must.
    """
    kept = json.loads(feeds.fact(till.book, FACT) or "{}")
    try:
        token = member_token.decode(digits)
        token.verify(till.identity.lane.chain, {kid: bytes.fromhex(public) for kid, public in kept.items()})
    except WireFault:
        return No(Refusal.token_not_proved, {})
    till.heard_copy(token.issued_ms)
    now_ms = till.time().st_ms
    if now_ms >= token.expires_ms:
        return No(Refusal.token_expired, {})
    told = Shown(
        token.m, token.row, token.tier, token.points, token.debt, token.issued_ms, token.expires_ms, now_ms
    )
    held = till.tokens.get(token.m)
    if held is not None and held.age > told.age and held.expires_ms > now_ms:
        told = held  # an older one was shown; what is known stays, and nobody is trusted for it
    with till.book.turn() as turn:
        tokens.keep(turn, told)
    till.tokens[token.m] = told
    till.editions += 1  # a quote that is on the screen was made of another view
    return told
