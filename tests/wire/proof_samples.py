"""One operation's proof of fixed bytes: the 42nd of a hundred, whose ack is the fifth of eleven leaves."""

from __future__ import annotations

from typing import Any

from wire_samples import DEVICE, GENESIS, HUB, HUB_LOG, LANE, batch, bodies

from points.wire import ack, chain, checkpoint, envelope, key_list, proof, tree, witness

SEQ, LEAF = 42, 4
KEYS = key_list.write(
    "demo", "hq", HUB.public_raw, HUB_LOG.public_raw,
    [[DEVICE.kid, DEVICE.public_raw.hex(), LANE.store, LANE.till, LANE.epoch, "s1", 0, None, None]],
)  # fmt: skip


def sample() -> tuple[proof.Proof, list[bytes]]:
    """The proof, and the log's entries."""
    raw, told = batch(100), bodies(100)
    hashes = chain.links(GENESIS, 1, told)
    answer = ack.issue(
        ack.Ack(
            "hq", 1, envelope.batch_id(raw), LANE, 1, 100, hashes[-1].hex(), 1785549700000,
            (ack.Outcome(SEQ, "J", {"reason": "late_cap"}),),
        ),
        HUB,
    )  # fmt: skip
    entries = [bytes([n]) for n in range(11)]
    entries[LEAF] = ack.leaf_entry(answer)
    head = checkpoint.Checkpoint(checkpoint.origin_of("demo", 1), 11, tree.merkle_root(entries))
    made = proof.Proof(
        body=told[SEQ - 1],
        seq=SEQ,
        prev=hashes[SEQ - 2],
        path=tuple(tree.inclusion(hashes, SEQ - 1)),
        batch=raw,
        ack=answer,
        leaf=LEAF,
        proof=tuple(tree.inclusion(entries, LEAF)),
        note=checkpoint.sign(head, HUB_LOG),
        till=DEVICE.public_raw,
        receipt=HUB.public_raw,
        log=HUB_LOG.public_raw,
    )
    return made, entries


def build_proof() -> dict[str, Any]:
    """The committed bytes."""
    made, _ = sample()
    head = checkpoint.read(made.note)
    link = checkpoint.link(head, checkpoint.origin_of("demo", 2), HUB_LOG)
    places = (witness.Place(envelope.batch_id(made.batch), LEAF, made.proof),)
    return {
        "operation": proof.pack(made).decode(),
        "keys": KEYS.decode(),
        "shown": witness.encode(witness.Shown(made.note, made.proof[:2], places, link)).decode(),
        "zstd": list(envelope.zstd.zstd_version_info),
    }


def build_log() -> dict[str, Any]:
    entries = [number.to_bytes(2, "big") for number in range(11)]
    whole = tree.over(entries)
    heads = {
        str(size): checkpoint.sign(
            checkpoint.Checkpoint(checkpoint.origin_of("demo", 1), size, tree.root(whole, size)), HUB_LOG
        ).decode()
        for size in (0, 6, 11)
    }
    return {
        "key": checkpoint.verifier_key(checkpoint.origin_of("demo", 1), HUB_LOG.public_raw),
        "public": HUB_LOG.public_raw.hex(),
        "heads": heads,
        "entries": [entry.hex() for entry in entries],
        "inclusion_of_4_in_11": [one.hex() for one in tree.prove_inclusion(whole, 4, 11)],
        "consistency_of_6_with_11": [one.hex() for one in tree.prove_consistency(whole, 6, 11)],
    }
