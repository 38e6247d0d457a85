"""The first words: a till says where it stands, headquarters answers exactly that question."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wire_samples import HUB, HUB_FEED, seed
from wire_vectors import ANSWERED, ASKED

from points.wire import canonical, container, hello
from points.wire.batch_header import TreeHead
from points.wire.faults import EnvelopeVersion, Integrity, Malformed, UnknownKey, WireFault, WrongLane

PLACE = ("demo", "s01", "t1")
QUESTION = hello.ask(ASKED)


def test_a_question_is_read_as_it_was_asked() -> None:
    assert hello.read(QUESTION) == ASKED
    assert hello.read(hello.ask(replace(ASKED, has_more=True, is_shut=True))).has_more


def test_an_answer_is_read_as_it_was_told() -> None:
    raw = hello.answer(ANSWERED, QUESTION, HUB_FEED)
    assert hello.open_answer(raw, QUESTION, HUB_FEED.public_raw, PLACE) == ANSWERED


def test_an_answer_belongs_to_one_question_and_one_till() -> None:
    raw = hello.answer(ANSWERED, QUESTION, HUB_FEED)
    again = hello.ask(replace(ASKED, nonce=seed("another", 16).hex()))
    with pytest.raises(Integrity):
        hello.open_answer(raw, again, HUB_FEED.public_raw, PLACE)
    with pytest.raises(WrongLane):
        hello.open_answer(raw, QUESTION, HUB_FEED.public_raw, ("demo", "s01", "t2"))
    with pytest.raises(UnknownKey):
        hello.open_answer(raw, QUESTION, HUB.public_raw, PLACE)


def test_pieces_are_what_the_header_says_and_no_more() -> None:
    raw = hello.answer(ANSWERED, QUESTION, HUB_FEED)
    for damaged in (raw[:-1], raw + b"x", raw[:-1] + bytes((raw[-1] ^ 1,))):
        with pytest.raises(Integrity):
            hello.open_answer(damaged, QUESTION, HUB_FEED.public_raw, PLACE)


@given(at=st.integers(0, len(QUESTION) + 2_000), bit=st.integers(0, 7))
def test_an_answer_with_one_bit_turned_is_refused(at: int, bit: int) -> None:
    raw = hello.answer(ANSWERED, QUESTION, HUB_FEED)
    at %= len(raw)
    turned = raw[:at] + bytes((raw[at] ^ 1 << bit,)) + raw[at + 1 :]
    with pytest.raises(WireFault):
        hello.open_answer(turned, QUESTION, HUB_FEED.public_raw, PLACE)


OF_LOG = hello.OfLog(2, (1, 101), (("growth", 7),))
AS_WITNESS = replace(ASKED, sth=TreeHead(7, "ab" * 32), log=OF_LOG)


def test_what_a_till_says_of_the_log_is_read_as_it_was_said() -> None:
    for asked in (AS_WITNESS, replace(AS_WITNESS, sth=None, log=hello.OfLog(1))):
        assert hello.read(hello.ask(asked)) == asked
    told = replace(ANSWERED, log_public=b"k" * 32, pieces=(hello.Piece(hello.LOG, "log", "chain", b"{}"),))
    raw = hello.answer(told, QUESTION, HUB_FEED)
    assert hello.open_answer(raw, QUESTION, HUB_FEED.public_raw, PLACE) == told


@pytest.mark.parametrize(
    "log",
    [
        None, [], {}, {"inc": 0, "owed": None, "broken": []}, {"inc": 1, "owed": [1], "broken": []},
        {"inc": 1, "owed": [1, 0], "broken": []}, {"inc": 1, "owed": None, "broken": [["growth"]]},
        {"inc": 1, "owed": None, "broken": [["../x", 1]]}, {"inc": 1, "owed": None, "broken": [["a", True]]},
        {"inc": 1, "owed": None, "broken": [["a", 1]] * 9},
    ],
)  # fmt: skip
def test_what_is_said_of_the_log_in_another_form_is_refused(log: object) -> None:
    asked = canonical.decode(hello.ask(AS_WITNESS))
    with pytest.raises(Malformed):
        hello.read(canonical.encode({**asked, "x": {"log": log}}))
    newer = {"inc": 1, "owed": None, "broken": [], "later": 1}
    assert hello.read(canonical.encode({**asked, "x": {"log": newer, "later": 1}})).log == hello.OfLog(1)


WRONG = [
    ("sth", {}), ("sth", {"size": -1, "root": "ab" * 32}), ("sth", {"size": 1, "root": "ab"}),
    ("nonce", "00"), ("agent", ""), ("agent", "积分"), ("more", 2), ("more", True), ("shut", -1),
    ("mono", 1.5),
    ("lanes", {}), ("lanes", [[0, 1]]), ("lanes", [[1]]), ("lanes", [[1, "1"]]), ("lanes", [[1, 1]] * 65),
    ("feeds", [["members", "../x", 1]]), ("feeds", [["members", "r1", -1]]), ("feeds", [["a", "b", 1]] * 17),
    ("held", ["ab"]), ("held", ["ab" * 32] * 17), ("x", []), ("boot", None),
]  # fmt: skip


@pytest.mark.parametrize(("key", "value"), WRONG)
def test_a_question_in_another_form_is_refused(key: str, value: object) -> None:
    asked = canonical.decode(QUESTION)
    if isinstance(value, float):
        raw = QUESTION.replace(b'"mono":1', b'"mono":1.5')
    else:
        raw = canonical.encode({**asked, key: value})
    with pytest.raises(Malformed):
        hello.read(raw)


def test_another_version_of_a_question_is_said_so() -> None:
    asked = canonical.decode(QUESTION)
    with pytest.raises(EnvelopeVersion):
        hello.read(canonical.encode({**asked, "v": 2}))
    with pytest.raises(Malformed):
        hello.read(canonical.encode({key: value for key, value in asked.items() if key != "tok"}))


def test_arrays_may_grow_at_their_end() -> None:
    asked = canonical.decode(QUESTION)
    asked["lanes"] = [[*lane, "later"] for lane in asked["lanes"]]
    assert hello.read(canonical.encode(asked)) == ASKED


def test_pieces_in_another_form_are_refused_though_they_are_signed() -> None:
    box = container.unpack(hello.MAGIC, hello.answer(ANSWERED, QUESTION, HUB_FEED), 1 << 20)
    header = canonical.decode(box.header)
    for wrong in (["m", "till"], ["z", *header["pieces"][0][1:]], [*header["pieces"][0][:4], -1]):
        raw = container.pack(
            hello.MAGIC, {**header, "pieces": [wrong]}, box.payload, [HUB_FEED], hello.MEDIA_TYPE
        )
        with pytest.raises(Malformed):
            hello.open_answer(raw, QUESTION, HUB_FEED.public_raw, PLACE)


def test_the_window_of_nights_is_two_minutes_of_a_day() -> None:
    for night in ((0, 1439), (1380, 60)):
        told = replace(ANSWERED, night=night)
        raw = hello.answer(told, QUESTION, HUB_FEED)
        assert hello.open_answer(raw, QUESTION, HUB_FEED.public_raw, PLACE) == told
    for bad in ((0, 1440), (-1, 5), (5,), (), (True, 5), ("0", 5), (0, None)):
        with pytest.raises(Malformed):
            hello.answer(replace(ANSWERED, night=bad), QUESTION, HUB_FEED)  # type: ignore[arg-type]
