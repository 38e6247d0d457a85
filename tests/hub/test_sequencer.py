"""Every ack has one place in the log, in the order of arrival, whoever numbers and whatever stops."""

from __future__ import annotations

import secrets
import threading
from base64 import b64decode
from dataclasses import replace
from pathlib import Path

import pytest
from headquarters import Headquarters, headquarters
from pretend_till import PretendTill

from hub import log_check, log_export, publishing
from hub.sequencer import LEASE_MS, Sequencer
from hub.store import log
from hub.store.upgrading import upgrade
from points.wire import checkpoint, tree
from points.wire.ack import leaf_entry


def sell(till: PretendTill, batches: int) -> None:
    m = till.enrol()
    for _ in range(batches):
        till.earn(m, 10)
        till.send()


def elsewhere(hq: Headquarters) -> Sequencer:
    """That of another process of the same headquarters."""
    return Sequencer(replace(hq.office, process=secrets.token_hex(8)))


def acks(hq: Headquarters) -> list[bytes]:
    return [bytes(raw) for (raw,) in hq.rows("SELECT ack FROM batches ORDER BY arrived")]


def entries(hq: Headquarters) -> list[bytes]:
    return [leaf_entry(raw) for raw in acks(hq)]


def check(hq: Headquarters) -> int:
    """The log is exactly the acks in their order, and its newest head says so; how many there are."""
    whole, key = entries(hq), hq.office.keys.log
    assert key is not None
    assert [row[0] for row in hq.rows("SELECT idx FROM log_leaves ORDER BY idx")] == list(range(len(whole)))
    with hq.office.store.look() as look:
        stored, newest = log.reader(look), log.newest(look, 1)
        assert tree.root(stored, len(whole)) == tree.merkle_root(whole)
        for index, entry in enumerate(whole):
            proof = tree.prove_inclusion(stored, index, len(whole))
            assert tree.is_included(entry, index, len(whole), proof, tree.merkle_root(whole))
    assert newest is not None
    head = checkpoint.open_checkpoint(newest[1], checkpoint.origin_of(hq.office.chain, 1), key.public_raw)
    assert (head.size, head.root) == (len(whole), tree.merkle_root(whole))
    return len(whole)


def test_every_ack_gets_its_place_and_heads_only_grow(hq: Headquarters, till: PretendTill) -> None:
    sequencer = Sequencer(hq.office)
    for count in (1, 2, 4, 1):
        sell(till, count)
        assert sequencer.step() > 0
        check(hq)
    assert sequencer.step() == 0
    heads = [checkpoint.read(bytes(note)) for (note,) in hq.rows("SELECT note FROM log_heads ORDER BY size")]
    assert len(heads) == 4
    with hq.office.store.look() as look:
        stored = log.reader(look)
        for older in heads:
            proof = tree.prove_consistency(stored, older.size, heads[-1].size)
            assert tree.is_consistent(older.size, older.root, heads[-1].size, heads[-1].root, proof)


def test_what_was_published_before_it_was_numbered_gets_its_place(
    hq: Headquarters, till: PretendTill
) -> None:
    sell(till, 2)
    publishing.publish(hq.office)
    assert hq.rows("SELECT count(*) FROM batches WHERE g IS NULL") == [(0,)]
    sell(till, 2)
    Sequencer(hq.office).step()
    check(hq)
    asked = "SELECT ack FROM batches WHERE g IS NULL AND arrived > 1 ORDER BY arrived LIMIT 5"
    plan = hq.rows(f"EXPLAIN QUERY PLAN {asked}")
    assert "SEARCH batches USING INDEX batches_unnumbered (arrived>?)" in str(plan), "not every batch is read"


def test_what_was_taken_in_before_there_was_a_log_gets_its_place(hq: Headquarters, till: PretendTill) -> None:
    sell(till, 5)
    publishing.publish(hq.office)
    sell(till, 2)
    publishing.publish(hq.office)
    with hq.office.store.turn() as turn:
        later = ("blocks", "visits")  # of later versions, as the index
        for table in ("log_leaves", "log_subtrees", "log_heads", *later):
            turn.run(f"DROP TABLE {table}")
        turn.run("DROP INDEX waiting_of")
        turn.run("UPDATE alembic_version SET version_num = '0012'")
    upgrade(hq.office.store)
    sell(till, 3)
    Sequencer(hq.office).step()
    assert check(hq) >= 10
    assert "batches_arrived" not in str(hq.rows("SELECT name FROM sqlite_master"))


