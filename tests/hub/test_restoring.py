"""Headquarters is put back from an old copy: nothing is lost, nothing is decided twice, nobody overspends."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

import pytest
from forks import enrolled, heard, points_of, sold
from headquarters import Headquarters, Shop, headquarters
from pretend_till import PretendTill

from agent import day_close
from config.faults import Fault
from config.words import load_words
from hub import reception, restoring
from hub.assembly import journal_of
from hub.registry import TABLES, copy_registry
from hub.store import journal as journals
from hub.store.engine import Store
from hub.verify import state, verify
from points.wire.faults import Gap

ROWS = ("waiting", "members", "cells", "reserved", "settlement", "accounts", "operations")


def ever(*shops: Shop) -> set[str]:
    return {row[0] for shop in shops for row in shop.till.book.rows("SELECT op_id FROM ops")}


def sync(*shops: Shop) -> None:
    for shop in shops:
        shop.sync()


def missing(hq: Headquarters) -> list[tuple[str, str]]:
    with hq.office.store.look() as look:
        told = restoring.state(look)
    assert told is not None
    return [(pc.store, pc.till) for pc in told.missing]


def granted_later(hq: Headquarters) -> tuple[Shop, Shop, int, Path]:
    """Two stores, a member whose 300 points the first one was granted, and a copy from before that."""
    one, two = hq.shop("s001"), hq.shop("s002")
    m = enrolled(one)
    sold(one, m, 3)
    sync(one, two)
    day_close.give_back(one.till, "agent")
    one.sync()
    copy = hq.copy()
    one.sync()
    assert one.here(m) == 300
    return one, two, m, copy


def registry(hq: Headquarters) -> dict[str, list[tuple[object, ...]]]:
    """What must be known to verify everything; but when a till was seen and granted to."""
    told = {}
    for table in TABLES:
        names = ", ".join(f'"{column.name}"' for column in table.columns if column.name not in SEEN)
        told[table.name] = hq.rows(f"SELECT {names} FROM {table.name} ORDER BY 1, 2")
    return told


SEEN = ("granted_at", "last_seen_ms", "version")


def test_what_the_stores_told_since_the_copy_is_told_again_and_counts_once(hq: Headquarters) -> None:
    one, two = hq.shop("s001"), hq.shop("s002")
    m = enrolled(one)
    sold(one, m, 3)
    one.sync()
    copy = hq.copy()
    sold(one, m, 2)
    sold(two, enrolled(two), 2)
    sync(one, two, one)
    before = points_of(hq, m)
    hq.put_back(copy)
    assert hq.office.inc == 2
    assert points_of(hq, m) < before
    assert missing(hq) == [("s001", "01"), ("s002", "01")]
    sync(one, two)  # neither has anything new
    assert points_of(hq, m) == before
    assert ever(one, two) <= heard(hq).keys()
    assert missing(hq) == []
    assert [shop.till.identity.inc for shop in (one, two)] == [2, 2]


def test_it_says_in_the_end_what_one_says_that_never_broke(hq: Headquarters, tmp_path: Path) -> None:
    one, two = hq.shop("s001"), hq.shop("s002")
    m = enrolled(one)
    sold(one, m, 4)
    sync(one, two)
    copy = hq.copy()
    three = hq.shop("s003")
    sold(three, enrolled(three), 2)
    sold(two, m)
    one.counter.redeem(m, 120, "c1")
    day_close.give_back(one.till, "agent")
    sync(one, two, three, one)
    two.counter.redeem(m, 50, "c1")
    two.sync()
    unbroken = hq.copy("unbroken.sqlite")
    hq.put_back(copy)
    one.counter.redeem(m, 30, "c1")
    sync(three, one, two, one, three)
    with headquarters(tmp_path / "other") as other:
        other.office.store.close()
        shutil.rmtree(other.folder / "hub-keys")
        shutil.copytree(hq.folder / "hub-keys", other.folder / "hub-keys")
        (other.folder / "hub-keys" / restoring.MARK).unlink()
        shutil.rmtree(journal_of(other.settings))  # type: ignore[arg-type]
        for old in (other.folder / "hub").glob("hub.sqlite*"):
            old.unlink()
        shutil.copy(unbroken, other.folder / "hub" / "hub.sqlite")
        other.reopen()
        other.office.inc = hq.office.inc
        copy_registry(hq.office.store, other.office)
        raws = [bytes(raw) for (raw,) in hq.rows("SELECT envelope FROM batches ORDER BY arrived")]
        while raws:
            raw = raws.pop(0)
            try:
                reception.receive(other.office, raw)
            except Gap:
                raws.append(raw)
        ours, theirs = state(hq.office), state(other.office)
        for part in ROWS:
            assert ours[part] == theirs[part], part


def test_from_its_journal_alone_it_knows_every_store_key_and_number(hq: Headquarters) -> None:
    one, two = hq.shop("s001"), hq.shop("s002")
    m = enrolled(one)
    sold(one, m, 3)
    sync(one, two)
    known, points = registry(hq), points_of(hq, m)
    hq.put_back(None)
    assert registry(hq) == known
    sync(one, two, one)
    assert points_of(hq, m) == points
    fresh = enrolled(one)
    assert fresh not in {m}
    assert ever(one, two) - heard(hq).keys() == {row[0] for row in one.till.book.rows(
        "SELECT op_id FROM ops ORDER BY pos DESC LIMIT 1")}  # fmt: skip
    one.sync()


def test_what_was_granted_since_the_copy_is_granted_to_nobody_else(hq: Headquarters) -> None:
    one, two, m, copy = granted_later(hq)
    hq.put_back(copy)
    one.uplink.connected = False
    assert one.counter.redeem(m, 300, "c1").op
    two.sync()
    assert two.here(m) == 0
    assert two.uplink.authorise("01" * 16, m, 10) != 10
    one.uplink.connected = True
    one.sync()
    assert points_of(hq, m) == 0
    assert hq.rows("SELECT reason FROM cases WHERE reason NOT LIKE 'restored%'") == []


def test_without_its_journal_nothing_is_granted_until_every_till_was_heard(hq: Headquarters) -> None:
    one, two, m, copy = granted_later(hq)
    hq.put_back(copy, loses_journal=True)
    one.uplink.connected = False
    assert one.counter.redeem(m, 200, "c1").op
    two.sync()
    assert (two.here(m), missing(hq)) == (0, [("s001", "01")])
    two.sync()
    assert two.here(m) == 0
    one.uplink.connected = True
    one.sync()
    assert missing(hq) == []
    assert points_of(hq, m) == 100
    one.sync()
    assert one.here(m) == 100


def test_a_headquarters_that_is_old_in_every_part_is_found_out_by_a_till(hq: Headquarters) -> None:
    assert hq.settings is not None
    one = hq.shop("s001")
    copy, kept = hq.copy(), hq.folder / "kept"
    shutil.copytree(journal_of(hq.settings), kept / "journal")
    shutil.copytree(hq.settings.key_dir, kept / "keys")
    m = enrolled(one)
    for _ in range(3):
        sold(one, m)
        one.sync()
    told = heard(hq)
    hq.office.store.close()
    for at, now in (("journal", journal_of(hq.settings)), ("keys", hq.settings.key_dir)):
        shutil.rmtree(now)
        shutil.copytree(kept / at, now)
    hq.put_back(copy)
    assert hq.office.inc == 1
    one.sync()
    assert {reason for (reason,) in hq.rows("SELECT reason FROM cases")} == {"behind", "log-contradicted"}
    assert heard(hq) == told
    hq.put_back(hq.copy("as-it-is.sqlite"), is_said=True)
    one.sync()
    assert (hq.office.inc, one.till.identity.inc) == (2, 2)


def test_without_its_journal_no_number_is_given_away_twice(hq: Headquarters) -> None:
    one = hq.shop("s001")
    copy = hq.copy()
    two = hq.shop("s002")
    numbers = set(two.till.book.row("SELECT group_concat(m) FROM pool")[0].split(","))
    two.uplink.close()
    hq.put_back(copy, loses_journal=True)
    one.sync()
    three = hq.shop("s003")
    fresh = set(three.till.book.row("SELECT group_concat(m) FROM pool")[0].split(","))
    assert not numbers & fresh


def test_a_database_put_back_twice_begins_an_incarnation_that_never_was(hq: Headquarters) -> None:
    one = hq.shop("s001")
    copy = hq.copy()
    for inc in (2, 3, 4):
        sold(one, enrolled(one))
        one.sync()
        hq.put_back(copy, loses_journal=inc == 3, is_said=inc == 4)
        assert hq.office.inc == inc
    one.sync()
    assert one.till.identity.inc == 4
    assert missing(hq) == []


def test_a_decision_that_was_written_and_not_committed_is_done_at_the_next_start(hq: Headquarters) -> None:
    one = hq.shop("s001")
    copy = hq.copy()
    journal = hq.office.store.journal
    assert journal is not None
    hq.ticket("s009")  # one decision more, which only the journal knows
    path = max(journal.folder.glob("*.jhj"))
    path.write_bytes(path.read_bytes()[:-8])  # without the mark that it was committed
    hq.put_back(copy)
    assert hq.office.inc == 1
    assert hq.rows("SELECT store FROM stores WHERE store = 's009'") == [("s009",)]
    one.sync()


def test_a_torn_end_of_the_journal_is_cut_off_and_a_hole_in_it_is_a_fault(hq: Headquarters) -> None:
    hq.shop("s001")
    journal = hq.office.store.journal
    assert journal is not None
    path = max(journal.folder.glob("*.jhj"))
    whole = path.read_bytes()
    path.write_bytes(whole + b"\0\0\1\0torn")
    hq.reopen()
    assert hq.office.inc == 1
    hq.ticket("s002")
    hq.reopen()
    assert hq.rows("SELECT store FROM stores WHERE store = 's002'") == [("s002",)]
    path.write_bytes(whole[:200] + bytes([whole[200] ^ 1]) + path.read_bytes()[201:])
    with pytest.raises(Fault) as caught:
        hq.reopen()
    assert caught.value.remedy == "fault.journal_broken"
    path.write_bytes(whole)


def test_two_processes_write_one_journal(hq: Headquarters) -> None:
    assert hq.settings is not None
    one = hq.shop("s001")
    copy = hq.copy()
    other = hq.another()
    for n in range(3):
        hq.ticket(f"s01{n}")
        other.ticket(f"s02{n}")
    other.office.store.close()
    known = registry(hq)
    hq.put_back(copy)
    assert registry(hq) == known
    one.sync()


def test_a_journal_that_begins_after_the_copy_is_said_and_nothing_is_changed(hq: Headquarters) -> None:
    hq.shop("s001")
    copy = hq.copy()
    hq.shop("s002")
    journal = hq.office.store.journal
    assert journal is not None
    with hq.office.store.turn() as turn:
        turn.run("SELECT 1")
    journal.begin(journal.last)
    journal.forget(journal.last)
    with pytest.raises(Fault) as caught:
        hq.put_back(copy)
    assert caught.value.remedy == "fault.journal_late"
    store = Store(f"sqlite:///{hq.folder / 'hub' / 'hub.sqlite'}", writes=False)
    with store.look() as look:
        assert look.one("SELECT value FROM settings WHERE name = 'inc'") is None
    store.close()
    hq.put_back(copy, is_said=True)
    assert hq.office.inc == 2
    assert verify(hq.office).faults == []


def test_what_the_journals_disk_refuses_is_not_decided_and_is_asked_again(
    hq: Headquarters, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = hq.shop("s001")
    journal = hq.office.store.journal
    assert journal is not None
    size = sum(path.stat().st_size for path in journal.folder.iterdir())
    with monkeypatch.context() as broken:
        broken.setattr(journals.os, "fsync", _refused)
        with pytest.raises(OSError, match="no room"):
            hq.ticket("s002")
    assert hq.rows("SELECT store FROM stores WHERE store = 's002'") == []
    hq.ticket("s002")
    hq.reopen()
    assert hq.office.inc == 1
    assert hq.rows("SELECT store FROM stores WHERE store = 's002'") == [("s002",)]
    assert sum(path.stat().st_size for path in journal.folder.iterdir()) > size
    one.sync()


def _refused(_file: int) -> None:
    raise OSError(errno.ENOSPC, "no room")


def test_of_150_operations_told_since_the_copy_all_150_count_once(hq: Headquarters) -> None:
    shops = [hq.shop("s001"), hq.shop("s001", "02"), hq.shop("s002")]
    members = [enrolled(shop) for shop in shops]
    sync(*shops)
    copy, before = hq.copy(), ever(*shops)
    for shop in shops:
        for n in range(50):
            sold(shop, members[n % 3]) if shop.till.look(members[n % 3]) else enrolled(shop)
            if n % 10 == 9:
                shop.sync()
    since = ever(*shops) - before
    points = [points_of(hq, m) for m in members]
    assert since <= heard(hq).keys()
    hq.put_back(copy)
    assert not since & heard(hq).keys()
    sync(*shops, *shops)
    assert len(since & heard(hq).keys()) == len(since) >= 150
    assert hq.rows("SELECT op_id FROM facts GROUP BY op_id HAVING count(*) > 1") == []
    assert [points_of(hq, m) for m in members] == points


def test_a_mark_that_cannot_be_read_is_said(hq: Headquarters) -> None:
    assert hq.settings is not None
    mark = hq.settings.key_dir / restoring.MARK
    whole = mark.read_bytes()
    mark.write_bytes(b"{}")
    with pytest.raises(Fault) as caught:
        hq.reopen()
    assert caught.value.remedy == "fault.mark_broken"
    assert "删除" in load_words("zh").say(caught.value.remedy, **caught.value.detail)
    mark.write_bytes(whole)
    hq.reopen()


def test_what_it_keeps_again_is_told_again(hq: Headquarters) -> None:
    """An operation that waited was posted after the copy, and its till was told so; it waits again."""
    till, other = PretendTill(hq), PretendTill(hq, "s002")
    m = other.enrol()
    sale = other.earn(m, 50)
    till.op("sale.refund", m, refs=[sale["id"]], lines=[[1, 0, 1_000]])
    assert till.send()[1][0] == "P"
    copy = hq.copy()
    other.send()
    asked = "SELECT letter, later, g IS NULL FROM told WHERE store = 's001'"
    ((letter, _, _),) = hq.rows(asked)
    assert letter != "P"
    hq.put_back(copy, is_said=True)
    assert hq.rows(asked) == [("P", 1, 1)], "with the next edition, whose number is above every one before"
    assert verify(hq.office).faults == []


def test_what_waits_again_is_told_again_though_it_waited_when_it_was_answered(hq: Headquarters) -> None:
    till, other = PretendTill(hq), PretendTill(hq, "s002")
    m = other.enrol()
    sale = other.earn(m, 50)
    till.op("sale.refund", m, refs=[sale["id"]], lines=[[1, 0, 1_000]])
    copy, raw = hq.copy(), till.cut()
    answer = till.deliver(raw)
    assert till.heard(answer)[1][0] == "P"
    other.send()  # posts it, and its till may have been told so
    hq.put_back(copy, is_said=True)
    assert reception.receive(hq.office, raw, till.lane, answered=answer.body) == answer.body
    asked = "SELECT letter, later, g IS NULL FROM told WHERE store = 's001'"
    assert hq.rows(asked) == [("P", 1, 1)]
