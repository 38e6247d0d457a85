"""`hello`: where a till stands, and in one answer where headquarters does and all that is new.

    question  canonical JSON in a signed request:
        {v, agent, nonce, lanes: [[epoch, next]…], feeds: [[topic, shard, ver]…], held: [sha…], more, shut,
         boot, mono, wall, tok, sth: null|{size, root},
         x: {inst?, speaks?, log?: {inc, owed, broken}, deltas?: 1}}
    answer    box "JFH1", T = application/vnd.jifen.hello+json;v=1, signed by the hub's manifest key
        header  = {v, suite, hub, inc, chain, store, till, to, ms, sess_until,
                   lanes: [[epoch, next, head, state?]…],
                   feeds: [[topic, shard, ver]…], pieces: [[kind, topic, shard, sha, size]…],
                   tok, sth: null, x: {log?, night?: [from, until]}}
        payload = the pieces one behind the other: kind "m" a manifest, "b" a blob, "l" a look at the log

`feeds` of a question are the editions that the till holds, `held` the blobs of its own page. `more` is 1
while the till has something to send: it is told of its lanes alone then, since everything else would be old
after that. `shut` is 1 when it is closing, and it is granted nothing. `to` is SHA-256 of the question, which
has a nonce: an answer never passes for the answer to another question, so `ms` and `sess_until` are of now.
Manifests are signed for themselves, blobs are named by a manifest or are not looked at; their hashes in the
header keep the answer whole. A piece that is missing is fetched by its own path: `feeds` of the answer say
what there is. A till whose `lanes` are ahead of headquarters' is told of these alone too, as one with `more`.
`tok` is what the last answer told the till to show, 16 bytes, or null for nothing; who shows one that another
has used already is told that its lane has `forked`, and nothing else. `inst` names this start of the program.
`sth` of a question is the newest head of the log that the till has verified. `log` in its `x` says that it
knows the log: `inc` names the log of that head, `owed` is [epoch, first] of its oldest ack whose place was
not proved yet, or null, `broken` [[why, number]…] what it holds against headquarters. Only such a till is
shown the log (`witness`), and only what is new to it; `log` in `x` of an answer is the log's public key, told
to who has no head yet.
`deltas` is 1 of a till that follows a shard by steps (`deltas`); any other is told a snapshot of now.
`speaks` is what its program can read (`dialect`). `night` in `x` of an answer is the window of its nights,
in minutes after local midnight, where headquarters sets one. Every array may grow at its end.
It refuses to know what is new (`hub.hello`) and what is taken (`agent.edition`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from points.wire import canonical, container
from points.wire.batch_header import INST_BYTES, TreeHead, read_tree_head
from points.wire.chain import HASH_BYTES
from points.wire.dialect import Dialect
from points.wire.dialect import read as read_dialect
from points.wire.dialect import tell as tell_dialect
from points.wire.faults import EnvelopeVersion, Integrity, Malformed, WrongLane
from points.wire.fields import SUITE, U32_MAX, U48_MAX, VERSION, Fields, is_hex, is_name, is_shard
from points.wire.keys import RAW_BYTES, SigningKey
from points.wire.manifest import LaneNext

MAGIC = b"JFH1"
MEDIA_TYPE = "application/vnd.jifen.hello+json;v=1"
QUESTION_BYTES_MAX = 8 * 1024
ANSWER_BYTES_MAX = 512 * 1024
LANES_TOLD_MAX = 32
"""How many lanes of a till are told, its own and the latest: a disk that is put back every morning makes one
a day."""
LANES_MAX, FEEDS_MAX, HELD_MAX, PIECES_MAX = 64, 16, 16, 32
MANIFEST, BLOB, LOG = "m", "b", "l"
LOG_TOPIC = "log"
BROKEN_MAX = 8
DAY_MINUTES = 1440
NONCE_BYTES = TOKEN_BYTES = 16
FORKED = "forked"
"""The state of a lane that has gone on elsewhere."""

_ASKED = frozenset(
    {
        *("v", "agent", "nonce", "lanes", "feeds", "held", "more", "shut"),
        *("boot", "mono", "wall", "tok", "sth", "x"),
    }
)
_TOLD = frozenset(
    {
        *("v", "suite", "hub", "inc", "chain", "store", "till", "to", "ms", "sess_until"),
        *("lanes", "feeds", "pieces", "tok", "sth", "x"),
    }
)

Shard = tuple[str, str]


@dataclass(frozen=True, slots=True)
class OfLog:
    """What a till that knows the log says of it: ``inc`` the incarnation whose log its head is of, ``owed``
    (epoch, first) of its oldest ack without a proof, ``broken`` what it holds against headquarters, as (why,
    number)."""

    inc: int
    owed: tuple[int, int] | None = None
    broken: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """What a till says of itself: ``lanes`` epoch -> the number it sends next, ``feeds`` shard -> version."""

    agent: str
    nonce: str
    lanes: Mapping[int, int]
    feeds: Mapping[Shard, int]
    held: frozenset[str]
    has_more: bool
    is_shut: bool
    boot: str
    mono: int
    wall: int
    token: str | None = None
    inst: str = ""
    sth: TreeHead | None = None
    log: OfLog | None = None
    dialect: Dialect = field(default_factory=Dialect)
    takes_deltas: bool = False


@dataclass(frozen=True, slots=True)
class Piece:
    """A manifest, a blob or a look at the log that came with the answer."""

    kind: str
    topic: str
    shard: str
    raw: bytes


@dataclass(frozen=True, slots=True)
class Told:
    """What headquarters answered."""

    hub: str
    inc: int
    chain: str
    store: str
    till: str
    ms: int
    sess_until: int | None
    lanes: tuple[LaneNext, ...]
    feeds: Mapping[Shard, int] = field(default_factory=dict)
    pieces: tuple[Piece, ...] = ()
    token: str | None = None
    forked: frozenset[int] = frozenset()
    log_public: bytes = b""
    night: tuple[int, int] | None = None


def ask(question: Question) -> bytes:
    """The bytes of a question."""
    raw = canonical.encode(
        {
            "v": VERSION,
            "agent": question.agent,
            "nonce": question.nonce,
            "lanes": [list(lane) for lane in sorted(question.lanes.items())],
            "feeds": [[*shard, ver] for shard, ver in sorted(question.feeds.items())],
            "held": sorted(question.held),
            "more": int(question.has_more),
            "shut": int(question.is_shut),
            "boot": question.boot,
            "mono": question.mono,
            "wall": question.wall,
            "tok": question.token,
            "sth": question.sth and {"size": question.sth.size, "root": question.sth.root},
            "x": _extensions(question),
        }
    )
    read(raw)
    return raw


def read(raw: bytes) -> Question:
    """A question as it came. Raises ``EnvelopeVersion`` or ``Malformed``."""
    fields = Fields(canonical.decode(raw, QUESTION_BYTES_MAX))
    if fields.raw.get("v") != VERSION or type(fields.raw["v"]) is not int:
        raise EnvelopeVersion(v=fields.raw.get("v"))
    fields.exactly(_ASKED)
    more = fields.inner("x")
    held = _few(fields, "held", HELD_MAX)
    if not all(is_hex(sha, HASH_BYTES) for sha in held):
        raise Malformed(why="held")
    lanes = {}
    for entry in _few(fields, "lanes", LANES_MAX):
        epoch, upcoming = _numbers(entry, "lanes")
        lanes[epoch] = upcoming
    return Question(
        agent=fields.plain("agent"),
        nonce=fields.hex("nonce", NONCE_BYTES),
        lanes=lanes,
        feeds=_feeds(fields),
        held=frozenset(held),
        has_more=bool(fields.whole("more", 0, 1)),
        is_shut=bool(fields.whole("shut", 0, 1)),
        boot=fields.plain("boot"),
        mono=fields.whole("mono"),
        wall=fields.whole("wall"),
        token=fields.hex_or_none("tok", TOKEN_BYTES),
        inst=more.hex("inst", INST_BYTES) if "inst" in more.raw else "",
        sth=None if fields.raw["sth"] is None else read_tree_head(fields.inner("sth")),
        log=_of_log(more.inner("log")) if "log" in more.raw else None,
        dialect=read_dialect(more.inner("speaks")) if "speaks" in more.raw else Dialect(),
        takes_deltas="deltas" in more.raw and more.whole("deltas", 0, 1) == 1,
    )


def _extensions(question: Question) -> dict[str, Any]:
    more: dict[str, Any] = {"inst": question.inst} if question.inst else {}
    if question.takes_deltas:
        more["deltas"] = 1
    if (log := question.log) is not None:
        broken = [list(one) for one in log.broken]
        more["log"] = {"inc": log.inc, "owed": log.owed and list(log.owed), "broken": broken}
    if question.dialect != Dialect():
        more["speaks"] = tell_dialect(question.dialect)
    return more


def _of_log(fields: Fields) -> OfLog:
    owed, broken = fields.raw.get("owed"), []
    for entry in _few(fields, "broken", BROKEN_MAX):
        if type(entry) is not list or len(entry) < 2 or not is_name(entry[0]):
            raise Malformed(why="broken")
        if type(entry[1]) is not int or not 0 <= entry[1] <= canonical.WHOLE_MAX:
            raise Malformed(why="broken")
        broken.append((str(entry[0]), int(entry[1])))
    inc = fields.whole("inc", 1, U32_MAX)
    return OfLog(inc, None if owed is None else _numbers(owed, "owed"), tuple(broken))


def answer(told: Told, question: bytes, key: SigningKey) -> bytes:
    """The bytes of the answer to these bytes of a question."""
    header = {
        "v": VERSION,
        "suite": SUITE,
        "hub": told.hub,
        "inc": told.inc,
        "chain": told.chain,
        "store": told.store,
        "till": told.till,
        "to": sha256(question).hexdigest(),
        "ms": told.ms,
        "sess_until": told.sess_until,
        "lanes": [
            [lane.epoch, lane.next, lane.head, *([FORKED] if lane.epoch in told.forked else [])]
            for lane in told.lanes
        ],
        "feeds": [[*shard, ver] for shard, ver in sorted(told.feeds.items())],
        "pieces": [
            [piece.kind, piece.topic, piece.shard, sha256(piece.raw).hexdigest(), len(piece.raw)]
            for piece in told.pieces
        ],
        "tok": told.token,
        "sth": None,
        "x": _told_extensions(told),
    }
    payload = b"".join(piece.raw for piece in told.pieces)
    _read(Fields(canonical.decode(canonical.encode(header), container.HEADER_BYTES_MAX)), payload)
    return container.pack(MAGIC, header, payload, [key], MEDIA_TYPE)


def _told_extensions(told: Told) -> dict[str, Any]:
    more: dict[str, Any] = {"log": told.log_public.hex()} if told.log_public else {}
    return more | ({"night": list(told.night)} if told.night is not None else {})


def open_answer(raw: bytes, question: bytes, hub_public: bytes, till: tuple[str, str, str]) -> Told:
    """The verified answer to exactly this question of ``till`` (chain, store, till).

    Raises what ``container`` raises, ``WrongLane`` for another till's, ``Integrity`` for the answer to
    another question and for pieces that are not what the header says.
    """
    box = container.unpack(MAGIC, raw, ANSWER_BYTES_MAX)
    container.check(box, MEDIA_TYPE, [hub_public])
    fields = Fields(canonical.decode(box.header, container.HEADER_BYTES_MAX))
    told = _read(fields, box.payload)
    if (told.chain, told.store, told.till) != till:
        raise WrongLane(store=told.store, till=told.till)
    if fields.raw["to"] != sha256(question).hexdigest():
        raise Integrity(what="question")
    return told


def _read(fields: Fields, payload: bytes) -> Told:
    fields.speaks(_TOLD)
    more = fields.inner("x")
    fields.hex("to", HASH_BYTES)
    lanes, forked = [], set()
    for entry in _few(fields, "lanes", LANES_MAX):
        epoch, upcoming = _numbers(entry, "lanes")
        if len(entry) < 3 or not is_hex(entry[2], HASH_BYTES):
            raise Malformed(why="lanes")
        if entry[3:4] == [FORKED]:
            forked.add(epoch)
        lanes.append(LaneNext(epoch, upcoming, entry[2]))
    return Told(
        hub=fields.name("hub"),
        inc=fields.whole("inc", 1, U32_MAX),
        chain=fields.name("chain"),
        store=fields.name("store"),
        till=fields.name("till"),
        ms=fields.whole("ms", 0, U48_MAX),
        sess_until=fields.whole_or_none("sess_until", 0, U48_MAX),
        lanes=tuple(lanes),
        feeds=_feeds(fields),
        pieces=_pieces(fields, payload),
        token=fields.hex_or_none("tok", TOKEN_BYTES),
        forked=frozenset(forked),
        log_public=bytes.fromhex(more.hex("log", RAW_BYTES)) if "log" in more.raw else b"",
        night=_night(more.array("night")) if "night" in more.raw else None,
    )


def _night(entry: list[Any]) -> tuple[int, int]:
    minutes = entry[:2]
    if len(minutes) < 2 or any(type(one) is not int or not 0 <= one < DAY_MINUTES for one in minutes):
        raise Malformed(why="night")
    return minutes[0], minutes[1]


def _pieces(fields: Fields, payload: bytes) -> tuple[Piece, ...]:
    pieces, at = [], 0
    for entry in _few(fields, "pieces", PIECES_MAX):
        if type(entry) is not list or len(entry) < 5 or not _is_piece(*entry[:5]):
            raise Malformed(why="pieces")
        kind, topic, shard, sha, size = entry[:5]
        raw = payload[at : at + size]
        at += size
        if len(raw) != size or sha256(raw).hexdigest() != sha:
            raise Integrity(what="piece")
        pieces.append(Piece(kind, topic, shard, raw))
    if at != len(payload):
        raise Integrity(what="payload")
    return tuple(pieces)


def _is_piece(kind: Any, topic: Any, shard: Any, sha: Any, size: Any) -> bool:
    is_sized = type(size) is int and 0 <= size <= ANSWER_BYTES_MAX
    return (
        kind in (MANIFEST, BLOB, LOG)
        and is_name(topic)
        and is_shard(shard)
        and is_hex(sha, HASH_BYTES)
        and is_sized
    )


def _feeds(fields: Fields) -> dict[Shard, int]:
    feeds = {}
    for entry in _few(fields, "feeds", FEEDS_MAX):
        if type(entry) is not list or len(entry) < 3 or not (is_name(entry[0]) and is_shard(entry[1])):
            raise Malformed(why="feeds")
        if type(entry[2]) is not int or not 0 <= entry[2] <= canonical.WHOLE_MAX:
            raise Malformed(why="feeds")
        feeds[entry[0], entry[1]] = entry[2]
    return feeds


def _few(fields: Fields, key: str, most: int) -> list[Any]:
    entries = fields.array(key)
    if len(entries) > most:
        raise Malformed(why=key)
    return entries


def _numbers(entry: Any, key: str) -> tuple[int, int]:
    """(epoch, next) at the front of an entry."""
    if type(entry) is not list or len(entry) < 2:
        raise Malformed(why=key)
    epoch, upcoming = entry[:2]
    if any(type(number) is not int or not 1 <= number <= U32_MAX + 1 for number in (epoch, upcoming)):
        raise Malformed(why=key)
    return epoch, upcoming
