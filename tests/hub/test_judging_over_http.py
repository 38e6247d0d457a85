"""Operations over real HTTP: poison, unknown kinds, doubles, what waits, claims; the lane always goes on."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from headquarters import Headquarters
from pretend_till import NO_RIGHT, PretendTill, points_of

from hub import changes, judgement, publishing
from points import codes
from points.days import Day
from points.fields import ST_MAX_MS
from points.rulebook import RuleBook
from points.wire import canonical, endpoints, sealing

PERSON = {"phone": "13812348000", "name": "王小明"}


def cases(hq: Headquarters) -> list[str]:
    return [reason for (reason,) in hq.rows("SELECT reason FROM cases ORDER BY id")]


POISON: dict[str, bytes] = {
    "not JSON": b"\xff\xfe",
    "not an object": b"[1]",
    "a key twice": b'{"a":1,"a":2}',
    "a fraction": b'{"a":1.5}',
    "no id": b'{"t":"sale.earn","tv":1}',
    "an id of another shape": b'{"id":["x"],"t":"sale.earn","tv":1}',
    "an id that is no text": b'{"id":7,"t":"sale.earn","tv":1}',
    "a kind of another shape": b'{"id":"' + b"0" * 32 + b'","t":["sale.earn"],"tv":1}',
    "a version of another shape": b'{"id":"' + b"1" * 32 + b'","t":"sale.earn","tv":{}}',
    "refs of another shape": b'{"id":"' + b"2" * 32 + b'","m":5,"refs":{"a":1},"t":"sale.refund","tv":1}',
    "a member beyond all numbers": b'{"id":"'
    + b"3" * 32
    + b'","m":9007199254740991,"t":"member.enrol","tv":1}',
    "a member below": b'{"id":"' + b"4" * 32 + b'","m":-5,"t":"member.enrol","tv":1}',
    "keys out of order": b'{"t":"x","id":"' + b"5" * 32 + b'","tv":1}',
    "deep": b'{"a":' + b"[" * 40 + b"]" * 40 + b"}",
    "a boolean version": b'{"id":"' + b"6" * 32 + b'","t":"sale.earn","tv":true}',
    "an id with a zero byte": b'{"id":"\\u0000","t":"sale.earn","tv":1}',
    "a zero byte in a word": b'{"id":"' + b"7" * 32 + b'","t":"a\\u0000b","tv":1}',
}


@pytest.mark.parametrize("name", POISON)
def test_a_poison_row_is_kept_apart_and_the_rest_is_accepted(
    hq: Headquarters, till: PretendTill, name: str
) -> None:
    m = till.enrol()
    till.earn(m, 100)
    till.write(POISON[name])
    till.earn(m, 50)
    said = till.send()
    assert set(said) == {3}
    assert said[3][0] in ("Q", "P"), said
    if said[3][0] == "Q":
        assert said[3][1]["reason"] in ("undecodable", "bad-field")
    assert points_of(hq, m) == (150, 0)
    ((body,),) = hq.rows("SELECT body FROM waiting")
    assert bytes(body) == POISON[name], "nothing is lost"
    till.earn(m, 1)
    assert till.send() == {}


def test_the_last_store_time_is_posted_and_none_behind_it(hq: Headquarters, till: PretendTill) -> None:
    m = till.enrol()
    till.send()
    for st in (ST_MAX_MS, ST_MAX_MS + 1):
        till.write(canonical.encode({**of_a_hundred(till, m), "st": st}))
    assert {seq: detail["field"] for seq, (_, detail) in till.send().items()} == {3: "st"}
    assert points_of(hq, m) == (100, 0)


def test_a_sale_that_our_own_rules_cannot_reckon_holds_up_nobody(
    hq: Headquarters, till: PretendTill, monkeypatch: pytest.MonkeyPatch
) -> None:
    m, other = till.enrol(), till.enrol()
    till.send()
    right = RuleBook.expires_on

    def broken(self: RuleBook, earned: Day) -> Day:
        if earned > 98_000_000:
            raise OverflowError("a day behind the calendar")
        return right(self, earned)

    monkeypatch.setattr(RuleBook, "expires_on", broken)
    till.write(canonical.encode({**of_a_hundred(till, m), "st": ST_MAX_MS}))
    till.earn(other, 50)
    said = till.send()
    assert {seq: code for seq, (code, _) in said.items()} == {3: "Q"}
    assert points_of(hq, other) == (50, 0)


def of_a_hundred(till: PretendTill, m: int) -> dict[str, Any]:
    """A sale that earns a hundred points."""
    return till.body("sale.earn", m, receipt="r", lines=[[1, "all", 1, 10_000]], tenders=[["cash", 10_000]],
                     tier=0, m_bp=10_000, day_used=0, desired=100, pts=100, fund=[["add", 100]])  # fmt: skip


@pytest.mark.parametrize(
    ("field", "value"),
    [("pts", -1), ("pts", "9"), ("lines", []), ("tenders", [["cash", 1]]), ("fund", [["steal", 1]]),
     ("st", 1.0), ("day", 20261399), ("rule", "x"), ("tier", None), ("m", "1"), ("fund", [["add", 10**6]])],
)  # fmt: skip
def test_a_bad_field_is_named(hq: Headquarters, till: PretendTill, field: str, value: Any) -> None:
    m = till.enrol()
    sale = till.body("sale.earn", m, receipt="r", lines=[[1, "all", 1, 100]], tenders=[["cash", 100]], tier=0,
                     m_bp=10_000, day_used=0, desired=1, pts=1, fund=[["add", 1]])  # fmt: skip
    sale[field] = 1 if value == 1.0 else value
    raw = canonical.encode(sale)
    till.write(raw.replace(b'"st":1', b'"st":1.0', 1) if value == 1.0 else raw)
    till.earn(m, 5)
    said = till.send()
    assert said[2][0] == "Q"
    assert said[2][1]["reason"] == ("undecodable" if value == 1.0 else "bad-field")
    assert points_of(hq, m) == (5, 0)
    assert cases(hq) == [said[2][1]["reason"]]


@pytest.mark.parametrize("broken", ["admit", "post"])
def test_an_operation_whose_judging_fails_spoils_no_other(
    hq: Headquarters, till: PretendTill, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    a, b = till.enrol(), till.enrol()
    till.earn(a, 20)
    till.send()
    right: Any = getattr(judgement, broken)

    def fails(first: Any, *rest: Any, **how: Any) -> Any:
        if first.m == a:
            raise ZeroDivisionError("made by the test")
        return right(first, *rest, **how)

    monkeypatch.setattr(judgement, broken, fails)
    till.redeem(a, 5, ["local", 3], ["local", 2])  # not plain: the whole judgement is asked
    till.earn(b, 50)
    till.redeem(a, 10, ["local", 6], ["local", 4])
    said = till.send()
    assert said == {n: ("Q", {"reason": "policy", "field": "internal"}) for n in (4, 6)}
    assert points_of(hq, b) == (50, 0)
    assert points_of(hq, a) == (20, 0)
    monkeypatch.undo()
    till.earn(b, 1)
    assert till.send() == {}
    assert cases(hq) == ["policy", "policy"]


def test_what_the_short_way_cannot_post_takes_the_long_way(
    hq: Headquarters, till: PretendTill, monkeypatch: pytest.MonkeyPatch
) -> None:
    m = till.enrol()
    till.earn(m, 20)
    till.send()

    def fails(*_: Any) -> Any:
        raise ZeroDivisionError("made by the test")

    monkeypatch.setattr(changes, "post_plain", fails)
    till.earn(m, 30)
    assert till.send() == {}
    assert points_of(hq, m) == (50, 0)
    assert not cases(hq)


@pytest.mark.parametrize(
    ("more", "reason"), [({"t": "gift.redeem"}, "unknown-type"), ({"tv": 2}, "unknown-version")]
)
def test_a_kind_of_tomorrow_is_parked_and_the_lane_goes_on(
    hq: Headquarters, till: PretendTill, more: dict[str, Any], reason: str
) -> None:
    m = till.enrol()
    till.write(canonical.encode(till.body("member.enrol", m) | more))
    till.earn(m, 50)
    assert till.send() == {2: ("P", {"reason": reason})}
    assert points_of(hq, m) == (50, 0)
    assert len(hq.rows("SELECT body FROM waiting")) == 1


def test_an_operation_told_twice_is_one_and_another_under_its_name_is_a_case(
    hq: Headquarters, till: PretendTill, other: PretendTill
) -> None:
    m = till.enrol()
    sale = till.earn(m, 100)
    till.write(canonical.encode(sale))
    till.write(canonical.encode(sale | {"by": "c2"}))
    said = till.send()
    assert said[3] == ("D", {"lane": ["s001", "01", 1], "seq": 2})
    assert said[4] == ("Q", {"reason": "equivocation"})
    other.write(canonical.encode(sale))
    other.write(canonical.encode(sale | {"by": "c2"}))
    said = other.send()
    assert said[1] == ("D", {"lane": ["s001", "01", 1], "seq": 2})
    assert said[2][0] == "Q"
    assert cases(hq) == ["equivocation", "equivocation"]
    assert points_of(hq, m) == (100, 0)


def test_a_refund_before_its_sale_waits_and_its_till_is_told(
    hq: Headquarters, till: PretendTill, other: PretendTill
) -> None:
    m = till.enrol()
    till.send()
    sale = till.earn(m, 100)
    other.st = till.st
    other.refund(m, sale, 4_000)
    assert other.send() == {1: ("P", {"reason": "missing-dependency", "op": sale["id"]})}
    assert other.told() == {}
    assert points_of(hq, m) == (0, 0)
    assert till.send() == {}
    assert points_of(hq, m) == (60, 0)
    assert other.told() == {1: NO_RIGHT}
    assert hq.rows("SELECT count(*) FROM waiting") == [(0,)]


def test_headquarters_decisions_come_from_headquarters_alone(hq: Headquarters, till: PretendTill) -> None:
    m = till.enrol()
    till.op("rights.grant", m, to=["s001", "01"], inc=1, term=1, g=10**6, sched=[[20271231, 10**6]])
    till.op("auth.reserve", m, to=["s001", "01"], inc=1, term=1, n=10, refs=["0" * 32])
    till.op("member.issue", to=["s001", "01"], first=7, codes=["0" * 32])
    till.op("member.resolve", m, refs=["0" * 32])
    said = till.send()
    assert set(said) == {2, 3, 4, 5}
    assert {(code, detail["reason"]) for code, detail in said.values()} == {("Q", "policy")}


def test_a_number_that_was_not_issued_waits(hq: Headquarters, till: PretendTill) -> None:
    till.op("member.enrol", 999_999)
    till.op("sale.earn", 999_999, receipt="r", lines=[[1, "all", 1, 100]], tenders=[["cash", 100]], tier=0,
            m_bp=10_000, day_used=0, desired=1, pts=1, fund=[["add", 1]])  # fmt: skip
    said = till.send()
    assert {code for code, _ in said.values()} == {"P"}
    assert said[1][1] == {"reason": "missing-dependency", "m": 999_999}


def test_a_sale_with_a_code_from_elsewhere_is_resolved_once(
    hq: Headquarters, till: PretendTill, other: PretendTill
) -> None:
    m, code = till.pool[0]
    till.enrol()
    till.send()
    who = codes.who(code)
    sale = other.earn(None, 100, who=who)
    other.earn(None, 30, who="ab" * 16)
    said = other.send()
    assert said[1] == ("P", {"reason": "missing-dependency", "member": who})
    assert points_of(hq, m) == (100, 0), "headquarters knew the code, so it resolved it at once"
    assert other.told() == {1: ("A", {})}
    other.refund(None, sale, 4_000)
    assert other.send() == {}
    assert points_of(hq, m) == (60, 0)
    assert len(hq.rows("SELECT 1 FROM facts WHERE kind = 'member.resolve'")) == 1
    assert hq.rows("SELECT count(*) FROM waiting") == [(1,)], "nobody has the other code"


def test_a_rule_book_that_comes_later_frees_what_cites_it(hq: Headquarters, till: PretendTill) -> None:
    blob = hq.rows("SELECT blob FROM books")[0][0]
    newer = bytes(blob).replace(b'"test"', b'"newer"')
    assert newer != bytes(blob)
    m = till.enrol()
    till.rules = hashlib.sha256(newer).hexdigest()
    till.earn(m, 100)
    assert till.send() == {2: ("P", {"reason": "missing-dependency", "rule": till.rules})}
    with hq.office.store.turn() as turn:
        publishing.publish_rules(turn, hq.office, newer)
    assert points_of(hq, m) == (100, 0)
    assert till.told() == {2: ("A", {})}


def test_rights_return_behind_an_unresolved_operation_of_its_lane(
    hq: Headquarters, till: PretendTill, other: PretendTill
) -> None:
    m = till.enrol()
    till.earn(m, 100)
    till.send()
    sale = other.earn(m, 50)
    till.refund(m, sale, 5_000, ["burn_l", 50])
    till.op("rights.return", m, fund=[["back_l", 50]])
    said = till.send()
    assert (said[3][0], said[4]) == ("P", ("P", {"reason": "missing-dependency", "lane": "s001/01"}))
    other.send()
    assert till.told() == {3: NO_RIGHT, 4: ("A", {})}
    assert points_of(hq, m) == (100, 0)
    ((added, used),) = hq.rows("SELECT added, local_used FROM cells WHERE store = 's001' AND m = ?", m)
    assert (added, used) == (100, 100)


def test_a_late_sale_folds_again_and_posts_only_the_difference(
    hq: Headquarters, till: PretendTill, other: PretendTill
) -> None:
    m = till.enrol()
    till.send()
    late = other.earn(m, 40)  # happened first, arrives last
    till.st = other.st
    till.earn(m, 100)
    till.redeem(m, 60)
    till.send()
    before = hq.rows("SELECT count(*) FROM postings WHERE m = ?", m)[0][0]
    assert points_of(hq, m) == (40, 0)
    other.send()
    assert points_of(hq, m) == (80, 0)
    after = hq.rows(
        "SELECT op_id, debit, credit, pts FROM postings WHERE m = ? AND n > ? AND rights = 0", m, before
    )
    assert (late["id"], "x.issue:s002", "mem.avail", 40) in after
    assert sum(pts for _, debit, _, pts in after if debit == "mem.avail") == 0, "60 redeemed before and after"


# -- claims and sealed boxes -----------------------------------------------------------------------


def test_a_claim_is_evidence_before_its_lane_and_is_replaced_by_it(
    hq: Headquarters, till: PretendTill
) -> None:
    m = till.enrol()
    sale = till.earn(m, 100)
    digits = till.claim_of(sale, 2)
    assert till.show(digits).body == b'{"state":"shown"}'
    assert till.show(digits).body == b'{"state":"shown"}'
    assert hq.rows("SELECT count(*) FROM members WHERE m = ?", m) == [(0,)], "a claim mints nothing"
    till.send()
    assert hq.rows("SELECT state FROM claims") == [("confirmed",)]
    assert till.show(digits).body == b'{"state":"confirmed"}'
    assert points_of(hq, m) == (100, 0)
    assert cases(hq) == []


@pytest.mark.parametrize("first", ["claim", "lane"])
def test_a_claim_of_another_body_is_a_case(hq: Headquarters, till: PretendTill, first: str) -> None:
    m = till.enrol()
    sale = till.earn(m, 100)
    digits = till.claim_of(sale, 2, op_hash="ab" * 16)
    if first == "lane":
        till.send()
        assert till.show(digits).body == b'{"state":"equivocation"}'
        assert till.show(digits).body == b'{"state":"equivocation"}'
    else:
        assert till.show(digits).body == b'{"state":"shown"}'
        till.send()
        assert hq.rows("SELECT state FROM claims") == [("equivocation",)]
    assert cases(hq) == ["equivocation"]
    assert hq.rows("SELECT store FROM cases") == [("s001",)]
    assert points_of(hq, m) == (100, 0)


def test_a_claim_that_nobody_signed_proves_nothing(hq: Headquarters, till: PretendTill) -> None:
    sale = till.earn(till.enrol(), 100)
    digits = till.claim_of(sale, 2)
    forged = digits[:-3] + f"{(int(digits[-3:]) + 1) % 1000:03d}"
    told = till.show(forged)
    assert (told.status, told.fault.problem) == (401, "bad-signature")
    assert till.show("123").fault.problem == "malformed"
    told = till.call("POST", "/v1/claims", b'{"digits":7}', endpoints.JSON)
    assert told.fault.problem == "malformed"
    assert hq.rows("SELECT count(*) FROM claims") == [(0,)]


@pytest.mark.parametrize("first", ["box", "operation"])
def test_a_sealed_box_is_opened_when_both_are_there(hq: Headquarters, till: PretendTill, first: str) -> None:
    m, _ = till.pool.pop(0)
    body = till.body("member.enrol", m)
    box = till.box(body["id"], **PERSON)
    till.write(canonical.encode(body | {"pii": sealing.pii_commitment(box)}))

    if first == "box":
        till.put(body["id"], box)
        till.put(body["id"], box)
        assert hq.rows("SELECT count(*) FROM personal") == [(0,)]
        assert till.send() == {}
    else:
        till.send()
        assert till.members()[m][5:7] == ["", ""]
        till.put(body["id"], box)
    assert till.members()[m][5:7] == ["王**", "8000"]
    till.put(body["id"], box)
    assert hq.rows("SELECT count(*) FROM sealed") == [(0,)], "the box is destroyed at headquarters too"
    stored = hq.rows("SELECT sealed FROM personal")[0][0]
    assert b"13812348000" not in bytes(stored)
    assert [row[1] for row in till.phones()] == [m]
    assert cases(hq) == []


def test_a_box_that_is_not_the_operations_is_a_case(hq: Headquarters, till: PretendTill) -> None:
    m, _ = till.pool.pop(0)
    body = till.body("member.enrol", m)
    box = till.box(body["id"], **PERSON)
    till.write(canonical.encode(body | {"pii": sealing.pii_commitment(box)}))
    till.send()
    bad = box[:-1] + bytes([box[-1] ^ 1])
    till.put(body["id"], bad)
    assert cases(hq) == ["sealed-differs"]
    assert till.members()[m][5] == ""
    till.put(body["id"], box)
    assert till.members()[m][5] == "王**", "the right one is still taken"
    told = till.call("PUT", endpoints.sealed(body["id"]), b"x" * 100_000, endpoints.BLOB)
    assert (told.status, told.fault.problem) == (413, "too-large")
    assert till.call("PUT", "/v1/sealed/xyz", box, endpoints.BLOB).fault.problem == "malformed"
