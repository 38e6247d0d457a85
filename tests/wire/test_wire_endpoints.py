"""Paths, statuses, and how a no travels."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wire_samples import LANE

from points.wire import endpoints, faults
from points.wire.faults import Gap, Malformed, Problem, WireFault


def test_the_paths_are_these() -> None:
    assert endpoints.join() == "/v1/join"
    assert endpoints.hello_to() == "/v1/hello"
    assert endpoints.batches(LANE) == "/v1/lanes/s01/t1/1/batches"
    assert endpoints.manifest_of("members", "r1", 1) == "/v1/feed/members/r1/g1/manifest"
    assert endpoints.manifest_of("till", "s01/t1", 2) == "/v1/feed/till/s01/t1/g2/manifest"
    assert endpoints.blob("ab" * 32) == "/v1/blob/" + "ab" * 32
    assert endpoints.sealed("ab" * 16) == "/v1/sealed/" + "ab" * 16
    assert endpoints.authorisations() == "/v1/authorisations"


def test_every_path_fits_its_template() -> None:
    paths = {
        "join": endpoints.join(),
        "hello": endpoints.hello_to(),
        "batches": endpoints.batches(LANE),
        "offered": endpoints.batches(LANE),
        "manifest": endpoints.manifest_of("till", "s01/t1", 2),
        "blob": endpoints.blob("ab" * 32),
        "sealed": endpoints.sealed("ab" * 16),
        "authorisations": endpoints.authorisations(),
        "bell": endpoints.bell(),
        "claims": endpoints.claims(),
        "refunds": endpoints.refunds(),
        "look_ups": endpoints.look_ups(),
        "successions": endpoints.successions(),
        "delivered": endpoints.delivered(LANE, 7),
    }
    assert paths.keys() == endpoints.TABLE.keys()
    for name, row in endpoints.TABLE.items():
        pattern = re.sub(r"\{\w+:path\}", ".+", re.sub(r"\{\w+\}", "[^/]+", row.template))
        assert re.fullmatch(pattern, paths[name])
        assert (row.sends is None) == (row.sends_bytes_max == 0) == (row.method == "GET")


@pytest.mark.parametrize("bad", ["../x", "a/b/c", "", "A", "a" * 17, "a%2e", "a?b"])
def test_no_path_is_made_of_another_name(bad: str) -> None:
    with pytest.raises(Malformed):
        endpoints.manifest_of("members", bad, 1)
    with pytest.raises(Malformed):
        endpoints.manifest_of(bad, "r1", 1)
    with pytest.raises(Malformed):
        endpoints.blob(bad)
    with pytest.raises(Malformed):
        endpoints.sealed(bad)
    with pytest.raises(Malformed):
        endpoints.manifest_of("members", "r1", 0)


def test_every_problem_has_a_status_and_travels_there_and_back() -> None:
    assert set(endpoints.STATUS) == set(Problem)
    for problem in Problem:
        sent = WireFault(problem, next=5, what="root")
        status = endpoints.status_of(problem)
        assert 400 <= status < 600
        heard = endpoints.read_problem(status, endpoints.problem_body(sent))
        assert (heard.problem, heard.detail) == (problem, {"next": 5, "what": "root"})


def test_a_fault_comes_back_as_its_own_class() -> None:
    heard = endpoints.read_problem(409, endpoints.problem_body(Gap(next=5, head="ab")))
    assert isinstance(heard, Gap)
    assert heard.detail == {"next": 5, "head": "ab"}
    assert heard.remedy == "fault.wire_gap"
    assert str(heard) == "gap (head=ab, next=5)"


def test_every_problem_but_the_hubs_own_troubles_has_a_class() -> None:
    plain = {problem for problem in Problem if type(faults.revive(problem, {})) is WireFault}
    assert plain == {Problem.INTERNAL, Problem.UNAVAILABLE}


def test_the_word_of_a_newer_hub_is_kept() -> None:
    heard = endpoints.read_problem(418, b'{"type":"teapot","detail":{"problem":"x","self":1}}')
    assert (heard.problem, heard.detail) == ("teapot", {"problem": "x", "self": 1})
    assert endpoints.status_of("teapot") == 500


@pytest.mark.parametrize(
    ("status", "problem"),
    [
        (404, "not-found"),
        (429, "busy"),
        (500, "internal"),
        (502, "unavailable"),
        (503, "unavailable"),
        (301, "status-301"),
    ],
)
def test_a_proxys_answer_is_read_by_its_status(status: int, problem: str) -> None:
    for body in (b"", b"<html>", b'{"type":1}', b'{"type":"x","detail":[]}', b"[]"):
        assert endpoints.read_problem(status, body).problem == problem


@given(st.integers(100, 599), st.binary(max_size=80), st.none() | st.text(max_size=12))
def test_any_answer_is_read_without_an_exception(status: int, body: bytes, retry_after: str | None) -> None:
    heard = endpoints.read_problem(status, body, retry_after)
    assert isinstance(heard, WireFault)


def test_a_retry_after_is_read_in_seconds_and_bounded() -> None:
    assert endpoints.read_problem(429, b"", "30").detail == {"retry_after_s": 30}
    assert endpoints.read_problem(429, b"", "9" * 300).detail == {"retry_after_s": 86400}
    assert endpoints.read_problem(429, b"", "Wed, 21 Oct 2026 07:28:00 GMT").detail == {}
    told = endpoints.problem_body(faults.Busy(retry_after_s=5))
    assert endpoints.read_problem(429, told, "30").detail == {"retry_after_s": 5}
