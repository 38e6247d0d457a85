"""What is prepared while a quote is on the screen is what would have been recorded without it."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shopfloor import GOODS, HandClock, counter_of, grant, open_till, tell_member

from agent import day_close
from agent.counter import Counter
from agent.forms import BodyForm, ReceiptForm, text_of
from agent.funding import No
from agent.recorder import Mark, Recorded
from agent.till import Shift, Till
from config.sqlite import Connection, OperationalError
from points.fields import BadOperation
from points.operations import read
from points.receipts import Receipt
from points.wire import canonical
from points.wire.faults import Malformed

M = 1030
OP = "01" * 16
WORDS = st.text("abc 收银\"'\\/é%é", min_size=1, max_size=8).filter(str.isprintable)
LINES = st.lists(st.tuples(WORDS, st.integers(1, 9), st.integers(0, 10**6)), min_size=1, max_size=4)


def body_of(lines: list[tuple[str, int, int]], more: dict[str, Any], st_ms: int, mono: int) -> dict[str, Any]:
    return {
        "id": "0" * 32, "t": "sale.earn", "tv": 1, "day": 20261119, "st": st_ms, "boot": "b1", "mono": mono,
        "by": "-", "rule": "a" * 64, "receipt": "01-1-1", "tier": 0, "m_bp": 10_000, "day_used": 0,
        "desired": 0, "pts": 0, "lines": [[i, *line] for i, line in enumerate(lines)],
        "tenders": [["cash", sum(line[2] for line in lines)]], **more,
    }  # fmt: skip


@given(
    LINES,
    st.fixed_dictionaries(
        {}, optional={"m": st.integers(0, 2**40 - 1), "who": WORDS, "zz": WORDS, "aa": WORDS}
    ),
    WORDS,
    st.none() | st.integers(0, 2**53 - 1),
    st.integers(0, 2**53 - 1),
    st.integers(0, 253_370_764_800_000),
)
def test_a_filled_form_is_the_canonical_body_and_is_believed(
    lines: list[tuple[str, int, int]], more: dict[str, Any], by: str, at: int | None, mono: int, st_ms: int
) -> None:
    try:
        form = BodyForm.of(read(body_of(lines, more, 5, 6), "s001", "01").body)
        raw = form.filled(at, by, OP, mono, st_ms)
    except (BadOperation, Malformed):
        return  # a text that is not NFC is refused when the form is made, or when it is filled
    body = {**body_of(lines, more, st_ms, mono), "by": by, "id": OP} | ({} if at is None else {"at": at})
    assert raw == canonical.encode(body)
    assert read(canonical.decode(raw), "s001", "01").body == body


@pytest.mark.parametrize(
    ("by", "mono", "st_ms"),
    [
        ("", 1, 1),
        ("x" * 65, 1, 1),
        ("a\nb", 1, 1),
        ("c1", -1, 1),
        ("c1", 2**53, 1),
        ("c1", 1, -1),
        ("c1", 1, 2**48),
    ],
)
def test_a_form_is_not_filled_with_what_no_operation_may_say(by: str, mono: int, st_ms: int) -> None:
    form = BodyForm.of(body_of([("a", 1, 1)], {}, 1, 1))
    with pytest.raises(BadOperation):
        form.filled(None, by, OP, mono, st_ms)


@given(WORDS, WORDS, st.integers(0, 2**48), st.integers(-9, 9))
def test_a_filled_receipt_is_the_receipt(store: str, number: str, st_ms: int, balance: int) -> None:
    receipt = Receipt(
        "sale.earn", "?", store, "01", number, 0, 20261119, "01-1-1", "8000", "金卡", balance=balance
    )
    form = ReceiptForm.of(receipt)
    made = form.made(OP, st_ms)
    assert form.filled(OP, st_ms) == text_of(made.to_json())
    assert Receipt.from_json(json.loads(form.filled(OP, st_ms))) == made


def tables(till: Till) -> list[Any]:
    """Everything that a sale writes."""
    sql = ("SELECT * FROM ops", "SELECT * FROM prints", "SELECT * FROM rights", "SELECT * FROM acts")
    return [till.book.rows(one) for one in sql]


def week(till: Till, clock: HandClock, seed: int, quoted: bool) -> list[Any]:
    """A few days of sales, each asked for as a quote before, or none."""
    counter, chance = counter_of(till), random.Random(seed)
    told = []
    for i in range(40):
        m = chance.choice([None, M, M, M + 1, 4_000])
        lines = [[1, "food", 2, chance.choice([100, 8_000, 90_000])], [2, "电器", 1, 4_500]]
        points, by = chance.choice([0, 0, 0, 10, 20, 1_000]), chance.choice(["c1", "王"])
        mark = Mark(f"act{i}", "d", chance.choice(["", "", "manager"]))
        clock.now_ms += chance.choice([0, 1, 30_000, 3_600_000])
        if chance.random() < 0.5:
            till.heard_hub(clock.now_ms + 12_345)  # from now on the wall is told beside the store time
        if quoted:
            counter.quote(m, lines, points)
        if chance.random() < 0.2:
            grant(till, M, 1_000 + i)
            till.gather()
        done = counter.sell(m, lines, by, points, mark=mark)
        told.append(done if isinstance(done, No) else (done.op.body, done.entry, done.receipt))
        if chance.random() < 0.1:
            day_close.close_day(till, "c1")
            day_close.open_day(till)
    return told


@pytest.mark.parametrize("seed", range(12))
def test_the_same_week_is_recorded_with_quotes_as_without(tmp_path: Path, seed: int) -> None:
    told, books = [], []
    for quoted in (False, True):
        clock = HandClock()
        till = open_till(tmp_path / str(quoted), clock)
        till.chance = random.Random(3).randbytes
        for m, debt in ((M, 0), (M + 1, 7)):
            tell_member(till, m, 300, debt=debt)
        told.append(week(till, clock, seed, quoted))
        books.append(tables(till))
        for row in till.book.rows("SELECT body FROM ops"):
            assert read(canonical.decode(row[0]), "s001", "01")
            assert canonical.encode(canonical.decode(row[0])) == row[0]
    for one, other in zip(*told, strict=True):
        assert one == other
    assert books[0] == books[1]


@pytest.fixture
def till(tmp_path: Path) -> Till:
    till = open_till(tmp_path / "t")
    tell_member(till, M, 300)
    return till


@pytest.fixture
def counter(till: Till) -> Counter:
    return counter_of(till)


def prepared(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What is recorded as it was prepared, from now on."""
    found: list[Any] = []
    real = counter._confirm

    def confirm(*asked: Any) -> Recorded | None:
        done = real(*asked)
        if done is not None:
            found.append(done)
        return done

    monkeypatch.setattr(counter, "_confirm", confirm)
    return found


