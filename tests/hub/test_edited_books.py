"""A book that somebody edits by hand: nothing of it is told, and what headquarters has stands."""

from __future__ import annotations

from contextlib import closing

import pytest
from forks import close, enrolled, heard, points_of, sold
from headquarters import Headquarters, Shop

from config.faults import Fault
from config.sqlite import open_database


def edited(hq: Headquarters, shop: Shop, op_id: str) -> Shop:
    """The till once more, after somebody has written more points into its book."""
    path = shop.till.book.path
    close(shop)
    with closing(open_database(path)) as book:
        for (name,) in book.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'ops'"
        ).fetchall():
            book.execute(f"DROP TRIGGER {name}")
        ((pos, body),) = book.execute("SELECT pos, body FROM ops WHERE op_id = ?", (op_id,)).fetchall()
        richer = bytes(body).replace(b'"pts":100', b'"pts":900')
        assert richer != bytes(body)
        book.execute("UPDATE ops SET body = ? WHERE pos = ?", (richer, pos))
    return hq.open(shop.folder)


def test_what_was_edited_before_it_was_told_is_not_told(hq: Headquarters) -> None:
    shop = hq.shop("s001")
    m = enrolled(shop)
    shop.sync()
    ids = sold(shop, m, 3)
    again = edited(hq, shop, ids[1])
    with pytest.raises(Fault, match="breaks at operation 3") as caught:
        again.night.contact(rest=lambda _ms: None)
    assert caught.value.remedy == "fault.log_broken"
    assert heard(hq).keys().isdisjoint(ids)
    assert points_of(hq, m) == 0
    assert hq.rows("SELECT count(*) FROM cases") == [(0,)]
    assert sold(again, m), "it sells on"


def test_what_was_edited_after_it_was_told_stands_as_headquarters_has_it(hq: Headquarters) -> None:
    shop = hq.shop("s001")
    m = enrolled(shop)
    ids = sold(shop, m, 3)
    shop.sync()
    again = edited(hq, shop, ids[1])
    sold(again, m)
    again.sync()
    assert points_of(hq, m) == 400
    with pytest.raises(Fault, match="breaks at operation 3"):
        list(again.till.log.walk())
