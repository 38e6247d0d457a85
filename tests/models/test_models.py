"""The protocols of the rights, searched to the last state; and each rule broken once, and found out.

A table of searches and a table of broken rules. A search passes when it saw every state without an error;
a broken rule passes when the search of the same model fails by an assertion. Says nothing of the program:
that it keeps these rules is shown by its own tests.
"""

from __future__ import annotations

import re

import pytest
from model_check import HERE, CutShort, Result, missing_tool, read, search

MISSING = missing_tool()
pytestmark = pytest.mark.skipif(
    bool(MISSING), reason=f"SKIPPED, missing: {MISSING}, so the models of the rights are not checked"
)

LATE = ("EARNS=0", "TERMS=3", "PARKS=0", "RETURNS=0")
PENDING = ("EARNS=0", "PENDING=1", "PARKS=0")

SEARCHES: list[tuple[str, tuple[str, ...]]] = [
    ("rights", ()),
    ("rights", LATE),
    ("rights", ("EARNS=0", "POINTS=2")),
    ("rights", PENDING),
    ("authorisation", ()),
    ("authorisation", ("POINTS=2", "INTENTS=3", "CLAWS=2")),
    ("lost", ()),
    ("restore", ()),
    ("restore", ("POINTS=2", "GRANTS=2")),
    ("transfer", ()),
    ("transfer", ("GIVES=3", "GRANTS=4")),
]

BROKEN: list[tuple[str, str, tuple[str, ...]]] = [
    ("rights", "M_TIMER_RECLAIM", ()),
    ("rights", "M_REVIVED_TERM", ()),
    ("rights", "M_ADDITIVE_GRANT", ()),
    ("rights", "M_SETTLE_BY_POSTED", ()),
    ("rights", "M_CLOSE_WITHOUT_NETTING", ()),
    ("rights", "M_CLOSE_BEFORE_LANE", ()),
    ("rights", "M_CLOSE_IN_TWO_WRITES", ()),
    ("rights", "M_CLOSE_NAMES_OLD_ONLY", LATE),
    ("rights", "M_GRANT_BEFORE_CLOSE", ("POINTS=2",)),
    ("rights", "M_GAVE_BACK_AND_KEPT", ()),
    ("rights", "M_HEARD_TWICE", ()),
    ("rights", "M_LOCAL_FROM_PENDING", PENDING),
    ("authorisation", "M_RELEASE_BY_TIME", ()),
    ("authorisation", "M_POSTED_BY_CREDIT", ()),
    ("authorisation", "M_RESERVED_AFTER_ITS_END", ()),
    ("authorisation", "M_RESERVED_TWICE", ("POINTS=2",)),
    ("authorisation", "M_ANSWER_AFTER_VOID", ()),
    ("authorisation", "M_INTENT_IN_MEMORY", ()),
    ("authorisation", "M_CLOSE_WHILE_ASKING", ()),
    ("authorisation", "M_CLOSE_ENDS_ANOTHERS", ()),
    ("lost", "M_LANE_NOT_SEALED", ()),
    ("lost", "M_LOST_TWICE", ()),
    ("lost", "M_RETURNED_AND_LOST", ()),
    ("lost", "M_LOST_LEAVES_LOCAL", ()),
    ("lost", "M_GRANT_TO_THE_LOST", ()),
    ("lost", "M_SURFACES_IN_PIECES", ()),
    ("lost", "M_SELLS_WHEN_REVOKED", ()),
    ("lost", "M_SHORTAGE_IS_THE_MEMBERS", ()),
    ("restore", "M_GRANT_BEFORE_CLOSE", ()),
    ("restore", "M_GRANT_AFTER_OWN_CLOSE", ()),
    ("restore", "M_LOCAL_COUNTED_TWICE", ()),
    ("restore", "M_LANES_NOT_REWOUND", ()),
    ("transfer", "M_POSTED_TWICE", ()),
    ("transfer", "M_TAKEN_TWICE", ()),
    ("transfer", "M_TAKEN_AFTER_CLOSE", ()),
    ("transfer", "M_GAVE_AND_KEPT", ()),
    ("transfer", "M_GIVER_TAKES_BACK", ()),
    ("transfer", "M_UNTAKEN_IS_NOBODYS", ()),
]

LONG = [("rights", ())]
MODELS = sorted(path.stem for path in HERE.glob("*.pml"))
WHOLE = """State-vector 148 byte, depth reached 26, errors: 0
   518997 states, stored
pan: elapsed time 1.5 seconds
"""


@pytest.mark.parametrize(
    ("model", "defines"),
    [pytest.param(*row, marks=[pytest.mark.long] if row in LONG else []) for row in SEARCHES],
)
def test_no_state_of_a_model_breaks_a_rule(model: str, defines: tuple[str, ...]) -> None:
    result = search(model, defines)
    print(f"{model} {' '.join(defines)}: {result.states:,} states, {result.depth} deep, {result.seconds} s")
    assert result.error == ""
    assert result.states > 1_000, "a model in which nothing happens shows nothing"


@pytest.mark.parametrize(("model", "mutant", "defines"), BROKEN)
def test_a_broken_rule_is_found_out(model: str, mutant: str, defines: tuple[str, ...]) -> None:
    result = search(model, (*defines, mutant), fast=False)
    assert result.error.startswith("assertion violated"), f"{mutant} survived: {result}"


def test_every_rule_that_a_model_can_break_is_broken_and_described() -> None:
    written = {
        (model, mutant)
        for model in MODELS
        for mutant in re.findall(r"\bM_[A-Z_]+", (HERE / f"{model}.pml").read_text("utf-8"))
    }
    assert written == {(model, mutant) for model, mutant, _ in BROKEN}
    told = (HERE / "README.md").read_text("utf-8")
    assert [name for pair in written for name in pair if name not in told] == []


def test_negative_control_a_search_that_is_cut_short_is_no_result() -> None:
    with pytest.raises(CutShort):
        search("transfer", fast=False, depth_max=8)
    assert read(WHOLE) == Result("", 518_997, 26, 1.5)
    for said in ("error: max search depth too small\n", "pan: reached -DMEMLIM bound\npan: out of memory\n"):
        with pytest.raises(CutShort):
            read(said + WHOLE)
    with pytest.raises(CutShort):
        read("killed")
