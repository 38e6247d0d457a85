"""Tills are witnesses of headquarters' log: what is proved is kept, what contradicts is told and kept."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from headquarters import DAY_MS, Headquarters, Shop
from pretend_till import PretendTill
from test_hello import QUESTION, asked

from agent import doctor, enrolment, provisioning, witness
from agent.recorder import Recorded
from agent.store import feeds, witnessed
from hub import hello as answering
from hub import witnesses
from hub.sequencer import Sequencer
from points.wire import ack, checkpoint, endpoints, envelope, hello, tree
from points.wire import witness as shown
from points.wire.hello import OfLog, Piece
from points.wire.keys import SigningKey
from points.wire.witness import Place, Shown

Bend = Callable[[Shown], Shown]


def sell(shop: Shop, times: int = 1) -> None:
    for _ in range(times):
        new = enrolment.enrol(shop.till, "c1")
        assert isinstance(new, enrolment.Enrolled)
        assert isinstance(shop.counter.sell(new.m, [[1, "all", 1, 10_000]], "c1"), Recorded)
        shop.sync()


def said(hq: Headquarters) -> list[tuple[str, str]]:
    return [
        (reason, json.loads(detail)["what"])
        for reason, detail in hq.rows(
            "SELECT reason, detail FROM cases WHERE reason LIKE 'log-%' ORDER BY id"
        )
    ]


def bent(monkeypatch: pytest.MonkeyPatch, bend: Bend | None) -> None:
    """What every till is shown of the log from now on; as it is with None."""
    monkeypatch.undo()
    plain = witnesses.shown

    def shows(*asked: object) -> Piece | None:
        piece = plain(*asked)  # type: ignore[arg-type]
        return piece and replace(piece, raw=shown.encode(bend(shown.read(piece.raw))) if bend else piece.raw)

    monkeypatch.setattr(witnesses, "shown", shows)


def test_every_ack_of_a_till_is_proved_in_the_contact_that_brought_it(hq: Headquarters, home: Shop) -> None:
    for count in (1, 3):
        sell(home, count)
        hq.clock.now_ms += 60_000
    home.sync()
    assert witnessed.owed(home.till.book, 1) == []
    key = hq.office.keys.log
    assert key is not None
    acks = home.till.book.rows("SELECT first, leaf FROM envelopes WHERE ack IS NOT NULL")
    assert len(acks) >= 4
    for first, leaf in acks:
        found = witnessed.proved(home.till.book, first)
        assert found is not None
        head = checkpoint.open_checkpoint(found.note, "jifen/demo/1", key.public_raw)
        assert tree.is_included(
            ack.leaf_entry(found.ack), leaf, head.size, shown.hashes(found.proof), head.root
        )
    assert witness.fault(home.till) is None
    assert doctor.check_log(home.till).words == "doctor.log_fine"
    assert said(hq) == []


def test_the_head_that_a_till_has_seen_stands_in_its_batches(hq: Headquarters, home: Shop) -> None:
    sell(home)
    hq.clock.now_ms += 60_000
    home.sync()
    own = witness.own_head(home.till)
    assert own is not None
    sell(home)
    (raw,) = home.till.book.row("SELECT bytes FROM envelopes ORDER BY first DESC LIMIT 1") or (b"",)
    told = envelope.peek(raw)[0].moment.sth
    assert told is not None
    assert (told.size, told.root) == (own.size, own.root.hex())


def test_a_backlog_is_proved_a_part_a_contact_and_nothing_of_it_is_overdue(
    hq: Headquarters, home: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(witnesses, "PLACES_MAX", 2)
    monkeypatch.setattr(witnesses, "shown", lambda *_: None)
    sell(home, 5)
    monkeypatch.undo()
    monkeypatch.setattr(witnesses, "PLACES_MAX", 2)
    hq.clock.now_ms += 2 * DAY_MS
    left = []
    while not left or left[-1]:
        home.sync()
        left.append(len(witnessed.owed(home.till.book, 64)))
        assert witness.fault(home.till) is None
    assert left == sorted(left, reverse=True)
    assert len(left) > 2


def test_a_contact_that_brings_nothing_but_a_head_of_millions_is_small(
    hq: Headquarters, home: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    sell(home)
    hq.clock.now_ms += 60_000
    for _ in range(2):
        home.sync()
    made = Shown(signed(hq, 4_000_000), (bytes(range(32)),) * 22)
    monkeypatch.setattr(witnesses, "shown", lambda *_: Piece(hello.LOG, "log", "chain", shown.encode(made)))
    questions = asked(home, monkeypatch)
    home.sync()
    ((path, sent, heard),) = questions
    assert path == endpoints.hello_to()
    assert sent <= 2_048
    assert 1_700 < heard <= 2_048, "of which the head and what proves it are 1,266"


def signed(hq: Headquarters, size: int, origin: str = "jifen/demo/1", key: SigningKey | None = None) -> bytes:
    key = key or hq.office.keys.log
    assert key is not None
    return checkpoint.sign(checkpoint.Checkpoint(origin, size, b"r" * 32), key)


def other_store_sells(hq: Headquarters, store: str) -> None:
    till = PretendTill(hq, store)
    till.earn(till.enrol(), 10)
    till.send()
    hq.clock.now_ms += 60_000
    Sequencer(hq.office).step()


def unproved(one: Shown) -> Shown:
    return replace(one, grown=tuple(bytes(32) for _ in one.grown))


STRANGER = SigningKey.from_raw(b"k" * 32)
BENT: list[tuple[str, Callable[[Headquarters], Bend]]] = [
    (shown.SIGNATURE, lambda hq: lambda one: replace(one, note=signed(hq, 90, key=STRANGER))),
    (shown.SIGNATURE, lambda hq: lambda one: replace(one, note=signed(hq, 90, "jifen/other/1"))),
    (shown.SMALLER, lambda hq: lambda one: replace(one, note=signed(hq, 1))),
    (shown.GROWTH, lambda hq: unproved),
    (shown.GROWTH, lambda hq: lambda one: replace(one, note=signed(hq, 90))),
]  # fmt: skip


@pytest.mark.parametrize(("why", "bend"), BENT)
def test_a_head_that_contradicts_is_kept_as_evidence_and_never_believed(
    hq: Headquarters, home: Shop, monkeypatch: pytest.MonkeyPatch, why: str,
    bend: Callable[[Headquarters], Bend],
) -> None:  # fmt: skip
    sell(home, 2)
    hq.clock.now_ms += 60_000
    home.sync()
    own = witness.own_head(home.till)
    assert own is not None
    other_store_sells(hq, "s008")
    bent(monkeypatch, bend(hq))
    home.sync()
    assert witness.own_head(home.till) == own
    ((found, number, _),) = witnessed.evidence(home.till.book)
    assert (found, number) == (why, own.size)
    held, answer, piece = home.till.book.row("SELECT held, answer, shown FROM log_evidence") or (b"",) * 3
    assert checkpoint.read(held) == own
    assert answer.startswith(hello.MAGIC), "the signed header of the answer that showed it"
    assert shown.read(piece).note
    fault = witness.fault(home.till)
    assert fault is not None
    assert fault.remedy == "fault.log_contradicted"
    assert doctor.check_log(home.till).verdict is doctor.Verdict.FAILED
    sell(home)  # selling goes on
    for _ in range(2):
        home.sync()
    assert len(witnessed.evidence(home.till.book)) == 1, "what contradicts goes on doing so"
    assert said(hq) == [("log-contradicted", why)]
    bent(monkeypatch, None)
    home.sync()
    newer = witness.own_head(home.till)
    assert newer is not None
    assert newer.size > own.size, "a head that continues what was seen is believed again"
    assert witness.fault(home.till) is not None, "what was found stays found"
    with pytest.raises(Exception, match="never removed"), home.till.book.turn() as turn:
        turn.execute("DELETE FROM log_evidence")


def test_an_ack_that_is_not_where_it_is_said_to_be_is_evidence(
    hq: Headquarters, home: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def moved(one: Shown) -> Shown:
        places = tuple(Place(place.batch_id, place.leaf + 1, place.proof) for place in one.places)
        return replace(one, places=places)

    bent(monkeypatch, moved)
    sell(home, 2)
    assert [why for why, _, _ in witnessed.evidence(home.till.book)] == [shown.PLACE]
    assert witnessed.owed(home.till.book, 1) != []
    home.sync()
    assert said(hq) == [("log-contradicted", shown.PLACE)]


def test_what_cannot_be_read_is_evidence_too(
    hq: Headquarters, home: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(witnesses, "shown", lambda *_: Piece(hello.LOG, "log", "chain", b"{}"))
    sell(home)
    assert [why for why, _, _ in witnessed.evidence(home.till.book)] == [witness.UNREADABLE]


def test_a_place_that_is_owed_for_more_than_a_day_is_said_and_over_when_it_comes(
    hq: Headquarters, home: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(witnesses, "shown", lambda *_: None)
    sell(home)
    hq.clock.now_ms += DAY_MS - 1_000
    home.sync()
    assert witness.fault(home.till) is None, "not yet a day"
    hq.clock.now_ms += 2_000
    home.sync()
    fault = witness.fault(home.till)
    assert fault is not None
    assert fault.remedy == "fault.log_owed"
    for _ in range(2):
        home.sync()
    assert said(hq) == [("log-owed", shown.OWED)]
    monkeypatch.undo()
    home.sync()
    assert witness.fault(home.till) is None
    assert witnessed.owed(home.till.book, 1) == []


def test_headquarters_that_rewrote_its_log_is_found_out_by_both_sides(hq: Headquarters, home: Shop) -> None:
    sell(home, 2)
    hq.clock.now_ms += 60_000
    home.sync()
    with hq.office.store.turn() as turn:
        for table in ("log_leaves", "log_subtrees", "log_heads"):
            turn.run(f"DELETE FROM {table}")
        turn.run("UPDATE batches SET g = NULL, ack = (SELECT ack FROM batches ORDER BY arrived LIMIT 1)")
    other_store_sells(hq, "s008")
    home.sync()
    assert [why for why, _, _ in witnessed.evidence(home.till.book)] == [shown.GROWTH]
    home.sync()
    assert said(hq) == [("log-contradicted", witnesses.OTHER_HEAD), ("log-contradicted", shown.GROWTH)]


def test_a_till_that_was_opened_before_there_was_a_log_keeps_the_first_key_it_is_told(
    hq: Headquarters, home: Shop
) -> None:
    path = home.folder / "keys" / provisioning.IDENTITY
    kept = json.loads(path.read_text())
    key = hq.office.keys.log
    assert key is not None
    assert kept.pop("log") == key.public_raw.hex()
    path.write_text(json.dumps(kept))
    home.till.identity = provisioning.identity_of(home.folder / "keys")
    assert home.till.identity.hub_log_public == b""
    sell(home)
    assert feeds.fact(home.till.book, witnessed.LOG_PUBLIC) == key.public_raw.hex()
    assert witnessed.owed(home.till.book, 1) == []
    hq.office.keys = replace(hq.office.keys, log=STRANGER)
    other_store_sells(hq, "s008")
    home.sync()
    assert [why for why, _, _ in witnessed.evidence(home.till.book)] == [shown.SIGNATURE]


def test_an_older_till_is_shown_nothing_and_an_older_headquarters_shows_nothing(
    hq: Headquarters, home: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    sell(home)
    till = PretendTill(hq, "s002")
    question = replace(QUESTION, feeds={})
    assert question.log is None
    raw = hello.ask(question)
    answer = till.call("POST", endpoints.hello_to(), raw, endpoints.JSON)
    told = hello.open_answer(answer.body, raw, till.grant.keys.manifest, ("demo", "s002", "01"))
    assert hello.LOG not in {piece.kind for piece in told.pieces}
    assert told.log_public == b""
    monkeypatch.setattr(answering, "_with_log", lambda told, *_: told)
    hq.office.keys = replace(hq.office.keys, log=None)
    old = hq.shop("s003")
    assert old.till.identity.hub_log_public == b""
    sell(old)
    hq.clock.now_ms += 3 * DAY_MS
    old.sync()
    assert witness.fault(old.till) is None, "who has no log owes no place in it"


def test_a_pc_that_tells_of_ever_new_contradictions_opens_so_many_cases_and_no_more(
    hq: Headquarters, till: PretendTill
) -> None:
    for start in range(0, 2 * witnesses.CASES_MAX, hello.BROKEN_MAX):
        against = tuple(("growth", start + n) for n in range(hello.BROKEN_MAX))
        raw = hello.ask(replace(QUESTION, log=OfLog(1, None, against)))
        assert till.call("POST", endpoints.hello_to(), raw, endpoints.JSON).status == 200
    assert len(said(hq)) == witnesses.CASES_MAX
