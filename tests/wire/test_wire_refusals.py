"""Every "no" of a night has one ending, and none of them is a loop or a loss."""

from __future__ import annotations

import pytest
from pretend_headquarters import PRIVATE, PretendHub, fetched_all, kinds, night, refusing

from points.wire.calls import (
    PAUSE_MS_MAX,
    REACTIONS,
    GetBlob,
    GetManifest,
    HelloHeard,
    Pause,
    PutSealed,
    Reaction,
    Refused,
    SayHello,
    SendBatch,
    pause_ms,
    reaction_to,
)
from points.wire.faults import Problem
from points.wire.uplink import Outgoing


def test_a_gap_is_filled_from_the_number_the_hub_wants() -> None:
    hub = PretendHub(next={1: 401})  # it went back between its hello and the first batch
    hub.twist = lambda call, count: HelloHeard({1: 1001}) if count == 1 else None
    talk = night(hub, [Outgoing(1, 1000, 1200)], [])
    assert [call for call in hub.heard if isinstance(call, SendBatch)] == [
        SendBatch(1, 1001, 1200),
        SendBatch(1, 401, 1200),
    ]
    assert talk.is_settled
    assert talk.alarms == ()


@pytest.mark.parametrize("wants", [None, 0, -1, "7", True, 1001, 5000])
def test_a_gap_that_leads_nowhere_leaves_the_lane(wants: object) -> None:
    hub = PretendHub(twist=refusing(SendBatch, "gap", {"next": wants}))
    talk = night(hub, [Outgoing(1, 1000, 1200)], [])
    assert kinds(hub.heard).count(SendBatch) == 1
    assert [alarm.problem for alarm in talk.alarms] == ["gap"]
    assert fetched_all(hub)


def test_a_hub_that_goes_back_for_ever_is_left_after_three_times() -> None:
    hub = PretendHub()
    hub.twist = lambda call, count: (
        Refused("gap", {"next": call.first - 1}) if isinstance(call, SendBatch) else None
    )
    talk = night(hub, [Outgoing(1, 1000, 1200)], [])
    assert kinds(hub.heard).count(SendBatch) == 4
    assert [alarm.problem for alarm in talk.alarms] == ["gap"]


@pytest.mark.parametrize(
    "problem",
    ["bad-signature", "unknown-key", "revoked", "fenced-epoch", "fork", "envelope-version", "malformed"],
)
def test_a_refused_upload_stops_and_the_downloads_go_on(problem: str) -> None:
    hub = PretendHub(twist=refusing(SendBatch, problem, {"at": 7}))
    talk = night(hub, sealed=[])
    assert kinds(hub.heard).count(SendBatch) == 1
    assert [(alarm.problem, alarm.detail) for alarm in talk.alarms] == [(problem, {"at": 7})]
    assert not talk.is_settled
    assert fetched_all(hub)
    assert len(talk.ready()) == 3


@pytest.mark.parametrize("problem", ["agent-too-old", "bad-signature", "revoked", "teapot"])
def test_refused_downloads_stop_and_the_uploads_go_on(problem: str) -> None:
    hub = PretendHub(twist=refusing(SayHello, problem))
    talk = night(hub)
    assert talk.is_settled
    assert kinds(hub.heard).count(SayHello) == 1
    assert GetManifest not in kinds(hub.heard)
    assert [alarm.problem for alarm in talk.alarms] == [problem]
    assert talk.ready() == ()


def test_a_forked_lane_does_not_hold_the_one_after_it() -> None:
    hub = PretendHub()
    hub.twist = lambda call, count: (
        Refused("fork", {"at": 3}) if isinstance(call, SendBatch) and call.epoch == 1 else None
    )
    talk = night(hub, [Outgoing(1, 2, 9), Outgoing(2, 0, 4)], [])
    assert [call.epoch for call in hub.heard if isinstance(call, SendBatch)] == [1, 2]
    assert hub.next[2] == 5
    assert not talk.is_settled


def test_a_wrong_clock_is_put_right_once() -> None:
    hub = PretendHub(twist=refusing(SendBatch, "clock-skew", {"hub_s": 1}, times=1))
    talk = night(hub)
    assert talk.is_settled
    assert talk.alarms == ()
    stubborn = PretendHub(twist=refusing(SendBatch, "clock-skew", {"hub_s": 1}))
    talk = night(stubborn)
    assert kinds(stubborn.heard).count(SendBatch) == 2
    assert [alarm.problem for alarm in talk.alarms] == ["clock-skew"]


def test_a_batch_too_large_is_cut_smaller_until_it_passes() -> None:
    hub = PretendHub()
    hub.twist = lambda call, count: (
        Refused("too-large", {"max": 300})
        if isinstance(call, SendBatch) and call.last - call.first >= 300
        else None
    )
    talk = night(hub, [Outgoing(1, 0, 900)], [])
    sent = [call for call in hub.heard if isinstance(call, SendBatch)]
    assert sent[:3] == [
        SendBatch(1, 1, 900),
        SendBatch(1, 1, 450, recut=True),
        SendBatch(1, 1, 225, recut=True),
    ]
    assert talk.is_settled