def test_a_batch_cut_anew_of_what_is_known_gets_its_place_too(hq: Headquarters, till: PretendTill) -> None:
    m = till.enrol()
    till.earn(m, 10)
    till.send()
    lanes = hq.rows("SELECT * FROM lanes ORDER BY store, till")
    till.deliver(till.cut(1, 1))
    till.deliver(till.cut(2, 2))
    assert hq.rows("SELECT * FROM lanes ORDER BY store, till") == lanes, "no lane has moved by it"
    Sequencer(hq.office).step()
    check(hq)


def test_a_sequencer_that_stops_between_numbering_and_signing(hq: Headquarters, till: PretendTill) -> None:
    sell(till, 3)
    first = Sequencer(hq.office)
    fence = first.hold()
    assert fence is not None
    assert first.number(fence) > 0
    assert hq.rows("SELECT count(*) FROM log_heads") == [(0,)]
    later = elsewhere(hq)
    assert later.step() == 0, "the lease is held"
    hq.clock.now_ms += LEASE_MS
    assert later.step() == 0, "nothing is numbered twice"
    check(hq)


def test_who_lost_the_lease_changes_nothing(hq: Headquarters, till: PretendTill) -> None:
    sell(till, 2)
    slow, quick = Sequencer(hq.office), elsewhere(hq)
    old = slow.hold()
    assert old is not None
    hq.clock.now_ms += LEASE_MS
    assert quick.hold() == old + 1
    assert slow.number(old) == 0
    assert slow.sign(old) is None
    assert hq.rows("SELECT count(*) FROM log_leaves") == [(0,)]
    quick.step()
    check(hq)


def test_a_lease_that_a_clock_far_ahead_took_keeps_nobody_out(hq: Headquarters, till: PretendTill) -> None:
    sell(till, 1)
    hq.clock.now_ms += 10 * LEASE_MS
    assert elsewhere(hq).hold() is not None
    hq.clock.now_ms -= 10 * LEASE_MS
    Sequencer(hq.office).step()
    check(hq)


def test_many_at_once_number_each_ack_once(hq: Headquarters, till: PretendTill) -> None:
    sequencers = [elsewhere(hq) for _ in range(4)]
    ended = threading.Event()

    def work(sequencer: Sequencer) -> None:
        while not ended.is_set():
            sequencer.step()

    threads = [threading.Thread(target=work, args=(one,)) for one in sequencers]
    for thread in threads:
        thread.start()
    sell(till, 12)
    ended.set()
    for thread in threads:
        thread.join()
    hq.clock.now_ms += LEASE_MS
    Sequencer(hq.office).step()
    assert check(hq) >= 12


def test_the_exported_log_is_proved_by_its_own_files(
    hq: Headquarters, till: PretendTill, tmp_path: Path
) -> None:
    assert log_export.export(hq.office, tmp_path / "none") == 0
    assert not (tmp_path / "none").exists()
    sell(till, 3)
    sequencer = Sequencer(hq.office)
    sequencer.step()
    size = check(hq)
    sell(till, 1)
    fence = sequencer.hold()
    assert fence is not None
    sequencer.number(fence)  # numbered, and no head speaks of it yet
    assert log_export.export(hq.office, tmp_path) == size
    lines = (tmp_path / "leaves").read_text().splitlines()
    name, hint, told = (tmp_path / "key").read_text().strip().split("+", 2)
    public = b64decode(told)[1:]
    assert hint == checkpoint.key_hash(name, public).hex()
    head = checkpoint.open_checkpoint((tmp_path / "checkpoint.note").read_bytes(), name, public)
    leaves = [bytes.fromhex(line) for line in lines]
    assert (head.size, head.root) == (size, tree.merkle_root(leaves))
    assert tree.merkle_root([*leaves[:-1], b"else"]) != head.root


TORN = [
    ("UPDATE log_subtrees SET hash = zeroblob(32)", "subtrees"),
    ("UPDATE batches SET ack = (SELECT ack FROM batches WHERE store = 's001' LIMIT 1) WHERE till = 'w1'",
     "is not of this log"),
    ("DELETE FROM log_leaves WHERE idx = (SELECT max(idx) FROM log_leaves)", "stand nowhere"),
    ("UPDATE log_leaves SET first = 999 WHERE idx = 1", "receipts stand in them"),
]  # fmt: skip


@pytest.mark.parametrize(("tear", "said"), TORN)
def test_headquarters_that_proves_itself_sees_whatever_was_rewritten(
    tmp_path: Path, tear: str, said: str
) -> None:
    with headquarters(tmp_path) as hq:
        till = PretendTill(hq)
        sell(till, 4)
        Sequencer(hq.office).step()
        publishing.publish(hq.office)
        check(hq)
        with hq.office.store.look() as look:
            assert log_check.faults(look, hq.office) == []
        with hq.office.store.turn() as turn:
            turn.run(tear)
        with hq.office.store.look() as look:
            assert said in "; ".join(log_check.faults(look, hq.office))
