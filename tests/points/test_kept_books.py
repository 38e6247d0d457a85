"""A rule book that was accepted once is read for ever, also where a newer program would refuse it."""

from __future__ import annotations

import json

import pytest
from programme import PLAIN

from points import rulebook


@pytest.mark.parametrize("more", [{"comment": "x"}, {"redeem": {**PLAIN["redeem"], "share": 1}}])
def test_what_an_older_program_passed_over_is_passed_over_still(more: dict[str, object]) -> None:
    blob = json.dumps({**PLAIN, **more}).encode()
    with pytest.raises(rulebook.BadRuleBook):
        rulebook.read(blob)
    kept = rulebook.read_kept(blob)
    assert kept.rates == rulebook.read(json.dumps(PLAIN).encode()).rates
    assert rulebook.read_kept(b"\xef\xbb\xbf" + blob).tiers == kept.tiers
    with pytest.raises(rulebook.BadRuleBook):
        rulebook.read_kept(b"{}")
