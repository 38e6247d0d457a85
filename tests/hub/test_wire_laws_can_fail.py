"""Each law of the wire, broken once on purpose: it must say so."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import wire_laws
from forks import copied, sold
from headquarters import Headquarters, headquarters
from wire_laws import LAWS, watched
from wire_laws_of_books import held
from wire_stand import Stand

from agent import outgoing
from agent.contact import Contacted
from hub import judgement, private_page
from points.wire import checkpoint, chunk, hello
from points.wire.uplink import Conversation

Break = Callable[[Stand, pytest.MonkeyPatch], None]
BREAKS: dict[str, Break] = {}


def breaks(law: str) -> Callable[[Break], Break]:
    def note(broken: Break) -> Break:
        BREAKS[law] = broken
        return broken

    return note


def tamper(stand: Stand, sql: str, *arguments: object) -> None:
    with stand.hq.office.store.turn() as turn:
        turn.run(sql, arguments)


def in_book(stand: Stand, sql: str, *arguments: object) -> None:
    stand.pcs[0].shop.till.book.connection.execute(sql, arguments)


@breaks("W1")
def no_paper(stand: Stand, _: pytest.MonkeyPatch) -> None:
    stand.pcs[0].papers["ab" * 16] = b"{}"


@breaks("W2")
def changeable(stand: Stand, _: pytest.MonkeyPatch) -> None:
    for (name,) in stand.pcs[0].shop.till.book.rows("SELECT name FROM sqlite_master WHERE type = 'trigger'"):
        in_book(stand, f"DROP TRIGGER {name}")


@breaks("W3")
def posted_twice(stand: Stand, _: pytest.MonkeyPatch) -> None:
    tamper(
        stand,
        "INSERT INTO facts SELECT bucket, m, n + 900000, op_id, store, till, kind, body FROM facts LIMIT 1",
    )


@breaks("W4")
def lost(stand: Stand, _: pytest.MonkeyPatch) -> None:
    stand.ever["cd" * 16] = b"{}"


@breaks("W5")
def minted(stand: Stand, _: pytest.MonkeyPatch) -> None:
    m = stand.members[0]
    ((row,),) = stand.hq.rows('SELECT "row" FROM members WHERE m = ?', m)
    told = json.loads(row)
    told[8].append(["00" * 16 + ".0", 5, 0, 20301231, 0, "s001"])
    tamper(stand, 'UPDATE members SET "row" = ? WHERE m = ?', json.dumps(told), m)


@breaks("W6")
def no_outcome(stand: Stand, _: pytest.MonkeyPatch) -> None:
    tamper(
        stand,
        "UPDATE op_seen SET posted = 0"
        " WHERE op_id = (SELECT op_id FROM op_seen WHERE store <> 'hq' ORDER BY 1 LIMIT 1)",
    )


@breaks("W7")
def forged(stand: Stand, _: pytest.MonkeyPatch) -> None:
    name, raw = next(iter(stand.acks.items()))
    stand.acks[name] = raw[:40] + bytes([raw[40] ^ 1]) + raw[41:]


@breaks("W8")
def another_log(stand: Stand, _: pytest.MonkeyPatch) -> None:
    office = stand.hq.office
    assert office.keys.log is not None
    origin = checkpoint.origin_of(office.chain, office.inc)
    stand.heads.append(checkpoint.sign(checkpoint.Checkpoint(origin, 1, b"\7" * 32), office.keys.log))


@breaks("W9")
def two_hashes(stand: Stand, _: pytest.MonkeyPatch) -> None:
    stand.accepted[next(at for at in stand.accepted if at[0] != "hq")] = "00" * 32


@breaks("W10")
def two_writers(stand: Stand, _: pytest.MonkeyPatch) -> None:
    stand.pcs.append(stand.pcs[0])


@breaks("W11")
def believed(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    """A PC that was put back says hello, and goes on in its lane."""
    pc = stand.pcs[0]
    stand.copies[0].append(copied(pc.shop, stand.hq.folder / "image"))
    sold(pc.shop, stand.members[0])
    stand.contact(pc)
    stand.fork(pc, "put back")

    def contact(**_: object) -> Contacted:
        asked = outgoing.question(pc.shop.till, has_more=True, token=None, inst="00" * 16)
        pc.shop.uplink.call("POST", "/v1/hello", asked, "application/json")
        return Contacted(True, 0, 0, 0, ())

    monkeypatch.setattr(pc.shop.night, "contact", contact)
    stand.contact(pc)


@breaks("W12")
def pruned(stand: Stand, _: pytest.MonkeyPatch) -> None:
    changeable(stand, _)
    in_book(stand, "DELETE FROM ops WHERE pos = ?", stand.pcs[0].shop.till.log.pos(1))


@breaks("W13")
def dishonoured(stand: Stand, _: pytest.MonkeyPatch) -> None:
    name = next(iter(held(stand)))
    tamper(stand, "DELETE FROM batches WHERE batch_id = ?", name)
    for op_id in stand.of_envelope(name):
        tamper(stand, "DELETE FROM op_seen WHERE op_id = ?", op_id)


@breaks("W14")
def held_up(_: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    """What stands behind a poisoned operation is not posted."""
    real = judgement._admit_plain
    monkeypatch.setattr(
        judgement, "_admit_plain", lambda one, docket: None if one.n > 1 else real(one, docket)
    )
    monkeypatch.setattr(
        judgement, "_admit", lambda one, *_: judgement.UNDECODABLE if one.n else real(one, _[1])
    )


@breaks("W15")
def shown_otherwise(stand: Stand, _: pytest.MonkeyPatch) -> None:
    m = stand.members[0]
    ((row,),) = stand.pcs[0].shop.till.book.rows("SELECT row FROM members WHERE m = ?", (m,))
    told = json.loads(row)
    told[8] = []
    in_book(stand, "UPDATE members SET row = ? WHERE m = ?", json.dumps(told), m)


@breaks("W16")
def stale(stand: Stand, _: pytest.MonkeyPatch) -> None:
    in_book(stand, "UPDATE members SET row = '[1,1]' WHERE m = ?", stand.members[0])


@breaks("W17")
def unpacked_first(stand: Stand, _: pytest.MonkeyPatch) -> None:
    stand.unpacked.add("00" * 32)


@breaks("W18")
def any_kind(_: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is signed passes for an answer to a hello."""
    monkeypatch.setattr(hello, "open_answer", lambda *_: None)


