"""The committed bytes: still built the same, still read, for as long as the wire has a version 1."""

from __future__ import annotations

from typing import Any

import pytest
from wire_samples import (
    DEVICE,
    GENESIS,
    HUB,
    HUB_FEED,
    HUB_PII,
    LANE,
    RECORD,
    TILL_SEAL,
    bodies,
    body,
    seed,
)
from wire_vectors import BUILDERS, FOLDER, OP, ROWS, read

from points.wire import (
    ack,
    canonical,
    chain,
    checkpoint,
    chunk,
    claim,
    container,
    envelope,
    hello,
    hub_time,
    joining,
    manifest,
    member_token,
    requests,
    sealing,
    succession,
    ticket,
    tree,
)
from points.wire.faults import WireFault

ZSTD_NOW = list(envelope.zstd.zstd_version_info)


def test_there_is_a_file_for_each_builder_and_no_other() -> None:
    assert {path.stem for path in FOLDER.glob("*.json")} == set(BUILDERS)


@pytest.mark.parametrize("name", sorted(BUILDERS))
def test_the_same_seeds_still_build_the_same_bytes(name: str) -> None:
    """A zstd of another version may pack otherwise; then what it packed is compared unpacked, by reading."""
    built, told = BUILDERS[name](), read(name)
    if "zstd" in str(told) and _zstd(told) != ZSTD_NOW:
        pytest.skip(f"zstd is {ZSTD_NOW}, the vectors were packed with {_zstd(told)}: read, not rebuilt")
    assert canonical.decode_value(canonical.encode(built), 1 << 22) == told


def _zstd(told: dict[str, Any]) -> list[int]:
    inner = told if "zstd" in told else told["one"]
    found: list[int] = inner["zstd"]
    return found


def test_the_committed_batches_open() -> None:
    told = read("batches")
    prev = chain.links(GENESIS, 1, bodies(100))[-1]
    for name, first, count, before in [
        ("one", 1, 1, GENESIS),
        ("hundred", 1, 100, GENESIS),
        ("second", 101, 3, prev),
    ]:
        opened = envelope.open_batch(bytes.fromhex(told[name]["envelope"]), RECORD)
        assert opened.bodies == tuple(bodies(count, first))
        assert opened.batch_id == told[name]["batch_id"]
        assert opened.hashes == tuple(chain.links(before, first, bodies(count, first)))
    assert opened.header.x == {"note": "积分"}
    assert opened.header.moment.anchor is None


def test_the_committed_acks_open() -> None:
    told = read("ack")
    judged = ack.open_ack(bytes.fromhex(told["judged"]), HUB.public_raw)
    opened = envelope.open_batch(bytes.fromhex(read("batches")["hundred"]["envelope"]), RECORD)
    judged.check_answers(opened.header, opened.batch_id)
    assert [(outcome.seq, outcome.code) for outcome in judged.outcomes] == [(7, "J"), (9, "P")]
    plain = ack.open_ack(bytes.fromhex(told["plain"]), HUB.public_raw)
    assert (plain.g0, plain.g1, plain.durable_seq, plain.outcomes) == (5, 5, 1, ())


def test_the_committed_feed_opens() -> None:
    told = read("feed")
    shared = manifest.open_manifest(
        bytes.fromhex(told["shared"]), HUB_FEED.public_raw, "demo", "members", "r1"
    )
    blob, key = bytes.fromhex(told["blob"]), bytes.fromhex(told["shard_key"])
    assert chunk.open_chunk(shared.chunks[0], blob, "members", "r1", key) == ROWS
    private = manifest.open_manifest(
        bytes.fromhex(told["private"]), HUB_FEED.public_raw, "demo", "till", "s01/t1"
    ).private
    assert private == manifest.Private(1, None, (manifest.LaneNext(1, 101, "cd" * 32),))
    both = [HUB.public_raw, HUB_FEED.public_raw]
    manifest.open_manifest(bytes.fromhex(told["two_signers"]), both, "demo", "members", "r1", needed=2)


def test_the_committed_claims_are_read() -> None:
    told = read("claims")
    sale = claim.decode(told["eight_groups"])
    sale.verify(DEVICE.public_raw)
    assert (sale.op_id, sale.m, sale.earned, sale.day, len(sale.groups)) == (OP, 1024, 28, 20260801, 8)
    assert sale.op_hash == chain.body_digest16(body(1)).hex()
    claim.decode(told["no_member"]).verify(DEVICE.public_raw)


