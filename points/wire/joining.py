"""How a new till joins: a request that proves its ticket, an answer that grants a lane.

    request = box "JFE1", T = application/vnd.jifen.enrolment+json;v=1, signed by the new device key
      header  {v, suite, ticket, chain, store, till, public, seal_public, nonce, inst, agent, wall, x}
      payload HMAC-SHA256(proof key, "jifen/join/1" 00 | header)
    answer  = box "JFE1", T = application/vnd.jifen.enrolment-answer+json;v=1, by the hub's receipt key
      header  {v, suite, hub, inc, request, chain, store, till, epoch, term, parent: {head, seq},
               kid, keys: {receipt, manifest, pii}, sealed, ms, x: {log?}}
      payload store keys sealed to seal_public: canonical {index, shards: [[topic, shard, kid, key]…], x}

The proof covers the request's own bytes, so it cannot be moved to another key, and the
signature shows that the sender has the key it brings. The till accepts an answer only from the
key that its ticket names, and only to this request (`request` = SHA-256 of its header); `sealed`
is SHA-256 of the payload, checked before the payload is opened. The device's private keys are made
on the till and never leave it. Both messages may be sent again: the same request has the same answer.
It refuses to know how a ticket is used up.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256

from points.wire import canonical, container, sealing
from points.wire.batch_header import INST_BYTES
from points.wire.chain import HASH_BYTES
from points.wire.faults import Integrity, Malformed, TicketSpent, UnknownKey, WrongLane
from points.wire.fields import SUITE, U32_MAX, U48_MAX, VERSION, Fields, is_hex, is_name, is_shard
from points.wire.keys import KID_CHARS, RAW_BYTES, SigningKey, equal, hmac_sha256, kid_of
from points.wire.lane import Lane
from points.wire.ticket import ID_BYTES, Ticket, fingerprint_of

MAGIC = b"JFE1"
REQUEST_MEDIA_TYPE = "application/vnd.jifen.enrolment+json;v=1"
ANSWER_MEDIA_TYPE = "application/vnd.jifen.enrolment-answer+json;v=1"
NONCE_BYTES = 32
STORE_KEYS_BYTES_MAX = 32 * 1024
JOIN_BYTES_MAX = container.HEADER_BYTES_MAX + STORE_KEYS_BYTES_MAX + 1024

_REQUEST_KEYS = frozenset(
    {
        *("v", "suite", "ticket", "chain", "store", "till", "public", "seal_public", "nonce"),
        *("inst", "agent", "wall", "x"),
    }
)
_ANSWER_KEYS = frozenset(
    {
        *("v", "suite", "hub", "inc", "request", "chain", "store", "till", "epoch", "term"),
        *("parent", "kid", "keys", "sealed", "ms", "x"),
    }
)


@dataclass(frozen=True, slots=True)
class JoinRequest:
    """What a new till says; `digest` is what the answer must name. `wall` is the PC's belief."""

    ticket_id: str
    chain: str
    store: str
    till: str
    public_raw: bytes
    seal_public: bytes
    inst: str
    agent: str
    wall: int
    digest: str


@dataclass(frozen=True, slots=True)
class StoreKeys:
    """Secrets of a store: the key of its phone index, and those of the feed's shards it may read."""

    index: bytes = field(repr=False)
    shards: tuple[tuple[str, str, bytes], ...] = field(default=(), repr=False)  # (topic, shard, key)


@dataclass(frozen=True, slots=True)
class HubKeys:
    """The hub's public keys: signs acks and answers, signs manifests, opens personal data, signs heads of the
    log (empty where the hub is older than that)."""

    receipt: bytes
    manifest: bytes
    pii: bytes
    log: bytes = b""


@dataclass(frozen=True, slots=True)
class JoinAnswer:
    """What the hub grants: a lane and a rights term, for the key `kid`."""

    hub: str
    inc: int
    lane: Lane
    term: int
    kid: str
    keys: HubKeys
    ms: int
    parent_head: str = "00" * HASH_BYTES
    parent_seq: int = 0


