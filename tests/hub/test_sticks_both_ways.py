"""A store that has no network for two weeks loses nothing, and knows what any other store knows."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from forks import copied, enrolled, heard, put_back, sold
from headquarters import DAY_MS, Headquarters, Shop, headquarters

from agent import day_close, enrolment, goods_back, stick
from agent.store import feeds, outbox
from agent.uplink import Uplink
from config.faults import Fault
from hub import reception
from hub import stick as office_stick
from hub.registry import copy_registry
from hub.verify import state
from points.wire import bundle, endpoints, envelope

PARTS = ("waiting", "members", "cells", "reserved", "settlement", "accounts", "operations")


@pytest.fixture
def shop(hq: Headquarters) -> Shop:
    """A till whose cable is cut."""
    made = hq.shop("s001")
    made.uplink.connected = False
    return made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "stick"
    made.mkdir()
    return made


def written(shop: Shop, folder: Path) -> stick.Written:
    return stick.write(shop.till, folder)


def answered(hq: Headquarters, path: Path) -> bytes:
    back = office_stick.take(hq.office, path.read_bytes()).back
    assert back is not None
    return back


def read(shop: Shop, back: bytes) -> stick.Returned:
    return stick.read(shop.till, shop.uplink, back)


def held(shop: Shop) -> dict[str, Any]:
    """All that a till keeps in its book."""
    book = shop.till.book
    tables = book.rows("SELECT name FROM sqlite_master WHERE type = 'table'")
    return {name: book.rows(f'SELECT * FROM "{name}"') for (name,) in tables}


def fortnight(hq: Headquarters, shop: Shop) -> list[int]:
    """Fourteen days of a store: new members, sales, redemptions, goods that come back, shifts."""
    members = []
    for number in range(14):
        new = enrolment.enrol(shop.till, "c1", phone=f"138{number:08d}", name="王小明")
        assert isinstance(new, enrolment.Enrolled)
        members.append(new.m)
        for m in members[-3:]:
            sale = sold(shop, m)[0]
        shop.counter.redeem(members[number // 2], 50, "c1")
        if number % 3 == 0:
            goods_back.refund(shop.till, sale, [[1, 1, 5_000]], "c1")
        day_close.close_day(shop.till, "c1", reaches=False)
        hq.clock.now_ms += DAY_MS
    return members


def over_http(hq: Headquarters, shop: Shop, again: Headquarters) -> None:
    """What the till has told, told to another headquarters by the network, and that one's own lane."""
    identity = shop.till.identity
    line = Uplink(again.url, identity.key, identity.hub_receipt_public)
    for raw, name in shop.till.book.rows("SELECT bytes, batch_id FROM envelopes ORDER BY first"):
        key = {"idempotency-key": f'"{name}"'}
        line.call("POST", endpoints.batches(identity.lane), raw, endpoints.BATCH, key)
    line.close()
    rows = hq.rows("SELECT envelope FROM batches WHERE store = 'hq' ORDER BY arrived")
    for (raw,) in rows:
        reception.receive(again.office, bytes(raw))


def test_after_two_weeks_by_stick_books_are_those_of_the_network(
    hq: Headquarters, shop: Shop, folder: Path, tmp_path: Path
) -> None:
    members = fortnight(hq, shop)
    with headquarters(tmp_path / "again") as again:
        again.office.keys = hq.office.keys
        copy_registry(hq.office.store, again.office)
        again.clock.now_ms = hq.clock.now_ms
        boxes = outbox.sealed(shop.till.book)
        assert len(boxes) == len(members)
        out = written(shop, folder)
        assert (out.operations, out.sealed, out.rest) == (shop.till.log.seq, 14, 0)
        assert outbox.sealed(shop.till.book) == boxes, "nothing is deleted when a stick is written"
        back = read(shop, answered(hq, out.path))
        assert (back.operations, back.stuck) == (shop.till.log.seq, False)
        assert outbox.sealed(shop.till.book) == []
        over_http(hq, shop, again)
        wanted, told = state(hq.office), state(again.office)
        assert wanted["operations"] > 60
        for part in PARTS:
            assert told[part] == wanted[part], part
    shown = {m: shop.counter.card(m) for m in members}
    assert all(card is not None and not card.pending_pts for card in shown.values()), shown
    shop.uplink.connected = True
    shop.sync()
    after = {m: shop.counter.card(m) for m in members}
    assert [(card and card.points) for card in shown.values()] == [
        (card and card.points) for card in after.values()
    ]


