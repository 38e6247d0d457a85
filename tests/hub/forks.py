"""Tills that are copied and put back, as whole folders: database, second file and keys."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from headquarters import Headquarters, Shop

from agent import enrolment
from agent.recorder import Recorded
from points.members import read_row

LINES = [[1, "all", 1, 10_000]]


def close(shop: Shop) -> None:
    shop.uplink.close()
    shop.till.log.mirror.close()
    shop.till.book.close()


def enrolled(shop: Shop) -> int:
    new = enrolment.enrol(shop.till, "c1")
    assert isinstance(new, enrolment.Enrolled)
    return new.m


def sold(shop: Shop, m: int, times: int = 1) -> list[str]:
    """Ids of sales of a hundred yuan each."""
    done = [shop.counter.sell(m, LINES, "c1") for _ in range(times)]
    assert all(isinstance(one, Recorded) for one in done), done
    return [one.op.id for one in done if isinstance(one, Recorded)]


def copied(shop: Shop, to: Path) -> Path:
    """The whole folder of a till as it is now."""
    shutil.copytree(shop.folder, to)
    return to


def put_back(hq: Headquarters, shop: Shop, copy: Path) -> Shop:
    """The till once more, on its old folder."""
    close(shop)
    shutil.rmtree(shop.folder)
    shutil.copytree(copy, shop.folder)
    return hq.open(shop.folder)


def twins(hq: Headquarters, home: Shop, folder: Path) -> tuple[Shop, int]:
    """A copy of a till that runs as well, each with a sale of its own; the copy has not sent its one."""
    home.sync()
    m = enrolled(home)
    sold(home, m)
    home.sync()
    twin = hq.open(copied(home, folder / "twin"))
    sold(home, m)
    home.sync()
    sold(twin, m)
    return twin, m


def heard(hq: Headquarters) -> dict[str, tuple[str, str, int, int]]:
    """Where each operation is posted, which headquarters has heard."""
    rows = hq.rows("SELECT op_id, store, till, epoch, seq FROM op_seen WHERE posted = 1")
    return {op_id: (store, till, epoch, seq) for op_id, store, till, epoch, seq in rows}


def points_of(hq: Headquarters, m: int) -> int:
    """What headquarters says that a member has."""
    ((row,),) = hq.rows("SELECT row FROM members WHERE m = ?", m)
    return sum(int(lot[1]) for lot in read_row(json.loads(row)).lots)