def test_one_operation_that_is_still_too_large_leaves_the_lane() -> None:
    hub = PretendHub(twist=refusing(SendBatch, "too-large"))
    talk = night(hub, [Outgoing(1, 0, 8)], [])
    assert [call.last for call in hub.heard if isinstance(call, SendBatch)] == [8, 4, 2, 1]
    assert [alarm.problem for alarm in talk.alarms] == ["too-large"]


def test_a_damaged_batch_is_read_again_once_and_then_alarms() -> None:
    once = PretendHub(twist=refusing(SendBatch, "integrity", {"what": "psha"}, times=1))
    talk = night(once, [Outgoing(1, 0, 5)], [])
    sent = [call for call in once.heard if isinstance(call, SendBatch)]
    assert sent == [SendBatch(1, 1, 5), SendBatch(1, 1, 5, recut=True)]
    assert talk.is_settled
    rotten = PretendHub(twist=refusing(SendBatch, "integrity", {"what": "chain"}))
    talk = night(rotten, [Outgoing(1, 0, 5)], [])
    assert kinds(rotten.heard).count(SendBatch) == 2
    assert [alarm.problem for alarm in talk.alarms] == ["integrity"]


def test_back_pressure_waits_at_least_as_long_as_asked() -> None:
    hub = PretendHub(twist=refusing(SendBatch, "busy", {"retry_after_s": 30}, times=2))
    talk = night(hub)
    pauses = [call for call in hub.heard if isinstance(call, Pause)]
    assert [pause.at_least_ms for pause in pauses] == [30_000, 30_000]
    assert [pause.tries for pause in pauses] == [1, 2]
    assert talk.is_settled


def test_while_uploads_wait_downloads_do_not() -> None:
    hub = PretendHub(
        twist=refusing(SendBatch, "busy", {"retry_after_s": 30}, times=1), shared_ahead=1, private_lags=1
    )
    talk = night(hub)
    order = kinds(hub.heard)
    assert hub.heard.count(SayHello()) == 2  # again when all is sent, and not before
    assert order.index(GetBlob) < order.index(Pause)
    assert talk.is_settled
    assert SayHello in order[order.index(Pause) :]  # and what was sent after them is still seen


@pytest.mark.parametrize("problem", ["busy", "in-progress", "internal", "unavailable"])
def test_a_hub_that_stays_busy_is_left_for_another_night(problem: str) -> None:
    hub = PretendHub(twist=refusing(SendBatch, problem))
    talk = night(hub)
    assert kinds(hub.heard).count(SendBatch) == 4
    assert [alarm.problem for alarm in talk.alarms] == [problem]
    assert fetched_all(hub)


def test_a_hub_that_asks_for_hours_is_left_at_once() -> None:
    hub = PretendHub(twist=refusing(SendBatch, "busy", {"retry_after_s": 7200}))
    talk = night(hub)
    assert kinds(hub.heard).count(SendBatch) == 1
    assert talk.alarms[0].detail == {"retry_after_s": 7200}


def test_a_missing_blob_asks_for_a_fresh_manifest_once() -> None:
    for problem in ("not-found", "integrity"):
        hub = PretendHub(twist=refusing(GetBlob, problem, times=1))
        talk = night(hub)
        assert hub.heard.count(GetManifest("members", "r1")) == 1
        assert talk.alarms == ()
        assert len(talk.ready()) == 3
    hub = PretendHub()
    hub.twist = lambda call, count: (
        Refused("not-found") if call == GetBlob("members", "r1", "members-b") else None
    )
    talk = night(hub)
    assert hub.heard.count(GetBlob("members", "r1", "members-b")) == 2
    assert [alarm.problem for alarm in talk.alarms] == ["not-found"]
    assert talk.ready() == (("till", PRIVATE), ("rules", "all"))  # half a shard is not applied


def test_a_refused_sealed_blob_is_kept_and_holds_nobody() -> None:
    hub = PretendHub()
    hub.twist = lambda call, count: Refused("malformed") if call == PutSealed("op-1") else None
    talk = night(hub)
    assert hub.sealed == {"op-2"}
    assert not talk.is_settled
    assert fetched_all(hub)


def test_every_problem_has_an_ending_for_every_call() -> None:
    calls = SayHello(), SendBatch(1, 1, 1), PutSealed("op"), GetManifest("a", "b"), GetBlob("a", "b", "c")
    for call in calls:
        assert set(REACTIONS[type(call)]) == set(Problem)
        assert reaction_to(call, "a newer hub's word") is Reaction.STOP
        assert reaction_to(call, "busy") is Reaction.WAIT


def test_a_pause_is_random_under_a_doubling_roof_and_never_less_than_asked() -> None:
    top = 2**32 - 1
    assert [pause_ms(Pause(0, tries), top) for tries in range(1, 4)] == [3999, 7999, 15999]
    assert pause_ms(Pause(0, 60), top) == PAUSE_MS_MAX - 1
    assert pause_ms(Pause(0, 3), 0) == 0
    assert pause_ms(Pause(30_000, 1), 0) == 30_000
