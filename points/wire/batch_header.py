"""The header of a batch: whose operations, which ones, what they hash to, and when they were cut.

    {v, suite, chain, store, till, epoch, first, last, prev, head, root, psha, psize, usize,
     wall, boot, mono, inst, agent, inc, anchor: {hub_ms, boot, mono}|null,
     sth: {size, root}|null, x: {}}                        all keys, always
Hashes are lower-case hexadecimal, times are whole milliseconds. It holds no secret
and no personal data: the file may travel on a stick.
It refuses to know the box it stands in (`container`) and the payload (`envelope`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from points.wire import canonical, container
from points.wire.chain import HASH_BYTES
from points.wire.faults import TooLarge
from points.wire.fields import SUITE, U32_MAX, U48_MAX, VERSION, Fields
from points.wire.lane import Lane

OPS_MAX = 1000
BOOT_BYTES, INST_BYTES = 8, 16

KEYS = frozenset(
    {
        *("v", "suite", "chain", "store", "till", "epoch", "first", "last", "prev", "head", "root"),
        *("psha", "psize", "usize", "wall", "boot", "mono", "inst", "agent", "inc", "anchor", "sth", "x"),
    }
)


@dataclass(frozen=True, slots=True)
class Anchor:
    """The last signed hub answer this agent heard: hub time, and the boot and monotone ms it came at."""

    hub_ms: int
    boot: str
    mono: int


@dataclass(frozen=True, slots=True)
class TreeHead:
    """The last head of the hub's log that this agent saw."""

    size: int
    root: str


@dataclass(frozen=True, slots=True)
class Moment:
    """Where the writer stands when it cuts: its clocks, its start, its version, the hub's incarnation.

    `wall` UTC ms as the PC believes, `boot` 16 hex a boot of the system, `mono` ms since then
    counting sleep, `inst` 32 hex a start of the agent, `agent` its version.
    """

    wall: int
    boot: str
    mono: int
    inst: str
    agent: str
    inc: int
    anchor: Anchor | None = None
    sth: TreeHead | None = None


@dataclass(frozen=True, slots=True)
class Header:
    """Everything a batch says of itself; hashes are hex."""

    lane: Lane
    first: int
    last: int
    prev: str
    head: str
    root: str
    psha: str
    psize: int
    usize: int
    moment: Moment
    suite: str = SUITE
    x: dict[str, Any] = field(default_factory=dict)

    @property
    def count(self) -> int:
        return self.last - self.first + 1


def header_object(header: Header) -> dict[str, Any]:
    """The header as the object that is written."""
    lane, moment = header.lane, header.moment
    anchor, sth = moment.anchor, moment.sth
    return {
        "v": VERSION,
        "suite": header.suite,
        "chain": lane.chain,
        "store": lane.store,
        "till": lane.till,
        "epoch": lane.epoch,
        "first": header.first,
        "last": header.last,
        "prev": header.prev,
        "head": header.head,
        "root": header.root,
        "psha": header.psha,
        "psize": header.psize,
        "usize": header.usize,
        "wall": moment.wall,
        "boot": moment.boot,
        "mono": moment.mono,
        "inst": moment.inst,
        "agent": moment.agent,
        "inc": moment.inc,
        "anchor": anchor and {"hub_ms": anchor.hub_ms, "boot": anchor.boot, "mono": anchor.mono},
        "sth": sth and {"size": sth.size, "root": sth.root},
        "x": header.x,
    }


def read_header(raw: bytes) -> Header:
    """The header in these bytes, in form only; Malformed, EnvelopeVersion or TooLarge otherwise."""
    fields = Fields(canonical.decode(raw, container.HEADER_BYTES_MAX))
    fields.speaks(KEYS)
    first = fields.whole("first", 1, U32_MAX)
    last = fields.whole("last", first, U32_MAX)
    if last - first >= OPS_MAX:
        raise TooLarge(max=OPS_MAX, what="ops")
    return Header(
        lane=Lane(
            fields.name("chain"), fields.name("store"), fields.name("till"), fields.whole("epoch", 1, U32_MAX)
        ),
        first=first,
        last=last,
        prev=fields.hex("prev", HASH_BYTES),
        head=fields.hex("head", HASH_BYTES),
        root=fields.hex("root", HASH_BYTES),
        psha=fields.hex("psha", HASH_BYTES),
        psize=fields.whole("psize", 1),
        usize=fields.whole("usize", 1),
        moment=_read_moment(fields),
        suite=SUITE,
        x=fields.object("x"),
    )


def _read_moment(fields: Fields) -> Moment:
    return Moment(
        wall=fields.whole("wall", 0, U48_MAX),
        boot=fields.hex("boot", BOOT_BYTES),
        mono=fields.whole("mono"),
        inst=fields.hex("inst", INST_BYTES),
        agent=fields.plain("agent"),
        inc=fields.whole("inc", 1, U32_MAX),
        anchor=None if fields.raw["anchor"] is None else _read_anchor(fields.inner("anchor")),
        sth=None if fields.raw["sth"] is None else read_tree_head(fields.inner("sth")),
    )


def _read_anchor(fields: Fields) -> Anchor:
    fields.exactly(frozenset({"hub_ms", "boot", "mono"}))
    return Anchor(fields.whole("hub_ms", 0, U48_MAX), fields.hex("boot", BOOT_BYTES), fields.whole("mono"))


def read_tree_head(fields: Fields) -> TreeHead:
    """A head as a header names it."""
    fields.exactly(frozenset({"size", "root"}))
    return TreeHead(fields.whole("size"), fields.hex("root", HASH_BYTES))
