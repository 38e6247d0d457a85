"""A till without an agent: it speaks the whole protocol over real HTTP, and may also speak it wrongly.

Bodies, envelopes, signatures and clocks are at the test's disposal, byte for byte. It is admitted by a
real ticket and asks the same doors as a real till.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from typing import Any

import httpx
from headquarters import NOON_MS, Headquarters

from points.identifiers import new_op_id
from points.wire import ack, canonical, chain, chunk, claim, endpoints, envelope, joining, manifest, sealing
from points.wire import requests as signing
from points.wire import ticket as tickets
from points.wire.batch_header import Moment
from points.wire.faults import WireFault
from points.wire.keys import SigningKey
from points.wire.lane import Lane
from points.wire.sealing import SealingKey

BOOT = "00112233aabbccdd"
NIGHT_MS = 12 * 3_600_000
NO_RIGHT = ("J", {"reason": "refund-without-right"})
"""What is said of goods that came back to the line and were not reserved."""
AUTHORITIES = httpx.create_ssl_context(trust_env=False)
"""Read once: it takes longer than most of what a test asks."""


@dataclass(frozen=True)
class Answer:
    """Status and bytes as they came."""

    status: int
    body: bytes
    headers: httpx.Headers

    @property
    def fault(self) -> WireFault:
        assert self.status // 100 != 2, self.body
        assert self.headers["content-type"] == endpoints.PROBLEM
        return endpoints.read_problem(self.status, self.body)


class PretendTill:
    """One admitted till. ``op`` writes the next body, ``cut`` an envelope of what was not sent."""

    def __init__(self, hq: Headquarters, store: str = "s001", till: str = "01", seed: int = 1) -> None:
        self.hq = hq
        self.chance = random.Random(f"{store}/{till}/{seed}")
        self.key = SigningKey.from_raw(self.chance.randbytes(32))
        self.seal_key = SealingKey.from_raw(self.chance.randbytes(32))
        self.client = httpx.Client(base_url=hq.url, timeout=30, trust_env=False, verify=AUTHORITIES)
        self.ticket = tickets.decode(hq.ticket(store, till))
        asked = self.ask(self.key)
        joined = self.client.post("/v1/join", content=asked)
        assert joined.status_code == 200, joined.text
        self.grant, self.store_keys = joining.open_grant(
            joined.content, self.ticket, asked, self.key.public_raw, self.seal_key
        )
        self.lane: Lane = self.grant.lane
        self.term = self.grant.term
        self.bodies: list[bytes] = []
        self.hashes = [
            chain.genesis(
                self.lane.chain, self.lane.store, self.lane.till, self.lane.epoch, self.key.public_raw
            )
        ]
        self.sent = 0
        self.st = NOON_MS
        self.ahead_s = 0
        self.rules = hq.office.rules().hash
        self.pool: list[tuple[int, str]] = [(row[1], row[2]) for row in self.page("p")]

    def ask(self, key: SigningKey) -> bytes:
        return joining.ask(
            self.ticket, key, self.seal_key.public_raw, self.chance.randbytes(32), "ab" * 16, "pretend", 1
        )

    # -- writing --------------------------------------------------------------------------------

    def op(self, kind: str, m: int | None = None, **more: Any) -> dict[str, Any]:
        """Write an operation into the lane; gives its body as an object."""
        body = self.body(kind, m, **more)
        self.write(canonical.encode(body))
        return body

    def body(self, kind: str, m: int | None = None, **more: Any) -> dict[str, Any]:
        self.st += 1_000
        body: dict[str, Any] = {
            "id": new_op_id(self.st, self.chance.randbytes(10)), "t": kind, "tv": 1,
            "day": self.hq.office.rules().today(self.st), "st": self.st, "boot": BOOT,
            "mono": self.st - NOON_MS, "by": "c1", "rule": self.rules,
        }  # fmt: skip
        if m is not None:
            body["m"] = m
        if more.get("fund"):
            body |= {"inc": 1, "term": self.term}
        return body | more

    def write(self, raw: bytes) -> None:
        self.bodies.append(raw)
        self.hashes.append(chain.link(self.hashes[-1], len(self.bodies), raw))

    def enrol(self, **more: Any) -> int:
        """A new member from the pool."""
        m, _ = self.pool.pop(0)
        self.op("member.enrol", m, **more)
        return m

    def earn(
        self, m: int | None, pts: int, *, add: bool = True, used: int = 0, tier: int = 0, **more: Any
    ) -> dict[str, Any]:
        """A sale that earns ``pts`` by the test's rules (a point a yuan) and may be paid with points."""
        fen = pts * 100
        tenders: list[list[Any]] = [["cash", fen]]
        fund = list(more.pop("fund", []))
        if used:
            tenders.append(["points", used, used])
        if add and m is not None:
            fund.append(["add", pts])
        if fund:
            more["fund"] = fund
        return self.op(
            "sale.earn", m, receipt=f"r{len(self.bodies)}", lines=[[1, "all", 1, fen + used]],
            tenders=tenders, tier=tier, m_bp=10_000, day_used=0, desired=pts, pts=pts, **more,
        )  # fmt: skip

    def redeem(self, m: int, pts: int, *fund: list[Any], **more: Any) -> dict[str, Any]:
        return self.op("redeem.cash", m, pts=pts, fen=pts, fund=list(fund) or [["local", pts]], **more)

    def refund(self, m: int | None, sale: dict[str, Any], fen: int, *fund: list[Any]) -> dict[str, Any]:
        more: dict[str, Any] = {"fund": list(fund)} if fund else {}
        return self.op("sale.refund", m, refs=[sale["id"]], lines=[[1, 0, fen]], **more)

    def cut(self, first: int = 0, last: int = 0, key: SigningKey | None = None) -> bytes:
        """The envelope of operations ``first..last``, by default all that was not sent yet."""
        first, last = first or self.sent + 1, last or len(self.bodies)
        moment = Moment(self.st, BOOT, self.st - NOON_MS, "ab" * 16, "pretend", 1)
        bodies = self.bodies[first - 1 : last]
        return envelope.cut(self.lane, first, self.hashes[first - 1], bodies, key or self.key, moment)

    # -- asking ---------------------------------------------------------------------------------

    def call(
        self, method: str, path: str, body: bytes | None = None, kind: str | None = None, **how: Any
    ) -> Answer:
        """One request, signed by this till's key unless ``key`` says another."""
        key, created = how.get("key", self.key), int(time.time()) + self.ahead_s
        host = self.hq.url.partition("//")[2]
        headers = signing.sign(key, method, host, path, "", body, kind, created)
        sent = how.get("damaged", body)
        heard = self.client.request(method, path, content=sent, headers=headers)
        return Answer(heard.status_code, heard.content, heard.headers)

    def deliver(self, raw: bytes, lane: Lane | None = None, **how: Any) -> Answer:
        return self.call("POST", endpoints.batches(lane or self.lane), raw, endpoints.BATCH, **how)

    def send(self) -> dict[int, tuple[str, dict[str, Any]]]:
        """Send what was not sent; outcomes by sequence number."""
        return self.heard(self.deliver(self.cut()))

    def heard(self, answer: Answer) -> dict[int, tuple[str, dict[str, Any]]]:
        """The outcomes of an accepted batch, its signature and head verified."""
        assert answer.status == 200, answer.fault
        told = ack.open_ack(answer.body, self.grant.keys.receipt)
        assert told.lane == self.lane
        assert told.head == self.hashes[told.last].hex()
        self.sent = max(self.sent, told.last)
        return {one.seq: (one.code, one.detail) for one in told.outcomes}

    def manifest(self, topic: str, shard: str) -> manifest.Manifest:
        heard = self.call("GET", endpoints.manifest_of(topic, shard, 1))
        assert heard.status == 200, heard.fault
        return manifest.open_manifest(heard.body, self.grant.keys.manifest, self.lane.chain, topic, shard)

    def page(self, kind: str = "") -> list[list[Any]]:
        """The rows of this till's private page, all or of one kind."""
        shard = manifest.private_shard(self.lane.store, self.lane.till)
        return [row for row in self.rows("till", shard, None) if not kind or row[0] == kind]

    def told_session(self) -> int | None:
        """Until when the private page lets this till spend allowances without being heard."""
        private = self.manifest("till", manifest.private_shard(self.lane.store, self.lane.till)).private
        assert private is not None
        return private.sess_until

    def told(self) -> dict[int, tuple[str, dict[str, Any]]]:
        """What the private page says became of operations later."""
        return {row[2]: (row[3], row[4]) for row in self.page("o")}

    def members(self) -> dict[int, list[Any]]:
        """Every member row that the stores are told."""
        return {row[0]: row for row in self.opened("members", "main")}

    def phones(self) -> list[list[Any]]:
        """The rows of this store's phone index."""
        return self.opened("phones", self.lane.store)

    def opened(self, topic: str, shard: str) -> list[list[Any]]:
        """The rows of a sealed shard, opened with the secret that the private page tells."""
        named = self.manifest(topic, shard).enc_kid
        heard = [row[4] for row in self.page("k") if row[3] == named]
        return self.rows(topic, shard, bytes.fromhex(heard[0]))

    def rows(self, topic: str, shard: str, key: bytes | None) -> list[list[Any]]:
        rows: list[list[Any]] = []
        for piece in self.manifest(topic, shard).chunks:
            blob = self.call("GET", endpoints.blob(piece.sha))
            assert blob.status == 200, blob.fault
            rows += chunk.open_chunk(piece, blob.body, topic, shard, key)
        return rows

    def authorise(self, op_id: str, m: int, pts: int) -> dict[str, Any]:
        body = canonical.encode({"id": op_id, "m": m, "n": pts})
        answer = self.call("POST", endpoints.authorisations(), body, endpoints.JSON)
        assert answer.status == 200, answer.fault
        return canonical.decode(answer.body)

    def claim_of(self, body: dict[str, Any], seq: int, **other: Any) -> str:
        """The digits on the paper of an operation."""
        told = {
            "kind": claim.Kind.EARN, "op_id": body["id"], "m": body.get("m", 0), "kid": self.key.kid,
            "seq": seq, "epoch": self.lane.epoch, "day": body["day"], "st": body["st"],
            "rule": body["rule"][:16], "op_hash": chain.body_digest16(self.bodies[seq - 1]).hex(),
            "earned": body.get("pts", 0), "used": 0, "tender_fen": 0, "m_bp": 10_000,
        }  # fmt: skip
        return claim.encode(claim.Claim(**(told | other)), self.key)

    def box(self, op_id: str, **person: str) -> bytes:
        """What is typed of a person, sealed for headquarters and for one operation."""
        salt, ephemeral = self.chance.randbytes(16), self.chance.randbytes(32)
        return sealing.seal_pii(self.grant.keys.pii, self.lane.chain, op_id, salt, person, ephemeral)

    def enrol_boxed(self, **person: str) -> tuple[int, str, bytes]:
        """A new member whose person travels in a box: (number, operation, box)."""
        self.st += 1_000
        op_id = new_op_id(self.st, self.chance.randbytes(10))
        box = self.box(op_id, **person)
        return self.enrol(id=op_id, pii=sealing.pii_commitment(box)), op_id, box

    def put(self, op_id: str, box: bytes) -> None:
        """Deliver a box, which headquarters takes."""
        assert self.call("PUT", endpoints.sealed(op_id), box, endpoints.BLOB).status == 200

    def show(self, digits: str) -> Answer:
        return self.call("POST", endpoints.claims(), canonical.encode({"digits": digits}), endpoints.JSON)

    def close(self) -> None:
        self.client.close()


def points_of(hq: Headquarters, m: int) -> tuple[int, int]:
    """(points in lots, debt) of a member at headquarters."""
    ((row,),) = hq.rows('SELECT "row" FROM members WHERE m = ?', m)
    told = canonical.decode(b'{"row":' + row.encode() + b"}")["row"]
    return sum(lot[1] for lot in told[8]), told[7]