@breaks("W19")
def long_ago(_: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    """The wall is believed, which says 1970."""
    real = wire_laws.true_times
    monkeypatch.setattr(
        wire_laws, "true_times", lambda *asked: [one and one._replace(ms=7) for one in real(*asked)]
    )


@breaks("W20")
def talkative(_: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page has something new at every question."""
    real = private_page.make

    def make(*asked: Any, **how: Any) -> private_page.Page:
        page = real(*asked, **how)
        piece, blob = chunk.make("till", "s001/01", [["x", secrets.token_hex(4_000)]])
        page.blobs[piece.sha] = blob
        return page

    monkeypatch.setattr(private_page, "make", make)


@breaks("W21")
def one_way(_: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever fails ends the whole contact."""
    real = Conversation._stop

    def stop(self: Conversation, way: object, *why: object) -> None:
        real(self, way, *why)  # type: ignore[arg-type]
        self._up.stopped = self._down.stopped = True

    monkeypatch.setattr(Conversation, "_stop", stop)
    monkeypatch.setattr("agent.contact.Contact._take", lambda *_: 0)


@breaks("W22")
def wordless(stand: Stand, _: pytest.MonkeyPatch) -> None:
    stand.wordless.append("teapot")


@breaks("W23")
def forgets(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is killed has lost what was not acknowledged."""
    sold(stand.pcs[0].shop, stand.members[0])
    stand.note()
    real = stand.kill

    def kill(pc: object) -> None:
        real(pc)  # type: ignore[arg-type]
        stand.ever["ef" * 16] = b"{}"

    monkeypatch.setattr(stand, "kill", kill)


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[Stand]:
    """A quiet chain with something in it."""
    with headquarters(tmp_path) as hq:
        made = quiet(hq)
        with watched(made):
            for pc in made.pcs:
                if pc.shop.till.look(made.members[0]) is not None:
                    made.printed(pc, sold(pc.shop, made.members[0])[0])
            made.rest()
        yield made


def quiet(hq: Headquarters) -> Stand:
    return Stand(hq, 0)


def test_every_law_has_a_name_and_is_broken_once() -> None:
    assert list(LAWS) == [f"W{n}" for n in range(1, 24)]
    assert BREAKS.keys() == LAWS.keys()


@pytest.mark.parametrize("law", BREAKS)
def test_a_broken_law_says_so(law: str, stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    with watched(stand):
        assert list(LAWS[law](stand)) == []
        BREAKS[law](stand, monkeypatch)
        try:
            faults = list(LAWS[law](stand))
        except Exception as error:
            faults = [repr(error)]
    assert faults