def test_the_same_stick_and_the_same_return_twice_change_nothing(
    hq: Headquarters, shop: Shop, folder: Path
) -> None:
    sold(shop, enrolled(shop), 3)
    out = written(shop, folder)
    back = answered(hq, out.path)
    read(shop, back)
    before, books = held(shop), state(hq.office)
    assert read(shop, back).operations == 0
    assert held(shop) == before
    second = answered(hq, out.path)
    assert state(hq.office) == books
    assert not read(shop, second).stuck
    assert shop.night.unsent() == 0


def test_sticks_and_contacts_take_turns(hq: Headquarters, shop: Shop, folder: Path) -> None:
    m = enrolled(shop)
    sold(shop, m, 2)
    early = answered(hq, written(shop, folder).path)
    shop.uplink.connected = True
    shop.sync()
    sold(shop, m)
    shop.uplink.connected = False
    late = answered(hq, written(shop, folder).path)
    shop.uplink.connected = True
    shop.sync()
    before = held(shop)
    token = shop.till.log.mirror.token.read()
    witness = shop.till.witness
    for back in (late, early):
        assert not read(shop, back).stuck
    after = held(shop)
    assert after == before, {name for name in after if after[name] != before[name]}
    assert (shop.till.log.mirror.token.read(), shop.till.witness) == (token, witness)
    sold(shop, m)
    assert shop.sync().settled
    assert shop.till.identity.lane.epoch == 1


def test_returns_in_the_wrong_order_never_roll_back(hq: Headquarters, shop: Shop, folder: Path) -> None:
    m = enrolled(shop)
    sold(shop, m)
    first = written(shop, folder)
    hq.clock.now_ms += 7 * DAY_MS
    sold(shop, m)
    second = written(shop, folder)
    one, two = answered(hq, first.path), answered(hq, second.path)
    read(shop, two)
    assert shop.night.unsent() == 0
    before = feeds.edition(shop.till.book, "members", shop.till.identity.region)
    card = shop.counter.card(m)
    read(shop, one)
    assert feeds.edition(shop.till.book, "members", shop.till.identity.region) == before
    assert shop.counter.card(m) == card


def test_sticks_that_reach_headquarters_in_the_wrong_order_lose_nothing(
    hq: Headquarters, shop: Shop, folder: Path
) -> None:
    m = enrolled(shop)
    sold(shop, m)
    first = written(shop, folder)
    sold(shop, m)
    second = written(shop, folder)
    two = answered(hq, second.path)
    one = answered(hq, first.path)
    for back in (one, two):
        read(shop, back)
    assert shop.night.unsent() == 0
    assert len(heard(hq)) >= shop.till.log.seq


def test_a_lost_stick_costs_nothing(hq: Headquarters, shop: Shop, folder: Path) -> None:
    m = enrolled(shop)
    sold(shop, m, 2)
    written(shop, folder).path.unlink()
    sold(shop, m)
    out = written(shop, folder)
    assert out.operations == shop.till.log.seq
    read(shop, answered(hq, out.path))
    assert shop.night.unsent() == 0