def test_the_committed_tokens_are_read() -> None:
    told = read("member_tokens")
    for name, points in (("plain", 1280), ("most", 10**12)):
        token = member_token.decode(told[name])
        token.verify("demo", {told["key"]["kid"]: bytes.fromhex(told["key"]["public"])})
        assert (len(told[name]), token.points) == (261, points)


def test_the_committed_requests_verify() -> None:
    told, known = read("requests"), {DEVICE.kid: DEVICE.public_raw}.get
    path = "/v1/lanes/s01/t1/1/batches"
    requests.verify(told["batch"], "POST", "hub.example:8443", path, "", b"batch", 1785549600, known)
    path = "/v1/feed/rules/all/g1/manifest"
    requests.verify(told["manifest"], "GET", "hub.example", path, "a=1", b"", 1785549600, known)
    heard = hub_time.heard({"signed": told["time"]}, "jifen=:AAAA:", HUB.public_raw)
    assert heard.ms == 1785549600123


def test_the_committed_sealed_blob_opens() -> None:
    told = read("sealed")
    blob = bytes.fromhex(told["blob"])
    assert sealing.open_pii(HUB_PII, "demo", told["op_id"], blob) == {
        "phone": "13800138000",
        "name": "王小明",
    }
    assert sealing.pii_commitment(blob) == told["commitment"]


def test_the_committed_till_joins() -> None:
    told = read("joining")
    paper = ticket.decode(told["ticket"])
    request, answer = bytes.fromhex(told["request"]), bytes.fromhex(told["answer"])
    assert joining.open_ask(request, paper.proof_key).public_raw == DEVICE.public_raw
    granted, secrets = joining.open_grant(answer, paper, request, DEVICE.public_raw, TILL_SEAL)
    assert granted.lane == LANE
    assert secrets.index == seed("index")


def test_the_committed_log_is_proved() -> None:
    told = read("log")
    heads = {
        int(size): checkpoint.open_checkpoint(note.encode(), "jifen/demo/1", bytes.fromhex(told["public"]))
        for size, note in told["heads"].items()
    }
    assert [head.size for head in heads.values()] == list(heads)
    six, eleven = heads[6], heads[11]
    proof = [bytes.fromhex(one) for one in told["consistency_of_6_with_11"]]
    assert tree.is_consistent(6, six.root, 11, eleven.root, proof)
    proof = [bytes.fromhex(one) for one in told["inclusion_of_4_in_11"]]
    assert tree.is_included(bytes.fromhex(told["entries"][4]), 4, 11, proof, eleven.root)


BOXES = {
    "batch": (b"JFB1", envelope.MEDIA_TYPE, ["batches", "one", "envelope"], DEVICE),
    "ack": (b"JFR1", ack.MEDIA_TYPE, ["ack", "judged"], HUB),
    "manifest": (b"JFM1", manifest.MEDIA_TYPE, ["feed", "shared"], HUB_FEED),
    "hello": (b"JFH1", hello.MEDIA_TYPE, ["hello", "answer"], HUB_FEED),
    "time": (b"JFT1", hub_time.MEDIA_TYPE, ["requests", "time"], HUB),
    "request": (b"JFE1", joining.REQUEST_MEDIA_TYPE, ["joining", "request"], DEVICE),
    "answer": (b"JFE1", joining.ANSWER_MEDIA_TYPE, ["joining", "answer"], HUB),
    "granted": (b"JFS1", succession.ANSWER_MEDIA_TYPE, ["succession", "answer"], HUB),
}


@pytest.mark.parametrize("told", sorted(BOXES))
@pytest.mark.parametrize("asked", sorted(BOXES))
def test_a_signature_of_one_kind_never_verifies_as_another(told: str, asked: str) -> None:
    magic, _, (name, *path), key = BOXES[told]
    found: Any = read(name)
    for step in path:
        found = found[step]
    box = container.unpack(magic, bytes.fromhex(found), 1 << 20)
    if told == asked:
        container.check(box, BOXES[asked][1], [key.public_raw])
    else:
        with pytest.raises(WireFault):
            container.check(box, BOXES[asked][1], [key.public_raw])
