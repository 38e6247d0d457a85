"""However much waits at a till, what a batch asks of it is no more than what the batch itself has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from headquarters import Headquarters
from pretend_till import PretendTill

from hub import custody
from hub.store import doubted_pcs, schema
from hub.store.engine import Turn
from points.wire.lane import Lane

MANY = 5_000
AT = ("s001", "01")


@contextmanager
def most_rows(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """How many rows each question was answered with, about what waits."""
    run, asked = Turn.run, [0]

    def counted(turn: Turn, sql: str, *rest: Any, **more: Any) -> list[Any]:
        rows = run(turn, sql, *rest, **more)
        if "waiting" in sql:
            asked.append(len(rows))
        return rows

    with monkeypatch.context() as watched:
        watched.setattr(Turn, "run", counted)
        yield asked


def wait(hq: Headquarters, on_what: str, ms: Sequence[int], epoch: int = 7) -> None:
    """Operations of these members wait at the till for something that does not come."""
    rows = [(*AT, epoch, n, on_what, m, b"{}") for n, m in enumerate(ms, 1)]
    with hq.office.store.turn() as turn:
        turn.put(schema.waiting, rows)


@pytest.fixture
def clean(hq: Headquarters) -> Iterator[None]:
    """What a test laid into the waiting room by hand is taken out again."""
    yield
    with hq.office.store.turn() as turn:
        turn.run("DELETE FROM waiting WHERE epoch IN (7, 8)")


@pytest.mark.parametrize("on_what", ["pc:s001/01/7", f"op:{'0' * 32}"])
def test_a_batch_looks_at_no_more_of_what_waits_than_it_has(
    hq: Headquarters, till: PretendTill, clean: None, monkeypatch: pytest.MonkeyPatch, on_what: str
) -> None:
    m = till.enrol()
    till.send()
    wait(hq, on_what, [m + n % 3 for n in range(MANY)])
    till.earn(m, 10)
    with most_rows(monkeypatch) as asked:
        assert till.send() == {}
    assert 0 < max(asked) <= custody.WAITING_FEW


def test_what_waits_of_one_member_holds_up_that_members_returns_alone(
    hq: Headquarters, till: PretendTill, clean: None
) -> None:
    m, free = till.enrol(), till.enrol()
    till.earn(m, 10)
    till.earn(free, 10)
    till.send()
    wait(hq, f"op:{'0' * 32}", [m, *range(m + 100, m + MANY)])
    for one in (m, free):
        till.op("rights.return", one, fund=[["back_l", 5]])
    lane = f"{AT[0]}/{AT[1]}"
    assert till.send() == {5: ("P", {"reason": "missing-dependency", "lane": lane})}
    till.op("rights.close", inc=1, term=till.term)
    assert till.send() == {7: ("P", {"reason": "missing-dependency", "lane": lane})}


def test_what_is_kept_of_a_pc_that_is_doubted_holds_up_nobody(
    hq: Headquarters, till: PretendTill, clean: None
) -> None:
    m = till.enrol()
    till.earn(m, 10)
    till.send()
    wait(hq, doubted_pcs.waits_on(Lane("demo", *AT, 7)), [m] * MANY)
    till.op("rights.return", m, fund=[["back_l", 5]])
    till.op("rights.close", inc=1, term=till.term)
    assert till.send() == {}


def test_what_is_judged_itself_is_not_what_it_waits_behind(hq: Headquarters, clean: None) -> None:
    """Three of one member wait, and one of another: without those that are judged now, who is left?"""
    wait(hq, f"op:{'0' * 32}", [21, 21, 21, 22])
    places = [(*AT, 7, n) for n in range(1, 5)]
    with hq.office.store.look() as look:

        def behind(*judged: int) -> set[int]:
            some = [places[n] for n in judged]
            return {m for _, _, m in custody.members(look, [AT], [21, 22, 23], some)}

        assert behind() == {21, 22}
        assert behind(0, 1) == {21, 22}
        assert behind(0, 1, 2) == {22}
        assert behind(3) == {21}
        assert behind(0, 1, 2, 3) == set()


@pytest.mark.parametrize("sql", [f"m IS NOT NULL AND {schema.NOT_DOUBTED} ORDER BY m LIMIT 1",
                                 f"m = 5 AND {schema.NOT_DOUBTED} LIMIT 1"])  # fmt: skip
def test_the_index_is_what_answers(hq: Headquarters, sql: str) -> None:
    plan = hq.rows(f"EXPLAIN QUERY PLAN SELECT m FROM waiting WHERE store = 's001' AND till = '01' AND {sql}")
    assert "waiting_of" in str(plan)
    assert "TEMP B-TREE" not in str(plan)