def test_what_does_not_fit_goes_with_the_next_stick(
    hq: Headquarters, shop: Shop, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    m = enrolled(shop)
    written(shop, folder)
    ((size,),) = shop.till.book.rows("SELECT length(bytes) FROM envelopes")
    sold(shop, m, 2)
    with monkeypatch.context() as small:
        small.setattr(stick, "ROOM_BYTES", size + 16)
        out = written(shop, folder)
    assert (out.operations, out.rest) == (1, 2)
    read(shop, answered(hq, out.path))
    assert shop.night.unsent() == 2
    read(shop, answered(hq, written(shop, folder).path))
    assert shop.night.unsent() == 0


@pytest.mark.parametrize(
    ("spoil", "remedy"),
    [
        (lambda raw: b"JFX2" + raw[4:], "fault.stick_unknown"),
        (lambda raw: raw[:5] + bytes([raw[5] ^ 1]) + raw[6:], "fault.stick_not_ours"),
        (lambda raw: raw[:20] + bytes([raw[20] ^ 1]) + raw[21:], "fault.stick_damaged"),
        (lambda raw: raw[:-1] + bytes([raw[-1] ^ 1]), "fault.stick_damaged"),
        (lambda raw: raw[: len(raw) // 2], "fault.stick_damaged"),
        (lambda raw: b"", "fault.stick_unknown"),
        (lambda raw: raw.ljust(bundle.BUNDLE_BYTES_MAX + 1, b"0"), "fault.stick_large"),
    ],
    ids=["magic", "key", "enc", "end", "torn", "empty", "large"],
)
def test_a_return_that_is_damaged_is_refused_in_words_and_changes_nothing(
    hq: Headquarters, shop: Shop, folder: Path, spoil: Callable[[bytes], bytes], remedy: str
) -> None:
    sold(shop, enrolled(shop))
    back = answered(hq, written(shop, folder).path)
    before = held(shop)
    with pytest.raises(Fault) as refused:
        read(shop, spoil(back))
    assert refused.value.remedy == remedy
    assert held(shop) == before


def test_any_flipped_bit_of_a_real_bundle_is_refused_both_ways(
    hq: Headquarters, shop: Shop, folder: Path
) -> None:
    sold(shop, enrolled(shop))
    out = written(shop, folder)
    chance, books = random.Random(7), state(hq.office)
    sent = out.path.read_bytes()
    for _ in range(60):
        with pytest.raises(Exception, match=r"integrity|malformed|unknown-key|envelope-version"):
            office_stick.take(hq.office, flipped(sent, chance))
    assert state(hq.office) == books
    back, before = answered(hq, out.path), held(shop)
    for _ in range(60):
        with pytest.raises(Fault):
            read(shop, flipped(back, chance))
    assert held(shop) == before


def flipped(raw: bytes, chance: random.Random) -> bytes:
    torn = bytearray(raw)
    torn[chance.randrange(len(raw))] ^= 1 << chance.randrange(8)
    return bytes(torn)


def test_a_return_for_another_till_or_another_chain_is_refused_in_words(
    hq: Headquarters, shop: Shop, folder: Path, tmp_path: Path
) -> None:
    other = hq.shop("s002")
    sold(other, enrolled(other))
    back = answered(hq, written(other, folder).path)
    before = held(shop)
    with pytest.raises(Fault) as refused:
        read(shop, back)
    assert refused.value.remedy == "fault.stick_not_ours"
    with headquarters(tmp_path / "strange") as strange:
        stranger = strange.shop("s001")
        with pytest.raises(Exception, match="unknown-key"):
            office_stick.take(hq.office, written(stranger, folder).path.read_bytes())
        with pytest.raises(Fault) as refused:
            read(shop, answered(strange, written(stranger, folder).path))
    assert refused.value.remedy == "fault.stick_not_ours"
    assert held(shop) == before


def test_an_answer_to_a_stick_that_is_forgotten_is_refused_in_words(
    hq: Headquarters, shop: Shop, folder: Path
) -> None:
    back = answered(hq, written(shop, folder).path)
    with shop.till.book.turn() as turn:
        turn.execute("DELETE FROM sticks")
    with pytest.raises(Fault) as refused:
        read(shop, back)
    assert refused.value.remedy == "fault.stick_forgotten"


def test_a_stick_of_a_till_that_was_put_back_is_told_so_and_loses_nothing(
    hq: Headquarters, shop: Shop, folder: Path, tmp_path: Path
) -> None:
    m = enrolled(shop)
    copy = copied(shop, tmp_path / "copy")
    sold(shop, m)
    read(shop, answered(hq, written(shop, folder).path))
    shop = put_back(hq, shop, copy)
    shop.uplink.connected = False
    mine = sold(shop, m, 2)
    out = written(shop, folder)
    brought = office_stick.take(hq.office, out.path.read_bytes())
    assert [fault.problem for _, fault in brought.refused] == ["fork"]
    assert brought.back is not None
    assert read(shop, brought.back).stuck
    assert shop.night.unsent() == shop.till.log.seq
    shop.uplink.connected = True
    shop.night.contact(rest=lambda _ms: None)
    assert shop.till.identity.lane.epoch == 2
    assert set(mine) <= heard(hq).keys()
    assert shop.night.unsent() == 0


def test_what_headquarters_lost_after_its_ack_goes_with_the_next_stick(
    hq: Headquarters, shop: Shop, folder: Path, tmp_path: Path
) -> None:
    m = enrolled(shop)
    sold(shop, m)
    read(shop, answered(hq, written(shop, folder).path))
    sold(shop, m)
    with headquarters(tmp_path / "again") as again:
        again.office.keys = hq.office.keys
        copy_registry(hq.office.store, again.office)
        back = answered(again, written(shop, folder).path)
        assert not read(shop, back).is_settled
        out = written(shop, folder)
        assert out.operations == shop.till.log.seq
        read(shop, answered(again, out.path))
        assert shop.night.unsent() == 0


@pytest.mark.parametrize("has_news", [True, False], ids=["with a page", "with nothing new"])
def test_a_stick_lets_no_till_be_silent_longer(
    hq: Headquarters, shop: Shop, folder: Path, has_news: bool
) -> None:
    till = shop.till
    shop.uplink.connected = True
    shop.sync()
    shop.uplink.connected = False
    with till.book.turn() as turn:
        till.session.hear(turn, hq.clock.now_ms + DAY_MS, till.log.seq)
    till.session.recall()
    until = till.session.until_ms
    if has_news:
        sold(shop, enrolled(shop))
    hq.clock.now_ms += 2 * DAY_MS
    assert till.is_silent_too_long
    read(shop, answered(hq, written(shop, folder).path))
    assert till.is_silent_too_long
    assert till.session.until_ms == until


def test_a_stick_that_takes_nothing_is_a_fault_in_words_and_leaves_nothing(
    hq: Headquarters, shop: Shop, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sold(shop, enrolled(shop))
    with pytest.raises(Fault) as refused:
        written(shop, folder / "pulled out")
    assert refused.value.remedy == "fault.stick_unwritable"
    with monkeypatch.context() as full:
        full.setattr("os.fsync", no_room)
        with pytest.raises(Fault) as refused:
            written(shop, folder)
    assert refused.value.remedy == "fault.stick_full"
    assert list(folder.iterdir()) == []
    assert written(shop, folder).operations == shop.till.log.seq


def no_room(_file: int) -> None:
    raise OSError(28, "No space left on device")


def test_a_folder_is_exchanged_by_one_act_at_each_end(hq: Headquarters, shop: Shop, folder: Path) -> None:
    sold(shop, enrolled(shop))
    (folder / "a photo.jpg").write_bytes(b"x")
    (folder / "torn.jfx").write_bytes(b"JFX1")
    (folder / "link.jfx").symlink_to("/etc/hostname")
    done = stick.exchange(shop.till, shop.uplink, folder)
    assert (done.returned, done.refused, done.others) == ((), (), 1)
    (brought,) = office_stick.take_folder(hq.office, folder)
    assert isinstance(brought, office_stick.Brought)
    done = stick.exchange(shop.till, shop.uplink, folder)
    assert [one.operations for one in done.returned] == [shop.till.log.seq]
    assert done.written.operations == 0
    assert envelope.MAGIC not in b"".join(path.read_bytes() for path in folder.glob("jifen-*.jfx"))
