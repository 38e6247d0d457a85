"""Two PCs that are one till, and what headquarters thinks and keeps of the one that nobody believes."""

from __future__ import annotations

from pathlib import Path

from forks import twins
from headquarters import Headquarters, Shop

from agent.store import feeds
from agent.till import DOUBTED
from hub import casework, release


def parted(hq: Headquarters, home: Shop, tmp_path: Path) -> tuple[Shop, int]:
    """A till of which a copy runs as well, and headquarters knows: the copy, and a member of 300 points."""
    twin, m = twins(hq, home, tmp_path)
    assert twin.sync().settled
    home.sync()
    home.sync()
    assert (home.till.identity.lane.epoch, twin.till.identity.lane.epoch) == (1, 2)
    return twin, m


def the_case(hq: Headquarters, to: int = 2) -> casework.Case:
    """The one open case of a second PC that went on in lane ``to``."""
    ((number,),) = hq.rows(
        "SELECT id FROM cases WHERE reason = 'second-pc' AND closed_ms IS NULL AND detail LIKE ?",
        f'%"to": {to}}}',
    )
    with hq.office.store.look() as look:
        case = casework.find(look, hq.office, number)
    assert case is not None
    return case


def say(hq: Headquarters, what: str, to: int = 2) -> None:
    """A person decides, and all that follows is done."""
    decided(hq, what, to)
    release.go_on(hq.office)


def decided(hq: Headquarters, what: str, to: int = 2) -> None:
    """A person decides; what follows from it is still to be done."""
    case = the_case(hq, to)
    with hq.office.store.turn() as turn:
        assert casework.act(turn, hq.office, case.number, len(case.acts), what, "李娜", "问过门店")


def kept(hq: Headquarters) -> int:
    ((count,),) = hq.rows("SELECT count(*) FROM waiting WHERE on_what LIKE 'pc:%'")
    return int(count)


def is_told(shop: Shop) -> bool:
    return feeds.fact(shop.till.book, DOUBTED) == "1"
