"""What may go wrong on the wire, row by row, and the tests that prove what comes of it.

A row is proved by tests on real bytes, which are looked for here: one that was renamed or taken out leaves
its row unproved, and this red.
"""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
MATRIX: dict[str, tuple[str, ...]] = {
    "the same bytes once more: the stored receipt, no effect": (
        "hub/test_intake.py::test_a_batch_heard_twice_gets_the_stored_answer_byte_for_byte",
        "hub/test_intake.py::test_a_batch_in_two_threads_at_once_is_one_batch",
    ),
    "a batch that overlaps or was cut anew: only its new tail counts": (
        "hub/test_intake.py::test_a_batch_that_overlaps_adds_only_its_new_tail",
        "hub/test_sequencer.py::test_a_batch_cut_anew_of_what_is_known_gets_its_place_too",
        "hub/test_offered_damaged.py::test_an_answered_envelope_is_never_cut_anew",
    ),
    "out of order: a gap is told, and sent again": (
        "hub/test_intake.py::test_a_gap_is_told_and_then_closed",
        "hub/test_backlog.py::test_several_are_under_way_and_each_counts_once",
    ),
    "a lost answer: the identical one": (
        "hub/test_intake.py::test_a_lost_answer_costs_nothing",
        "agent/test_redelivery.py::test_every_envelope_comes_in_the_end",
    ),
    "a restored edge with nothing new: it goes on where headquarters is": (
        "hub/test_succession.py::test_a_till_that_was_put_back_and_did_nothing_goes_on_where_it_was",
    ),
    "a restored edge with new operations: another lane, all of them": (
        "hub/test_succession.py::test_of_a_hundred_and_eighty_operations_a_till_put_back_tells_them_all",
        "hub/test_fork_scripts.py::test_whatever_is_copied_and_put_back_nothing_is_lost_or_doubled",
    ),
    "a cloned PC: a lane of its own, all of both": (
        "hub/test_succession.py::test_of_two_hundred_operations_two_that_were_one_tell_them_all",
        "processes/test_cloned_till.py::test_a_copy_is_found_at_its_first_contact_and_nothing_is_lost_or_doubled",
    ),
    "a snapshot resumed with its chance: one id, two bodies, a case": (
        "hub/test_judging_over_http.py::test_an_operation_told_twice_is_one_and_another_under_its_name_is_a_case",
        "hub/test_what_attackers_found.py::test_another_body_under_a_known_id_is_an_equivocation_however_it_is_spelt",
    ),
    "an old operation edited by hand: refused, headquarters' copy stands": (
        "hub/test_edited_books.py::test_what_was_edited_before_it_was_told_is_not_told",
        "hub/test_edited_books.py::test_what_was_edited_after_it_was_told_stands_as_headquarters_has_it",
        "wire/test_wire_chain.py::test_no_history_can_be_edited_unseen",
    ),
    "a flipped bit, in transit or on a stick: refused, sent again": (
        "hub/test_intake.py::test_a_damaged_envelope_is_refused_wherever_the_damage_is",
        "hub/test_sticks_both_ways.py::test_any_flipped_bit_of_a_real_bundle_is_refused_both_ways",
        "wire/test_wire_envelope.py::test_no_byte_that_was_not_vouched_for_reaches_the_decompressor",
    ),
    "a poisoned row or an unknown version: kept, the rest accepted": (
        "hub/test_judging_over_http.py::test_a_poison_row_is_kept_apart_and_the_rest_is_accepted",
        "hub/test_judging_over_http.py::test_a_kind_of_tomorrow_is_parked_and_the_lane_goes_on",
    ),
    "headquarters older than the till: parked, accepted after its upgrade": (
        "hub/test_versions_apart.py::test_what_headquarters_has_not_learnt_is_kept_and_posted_after_its_upgrade",
        "hub/test_versions_apart.py::test_a_version_of_tomorrow_is_kept_and_learnt",
    ),
    "the till older than headquarters: it earns at worst": (
        "hub/test_versions_apart.py::test_a_till_that_lacks_a_critical_rule_earns_takes_back_and_spends_nothing",
        "hub/test_versions_apart.py::test_a_till_that_is_too_old_is_heard_and_told_nothing",
        "golden/test_golden.py::test_what_was_ever_signed_says_what_it_said",
    ),
    "a clock in 1970 or 2099: accepted, set right, marked": (
        "hub/test_clock_fixes.py::test_a_pc_in_1970_that_nobody_heard_for_days",
        "hub/test_clock_fixes.py::test_a_pc_in_2099_that_never_heard_anybody",
        "agent/test_doubtful_clock.py::test_a_pc_that_begins_in_2099_or_1970_is_told_and_marks_the_paper",
    ),
    "headquarters put back: offered again, its answers honoured": (
        "hub/test_restoring.py::test_of_150_operations_told_since_the_copy_all_150_count_once",
        "hub/test_restore_scripts.py::test_whatever_is_put_back_when_nothing_is_lost",
        "processes/test_hub_from_backup.py::test_tills_with_nothing_new_tell_everything_again",
    ),
    "headquarters contradicts itself: the till keeps what it signed": (
        "hub/test_witnesses.py::test_a_head_that_contradicts_is_kept_as_evidence_and_never_believed",
        "hub/test_witnesses.py::test_headquarters_that_rewrote_its_log_is_found_out_by_both_sides",
        "hub/test_log_elsewhere.py::test_a_till_is_shown_what_another_store_has_seen_and_compares_it",
    ),
    "a static server that is stale or rolled back: ignored, headquarters asked": (
        "hub/test_feed_export.py::test_a_mirror_that_is_behind_costs_a_question_each",
        "hub/test_feed_export.py::test_a_mirror_that_lies_is_left_alone",
        "hub/test_sticks_both_ways.py::test_returns_in_the_wrong_order_never_roll_back",
    ),
    "a full disk at the edge: refused in words before a paper, room kept for the shift": (
        "processes/test_disk_refuses.py::test_a_full_disk_refuses_in_words_and_goes_on_when_there_is_room",
        "processes/test_disk_refuses.py::test_a_call_that_fails_at_any_place_of_a_sale",
        "agent/test_reserve.py::test_on_a_disk_that_is_really_full_the_shift_goes_on",
    ),
    "a lost key, a new PC: another lane, and no number that was given away": (
        "hub/test_admission.py::test_a_till_that_joins_anew_gets_a_new_lane_and_a_new_term",
        "agent/test_lost_database.py::test_a_number_that_was_given_to_somebody_is_given_to_nobody_else",
    ),
    "headquarters away for weeks: sold on, spending bounded, and said": (
        "hub/test_sticks_both_ways.py::test_after_two_weeks_by_stick_books_are_those_of_the_network",
        "hub/test_sessions.py::test_an_allowance_is_spent_until_the_session_ends_and_not_after",
        "agent/test_pulse.py::test_one_that_does_not_answer_is_asked_ever_more_seldom_and_by_chance",
    ),
}
ROWS = 20


@cache
def names(file: str) -> frozenset[str]:
    """The tests of a file."""
    tree = ast.parse((TESTS / file).read_text("utf-8"))
    return frozenset(one.name for one in ast.walk(tree) if isinstance(one, ast.FunctionDef))


def test_no_row_is_left_out() -> None:
    assert len(MATRIX) == ROWS


@pytest.mark.parametrize("row", MATRIX)
def test_a_row_is_proved(row: str) -> None:
    assert MATRIX[row]
    for proof in MATRIX[row]:
        file, _, name = proof.partition("::")
        assert name in names(file), f"{row} is not proved any more: {proof}"
