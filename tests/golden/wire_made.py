"""What travelled and what is stored besides operations: the wire's committed vectors as specimens, and the
same as another version would write them, signed with the same keys.

It is a part of the press and is never asked by a test: what a test reads is what was committed.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "wire"))

from proof_samples import KEYS
from readings import header_of
from wire_samples import DEVICE, HUB, HUB_FEED, HUB_LOG, HUB_PII, HUB_TOKEN, OTHER, TILL_SEAL, seed
from wire_vectors import ASKED, read

from points.wire import ack, bundle, canonical, chunk, container, envelope, hello, manifest, sealing, ticket
from points.wire.dialect import Dialect

Specimen = dict[str, Any]
PROGRAMME: dict[str, Any] = {
    "v": 1, "name": "示例", "zone": [[0, 480]], "rates": [[1, 1000]], "category_rate": {"gift_card": -1},
    "min_order_fen": 5000, "day_cap_pts": 100, "tiers": [[0, 10000, "普通"], [1001, 12000, "银卡"]],
    "expiry": ["rolling_year_end", 12], "redeem": {"pts": 100, "fen": 1000, "step": 10}, "grace_days": 30,
    "settle": [1000, 100], "not_earning": ["points", "coupon"],
    "manager": {"redeem_pts": 5000, "refund_fen": 100000}, "refund_elsewhere": {"sale_fen": 1, "day_fen": 2},
}  # fmt: skip
CRITICAL = {**PROGRAMME, "crit": ["refund_elsewhere", "redeem.step"]}
SPEAKS = replace(ASKED, dialect=Dialect(1, 2, ("weather", "redeem.share")))
ROW: list[Any] = [
    1024, 7, "active", 1, 1280, "王*", "8000", 0,
    [["0198635c1c007abc8def0123456789ab.0", 40, 0, 20271231, 0, "s01"]], [20260801, 20], [0, 0], [], ["0c0c"],
]  # fmt: skip


def made() -> dict[str, Specimen]:
    """Name -> what it is, its bytes and what it is opened with."""
    told = {name: read(name) for name in ("batches", "ack", "feed", "claims", "member_tokens", "requests")}
    told |= {name: read(name) for name in ("bundles", "hello", "sealed", "joining", "sisters", "succession")}
    batches, feed, joined = told["batches"], told["feed"], told["joining"]
    device, hub, published = DEVICE.public_raw.hex(), HUB.public_raw.hex(), HUB_FEED.public_raw.hex()
    to_sister = {"public": device, "from": ["demo", "s01", "t1", 1], "own": ["demo", "s01", "t2", 1]}
    question = told["hello"]["question"]
    page = {"public": published, "topic": "till", "shard": "s01/t1"}
    found = {f"batch {name}": _hex("batch", one["envelope"], public=device) for name, one in batches.items()}
    found |= {f"ack {name}": _hex("ack", raw, public=hub) for name, raw in told["ack"].items()}
    found |= {f"claim {name}": _text("claim", raw, public=device) for name, raw in told["claims"].items()}
    found |= {
        f"member token {name}": _text(
            "member token", told["member_tokens"][name], public=HUB_TOKEN.public_raw.hex(), chain="demo"
        )
        for name in ("plain", "most")
    }
    found |= {
        f"sister {name}": _hex("sister", told["sisters"][name], **to_sister)
        for name in ("have", "gave", "right")
    }
    ask = {"public": OTHER.public_raw.hex(), "from": to_sister["own"], "own": to_sister["from"]}
    found |= {
        f"sister {name}": _hex("sister", told["sisters"][name], **ask) for name in ("ask", "want", "paper")
    }
    shared = {"public": published, "topic": "members", "shard": "r1"}
    sealed, box = told["sealed"], HUB_PII.raw.hex()
    found |= {
        "chunk of members": _hex("chunk", feed["blob"], topic="members", shard="r1", key=feed["shard_key"]),
        "manifest of members": _hex("manifest", feed["shared"], **shared),
        "manifest of a till": _hex("manifest", feed["private"], **page),
        "member row": _text("member row", canonical.encode(ROW).decode()),
        "member row of an alias": _text("member row", '[1024,7,"merged",1025]'),
        "rule book": _text("rule book", json.dumps(PROGRAMME, ensure_ascii=False)),
        "question": _hex("question", question),
        "question of what it can read": _hex("question", hello.ask(SPEAKS).hex()),
        "rule book with critical rules": _text("rule book", json.dumps(CRITICAL, ensure_ascii=False)),
        "answer": _hex("answer", told["hello"]["answer"], **_answers(question)),
        "bundle up": _hex("bundle", told["bundles"]["up"], seal=box, public=device),
        "bundle down": _hex("bundle", told["bundles"]["down"], seal=TILL_SEAL.raw.hex(), public=published),
        "sealed": _hex("sealed", sealed["blob"], seal=box, op_id=sealed["op_id"]),
        "ticket": _text("ticket", joined["ticket"]),
        "join request": _hex("join request", joined["request"], proof=_proof_of(joined["ticket"])),
        "join answer": _hex(
            "join answer", joined["answer"], ticket=joined["ticket"], request=joined["request"],
            key=DEVICE.raw.hex(), seal=TILL_SEAL.raw.hex(),
        ),
        "succession request": _hex("succession request", told["succession"]["request"], public=device),
        "succession answer": _hex("succession answer", told["succession"]["answer"], public=hub),
        "hub time": _hex("hub time", told["requests"]["time"], signature="jifen=:AAAA:", public=hub),
        "checkpoint": _text("checkpoint", read("log")["heads"]["11"], public=HUB_LOG.public_raw.hex()),
        "proof": _text("proof", read("proof")["operation"]),
        "look at the log": _text("look at the log", read("proof")["shown"]),
        "key list": _text("key list", KEYS.decode()),
    }  # fmt: skip
    return found


def evolved(base: dict[str, Specimen]) -> dict[str, tuple[Specimen, str]]:
    """Name -> (a specimen of another version, the one that it is read like)."""

    def boxed(name: str, key: Any, kind: str, change: Any, **more: Any) -> Specimen:
        return _changed(base[name], key, kind, change, **more)

    def member(told: str) -> Specimen:
        return _text("member row", told)

    def book(change: dict[str, Any], *without: str) -> Specimen:
        rules = {key: value for key, value in {**PROGRAMME, **change}.items() if key not in without}
        return _text("rule book", json.dumps(rules, ensure_ascii=False))

    question = json.loads(bytes.fromhex(base["question"]["hex"]))
    more = canonical.encode({**question, "x": {"new": [1, {"a": "雨"}]}, "lanes": [[1, 101, "new"]],
                             "feeds": [["members", "r1", 3, 9]]})  # fmt: skip
    bare = canonical.encode({**question, "x": {}})
    later, box = {"new": {"deep": [1]}}, manifest.MEDIA_TYPE
    long_row = [*ROW[:8], [[*ROW[8][0], 1]], [*ROW[9], 3], *ROW[10:], {"new": 1}]
    tomorrow = {"weather": {"rain_bp": 12000}, "settle": [1000, 100, 7]}
    return {
        "batch with unknown extensions": (
            boxed("batch one", DEVICE, envelope.MEDIA_TYPE, {"x": later}), "batch one"),
        "ack with longer outcomes": (_longer_ack(base["ack judged"]), "ack judged"),
        "manifest with more of everything": (
            boxed("manifest of members", HUB_FEED, box, _longer_manifest), "manifest of members"),
        "manifest of a till with longer lanes": (
            boxed("manifest of a till", HUB_FEED, box, _longer_page), "manifest of a till"),
        "chunk with longer rows": (_longer_rows(base["chunk of members"]), ""),
        "member row that is longer": (member(canonical.encode(long_row).decode()), ""),
        "member row two versions ago": (member('[1024,7,"active",1,1280,"王*","8000",0]'), ""),
        "member row of a status of tomorrow": (member('[1024,7,"sleeping",1,1280]'), ""),
        "rule book two versions ago": (book({}, "not_earning", "manager", "refund_elsewhere"), ""),
        "rule book with rules of tomorrow": (book(tomorrow), ""),
        "question with more of everything": (_hex("question", more.hex()), "question"),
        "question two versions ago": (_hex("question", bare.hex()), "question"),
        "answer with more of everything": (
            boxed("answer", HUB_FEED, hello.MEDIA_TYPE, _longer_answer), "answer"),
        "bundle with more of everything": (_longer_bundle(), ""),
        "join answer with unknown extensions": (
            boxed("join answer", HUB, "application/vnd.jifen.enrolment-answer+json;v=1", {"x": later}),
            "join answer"),
        "key list two versions ago": (
            _text("key list", json.dumps({key: value for key, value in json.loads(KEYS).items()
                                          if key != "manifest"})), "key list"),
    }  # fmt: skip


def _hex(what: str, raw: str, **known: Any) -> Specimen:
    return {"what": what, "hex": raw, **({"with": known} if known else {})}


def _text(what: str, told: str, **known: Any) -> Specimen:
    return {"what": what, "text": told, **({"with": known} if known else {})}


def _answers(question: str) -> dict[str, Any]:
    return {"question": question, "till": ["demo", "s01", "t1"], "public": HUB_FEED.public_raw.hex()}


def _proof_of(paper: str) -> str:
    return ticket.decode(paper).proof_key.hex()


def _changed(one: Specimen, key: Any, kind: str, change: Any, payload: bytes | None = None) -> Specimen:
    """The same box with another header, signed again."""
    raw = bytes.fromhex(one["hex"])
    header, box = json.loads(header_of(raw)), container.unpack(raw[:4], raw, len(raw))
    header = change(header) if callable(change) else {**header, **change}
    signed = container.pack(raw[:4], header, box.payload if payload is None else payload, [key], kind)
    return {**one, "hex": signed.hex()}


def _longer(entries: list[list[Any]]) -> list[list[Any]]:
    return [[*entry, None, {"new": 1}] for entry in entries]


def _longer_ack(one: Specimen) -> Specimen:
    raw = bytes.fromhex(one["hex"])
    outcomes = json.loads(container.unpack(ack.MAGIC, raw, len(raw)).payload)
    payload = canonical.encode(_longer(outcomes))
    return _changed(one, HUB, ack.MEDIA_TYPE, {"outd": sha256(payload).hexdigest()}, payload)


def _longer_manifest(header: dict[str, Any]) -> dict[str, Any]:
    snap = {**header["snap"], "chunks": _longer(header["snap"]["chunks"])}
    return {**header, "snap": snap, "x": {"new": [1]}}


def _longer_page(header: dict[str, Any]) -> dict[str, Any]:
    return {**header, "next": _longer(header["next"]), "x": {"new": [1]}}


def _longer_answer(header: dict[str, Any]) -> dict[str, Any]:
    lanes = [[*entry, "settled", 1] for entry in header["lanes"]]
    longer = {key: _longer(header[key]) for key in ("feeds", "pieces")}
    return {**header, **longer, "lanes": lanes, "x": {"new": [1]}}


def _longer_rows(one: Specimen) -> Specimen:
    rows = chunk.open_named(
        chunk.blob_name(bytes.fromhex(one["hex"])), bytes.fromhex(one["hex"]), "members", "r1",
        bytes.fromhex(one["with"]["key"]),
    )  # fmt: skip
    _, blob = chunk.make("members", "r1", _longer(rows), bytes.fromhex(one["with"]["key"]), 1024, 1025)
    return {**one, "hex": blob.hex()}


def _longer_bundle() -> Specimen:
    """A stick of a newer till: longer entries, an item of a kind that is not known here, more in ``x``."""
    items = [["question", "", hello.ask(ASKED)], ["picture", "ab" * 16, b"new"]]
    listed = [[kind, name, sha256(raw).hexdigest(), len(raw), "new"] for kind, name, raw in items]
    payload = canonical.encode({"items": listed})
    header = {
        "v": 1, "suite": "s1", "way": "up", "chain": "demo", "store": "s01", "till": "t1", "epoch": 1,
        "n": len(listed), "list": sha256(payload).hexdigest(), "seal": TILL_SEAL.public_raw.hex(), "to": None,
        "ms": 1785549600000, "x": {"new": [1]},
    }  # fmt: skip
    signed = container.pack(bundle.MANIFEST_MAGIC, header, payload, [DEVICE], bundle.MEDIA_TYPE)
    framed = [part for _, _, raw in items for part in (len(raw).to_bytes(4, "big"), raw)]
    front = bundle.MAGIC + bytes.fromhex(HUB_PII.kid)
    plain = b"".join((len(items).to_bytes(4, "big"), *framed, signed))
    box = sealing.seal(HUB_PII.public_raw, b"jifen/bundle/1\0", front, plain, seed("once longer"))
    return _hex("bundle", (front + box).hex(), seal=HUB_PII.raw.hex(), public=DEVICE.public_raw.hex())