def another_boot(till: Till) -> None:
    assert isinstance(till.clock, HandClock)
    till.clock.boot = "ffffffffffffffff"


def tomorrow(till: Till) -> None:
    assert isinstance(till.clock, HandClock)
    till.clock.now_ms += 86_400_000


def tomorrow_in_the_same_shift(till: Till) -> None:
    assert isinstance(till.clock, HandClock)
    till.clock.now_ms += 86_400_000


def other_rights(till: Till) -> None:
    grant(till, M, 500)
    till.gather()


def other_sale(till: Till) -> None:
    counter_of(till).sell(M, GOODS, "c2")


def shift_closed(till: Till) -> None:
    day_close.close_day(till, "c1")
    till.keep_shift(Shift(till.shift().day, closed=True))


EVENTS = [another_boot, tomorrow, tomorrow_in_the_same_shift, other_rights, other_sale, shift_closed]


@pytest.mark.parametrize("event", EVENTS)
def test_what_was_prepared_is_not_recorded_after(
    till: Till, counter: Counter, monkeypatch: pytest.MonkeyPatch, event: Any
) -> None:
    found = prepared(counter, monkeypatch)
    if event is tomorrow_in_the_same_shift:
        day_close.open_day(till)
    counter.quote(M, GOODS)
    event(till)
    done = counter.sell(M, GOODS, "c1")
    assert not found
    assert isinstance(done, Recorded) is (event is not shift_closed)


def test_a_quote_is_recorded_once_and_for_what_it_was_asked(
    till: Till, counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = prepared(counter, monkeypatch)
    for asked in (
        (M + 1, GOODS, "c1"), (None, GOODS, "c1"), (M, GOODS[:1], "c1"), (M, GOODS, "c1", 10),
        (None, GOODS, "c1", 0, "5a" * 16), (M, GOODS, "c1", 0, "", "card"),
        (M, GOODS, "c1", 0, "", "cash", "77"),
        (M, GOODS, "c1", 0, "", "cash", "", Mark("a", "b", "manager")),
    ):  # fmt: skip
        counter.quote(M, GOODS)
        counter.sell(*asked)
        assert not found, asked
    counter.quote(M, GOODS)
    counter.sell(M, GOODS, "c1", mark=Mark("x", "y"))
    counter.sell(M, GOODS, "c1")
    assert len(found) == 1


def test_what_could_not_be_committed_may_be_confirmed_again_and_stands_once(
    till: Till, counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Refusing:
        """A connection that refuses one commit."""

        def __init__(self, real: Connection) -> None:
            self.real, self.left = real, 1

        def execute(self, sql: str, *values: Any) -> Any:
            if sql == "COMMIT" and self.left:
                self.left -= 1
                raise OperationalError("disk I/O error")
            return self.real.execute(sql, *values)

        def __getattr__(self, name: str) -> Any:
            return getattr(self.real, name)

    counter.quote(M, GOODS)
    monkeypatch.setattr(till.book, "connection", Refusing(till.book.connection))
    with pytest.raises(Exception, match="nothing was recorded"):
        counter.sell(M, GOODS, "c1")
    assert isinstance(counter.sell(M, GOODS, "c1"), Recorded)
    assert (
        till.log.seq
        == len(till.book.rows("SELECT * FROM ops"))
        == len(till.book.rows("SELECT * FROM prints"))
        == 1
    )


@pytest.mark.parametrize(
    ("lines", "why"),
    [([[1, "food", 1, 8_000], [1, "food", 1, 8_000]], BadOperation), ([[1, "e\u0301", 1, 8_000]], Malformed)],
)
def test_a_quote_of_what_cannot_be_recorded_is_shown_and_refused_at_the_sale(
    counter: Counter, lines: list[list[Any]], why: type[Exception]
) -> None:
    assert not isinstance(counter.quote(M, lines), No)
    with pytest.raises(why):
        counter.sell(M, lines, "c1")
