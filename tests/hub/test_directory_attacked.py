"""The directory of all members, and whoever would have a till believe something else of it."""

from __future__ import annotations

from typing import Any

import pytest
from headquarters import Headquarters, Shop
from listed import Holder, everything, held, newcomer, tell_everybody, told_to, unknown_at
from told_by_steps import sold

from agent import directory_editions
from agent.directory import hear, told_version
from hub import directory
from points.wire import directory_step, endpoints
from points.wire.hello import Told


def test_a_file_that_was_changed_is_not_believed_and_comes_anew(
    hq: Headquarters, home: Shop, holder: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = [newcomer(home, 100 + n)[0] for n in range(20)]
    monkeypatch.setattr(directory, "PART", 0)
    tell_everybody(hq, holder)
    wrong = bytearray(holder.directory.path.read_bytes())
    wrong[-20] ^= 0xFF
    holder.directory.path.write_bytes(wrong)
    holder.directory.renew()
    sold(home, people[0], 5_000)
    home.sync()
    directory.publish(hq.office)
    holder.take()
    assert holder.directory.held is None, "its sections do not add up to what headquarters has"
    holder.take()
    assert held(holder) == everything(hq)


def test_a_step_that_leads_elsewhere_is_found_out(
    hq: Headquarters, home: Shop, holder: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = [newcomer(home, 100 + n)[0] for n in range(9)]
    monkeypatch.setattr(directory, "PART", 0)
    tell_everybody(hq, holder)
    sold(home, people[0], 5_000)
    home.sync()
    real = directory_step.applied

    def off_by_one(sections: Any, step: Any, bits: int) -> Any:
        for one in real(sections, step, bits):
            if one.bands:
                one.bands[0] ^= 1
            yield one

    directory.publish(hq.office)
    with monkeypatch.context() as broken:
        broken.setattr(directory_editions.directory_step, "applied", off_by_one)
        holder.take()
        assert holder.directory.held is None
    holder.take()
    assert held(holder) == everything(hq)


def test_an_older_edition_is_not_taken(
    hq: Headquarters, home: Shop, holder: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    m = newcomer(home, 100)[0]
    told_to(hq, "all")
    directory.publish(hq.office)
    path = endpoints.manifest_of(directory.TOPIC, "all", 1)
    holder.shop.sync()
    old = holder.shop.uplink.call("GET", path)
    sold(home, m, 3_000)
    home.sync()
    directory.publish(hq.office)
    holder.take()
    ver, ask = holder.ver, holder.shop.uplink.call
    sold(home, m, 9_000)
    home.sync()
    directory.publish(hq.office)
    holder.shop.sync()
    monkeypatch.setattr(
        holder.shop.uplink, "call", lambda method, at, *more: old if path in at else ask(method, at, *more)
    )
    holder.editions.look()
    assert holder.ver == ver == 2


def test_a_hello_that_tells_of_no_edition_takes_nothing_away(
    hq: Headquarters, home: Shop, holder: Holder
) -> None:
    newcomer(home, 100)
    tell_everybody(hq, holder)
    till = holder.shop.till
    lane = till.identity.lane
    told = Told("hub", 1, lane.chain, lane.store, lane.till, 0, None, ())
    hear(till, told)
    assert told_version(till) == holder.ver


def test_a_file_that_is_cut_short_is_none(hq: Headquarters, home: Shop, holder: Holder) -> None:
    _, code = newcomer(home, 100)
    tell_everybody(hq, holder)
    unknown_at(holder.shop)
    path, whole = holder.directory.path, holder.directory.path.read_bytes()
    for size in (0, 3, 40, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        holder.directory.renew()
        assert holder.directory.held is None
        assert holder.tells(code) is None
    path.write_bytes(whole)
    holder.directory.renew()
    assert holder.tells(code) is not None


def test_bytes_that_are_not_what_was_asked_for_are_not_kept(
    hq: Headquarters, home: Shop, holder: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    m = newcomer(home, 100)[0]
    tell_everybody(hq, holder)
    sold(home, m, 5_000)
    home.sync()
    directory.publish(hq.office)
    holder.shop.sync()
    with monkeypatch.context() as lying:
        ask, asked = holder.shop.uplink.blob, list[str]()

        def answer(sha: str, *, is_shared: bool) -> bytes:
            asked.append(sha)  # the list of steps is told truly, and the step is not
            return ask(sha, is_shared=is_shared) if len(asked) == 1 else b"?" * 600

        lying.setattr(holder.shop.uplink, "blob", answer)
        holder.editions.look()
    assert len(asked) == 2
    assert holder.ver == 1, "and what is held stays"
    assert not list((holder.directory.folder / directory_editions.COMING).iterdir())
    holder.take()
    assert held(holder) == everything(hq)