def ask(
    ticket: Ticket,
    key: SigningKey,
    seal_public: bytes,
    nonce: bytes,
    inst: str,
    agent: str,
    wall: int,
) -> bytes:
    """The request of a new till. `nonce` is 32 fresh random bytes; the key never leaves the till."""
    header = {
        "v": VERSION,
        "suite": SUITE,
        "ticket": ticket.ticket_id.hex(),
        "chain": ticket.chain,
        "store": ticket.store,
        "till": ticket.till,
        "public": key.public_raw.hex(),
        "seal_public": seal_public.hex(),
        "nonce": nonce.hex(),
        "inst": inst,
        "agent": agent,
        "wall": wall,
        "x": {},
    }
    proof = _proof(ticket.proof_key, canonical.encode(header))
    return container.pack(MAGIC, header, proof, [key], REQUEST_MEDIA_TYPE)


def peek_ticket(raw: bytes) -> str:
    """Which ticket a request speaks of, hex; nothing of it is trusted yet."""
    box = container.unpack(MAGIC, raw, JOIN_BYTES_MAX)
    return Fields(canonical.decode(box.header, container.HEADER_BYTES_MAX)).hex("ticket", ID_BYTES)


def open_ask(raw: bytes, proof_key: bytes) -> JoinRequest:
    """The request, proved by the ticket and signed by the key it brings; TicketSpent if not proved.

    The caller compares chain, store and till with the ticket it made.
    """
    box = container.unpack(MAGIC, raw, JOIN_BYTES_MAX)
    if not equal(box.payload, _proof(proof_key, box.header)):
        raise TicketSpent()
    fields = Fields(canonical.decode(box.header, container.HEADER_BYTES_MAX))
    fields.speaks(_REQUEST_KEYS)
    public = bytes.fromhex(fields.hex("public", 32))
    container.check(box, REQUEST_MEDIA_TYPE, [public])
    fields.hex("nonce", NONCE_BYTES)
    return JoinRequest(
        ticket_id=fields.hex("ticket", ID_BYTES),
        chain=fields.name("chain"),
        store=fields.name("store"),
        till=fields.name("till"),
        public_raw=public,
        seal_public=bytes.fromhex(fields.hex("seal_public", 32)),
        inst=fields.hex("inst", INST_BYTES),
        agent=fields.plain("agent"),
        wall=fields.whole("wall", 0, U48_MAX),
        digest=sha256(box.header).hexdigest(),
    )


def grant(
    request: JoinRequest,
    answer: JoinAnswer,
    store_keys: StoreKeys,
    receipt_key: SigningKey,
    ephemeral_random32: bytes,
) -> bytes:
    """The hub's answer to one request."""
    secrets = canonical.encode(
        {
            "index": store_keys.index.hex(),
            "shards": [[topic, shard, kid_of(key), key.hex()] for topic, shard, key in store_keys.shards],
            "x": {},
        }
    )
    sealed = sealing.seal(request.seal_public, *_keys_place(request.digest), secrets, ephemeral_random32)
    header = {
        "v": VERSION,
        "suite": SUITE,
        "hub": answer.hub,
        "inc": answer.inc,
        "request": request.digest,
        "chain": answer.lane.chain,
        "store": answer.lane.store,
        "till": answer.lane.till,
        "epoch": answer.lane.epoch,
        "term": answer.term,
        "parent": {"head": answer.parent_head, "seq": answer.parent_seq},
        "kid": answer.kid,
        "keys": {
            "receipt": answer.keys.receipt.hex(),
            "manifest": answer.keys.manifest.hex(),
            "pii": answer.keys.pii.hex(),
        },
        "sealed": sha256(sealed).hexdigest(),
        "ms": answer.ms,
        "x": {"log": answer.keys.log.hex()} if answer.keys.log else {},
    }
    return container.pack(MAGIC, header, sealed, [receipt_key], ANSWER_MEDIA_TYPE)


