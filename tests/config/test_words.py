"""The words: two languages that say the same, and every key that the code names exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from config.faults import Fault
from config.sqlite import require_sound
from config.words import LANGUAGES, PLACES, Words, load_words, money, number, placeholders

HOUSE = Path(__file__).resolve().parents[2]
ZH, EN = load_words("zh"), load_words("en")


def differences(original: Words, other: Words) -> list[str]:
    """What keeps two languages apart; empty when they say the same."""
    ours, theirs = original.sentences, other.sentences
    found = [f"only in one: {key}" for key in ours.keys() ^ theirs.keys()]
    for key in ours.keys() & theirs.keys():
        if placeholders(ours[key]) != placeholders(theirs[key]):
            found.append(f"other placeholders: {key}")
    return sorted(found)


def test_english_says_the_same_as_chinese() -> None:
    assert differences(ZH, EN) == []


def test_a_difference_between_the_languages_would_be_seen() -> None:
    spoilt = dict(EN.sentences)
    del spoilt["refusal.busy"]
    spoilt["refusal.debt"] = "no number here"
    assert differences(ZH, Words("en", spoilt)) == [
        "only in one: refusal.busy",
        "other placeholders: refusal.debt",
    ]


def test_chinese_is_written_in_chinese_and_every_sentence_says_something() -> None:
    assert ZH.sentences
    for key, sentence in ZH.sentences.items():
        readable = key in ("receipt.store", "page.language") or re.search(r"[一-鿿]", sentence)
        assert readable, key
    assert all(sentence.strip() for words in (ZH, EN) for sentence in words.sentences.values())


def test_every_key_lives_in_a_known_place() -> None:
    assert {key.split(".")[0] for key in ZH.sentences} == set(PLACES)


def test_each_language_names_the_other() -> None:
    assert (ZH.say("page.language"), EN.say("page.language")) == ("English", "中文")


def test_a_sentence_is_filled_and_what_was_filled_in_is_not_read_again() -> None:
    assert ZH.say("refusal.below_step", step=100, suggested=1200) == "每次要用 100 分的整数倍，请改为 1200 分"
    assert EN.say("receipt.cashier", who="{who}") == "Cashier {who}"


def test_a_missing_key_or_value_stops_us() -> None:
    with pytest.raises(AssertionError, match="no words"):
        ZH.say("refusal.nonsense")
    with pytest.raises(AssertionError, match="needs"):
        ZH.say("refusal.debt")
    with pytest.raises(AssertionError, match="no words in 'fr'"):
        load_words("fr")


def test_a_page_takes_all_its_words_at_once() -> None:
    page = EN.under("page")
    assert page["page.confirm"] == "Confirm"
    assert page == {key: text for key, text in EN.sentences.items() if key.partition(".")[0] == "page"}


def keys_named_in(package: str) -> set[str]:
    """Every string in the code that has the form of a key of the words."""
    form = re.compile(rf"({'|'.join(PLACES)})\.[a-z_]+")
    found: set[str] = set()
    for path in (HOUSE / package).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and form.fullmatch(node.value):
                found.add(node.value)
    return found


@pytest.mark.parametrize("package", ["config", "hardware"])
def test_every_key_that_the_code_names_has_words(package: str) -> None:
    named = keys_named_in(package)
    assert named, "the search itself is broken"
    assert named - ZH.sentences.keys() == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_fault_can_be_told_to_a_person(language: str) -> None:
    with pytest.raises(Fault) as caught:
        require_sound((3, 40, 1))
    assert "3.51.3" in load_words(language).say(caught.value.remedy, **caught.value.detail)


@pytest.mark.parametrize(
    ("fen", "said"),
    [(1000, "¥10.00"), (5, "¥0.05"), (-5, "-¥0.05"), (-123456789, "-¥1,234,567.89"), (0, "¥0.00")],
)
def test_money_for_people(fen: int, said: str) -> None:
    assert money(fen) == said


def test_numbers_for_people() -> None:
    assert [number(1304), number(24, signed=True), number(-100, signed=True), number(0, signed=True)] == [
        "1,304",
        "+24",
        "-100",
        "0",
    ]
