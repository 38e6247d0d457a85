"""Builds the golden vectors from fixed seeds. Run it to write them; the tests compare.

    python tests/wire/wire_vectors.py          (writes tests/wire/vectors/*.json)

They are written once for a version of the wire and never changed: what was signed
must be readable for ever. A new version adds a file and leaves these alone.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from proof_samples import build_log, build_proof
from wire_samples import (
    DEVICE,
    GENESIS,
    HUB,
    HUB_FEED,
    HUB_PII,
    HUB_TOKEN,
    LANE,
    MOMENT,
    OTHER,
    RECORD,
    TILL_SEAL,
    batch,
    bodies,
    body,
    seed,
)

from points.wire import (
    ack,
    bundle,
    canonical,
    chain,
    chunk,
    claim,
    container,
    envelope,
    hello,
    hub_time,
    joining,
    keys,
    manifest,
    member_token,
    requests,
    sealing,
    sister,
    succession,
    ticket,
    transfer,
    tree,
)
from points.wire.batch_header import Moment
from points.wire.lane import Lane

FOLDER = Path(__file__).parent / "vectors"
OP = "0198635c1c007abc8def0123456789ab"
ASKED = hello.Question(
    agent="jifen/0.1.0", nonce=seed("nonce", 16).hex(), lanes={1: 101}, feeds={("members", "r1"): 3},
    held=frozenset({"ab" * 32}), has_more=False, is_shut=False, boot=MOMENT.boot, mono=1, wall=MOMENT.wall,
)  # fmt: skip
ANSWERED = hello.Told(
    hub="hq", inc=1, chain="demo", store="s01", till="t1", ms=1785549700000, sess_until=1785636100000,
    lanes=(manifest.LaneNext(1, 101, "cd" * 32),), feeds={("members", "r1"): 4, ("rules", "all"): 1},
    pieces=(hello.Piece("m", "members", "r1", b"manifest"), hello.Piece("b", "till", "s01/t1", b"blob")),
)  # fmt: skip
ROWS = [[1024, 1, "ok", "base", 0, "王*", "8000", 0, []], [1025, 1, "ok", "base", 3, "李*", "8001", 0, []]]


def build_keys() -> dict[str, Any]:
    return {
        name: {"private": key.raw.hex(), "public": key.public_raw.hex(), "kid": key.kid}
        for name, key in [
            ("device", DEVICE),
            ("hub_receipt", HUB),
            ("hub_manifest", HUB_FEED),
            ("hub_pii", HUB_PII),
            ("till_sealing", TILL_SEAL),
        ]
    } | {
        "phone_tag": {
            "index_key": seed("index").hex(),
            "phone": "13800138000",
            "tag": keys.phone_tag(seed("index"), "13800138000"),
        }
    }


def build_chain() -> dict[str, Any]:
    told = bodies(5)
    hashes = chain.links(GENESIS, 1, told)
    child = chain.genesis("demo", "s01", "t1", 2, DEVICE.public_raw, hashes[2], 3)
    return {
        "genesis": GENESIS.hex(),
        "bodies": [raw.decode() for raw in told],
        "hashes": [digest.hex() for digest in hashes],
        "root": tree.merkle_root(hashes).hex(),
        "proof_of_4": [digest.hex() for digest in tree.inclusion(hashes, 3)],
        "genesis_of_epoch_2_after_3": child.hex(),
        "body_digest16": chain.body_digest16(told[0]).hex(),
    }


def _batch(raw: bytes) -> dict[str, Any]:
    box = container.unpack(envelope.MAGIC, raw, len(raw))
    return {
        "envelope": raw.hex(),
        "batch_id": envelope.batch_id(raw),
        "header": box.header.decode(),
        "payload": box.payload.hex(),
        "zstd": list(envelope.zstd.zstd_version_info),
    }


def build_batches() -> dict[str, Any]:
    """Three envelopes: one operation, a hundred, and the second batch of a lane without an anchor."""
    prev = chain.links(GENESIS, 1, bodies(100))[-1]
    quiet = Moment(MOMENT.wall, MOMENT.boot, MOMENT.mono, MOMENT.inst, MOMENT.agent, 2)
    return {
        "one": _batch(batch(1)),
        "hundred": _batch(batch(100)),
        "second": _batch(envelope.cut(LANE, 101, prev, bodies(3, 101), DEVICE, quiet, {"note": "积分"})),
    }


def build_ack() -> dict[str, Any]:
    opened = envelope.open_batch(bytes.fromhex(read("batches")["hundred"]["envelope"]), RECORD)
    told = ack.Ack(
        hub="hq",
        inc=1,
        batch_id=opened.batch_id,
        lane=LANE,
        first=1,
        last=100,
        head=opened.header.head,
        ms=1785549700000,
        outcomes=(
            ack.Outcome(7, "J", {"reason": "late_cap"}),
            ack.Outcome(9, "P", {"reason": "unknown-type"}),
        ),
    )
    plain = ack.Ack("hq", 2, "ab" * 32, LANE, 1, 1, "cd" * 32, 0, (), 5, 5, 1)
    return {"judged": ack.issue(told, HUB).hex(), "plain": ack.issue(plain, HUB).hex()}


def build_feed() -> dict[str, Any]:
    key = seed("shard key")
    sealed, blob = chunk.make("members", "r1", ROWS, key, 1024, 1025)
    shared = manifest.Manifest(
        hub="hq",
        inc=1,
        chain="demo",
        topic="members",
        shard="r1",
        gen=1,
        schema=1,
        ver=3,
        g=41,
        issued=1785549700000,
        not_after=1785636100000,
        snap_ver=3,
        chunks=(sealed,),
        enc_kid=keys.kid_of(key),
    )
    private = manifest.Manifest(
        hub="hq",
        inc=1,
        chain="demo",
        topic="till",
        shard="s01/t1",
        gen=1,
        schema=1,
        ver=4,
        g=42,
        issued=1785549700000,
        not_after=1785636100000,
        snap_ver=4,
        chunks=(),
        lanes="ab" * 32,
        private=manifest.Private(1, None, (manifest.LaneNext(1, 101, "cd" * 32),)),
    )
    return {
        "shard_key": key.hex(),
        "rows": ROWS,
        "blob": blob.hex(),
        "shared": manifest.issue(shared, [HUB_FEED]).hex(),
        "private": manifest.issue(private, [HUB_FEED]).hex(),
        "two_signers": manifest.issue(shared, [HUB_FEED, HUB]).hex(),
        "zstd": list(envelope.zstd.zstd_version_info),
    }


def build_claims() -> dict[str, Any]:
    told = claim.Claim(
        kind=claim.Kind.EARN,
        op_id=OP,
        m=1024,
        kid=DEVICE.kid,
        seq=17,
        epoch=1,
        day=20260801,
        st=1785549600000,
        rule=seed("rule", 8).hex(),
        op_hash=chain.body_digest16(body(1)).hex(),
        earned=28,
        used=5,
        tender_fen=2899,
        m_bp=12500,
        groups=tuple((number, 100 * number) for number in range(8)),
    )
    stranger = claim.Claim(
        claim.Kind.ENROL, OP, 0, DEVICE.kid, 1, 1, 20200101, 0, "00" * 8, "00" * 16, 0, 0, 0, 0
    )
    return {"eight_groups": claim.encode(told, DEVICE), "no_member": claim.encode(stranger, DEVICE)}


def build_member_tokens() -> dict[str, Any]:
    told = member_token.MemberToken(HUB_TOKEN.kid, 1024, 17, 1, 1280, 0, 1785549600000, 1785636000000)
    most = member_token.MemberToken(
        HUB_TOKEN.kid, 2**40 - 1, 2**53, 255, 10**12, 10**12, 2**48 - 1 - 604_800_000, 2**48 - 1
    )
    return {
        "key": {"private": HUB_TOKEN.raw.hex(), "public": HUB_TOKEN.public_raw.hex(), "kid": HUB_TOKEN.kid},
        "plain": member_token.encode(told, "demo", HUB_TOKEN),
        "most": member_token.encode(most, "demo", HUB_TOKEN),
    }


def build_requests() -> dict[str, Any]:
    return {
        "batch": requests.sign(
            DEVICE,
            "POST",
            "hub.example:8443",
            "/v1/lanes/s01/t1/1/batches",
            "",
            b"batch",
            "application/vnd.jifen.batch",
            1785549600,
        ),
        "manifest": requests.sign(
            DEVICE, "GET", "hub.example", "/v1/feed/rules/all/g1/manifest", "a=1", None, None, 1785549600
        ),
        "time": hub_time.tell(hub_time.HubTime("hq", 1, 1785549600123), "jifen=:AAAA:", HUB)["signed"],
    }


def build_hello() -> dict[str, Any]:
    asked = hello.ask(ASKED)
    return {"question": asked.hex(), "answer": hello.answer(ANSWERED, asked, HUB_FEED).hex()}


def build_bundles() -> dict[str, Any]:
    asked = hello.ask(ASKED)
    up = bundle.Bundle(
        bundle.UP, LANE, 1785549600000,
        (bundle.Item(bundle.QUESTION, "", asked), bundle.Item(bundle.SEALED, OP, b"box")),
        TILL_SEAL.public_raw.hex(),
    )  # fmt: skip
    up_id, raw = bundle.write(up, DEVICE, HUB_PII.public_raw, seed("once up"))
    answer = hello.answer(ANSWERED, asked, HUB_FEED)
    items = (bundle.Item(bundle.ANSWER, "", answer),)
    down = bundle.Bundle(bundle.DOWN, LANE, 1785549700000, items, to=up_id)
    down_id, back = bundle.write(down, HUB_FEED, TILL_SEAL.public_raw, seed("once down"))
    return {"up": raw.hex(), "up_id": up_id, "down": back.hex(), "down_id": down_id}


def build_sealed() -> dict[str, Any]:
    blob = sealing.seal_pii(
        HUB_PII.public_raw,
        "demo",
        OP,
        seed("salt", 16),
        {"phone": "13800138000", "name": "王小明"},
        seed("once"),
    )
    return {"op_id": OP, "blob": blob.hex(), "commitment": sealing.pii_commitment(blob)}


def build_joining() -> dict[str, Any]:
    told = ticket.Ticket(
        "hub.example:8443",
        True,
        "demo",
        "s01",
        "t1",
        seed("ticket", 8),
        seed("secret", 16),
        ticket.fingerprint_of(HUB.public_raw),
        1785549600000,
    )
    request = joining.ask(
        told, DEVICE, TILL_SEAL.public_raw, seed("nonce"), MOMENT.inst, MOMENT.agent, 1785549000000
    )
    answer = joining.grant(
        joining.open_ask(request, told.proof_key),
        joining.JoinAnswer(
            "hq",
            1,
            LANE,
            1,
            DEVICE.kid,
            joining.HubKeys(HUB.public_raw, HUB_FEED.public_raw, HUB_PII.public_raw),
            1785549000000,
        ),
        joining.StoreKeys(seed("index"), (("members", "r1", seed("shard key")),)),
        HUB,
        seed("once"),
    )
    return {"ticket": ticket.encode(told), "request": request.hex(), "answer": answer.hex()}


def build_sisters() -> dict[str, Any]:
    giving = canonical.encode(
        {
            "id": OP, "t": "rights.give", "tv": 1, "day": 20260801, "st": 1785549600000, "boot": "b",
            "mono": 1, "by": "agent", "rule": seed("rule").hex(), "m": 1024, "inc": 1, "term": 1,
            "sched": [[20270801, 40]], "fund": [["give_a", 40, "pts", ["s01", "t2", 1, 3]]],
        }
    )  # fmt: skip
    given = transfer.Given.signed(LANE, 17, giving, DEVICE)
    right = transfer.Given.signed(LANE, 18, giving.replace(b"rights.give", b"refund.give"), DEVICE)
    asked = seed("question", 16).hex()
    own = Lane("demo", "s01", "t2", 1)
    return {
        "given": given.told(),
        "ask": sister.datagram(sister.Said("ask", asked, own, "", 1024, 40), OTHER).hex(),
        "have": sister.datagram(sister.Said("have", asked, LANE, "t2", 1024, 300), DEVICE).hex(),
        "want": sister.datagram(sister.Said("want", asked, own, "t1", 1024, 40, 1, 3), OTHER).hex(),
        "gave": sister.datagram(sister.Said("given", asked, LANE, "t2", 1024, given=given), DEVICE).hex(),
        "none": sister.datagram(sister.Said("given", asked, LANE, "t2", 1024), DEVICE).hex(),
        "paper": sister.datagram(sister.Said("paper", asked, own, "t1", 0, 1, paper="000123"), OTHER).hex(),
        "right": sister.datagram(
            sister.Said("right", asked, LANE, "t2", 0, given=right, paper="000123", sale='{"t":"sale.earn"}'),
            DEVICE,
        ).hex(),
    }


def build_succession() -> dict[str, Any]:
    links = chain.links(GENESIS, 1, bodies(3))
    points = [(1, links[0]), (3, links[2])]
    asked = succession.ask(
        LANE, DEVICE, OTHER, points, seed("nonce", 16), MOMENT.inst, "jifen/0.1.0", MOMENT.wall
    )
    claimed = succession.open_ask(asked, DEVICE.public_raw)
    lane = Lane(LANE.chain, LANE.store, LANE.till, LANE.epoch + 1)
    parent = succession.Parent(LANE.epoch, 1, links[0])
    granted = succession.Granted("hq", 1, lane, 3, OTHER.kid, parent, 6, MOMENT.wall)
    return {"request": asked.hex(), "answer": succession.grant(claimed, granted, HUB).hex()}


BUILDERS = {
    "keys": build_keys,
    "chain": build_chain,
    "batches": build_batches,
    "ack": build_ack,
    "feed": build_feed,
    "claims": build_claims,
    "member_tokens": build_member_tokens,
    "requests": build_requests,
    "bundles": build_bundles,
    "hello": build_hello,
    "sealed": build_sealed,
    "joining": build_joining,
    "sisters": build_sisters,
    "succession": build_succession,
    "log": build_log,
    "proof": build_proof,
}


def read(name: str) -> dict[str, Any]:
    """The committed vectors of one file."""
    told: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
    return told


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, build in BUILDERS.items():
        text = json.dumps(build(), ensure_ascii=False, indent=1, sort_keys=True)
        (FOLDER / f"{name}.json").write_text(text + "\n", "utf-8")
