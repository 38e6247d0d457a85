"""What a README shows as an example is run, so that it stays true."""

from __future__ import annotations

import doctest
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from house_plan import listed_files

sys.path.append(str(Path(__file__).resolve().parents[1] / "agent"))  # whose till the examples talk to

from running import running

READMES = [path for path in listed_files() if path.name == "README.md" and ">>>" in path.read_text("utf-8")]


@pytest.fixture
def a_till_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A till as a service runs it: its page's key lies in the runtime folder."""
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path / "runtime"))
    with running(tmp_path):
        yield


@pytest.mark.usefixtures("a_till_runs")
@pytest.mark.parametrize("readme", READMES, ids=lambda path: path.parent.name)
def test_the_examples_of_a_readme_run(readme: Path) -> None:
    failed, tried = doctest.testfile(str(readme), module_relative=False)
    assert tried
    assert not failed


def test_the_till_and_the_points_are_shown_by_examples() -> None:
    assert {"agent", "points"} <= {readme.parent.name for readme in READMES}


def test_a_wrong_example_is_seen(tmp_path: Path) -> None:
    wrong = tmp_path / "README.md"
    wrong.write_text(">>> 1 + 1\n3\n")
    assert doctest.testfile(str(wrong), module_relative=False, verbose=False).failed == 1
