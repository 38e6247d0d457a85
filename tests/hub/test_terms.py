"""A term that is over never opens again, whatever was cut off while it was closed."""

from __future__ import annotations

from typing import Any

import pytest
from headquarters import Headquarters, Shop
from test_bells import at_home

from agent import provisioning
from agent.counter import No
from agent.till import Till
from agent.uplink import join


class PowerCut(Exception):
    """Where the PC stopped."""


def replaced(hq: Headquarters) -> tuple[Shop, int]:
    """A till of 400 points whose place another PC has taken, and that still stands in the shop."""
    old, _, m = at_home(hq)
    provisioning.join(hq.folder / "next" / "keys", hq.ticket("s001"), join)
    return old, m


def closes(shop: Shop) -> int:
    found = shop.till.book.row("SELECT count(*) FROM ops WHERE kind = 'rights.close'")
    assert found is not None
    return int(found[0])


def test_a_pc_that_stops_between_the_close_and_the_new_term_has_nothing_left(
    hq: Headquarters, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, m = replaced(hq)

    def cut(*_: Any) -> None:
        raise PowerCut

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(Till, "enter_term", cut)
        with pytest.raises(PowerCut):
            old.sync()
    again = hq.open(old.folder)
    assert closes(again) == 1
    assert (again.till.identity.inc, again.till.identity.term) == (1, 2)
    assert again.here(m) == 0
    again.uplink.connected = False
    assert isinstance(again.counter.redeem(m, 10, "c1"), No)


def test_a_close_waits_until_the_cashier_has_an_answer(hq: Headquarters) -> None:
    old, m = replaced(hq)
    old.till.asking.add("ab" * 16)
    old.night.contact(rest=lambda _ms: None)
    assert closes(old) == 0
    assert old.here(m) == 400
    old.till.asking.clear()
    old.night.contact(rest=lambda _ms: None)
    assert closes(old) == 1
    assert old.here(m) == 0


def test_what_was_used_up_belongs_to_the_old_term_too(hq: Headquarters) -> None:
    """Else a page of the old term that comes late would find it open."""
    old, m = replaced(hq)
    old.uplink.connected = False
    old.counter.redeem(m, 400, "c1")
    assert old.till.rights(m).empty
    old.uplink.connected = True
    old.night.contact(rest=lambda _ms: None)
    held = old.till.rights(m)
    assert (held.inc, held.term) == (1, 2)
