"""When the PC that went on in a lane of its own is known to have spoken in it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from forks import heard, sold, twins
from headquarters import Headquarters, Shop

from agent.uplink import OutOfReach, Uplink
from hub.store import doubted_pcs
from hub.store.engine import Turn

pytestmark = pytest.mark.usefixtures("asks")


def test_who_only_delivered_a_batch_has_spoken(
    hq: Headquarters, home: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The line is gone before it asks anything else; the other PC is another one all the same."""
    twin, m = twins(hq, home, tmp_path)
    call, delivered = Uplink.call, []

    def cut_after_a_batch(uplink: Uplink, method: str, target: str, *rest: Any) -> bytes:
        if uplink is twin.uplink and delivered:
            raise OutOfReach("cut off")
        answer = call(uplink, method, target, *rest)
        if target.endswith("/2/batches"):
            delivered.append(target)
        return answer

    with monkeypatch.context() as wire:
        wire.setattr(Uplink, "call", cut_after_a_batch)
        twin.night.contact(rest=lambda _ms: None)
    assert delivered
    home.sync()
    home.sync()
    mine = sold(twin, m)
    twin.sync()
    assert mine[0] not in heard(hq)
    with hq.office.store.look() as look:
        assert doubted_pcs.thought(look, twin.till.identity.lane) == doubted_pcs.ASKED


def test_who_has_spoken_long_ago_costs_no_writing(
    hq: Headquarters, home: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every hello of every till would take the pen to remove what is not there."""
    twin, m = twins(hq, home, tmp_path)
    run, removed = Turn.run, []

    def watched(turn: Turn, sql: str, arguments: Sequence[Any] = (), **more: Any) -> list[Any]:
        if sql.startswith("DELETE FROM settings") and str(arguments[0]).startswith("silent:"):
            removed.append(arguments[0])
        return run(turn, sql, arguments, **more)

    monkeypatch.setattr(Turn, "run", watched)
    for _ in range(2):
        home.sync()
        twin.sync()
        sold(twin, m)
    assert removed == ["silent:s001/01/2"]
