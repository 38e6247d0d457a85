"""Programs of different versions: an older till under newer rules or a newer headquarters, and a newer till.

An older program is one whose table of what it knows was cut down, nothing of it is replaced.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import httpx
import pytest
from headquarters import RULES, Headquarters, Shop, console_link
from pretend_till import PretendTill, points_of
from test_hello import enrolled

from agent import goods_back
from agent.funding import No
from agent.recorder import Recorded
from agent.screen import said
from agent.store import feeds
from config.words import load_words
from hub import editions, publishing
from hub.verify import verify
from points import rulebook
from points.operations import KINDS
from points.refusals import Refusal
from points.wire import canonical, endpoints, manifest
from points.wire.dialect import Dialect

GOODS = [[1, "all", 1, 10_000]]
ELSEWHERE = {"refund_elsewhere": {"sale_fen": 5, "day_fen": 9}, "crit": ["refund_elsewhere"]}


def publish(hq: Headquarters, **more: Any) -> None:
    with hq.office.store.turn() as turn:
        publishing.publish_rules(turn, hq.office, canonical.encode({**RULES, **more}))


def cases(hq: Headquarters, *, are_open: bool = True) -> list[tuple[str, str]]:
    end = "IS" if are_open else "IS NOT"
    return [(r, d) for r, d in hq.rows(f"SELECT reason, detail FROM cases WHERE closed_ms {end} NULL")]


def older(shop: Shop, *lacks: str) -> Shop:
    """A till whose program does not know these rules yet."""
    shop.till.known_rules = rulebook.KNOWN - set(lacks)
    return shop


def test_a_till_that_lacks_a_critical_rule_earns_takes_back_and_spends_nothing(
    hq: Headquarters, home: Shop, desk: httpx.Client
) -> None:
    m = enrolled(home)
    home.sync()
    old, shop = home.till.rule().hash, older(home, "refund_elsewhere")
    publish(hq, name="next year's", **ELSEWHERE)
    for _ in range(2):
        shop.sync()
        assert shop.till.rule().hash == old, "it keeps the last book that it understood"
    no = shop.counter.redeem(m, 10, "c1")
    assert isinstance(no, No)
    assert no.refusal is Refusal.rules_behind
    with_points = shop.counter.sell(m, GOODS, "c1", 10)
    assert isinstance(with_points, No)
    assert with_points.refusal is Refusal.rules_behind
    sold, other = shop.counter.sell(m, GOODS, "c1"), shop.counter.sell(m, GOODS, "c1")
    assert isinstance(sold, Recorded)
    assert isinstance(other, Recorded)
    assert isinstance(goods_back.refund(shop.till, sold.op.id, [[1, 1, 10_000]], "c1"), Recorded)
    assert isinstance(goods_back.void(shop.till, other.op.id, "c1"), Recorded)
    words, card = load_words("zh"), shop.counter.card(m)
    assert card is not None
    shown = said.card(card, shop.till, words, online=True)
    assert (shown["usable"], shown["why_no_redeem"]) == (0, words.say("page.why_no_redeem_rules"))
    away = said.card(replace(card, here=0), shop.till, words, online=False)
    assert not away["less_here"], "nobody asks how many may be used here, where none may"
    shop.sync()
    assert points_of(hq, m) == (100, 0), "what was sold came back"
    assert cases(hq) == [("rules-behind", '{"till": "01", "lacks": "refund_elsewhere"}')]
    desk.get(console_link(hq))
    assert "refund_elsewhere" in desk.get("/console").text

    shop.till.known_rules = rulebook.KNOWN  # its program is updated
    shop.sync()
    shop.sync()
    assert shop.till.rule().name == "next year's"
    assert isinstance(shop.counter.redeem(m, 10, "c1"), Recorded)
    assert cases(hq) == []


def test_what_is_not_critical_is_passed_over(hq: Headquarters, home: Shop) -> None:
    publish(hq, name="next year's", refund_elsewhere=ELSEWHERE["refund_elsewhere"])
    older(home, "refund_elsewhere").sync()
    assert home.till.rule().name == "next year's"
    assert cases(hq) == []


def test_it_stays_behind_after_it_was_started_again(hq: Headquarters, home: Shop) -> None:
    publish(hq, **ELSEWHERE)
    m = enrolled(older(home, "refund_elsewhere"))
    home.sync()
    home.till.book.close()
    again = hq.open(home.folder)
    no = again.counter.redeem(m, 10, "c1")
    assert isinstance(no, No)
    assert no.refusal is Refusal.rules_behind


@pytest.mark.parametrize(
    ("rules", "names"),
    [({**RULES, "crit": ["weather"], "weather": 1}, ("weather",)), ({**RULES, "v": 2}, ("v",))],
)
def test_a_book_of_tomorrow_names_what_is_not_understood(
    rules: dict[str, Any], names: tuple[str, ...]
) -> None:
    blob = canonical.encode(rules)
    with pytest.raises(rulebook.NotUnderstood) as behind:
        rulebook.read_told(blob)
    assert behind.value.names == names
    with pytest.raises(rulebook.BadRuleBook):
        rulebook.read(blob)


@pytest.mark.parametrize(
    "crit", ["redeem", [1], [""], ["weather"], ["refund_elsewhere"], ["redeem.share"], ["x"] * 33]
)
def test_headquarters_publishes_no_critical_rule_that_is_not_in_the_book(crit: Any) -> None:
    with pytest.raises(rulebook.BadRuleBook):
        rulebook.read(canonical.encode({**RULES, "crit": crit}))
    rulebook.read(canonical.encode({**RULES, "crit": ["redeem", "redeem.step"]}))


def test_a_till_that_is_too_old_is_heard_and_told_nothing(hq: Headquarters, home: Shop) -> None:
    m = enrolled(home)
    home.sync()
    hq.office.forms = Dialect(2, 3)
    held = feeds.edition(home.till.book, "members", "main")
    assert isinstance(home.counter.sell(m, GOODS, "c1"), Recorded)
    for _ in range(2):
        done = home.night.contact(rest=lambda _ms: None)
        assert [alarm.problem for alarm in done.alarms] == ["agent-too-old"]
        assert done.alarms[0].detail == {"min": 2}
    assert points_of(hq, m) == (200, 0), "what it recorded is taken"
    assert feeds.edition(home.till.book, "members", "main") == held
    assert cases(hq) == [("agent-too-old", '{"till": "01", "reads": 1}')]
    hq.office.forms = Dialect(1, 2)  # the form before the newest is published beside it
    home.sync()
    assert feeds.edition(home.till.book, "members", "main") > held
    assert cases(hq) == []


def test_feeds_alone_are_refused_to_it(hq: Headquarters, till: PretendTill) -> None:
    m = till.enrol()
    till.earn(m, 50)
    hq.office.forms = Dialect(2, 2)
    for topic, shard in (
        ("members", "main"),
        ("rules", "all"),
        ("till", manifest.private_shard("s001", "01")),
    ):
        answer = till.call("GET", endpoints.manifest_of(topic, shard, 1))
        assert (answer.status, answer.fault.problem, answer.fault.detail) == (
            426,
            "agent-too-old",
            {"min": 2},
        )
    assert till.send() == {}
    assert points_of(hq, m) == (50, 0)


@pytest.mark.parametrize("form", [2, 65_536])
def test_an_edition_in_a_form_of_tomorrow_is_not_taken_whoever_brings_it(
    hq: Headquarters, home: Shop, monkeypatch: pytest.MonkeyPatch, form: int
) -> None:
    m = enrolled(home)
    home.sync()
    held = feeds.edition(home.till.book, "members", "main")
    assert isinstance(home.counter.sell(m, GOODS, "c1"), Recorded)
    with monkeypatch.context() as tomorrow:
        tomorrow.setattr(editions, "SCHEMA", form)
        done = home.night.contact(rest=lambda _ms: None)
    assert [(alarm.problem, alarm.detail) for alarm in done.alarms] == [("agent-too-old", {"min": form})]
    assert points_of(hq, m) == (200, 0), "what it recorded is taken"
    assert feeds.edition(home.till.book, "members", "main") == held
    assert isinstance(home.counter.sell(m, GOODS, "c1"), Recorded)
    home.sync()
    assert feeds.edition(home.till.book, "members", "main") > held, "and the next one that it reads is taken"


# -- a till that is newer than headquarters ------------------------------------------------------


def without(*kinds: str) -> dict[Any, Any]:
    """What a headquarters understands that has not learnt these."""
    return {kind: check for kind, check in KINDS.items() if kind[0] not in kinds}


def test_what_headquarters_has_not_learnt_is_kept_and_posted_after_its_upgrade(hq: Headquarters) -> None:
    hq.reopen(kinds=without("redeem.cash", "sale.refund"))
    home = hq.shop("s001")
    m = enrolled(home)
    redeemed = home.counter.redeem(m, 30, "c1")
    sold = home.counter.sell(m, GOODS, "c1")
    assert isinstance(sold, Recorded)
    assert isinstance(redeemed, Recorded)
    assert isinstance(goods_back.refund(home.till, sold.op.id, [[1, 1, 10_000]], "c1"), Recorded)
    home.sync()
    assert points_of(hq, m) == (200, 0), "both sales are posted: the lane goes on"
    assert [row for (row,) in hq.rows("SELECT on_what FROM waiting")] == ["unknown-type"] * 2
    card = home.counter.card(m)
    assert card is not None
    assert card.points == 70, "here it is known what happened"
    hq.reopen(kinds=without("redeem.cash"))
    assert points_of(hq, m) == (100, 0), "what it learns first is posted first"
    hq.reopen()
    assert points_of(hq, m) == (70, 0)
    assert hq.rows("SELECT on_what FROM waiting") == []
    home.sync()
    card = home.counter.card(m)
    assert card is not None
    assert (card.points, card.pending_pts) == (70, 0), "and its till has heard of it"
    assert cases(hq) == []
    assert verify(hq.office).faults == []
    hq.reopen()
    assert points_of(hq, m) == (70, 0), "once"


def test_a_version_of_tomorrow_is_kept_and_learnt(hq: Headquarters, till: PretendTill) -> None:
    m = till.enrol()
    till.earn(m, 100)
    till.redeem(m, 40, tv=2, note="雨")
    till.earn(m, 5)
    assert till.send() == {3: ("P", {"reason": "unknown-version"})}
    assert points_of(hq, m) == (105, 0)
    hq.reopen(kinds=KINDS | {("redeem.cash", 2): KINDS["redeem.cash", 1]})
    assert points_of(hq, m) == (65, 0)
    assert till.told()[3][0] == "A"
    till.redeem(m, 5, tv=2)
    assert till.send() == {}, "what is new is posted at once from then on"
    assert points_of(hq, m) == (60, 0)


def test_what_refers_to_it_waits_for_it(hq: Headquarters, till: PretendTill) -> None:
    hq.reopen(kinds=without("sale.earn"))
    m = till.enrol()
    sale = till.earn(m, 100)
    till.refund(m, sale, 4_000, ["burn_l", 40])
    assert till.send() == {
        2: ("P", {"reason": "unknown-type"}),
        3: ("P", {"reason": "missing-dependency", "op": sale["id"]}),
    }
    again = till.heard(till.deliver(till.cut(1, 3)))
    assert again[2] == ("P", {"reason": "unknown-type"}), "asked again it says the same"
    hq.reopen()
    assert points_of(hq, m) == (60, 0)


def test_what_is_misshapen_by_what_was_learnt_is_a_case(hq: Headquarters, till: PretendTill) -> None:
    hq.reopen(kinds=without("redeem.cash"))
    m = till.enrol()
    till.earn(m, 100)
    till.redeem(m, 40, ["local", 30])
    assert till.send() == {3: ("P", {"reason": "unknown-type"})}
    hq.reopen()
    assert points_of(hq, m) == (100, 0)
    assert [reason for reason, _ in cases(hq)] == ["bad-field"]
