"""Tills that hold the directory of all members, and what headquarters says should be in it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from headquarters import Headquarters, Shop
from told_by_steps import enrolled, sold

from agent.counter import Found
from agent.directory import Directory, Listed, folder_in
from agent.directory_editions import DirectoryEditions
from agent.store import members
from hub import directory
from points.bands import band


class Holder:
    """A till and its directory, as its agent has them."""

    def __init__(self, shop: Shop, folder: Path) -> None:
        self.shop = shop
        self.directory = Directory(shop.till, folder_in(folder))
        self.editions = DirectoryEditions(self.directory, shop.uplink, lambda _ms: None, lambda: False)
        shop.counter._listed = self.directory.look

    def take(self) -> None:
        self.shop.sync()
        self.editions._patience.succeed()
        self.editions.look()

    @property
    def ver(self) -> int:
        return self.editions._held_ver()

    def tells(self, code: str) -> Listed | None:
        """What a scan of this code shows beside what the till knows itself."""
        found = self.shop.counter.scan(code)
        assert isinstance(found, Found)
        return found.listed


def told_to(hq: Headquarters, *stores: str) -> None:
    with hq.office.store.turn() as turn:
        assert directory.choose(turn, stores) == []


def tell_everybody(hq: Headquarters, *holders: Holder) -> None:
    """Every store is told the directory, its edition is made, and these take it."""
    told_to(hq, "all")
    directory.publish(hq.office)
    for one in holders:
        one.take()


def newcomer(shop: Shop, yuan: int = 0) -> tuple[int, str]:
    """A member of another store, with the code of the card."""
    if not members.pool_left(shop.till.book):
        shop.sync()
    cards = dict(shop.till.book.rows("SELECT m, code FROM pool"))
    m = enrolled(shop)
    if yuan:
        sold(shop, m, yuan)
    shop.sync()
    return m, str(cards[m])


def spare_card(shop: Shop) -> str:
    """A card that was printed and given to nobody."""
    row = shop.till.book.row("SELECT code FROM pool WHERE code <> '' ORDER BY m DESC LIMIT 1")
    assert row is not None
    return str(row[0])


def unknown_at(shop: Shop) -> None:
    """It is told of no member any more, like a till of a region that is not theirs."""
    with shop.till.book.turn() as turn:
        turn.execute("DELETE FROM members WHERE true")
        turn.execute("DELETE FROM codes WHERE true")
    shop.till.gather()


def everything(hq: Headquarters) -> dict[int, tuple[int, int]]:
    """Tag -> (tier, band) by headquarters' own rows, without the directory's code."""
    key, today, told = directory.secret(hq.office), hq.office.today(), {}
    for row in [json.loads(text) for (text,) in hq.rows('SELECT "row" FROM members')]:
        balance = sum(lot[1] for lot in row[8] if lot[2] <= today and (not lot[3] or lot[3] >= today))
        for who in row[12]:
            told[directory.tag_of(key, who)] = (row[3], band(balance))
    return told


def held(one: Holder) -> dict[int, tuple[int, int]]:
    now = one.directory.held
    assert now is not None
    return {
        tag: (tier, number)
        for section in now.sections()
        for tag, tier, number in zip(section.tags, section.tiers, section.bands, strict=True)
    }


@contextmanager
def became(hq: Headquarters, m: int, status: str) -> Iterator[None]:
    """A member's status is another one for a while."""
    change = 'UPDATE members SET "row" = replace("row", ?, ?) WHERE m = ?'
    for was, now in (("active", status), (status, "active")):
        with hq.office.store.turn() as turn:
            turn.run(change, (f'"{was}"', f'"{now}"', m))
        if now == status:
            yield
