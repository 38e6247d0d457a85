"""A till's data and keys are copied, and both PCs sell: headquarters believes the one it hears first.

The other is told that it tells another history, at its first contact and at every one after; nothing of it is
posted, and nothing of the first is lost or doubled. It goes on selling at its counter, and can spend no more
than it held when it was copied, unless headquarters itself grants it. The ceremony that makes a copy a till
of its own is not built: what it recorded stays in its own two files.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from holds import Violated, facts, two_files_agree
from nursery import FarTill, Nursery
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


def test_a_copy_is_found_at_its_first_contact_and_nothing_is_doubled(town: Town) -> None:
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
        copy.ask("sell", town.later(), **town.sale(member, 70))
        assert town.contact("s001")["settled"], "the original is heard first"
        posted = facts(town.hub)
        for _ in range(2):
            heard = copy.ask("contact", town.later())
            assert heard["alarms"] == ["fork"]
            assert not heard["settled"]
            assert facts(town.hub) == posted, "nothing of the copy is posted"
            copy.again()
            assert not copy.fault, "it opens and sells on, today"
        town.sell("s001", member, 30)
        assert town.contact("s001")["settled"], "the original goes on"
        town.whole()
        own = {body for _, body in two_files_agree(town.folder / "s001-copy")}
        assert own - {body for _, body in facts(town.hub).values()}, "what it sold stays with the copy"
    finally:
        copy.close()


def test_the_original_is_the_stranger_when_its_copy_was_heard_first(nursery: Nursery, tmp_path: Path) -> None:
    """Headquarters cannot tell which of two is the copy: whoever is heard first is the lane."""
    town = Town(tmp_path, nursery, ["s001"])
    copy = None
    try:
        member = town.enrol("s001")
        assert town.contact("s001")["settled"]
        copy = cloned(town, "s001")
        sold = copy.ask("sell", town.later(), **town.sale(member, 70))
        town.sell("s001", member, 40)
        assert copy.ask("contact", town.later())["settled"]
        assert town.contact("s001")["alarms"] == ["fork"]
        assert sold["id"] in facts(town.hub)
        with pytest.raises(Violated, match="not at headquarters"):
            town.whole()
        assert two_files_agree(town.folder / "s001"), "what the original sold stays with it"
    finally:
        if copy is not None:
            copy.close()
        town.close()
