"""A till and headquarters, killed at the n-th sync of an act for every n: what was answered is there, once.

After each death it is started again: its two files agree, nothing that was answered is gone, and the act that
was cut off is recorded once or not at all. In the end everything is at headquarters, and its books are right.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from holds import Violated, ask, two_files_agree
from injected import SYNCS, injected, missing
from town import Member, Town, is_long

pytestmark = [
    pytest.mark.skipif(bool(missing()), reason=f"{missing()}: nothing was killed at a sync"),
    pytest.mark.timeout(1800),
]

KINDS = {"enrol": "member.enrol", "sell": "sale.earn", "redeem": "redeem.cash", "contact": "rights.return"}
SYNCS_MAX = 200
HUB_SYNC = "fsync"
HUB_SYNCS = range(1, 30) if is_long() else (1, 2)
SAMPLE = (1, 2, 3, 5, 9, 17)


def every_death(
    town: Town, store: str, name: str, told: Callable[[], dict[str, Any]], log: Path
) -> Iterator[str]:
    """Die of an act at each of its syncs, until it has no further; gives where. Of a contact, at a few."""
    for call in SYNCS:
        for n in range(1, SYNCS_MAX):
            if name == "contact" and not is_long() and n not in SAMPLE:
                continue
            if not killed_at(town, store, f"{call}:{n}", name, told(), log):
                break
            yield f"{call}:{n}"


def killed_at(town: Town, store: str, at: str, name: str, told: dict[str, Any], log: Path) -> bool:
    """Do an act, with death at a sync; whether it died."""
    till, (call, n) = town.tills[store], at.split(":")
    with injected(till.pid, call, f"signal=KILL:when={n}", log):
        answer = till.act(name, town.later(), **told)
    if answer is not None:
        town.witness.heard(store, answer["ops"])
        return False
    town.witness.cut_off(store, KINDS[name])
    town.again(store)
    own = two_files_agree(town.folder / store)
    kept = {(seq, body) for at, seq, body in town.witness.answered.values() if at == store}
    ask(kept <= set(own), f"{store} has lost what it answered with")
    return True


def the_act(town: Town, name: str, member: Member) -> dict[str, Any]:
    """What the act is told this time, and what it needs before."""
    if name == "sell":
        return town.sale(member)
    if name == "contact":
        town.sell("s001", member)
        return {}
    return {"m": member.m, "pts": 7} if name == "redeem" else {}


@pytest.mark.parametrize("name", list(KINDS))
def test_a_till_that_dies_at_any_sync_loses_and_doubles_nothing(
    town: Town, name: str, tmp_path: Path
) -> None:
    member = town.enrol("s001")
    town.sell("s001", member)
    deaths = list(every_death(town, "s001", name, lambda: the_act(town, name, member), tmp_path / "log"))
    print(f"{name}: {deaths}")
    assert {"fsync:1", "fdatasync:1"} <= {*deaths}, "an operation is synced in two files"
    assert town.contact("s001")["settled"]


def test_an_authorised_redemption_may_die_at_any_sync(town: Town, tmp_path: Path) -> None:
    """The points are at the other store's headquarters: asked for, granted, and then the plug is pulled."""
    member = town.enrol("s002")
    town.sell("s002", member)
    for store in ("s002", "s002", "s001"):
        town.contact(store)
    told = {"m": member.m, "pts": 5}
    deaths = list(every_death(town, "s001", "redeem", lambda: told, tmp_path / "log"))
    print(f"authorised: {deaths}")
    assert "fsync:2" in deaths, "the intent is written down before it is asked"


def test_headquarters_may_die_at_any_sync_of_an_intake(town: Town, tmp_path: Path) -> None:
    member = town.enrol("s002")
    deaths = 0
    for n in HUB_SYNCS:
        town.sell("s002", member)
        with injected(town.hub.pid, HUB_SYNC, f"signal=KILL:when={n}", tmp_path / "log"):
            town.contact("s002")
            died = town.hub.wait_for_its_end(0.3)
        if not died:
            break
        deaths += 1
        town.hub.start()
        assert town.contact("s002")["settled"]
    print(f"headquarters: {deaths} deaths")
    assert deaths >= 2
    town.rest()
    town.whole()


def test_a_lost_operation_is_seen(town: Town, tmp_path: Path) -> None:
    """The laws see a till whose second file knows less, or more, than its database."""
    member = town.enrol("s002")
    town.sell("s002", member)
    mirror = town.folder / "s002" / "keys" / "mirror.log"
    whole = mirror.read_bytes()
    mirror.write_bytes(whole.rstrip(b"\0")[:-1])  # behind it is room for what comes
    try:
        with pytest.raises(Violated, match="two histories"):
            two_files_agree(town.folder / "s002")
    finally:
        mirror.write_bytes(whole)
    assert two_files_agree(town.folder / "s002")
