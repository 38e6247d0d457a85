"""What tills hold and headquarters tells of members, looked at from both sides."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from headquarters import Headquarters, Shop

from agent import enrolment, stick
from agent.contact import Contact
from agent.recorder import Recorded
from agent.store import members
from hub import member_editions, shard_secrets
from hub import stick as hub_stick
from hub.regions import MAIN


class CutOff(Exception):
    """The power is gone."""


def enrolled(shop: Shop) -> int:
    if not members.pool_left(shop.till.book):
        shop.sync()
    new = enrolment.enrol(shop.till, "c1")
    assert isinstance(new, enrolment.Enrolled)
    return new.m


def enrolled_in_many(hq: Headquarters) -> None:
    """Three members in each of six stores, so that the snapshot has six chunks."""
    for n in range(10, 16):
        shop = hq.shop(f"s0{n}")
        for _ in range(3):
            enrolled(shop)
        shop.sync()


def know_nobody(shop: Shop) -> None:
    """A till as a new PC, which knows no member yet."""
    with shop.till.book.turn() as turn:
        for table in ("members", "codes", "feeds", "chunks"):
            turn.execute(f"DELETE FROM {table} WHERE true")
    shop.till.gather()


def sold(shop: Shop, m: int, yuan: int = 100) -> None:
    assert isinstance(shop.counter.sell(m, [[1, "all", 1, yuan * 100]], "c1"), Recorded)


def used(shop: Shop, m: int, pts: int) -> bool:
    return isinstance(shop.counter.redeem(m, pts, "c1"), Recorded)


def shown(shop: Shop, m: int) -> int:
    account = shop.till.shown(m, shop.till.row(m))
    return 0 if account is None else account.balance(shop.till.rule().today(shop.till.time().st_ms))


def here(shop: Shop) -> dict[int, list[Any]]:
    """Every row that a till holds."""
    return {m: json.loads(row) for m, row in shop.till.book.rows("SELECT m, row FROM members")}


def there(hq: Headquarters) -> dict[int, list[Any]]:
    """Every row as headquarters tells it."""
    return {m: member_editions.told_row(hq.office, row) for m, row in hq.rows('SELECT m, "row" FROM members')}


def bare(rows: dict[int, list[Any]]) -> list[list[Any]]:
    """Without their versions: what a till is granted when it asks makes a row newer, of the same points."""
    return [[m, *row[2:]] for m, row in sorted(rows.items())]


def steps(hq: Headquarters) -> list[tuple[int, int, int]]:
    """(after, upto, rows) of the steps that are listed."""
    with hq.office.store.look() as look:
        one = member_editions.kept(look, MAIN)
    assert one is not None
    return [(cut.step.after, cut.step.upto, cut.step.chunk.n) for cut in one.cuts]


def snapshot(hq: Headquarters) -> tuple[int, int]:
    """The version that is published, and that of its snapshot."""
    with hq.office.store.look() as look:
        one = member_editions.kept(look, MAIN)
    assert one is not None
    return one.ver, one.snap_ver


def rotate(hq: Headquarters) -> None:
    """The region's secret has grown old: another one is begun with the next edition."""
    with hq.office.store.turn() as turn:
        row = turn.one("SELECT value FROM settings WHERE name = ?", (shard_secrets.SECRET,))
        assert row is not None
        number, _, revoked = json.loads(row[0])
        turn.run(
            "UPDATE settings SET value = ? WHERE name = ?",
            (json.dumps([number, 0, revoked]), shard_secrets.SECRET),
        )


def fetched(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the blobs that this till asks for from now on."""
    ask, names = shop.uplink.call, []

    def call(method: str, path: str, *more: Any, **how: Any) -> bytes:
        if path.startswith("/v1/blob/"):
            names.append(path.rpartition("/")[2])
        return ask(method, path, *more, **how)

    monkeypatch.setattr(shop.uplink, "call", call)
    return names


def contact(shop: Shop, tell: Callable[[str, int], None]) -> None:
    Contact(shop.till, shop.uplink, rest=lambda _ms: None, tell=tell).run()


def by_stick(hq: Headquarters, shop: Shop, folder: Path) -> None:
    written = stick.write(shop.till, folder)
    back = hub_stick.take(hq.office, written.path.read_bytes())
    assert back.back is not None
    stick.read(shop.till, shop.uplink, back.back)


def blobs(hq: Headquarters) -> set[str]:
    return {sha for (sha,) in hq.rows("SELECT sha FROM blobs WHERE topic = 'members'")}
