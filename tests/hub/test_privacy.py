"""A phone typed at a counter is found nowhere afterwards but in headquarters' own ciphertext."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from headquarters import Headquarters, headquarters

from agent import enrolment
from agent.counter import Found
from hub import personal
from points.wire import envelope

PHONE, NAME = "13812348765", "欧阳小明"
PAYMENT = "134567890123456789"


def everything(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def test_no_phone_no_name_and_no_payment_code_is_left_anywhere(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG), headquarters(tmp_path) as hq:
        shop = hq.shop("s001")
        new = enrolment.enrol(shop.till, "c1", phone=PHONE, name=NAME)
        assert isinstance(new, enrolment.Enrolled)
        shop.counter.scan(PAYMENT)
        shop.counter.scan(PHONE)
        shop.sync()
        assert shop.till.book.rows("SELECT * FROM sealed") == []  # destroyed here once headquarters has it
        _found_by_those_who_may(hq, new.m)
        for store in hq.shops:
            store.till.book.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        sent = [
            envelope.decompress(*_frame(bytes(raw))) for (raw,) in hq.rows("SELECT envelope FROM batches")
        ]
    kept = everything(tmp_path) + b"".join(sent) + caplog.text.encode()
    for secret in (PHONE, NAME, PAYMENT):
        assert secret.encode() not in kept
    assert PHONE[-4:].encode() in kept  # the tail may be shown: the search itself can find something


def _found_by_those_who_may(hq: Headquarters, m: int) -> None:
    with hq.office.store.look() as look:
        assert personal.read(look, hq.office, m) == {"phone": PHONE, "name": NAME}
        assert personal.by_phone(look, hq.office, PHONE) == m
    other = hq.shop("s002")
    assert not isinstance(other.counter.scan(PHONE), Found)  # seen at another store only
    again = hq.shops[0].counter.scan(PHONE)
    assert isinstance(again, Found)
    assert again.card is not None
    assert again.card.tail == PHONE[-4:]


def _frame(raw: bytes) -> tuple[bytes, int]:
    header = envelope.peek(raw)[0]
    return raw[-header.psize :], header.usize
