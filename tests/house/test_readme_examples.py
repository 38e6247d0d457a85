"""What a README shows as an example is run, so that it stays true."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest

HOUSE = Path(__file__).resolve().parents[2]
READMES = [path for path in sorted(HOUSE.glob("*/README.md")) if ">>>" in path.read_text("utf-8")]


@pytest.mark.parametrize("readme", READMES, ids=lambda path: path.parent.name)
def test_the_examples_of_a_readme_run(readme: Path) -> None:
    failed, tried = doctest.testfile(str(readme), module_relative=False)
    assert tried
    assert not failed


def test_a_wrong_example_is_seen(tmp_path: Path) -> None:
    wrong = tmp_path / "README.md"
    wrong.write_text(">>> 1 + 1\n3\n")
    assert doctest.testfile(str(wrong), module_relative=False, verbose=False).failed == 1
