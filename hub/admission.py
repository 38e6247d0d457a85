"""Opening a till from headquarters' side: a store, a one-use ticket, a key record, a pool of numbers.

A ticket is used up by the first device key that proves it; the same request asked again gets the
same stored answer, another key does not. Numbers and codes are issued as a fact of headquarters'
lane before the till hears of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from hub import intake, regions, shard_secrets
from hub.decisions import decide
from hub.keys import index_key
from hub.member_codes import seal_code
from hub.office import HUB_TILL, Office
from hub.store import device_keys, doubted_pcs, schema
from hub.store.engine import Turn
from points import codes
from points.identifiers import HUB_STORE, MEMBERS_PER_BLOCK
from points.wire import chain, joining, keys, ticket
from points.wire.faults import TicketExpired, TicketSpent, WrongLane
from points.wire.fields import SUITE
from points.wire.lane import Lane

ISSUED_AT_ONCE = 200
NO_PARENT = ("", 0, "", None)
"""The end of a key's record that continues no other lane."""
LEFT = "blocks-left"
"""The setting that says below which number no block is given any more."""
MEMBERS_PER_INCARNATION = 2**28
"""More than any chain has; a number has 40 bits."""
TERMS_OF_A_PC = 2
"""The one that it begins in, and the one that it is told to begin when another PC has taken its place."""


class RegionSettled(Exception):
    """A store's tills hold the members of one region, which is the exception's text."""


def open_store(turn: Turn, store: str, name: str, region: str = "") -> None:
    """A store of the chain; naming it again renames it, and leaves it in its region unless one is given.

    Raises ``RegionSettled`` for another region than that in which a till of it was opened.
    """
    here = regions.of_store(turn, store)
    if region and region != here and regions.is_settled(turn, store):
        raise RegionSettled(here)
    turn.put(schema.stores, [(store, name, region or here)], on_conflict="replace", twice=True)


def write_ticket(
    turn: Turn, office: Office, host: str, store: str, till: str, hours: int, chance: Callable[[int], bytes]
) -> str:
    """A one-use ticket's text for a till; headquarters keeps only what proves it."""
    assert store != HUB_STORE, "headquarters' own lane is not opened by a ticket"
    secret, ticket_id = chance(ticket.SECRET_BYTES), chance(ticket.ID_BYTES)
    expires_ms = office.clock() + hours * 3_600_000
    written = ticket.Ticket(
        host=host.removeprefix("https://").removeprefix("http://").rstrip("/"),
        https=host.startswith("https://"),
        chain=office.chain,
        store=store,
        till=till,
        ticket_id=ticket_id,
        secret=secret,
        fingerprint=ticket.fingerprint_of(office.keys.receipt.public_raw),
        expires_ms=expires_ms,
    )
    proof = ticket.proof_key(secret)
    turn.put(schema.tickets, [(ticket_id.hex(), store, till, proof, expires_ms, None, None)], twice=True)
    return ticket.encode(written)


def admit(office: Office, raw: bytes) -> bytes:
    """Answer a join request. Raises the fault that the technician shall read."""
    ticket_id = joining.peek_ticket(raw)
    with office.store.turn() as turn:
        row = turn.one(
            "SELECT store, till, proof_key, expires_ms, request, answer FROM tickets WHERE id = ?",
            (ticket_id,),
        )
        if row is None:
            raise TicketSpent()
        store, till, proof, expires_ms, digest, answer = row
        request = joining.open_ask(raw, bytes(proof))
        if (request.chain, request.store, request.till) != (office.chain, store, till):
            raise WrongLane()
        if answer is not None:
            if digest != request.digest:
                raise TicketSpent()
            return bytes(answer)
        if office.clock() > expires_ms:
            raise TicketExpired()
        told = _grant(turn, office, request, store, till)
        turn.run(
            "UPDATE tickets SET request = ?, answer = ? WHERE id = ?",
            (request.digest, told, ticket_id),
            twice=True,
        )
        return told


def _grant(turn: Turn, office: Office, request: joining.JoinRequest, store: str, till: str) -> bytes:
    kid = keys.kid_of(request.public_raw)
    if turn.one("SELECT 1 FROM keys WHERE kid = ?", (kid,)) is not None:
        raise WrongLane(kid=kid)  # a key writes in one lane only
    epoch, term = _next_epoch(turn, office, store, till)
    now = office.clock()
    turn.put(
        schema.keys,
        [(kid, request.public_raw, store, till, epoch, SUITE, now, None, None, term, *NO_PARENT)],
        twice=True,
    )
    fill_pool(turn, office, store, till)
    answer = joining.JoinAnswer(
        office.name,
        office.inc,
        Lane(office.chain, store, till, epoch),
        term,
        kid,
        joining.HubKeys(
            office.keys.receipt.public_raw,
            office.keys.manifest.public_raw,
            office.keys.pii.public_raw,
            office.keys.log.public_raw if office.keys.log else b"",
        ),
        now,
        chain.NO_PARENT.hex(),
        0,
    )
    shards = tuple(
        (topic, shard, shard_secrets.secret_now(turn, office, topic, shard))
        for topic, shard in (("members", regions.of_store(turn, store)), ("phones", store))
    )
    store_keys = joining.StoreKeys(index_key(office.keys, store), shards)
    return joining.grant(request, answer, store_keys, office.keys.receipt, office.chance(32))


