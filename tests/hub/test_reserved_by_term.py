"""A PC that was replaced ends its own term, and with it nothing that the new PC has reserved."""

from __future__ import annotations

from headquarters import Headquarters
from pretend_till import PretendTill

from points.identifiers import new_op_id


def reserved(hq: Headquarters) -> list[tuple[int]]:
    return hq.rows("SELECT pts FROM reserved ORDER BY pts")


def two_reservations(hq: Headquarters, till: PretendTill, other: PretendTill) -> tuple[int, PretendTill, str]:
    """10 points reserved by a PC, 60 by the one that has taken its place: (member, new PC, its intent)."""
    m = other.enrol()
    other.earn(m, 100, add=False)
    other.send()
    assert till.authorise(new_op_id(till.st, b"o" * 10), m, 10) == {"granted": 10}
    new = PretendTill(hq, till.lane.store, till.lane.till, seed=2)
    assert new.term > till.term
    intent = new_op_id(new.st, b"n" * 10)
    assert new.authorise(intent, m, 60) == {"granted": 60}
    assert reserved(hq) == [(10,), (60,)]
    return m, new, intent


def test_the_close_of_an_old_pc_leaves_what_the_new_one_has_reserved(
    hq: Headquarters, till: PretendTill, other: PretendTill
) -> None:
    m, new, intent = two_reservations(hq, till, other)
    till.op("rights.close", inc=1, term=till.term)
    till.send()
    assert reserved(hq) == [(60,)], "what the old PC had asked for is over, and nothing else"
    assert other.authorise(new_op_id(other.st, b"x" * 10), m, 41) == {"refused": "not_enough_points"}
    new.op("redeem.cash", m, id=intent, pts=60, fen=60, fund=[["auth", 60]])
    assert new.send() == {}
    assert reserved(hq) == []
    new.close()


def test_the_close_of_a_new_pc_leaves_what_the_old_one_has_reserved(
    hq: Headquarters, till: PretendTill, other: PretendTill
) -> None:
    _, new, _ = two_reservations(hq, till, other)
    new.op("rights.close", inc=1, term=new.term)
    new.send()
    assert reserved(hq) == [(10,)], "the old PC may have spent it, and has not told"
    new.close()
