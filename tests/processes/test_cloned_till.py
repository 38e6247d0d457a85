"""A till's data and keys are copied, and both PCs sell: everything that either sold is at headquarters, once.

Headquarters believes the one it hears first; the other finds out at its first contact, and goes on in a lane
of its own with a key of its own. It goes on selling at its counter before that, and can spend no more than it
held when it was copied.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from holds import books_are_right, facts, no_gap, rows
from nursery import FarTill, Nursery
from patience import until
from town import Member, Town


def cloned(town: Town, store: str) -> FarTill:
    """The same till once more, on a copy of its data and keys."""
    town.tills[store].close()
    copy = town.folder / f"{store}-copy"
    shutil.copytree(town.folder / store, copy)
    town.tills[store].start()
    return FarTill(town.nursery, copy, seq=town.tills[store].seq)


def spent(till: FarTill, now_ms: int, member: Member, pts: int) -> int:
    """What a till pays out without a network, wish after wish."""
    done = 0
    while "id" in till.ask("redeem", now_ms + done, connected=False, m=member.m, pts=pts):
        done += pts
    return done


def recorded(folder: Path) -> set[str]:
    """Ids of everything in a till's book."""
    return {op_id for (op_id,) in rows(folder / "data" / "agent.sqlite", "SELECT op_id FROM ops")}


def accept(town: Town) -> None:
    """A person opens the case of the second PC and says that it belongs."""
    ((number,),) = rows(
        town.hub.database, "SELECT id FROM cases WHERE reason = 'second-pc' AND closed_ms IS NULL"
    )
    case = f"{town.hub.url}/console/cases/{number}"
    with httpx.Client(follow_redirects=True, trust_env=False) as person:
        person.get(town.hub.console_link())
        word = re.search(r'name="word" value="([0-9a-f]+)"', person.get(case).text)
        assert word is not None
        said = {"word": word[1], "before": "0", "what": "accept_pc", "by": "李娜", "note": "备机"}
        assert person.post(case, data=said).is_success


def is_whole(town: Town, *folders: str) -> None:
    """What must hold at rest: what anybody recorded is posted once, and the books are right."""
    posted = facts(town.hub)
    no_gap(town.hub)
    books_are_right(town.hub, town.now_ms)
    for folder in folders:
        assert recorded(town.folder / folder) <= posted.keys()


@pytest.fixture
def pair(nursery: Nursery, tmp_path: Path) -> Iterator[Town]:
    """A till that will be copied: a town of its own, whose witness does not see what the copy does."""
    town = Town(tmp_path, nursery, ["s001"])
    yield town
    town.close()


def test_a_copy_is_found_at_its_first_contact_and_nothing_is_lost_or_doubled(pair: Town) -> None:
    town = pair
    member = town.enrol("s001")
    town.sell("s001", member, 300)
    assert town.contact("s001")["settled"]
    town.sell("s001", member, 200)
    held = town.act("s001", "rights", m=member.m)["left"]
    assert held >= 200
    copy = cloned(town, "s001")
    try:
        town.act("s001", "redeem", m=member.m, pts=150)
        town.sell("s001", member, 40)
        assert spent(copy, town.later(), member, 10) <= held, "a copy spends what it held, and no more"
        sold = copy.ask("sell", town.later(), **town.sale(member, 70))
        assert town.contact("s001")["settled"], "the original is heard first"
        heard = copy.ask("contact", town.later())
        assert heard["settled"], heard
        assert not heard["alarms"]
        assert sold["id"] in facts(town.hub)
        copy.again()
        assert not copy.fault, "it opens in its own lane"
        assert spent(copy, town.later(), member, 10) == 0, "what it could spend stays with the old lane"
        town.sell("s001", member, 30)
        assert town.contact("s001")["settled"], "the original goes on"
        doubted = copy.ask("sell", town.later(), **town.sale(member, 20))
        assert copy.ask("contact", town.later())["settled"]
        assert doubted["id"] not in facts(town.hub), "both are alive: it waits until a person has looked"
        accept(town)
        assert until(lambda: doubted["id"] in facts(town.hub)), "what was kept is booked after the page"
        is_whole(town, "s001", "s001-copy")
    finally:
        copy.close()


def test_the_original_is_the_stranger_when_its_copy_was_heard_first(pair: Town) -> None:
    """Headquarters cannot tell which of two is the copy: whoever is heard first is the lane."""
    town = pair
    member = town.enrol("s001")
    assert town.contact("s001")["settled"]
    copy = cloned(town, "s001")
    try:
        sold = copy.ask("sell", town.later(), **town.sale(member, 70))
        own = town.sell("s001", member, 40)
        assert copy.ask("contact", town.later())["settled"]
        assert town.contact("s001")["settled"]
        assert {sold["id"], own["id"]} <= facts(town.hub).keys()
        is_whole(town, "s001", "s001-copy")
    finally:
        copy.close()