def _next_epoch(turn: Turn, office: Office, store: str, till: str) -> tuple[int, int]:
    """A till's next lane epoch and rights term; it keeps its block, but no number that was told before.

    The PC that was replaced may still enrol with those, and one number must not be two people. It will be
    told that its term is over and begins the next one, which must not be that of the PC in its place: a PC
    that is lost is known by its term.
    """
    row = turn.one("SELECT epoch, term FROM agents WHERE store = ? AND till = ?", (store, till))
    if row is not None:
        intake.keep_twice(turn, store, till)
        return succeed(turn, Lane(office.chain, store, till, row[0]))
    first = _next_block(turn)
    regions.note_block(turn, first, store)
    turn.put(schema.agents, [(store, till, 1, 1, first, first, 0, None, "")], twice=True)
    return 1, 1


def current(look: Turn, store: str, till: str) -> int:
    """The lane epoch of the PC that is this till now."""
    row = look.one("SELECT epoch FROM agents WHERE store = ? AND till = ?", (store, till))
    assert row is not None, "who asks was admitted"
    return int(row[0])


def is_free(look: Turn, lane: Lane, current: int) -> bool:
    """Whether the ``current`` PC of a till was turned down, and one in this lane may take its place: both
    began by the same ticket."""
    if doubted_pcs.thought(look, replace(lane, epoch=current)) != doubted_pcs.REFUSED:
        return False
    begun = [device_keys.lineage(look, lane.store, lane.till, one)[-1] for one in (lane.epoch, current)]
    return begun[0] == begun[1]


def succeed(turn: Turn, lane: Lane) -> tuple[int, int]:
    """The lane epoch and rights term of a PC that goes on after the one in this lane.

    It is the till from now on if that one was, or a lane that continues it: a PC that is put back again and
    again is still the till. So is one that goes on in place of a PC that was turned down. One whose place
    another PC has taken by a ticket stays replaced, in a term of its own all the same: the close of its old
    one would end what a copy of it still holds.
    """
    store, till = lane.store, lane.till
    row = turn.one(
        "SELECT a.epoch, max(k.epoch), CASE WHEN a.term > max(k.term) THEN a.term ELSE max(k.term) END"
        " FROM agents a JOIN keys k ON k.store = a.store AND k.till = a.till"
        " WHERE a.store = ? AND a.till = ? GROUP BY a.epoch, a.term",
        (store, till),
    )
    assert row is not None, "who asks was admitted"
    at, latest, term = (int(one) for one in row)
    latest, term = latest + 1, term + TERMS_OF_A_PC
    is_it = lane.epoch in device_keys.lineage(turn, store, till, at)
    if is_it or is_free(turn, lane, at):
        turn.run(
            "UPDATE agents SET epoch = ?, term = ? WHERE store = ? AND till = ?",
            (latest, term, store, till),
            twice=True,
        )
        turn.run("DELETE FROM pool WHERE store = ? AND till = ?", (store, till), twice=True)
    return latest, term


def _next_block(turn: Turn) -> int:
    """The first number of a block that belongs to nobody yet; number 0 means nobody."""
    row = turn.one("SELECT coalesce(max(first_member), 0) FROM agents")
    left = turn.one("SELECT value FROM settings WHERE name = ?", (LEFT,))
    assert row is not None
    return max(int(row[0]), int(left[0]) if left else 0) + MEMBERS_PER_BLOCK


def leave_blocks(turn: Turn, inc: int) -> None:
    """Every till goes on in a fresh block, far above all that an earlier incarnation can have given away."""
    turn.put(
        schema.settings, [(LEFT, str((inc - 1) * MEMBERS_PER_INCARNATION))], on_conflict="replace", twice=True
    )
    turn.run("UPDATE agents SET next_member = first_member + ?", (MEMBERS_PER_BLOCK,), twice=True)


def enrol_new(turn: Turn, office: Office) -> int:
    """A new member whom headquarters enrols itself, with a number of its own block."""
    at = (HUB_STORE, HUB_TILL)
    row = turn.one("SELECT first_member, next_member FROM agents WHERE store = ? AND till = ?", at)
    first, m = row or (0, 0)
    if row is None or m >= first + MEMBERS_PER_BLOCK:
        first = m = _next_block(turn)
        turn.put(schema.agents, [(*at, 1, 1, first, first, 0, None, "")], on_conflict="replace", twice=True)
    turn.run("UPDATE agents SET next_member = ? WHERE store = ? AND till = ?", (m + 1, *at), twice=True)
    who = codes.who(codes.member_code(office.chance(16)))
    decide(
        turn,
        office,
        [("member.issue", {"to": list(at), "first": m, "codes": [who]}), ("member.enrol", {"m": m})],
    )
    return int(m)


def fill_pool(turn: Turn, office: Office, store: str, till: str) -> int:
    """Keep a till's stock of unused (number, code) pairs full; gives how many were issued.

    When a block is used up the till goes on in a fresh one.
    """
    held = turn.one("SELECT count(*) FROM pool WHERE store = ? AND till = ?", (store, till))
    row = turn.one("SELECT first_member, next_member FROM agents WHERE store = ? AND till = ?", (store, till))
    assert held is not None
    assert row is not None
    lacking = office.code_pool - held[0]
    if lacking < office.code_pool // 2:
        return 0
    first, following = row
    lacking = min(lacking, ISSUED_AT_ONCE)
    if following + lacking > first + MEMBERS_PER_BLOCK:
        first = following = _next_block(turn)
        regions.note_block(turn, first, store)
    pairs = [(following + i, codes.member_code(office.chance(16))) for i in range(lacking)]
    whos = [codes.who(code) for _, code in pairs]
    decide(turn, office, [("member.issue", {"to": [store, till], "first": following, "codes": whos})])
    turn.put(schema.pool, [(store, till, m, seal_code(office, m, code)) for m, code in pairs], twice=True)
    turn.run(
        "UPDATE agents SET first_member = ?, next_member = ? WHERE store = ? AND till = ?",
        (first, following + lacking, store, till),
        twice=True,
    )
    return int(lacking)