def open_grant(
    raw: bytes, ticket: Ticket, request: bytes, public_raw: bytes, seal_key: sealing.SealingKey
) -> tuple[JoinAnswer, StoreKeys]:
    """The answer to `request` and the store's keys.

    Raises UnknownKey if it is not signed by the hub that the ticket names, Integrity if it answers
    another request, WrongLane if it grants another till or key, BadSignature or Malformed.
    """
    box = container.unpack(MAGIC, raw, JOIN_BYTES_MAX)
    fields = Fields(canonical.decode(box.header, container.HEADER_BYTES_MAX))
    fields.speaks(_ANSWER_KEYS)
    answer = _read_answer(fields)
    if not equal(fingerprint_of(answer.keys.receipt), ticket.fingerprint):
        raise UnknownKey(kid=kid_of(answer.keys.receipt))
    container.check(box, ANSWER_MEDIA_TYPE, [answer.keys.receipt])
    digest = sha256(container.unpack(MAGIC, request, JOIN_BYTES_MAX).header).hexdigest()
    if fields.raw["request"] != digest:
        raise Integrity(what="request")
    lane = answer.lane
    if (lane.chain, lane.store, lane.till) != (ticket.chain, ticket.store, ticket.till):
        raise WrongLane()
    if answer.kid != kid_of(public_raw):
        raise WrongLane(kid=answer.kid)
    if fields.hex("sealed", HASH_BYTES) != sha256(box.payload).hexdigest():
        raise Integrity(what="sealed")
    secrets = sealing.open_sealed(seal_key, *_keys_place(digest), box.payload)
    return answer, _read_store_keys(Fields(canonical.decode(secrets, STORE_KEYS_BYTES_MAX)))


def _proof(proof_key: bytes, header: bytes) -> bytes:
    return hmac_sha256(proof_key, b"jifen/join/1\0" + header)


def _keys_place(digest: str) -> tuple[bytes, bytes]:
    """HPKE info and associated data: these keys are for the sender of this request."""
    return b"jifen/store-keys/1\0", bytes.fromhex(digest)


def _read_answer(fields: Fields) -> JoinAnswer:
    keys, parent, more = fields.inner("keys"), fields.inner("parent"), fields.inner("x")
    keys.exactly(frozenset({"receipt", "manifest", "pii"}))
    parent.exactly(frozenset({"head", "seq"}))
    return JoinAnswer(
        hub=fields.name("hub"),
        inc=fields.whole("inc", 1, U32_MAX),
        lane=Lane(
            fields.name("chain"), fields.name("store"), fields.name("till"), fields.whole("epoch", 1, U32_MAX)
        ),
        term=fields.whole("term", 1, U32_MAX),
        kid=fields.hex("kid", KID_CHARS // 2),
        keys=HubKeys(
            receipt=bytes.fromhex(keys.hex("receipt", RAW_BYTES)),
            manifest=bytes.fromhex(keys.hex("manifest", RAW_BYTES)),
            pii=bytes.fromhex(keys.hex("pii", RAW_BYTES)),
            log=bytes.fromhex(more.hex("log", RAW_BYTES)) if "log" in more.raw else b"",
        ),
        ms=fields.whole("ms", 0, U48_MAX),
        parent_head=parent.hex("head", HASH_BYTES),
        parent_seq=parent.whole("seq", 0, U32_MAX),
    )


def _read_store_keys(fields: Fields) -> StoreKeys:
    fields.exactly(frozenset({"index", "shards", "x"}))
    shards = []
    for entry in fields.array("shards"):
        if type(entry) is not list or len(entry) < 4 or not is_hex(entry[3], RAW_BYTES):
            raise Malformed(why="shards")
        topic, shard, kid, key = entry[:4]
        if not (is_name(topic) and is_shard(shard)) or kid != kid_of(bytes.fromhex(key)):
            raise Malformed(why="shards")
        shards.append((topic, shard, bytes.fromhex(key)))
    return StoreKeys(bytes.fromhex(fields.hex("index", RAW_BYTES)), tuple(shards))
