"""Every ending of a night, played without a network against a pretend headquarters."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from points.wire.calls import (
    PAUSE_MS_MAX,
    REACTIONS,
    AckHeard,
    Answer,
    BlobHeard,
    Call,
    GetBlob,
    GetManifest,
    ManifestHeard,
    Pause,
    PutSealed,
    Reaction,
    Refused,
    Rested,
    SealedHeard,
    SendBatch,
    Unreachable,
    pause_ms,
    reaction_to,
)
from points.wire.faults import Problem
from points.wire.uplink import Conversation, Mood, Outgoing

PRIVATE = "s01/t1"
SHARED = [("members", "r1"), ("rules", "all")]
CALLS_MAX = 400  # no night of these sizes may need more


@dataclass
class PretendHub:
    """Answers every call as the real one would; `twist` may answer in its place, or return None."""

    next: dict[int, int] = field(default_factory=dict)
    inc: int = 1
    g: int = 10
    shared_ahead: int = 0
    private_lags: int = 0
    sealed: set[str] = field(default_factory=set)
    twist: Callable[[Call, int], Answer | None] = lambda call, count: None
    heard: list[Call] = field(default_factory=list)

    def answer(self, call: Call) -> Answer:
        self.heard.append(call)
        return self.twist(call, len(self.heard)) or self._answer(call)

    def _answer(self, call: Call) -> Answer:
        match call:
            case GetManifest("till", shard):
                self.private_lags -= 1
                g = self.g + (self.shared_ahead if self.private_lags < 0 else 0)
                return ManifestHeard("till", shard, self.inc, g, (f"private-{g}",), dict(self.next))
            case GetManifest(topic, shard):
                blobs = (f"{topic}-a", f"{topic}-b")
                return ManifestHeard(topic, shard, self.inc, self.g + self.shared_ahead, blobs)
            case SendBatch(epoch, first, last):
                wanted = self.next.setdefault(epoch, 1)
                if first > wanted:
                    return Refused("gap", {"next": wanted, "head": "00"})
                self.next[epoch] = max(wanted, last + 1)
                self.g += 1
                return AckHeard(epoch, last)
            case PutSealed(op_id):
                self.sealed.add(op_id)
                return SealedHeard(op_id)
            case GetBlob(topic, shard, sha):
                return BlobHeard(topic, shard, sha)
            case Pause():
                return Rested()


def night(
    hub: PretendHub,
    lanes: Iterable[Outgoing] = (Outgoing(1, 0, 2500),),
    sealed: Iterable[str] = ("op-1", "op-2"),
    inc: int = 1,
    private_g: int = -1,
) -> Conversation:
    """The whole conversation, played to its end."""
    talk = Conversation(PRIVATE, lanes, sealed, SHARED, inc, private_g)
    for _ in range(CALLS_MAX):
        call = talk.next_call()
        if call is None:
            assert talk.mood is Mood.RESTING
            return talk
        assert talk.next_call() == call  # asking twice changes nothing
        talk.hear(hub.answer(call))
    raise AssertionError(f"no end in sight: {hub.heard[-5:]}")


def refusing(kind: type[Call], problem: str, detail: dict[str, object] | None = None, times: int = 10**6):
    """A twist: the first `times` calls of this kind are refused."""
    left = [times]

    def twist(call: Call, count: int) -> Answer | None:
        if isinstance(call, kind) and left[0] > 0:
            left[0] -= 1
            return Refused(problem, detail or {})
        return None

    return twist


def kinds(calls: Iterable[Call]) -> list[type[Call]]:
    return [type(call) for call in calls]


def fetched_all(hub: PretendHub) -> bool:
    blobs = {call.sha for call in hub.heard if isinstance(call, GetBlob)}
    return {"members-a", "members-b", "rules-a", "rules-b"} <= blobs


def test_a_good_night_goes_in_this_order() -> None:
    hub = PretendHub()
    talk = night(hub)
    assert hub.heard == [
        GetManifest("till", PRIVATE),
        SendBatch(1, 1, 1000),
        SendBatch(1, 1001, 2000),
        SendBatch(1, 2001, 2500),
        PutSealed("op-1"),
        PutSealed("op-2"),
        GetManifest("members", "r1"),
        GetBlob("members", "r1", "members-a"),
        GetBlob("members", "r1", "members-b"),
        GetManifest("rules", "all"),
        GetBlob("rules", "all", "rules-a"),
        GetBlob("rules", "all", "rules-b"),
        GetManifest("till", PRIVATE),
        GetBlob("till", PRIVATE, "private-13"),
    ]
    assert talk.is_settled
    assert talk.alarms == ()
    assert talk.ready() == (("till", PRIVATE), *SHARED)


def test_a_night_without_news_asks_each_manifest_once() -> None:
    hub = PretendHub(next={1: 11})
    talk = night(hub, [Outgoing(1, 10, 10)], [])
    manifests = [call for call in hub.heard if isinstance(call, GetManifest)]
    assert manifests == [GetManifest("till", PRIVATE), *(GetManifest(*shard) for shard in SHARED)]
    assert talk.is_settled


def test_lanes_are_sent_oldest_epoch_first_and_one_batch_at_a_time() -> None:
    hub = PretendHub()
    night(hub, [Outgoing(3, 0, 2), Outgoing(1, 5, 7), Outgoing(2, 4, 4)], [])
    sent = [call for call in hub.heard if isinstance(call, SendBatch)]
    assert sent[0] == SendBatch(1, 6, 7)
    assert [call.epoch for call in sent] == [1, 1, 3]  # the hub wanted epoch 1 from its beginning
    assert sent[1] == SendBatch(1, 1, 7)


def test_a_lost_answer_is_asked_again_and_ends_the_same() -> None:
    for lost in range(1, 15):
        hub = PretendHub()

        def twist(call: Call, count: int, hub: PretendHub = hub, lost: int = lost) -> Answer | None:
            if count == lost and not isinstance(call, Pause):
                hub._answer(call)  # it was done, but nobody heard
                return Unreachable()
            return None

        hub.twist = twist
        talk = night(hub)
        assert talk.is_settled
        assert talk.alarms == ()
        assert fetched_all(hub)
        assert len(talk.ready()) == 3


def test_an_answer_heard_twice_changes_nothing() -> None:
    hub, talk = PretendHub(), Conversation(PRIVATE, [Outgoing(1, 0, 1500)], ["op-1"], SHARED, 1)
    before: list[Answer] = []
    for _ in range(CALLS_MAX):
        call = talk.next_call()
        if call is None:
            break
        answer = hub.answer(call)
        assert talk.hear(answer)
        upcoming = talk.next_call()
        for late in [answer, *before]:
            if isinstance(late, ManifestHeard) and upcoming == GetManifest(late.topic, late.shard):
                continue  # the second question for the private one: any answer is its answer
            assert not talk.hear(late)
            assert talk.next_call() == upcoming
        before.append(answer)
    assert talk.is_settled
    assert kinds(hub.heard).count(SendBatch) == 2


def test_a_no_heard_twice_is_dealt_with_once() -> None:
    talk = Conversation(PRIVATE, [Outgoing(1, 0, 5)], [], SHARED, 1)
    assert talk.next_call() == GetManifest("till", PRIVATE)
    assert talk.hear(Unreachable())
    assert not talk.hear(Unreachable())
    assert not talk.hear(Refused("fork"))
    assert talk.alarms == ()


def test_a_gap_is_filled_from_the_number_the_hub_wants() -> None:
    hub = PretendHub(next={1: 401})
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
    hub = PretendHub(twist=refusing(GetManifest, problem))
    talk = night(hub)
    assert talk.is_settled
    assert kinds(hub.heard).count(GetManifest) == 1
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
    hub = PretendHub(twist=refusing(SendBatch, "busy", {"retry_after_s": 30}, times=1))
    talk = night(hub)
    order = kinds(hub.heard)
    assert order.index(GetBlob) < order.index(Pause)
    assert talk.is_settled
    assert hub.heard[-2] == GetManifest("till", PRIVATE)  # and what was sent after them is still seen


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


def test_without_a_network_the_night_ends_soon_and_nothing_is_lost() -> None:
    hub = PretendHub(twist=lambda call, count: None if isinstance(call, Pause) else Unreachable())
    talk = night(hub)
    assert len([call for call in hub.heard if not isinstance(call, Pause)]) == 8  # four each way
    assert {alarm.problem for alarm in talk.alarms} == {"unreachable"}
    assert not talk.is_settled


def test_a_shared_manifest_newer_than_the_private_one_waits_and_asks_again() -> None:
    hub = PretendHub(next={1: 1}, shared_ahead=5, private_lags=2)
    talk = night(hub, [], [])
    private = [call for call in hub.heard if call == GetManifest("till", PRIVATE)]
    assert len(private) == 3
    assert Pause in kinds(hub.heard)
    assert talk.ready() == (("till", PRIVATE), *SHARED)


def test_a_private_manifest_that_never_catches_up_is_asked_four_times() -> None:
    hub = PretendHub(next={1: 1}, shared_ahead=5, private_lags=10**6)
    talk = night(hub, [], [])
    assert hub.heard.count(GetManifest("till", PRIVATE)) == 4
    assert talk.ready() == (("till", PRIVATE),)  # the shared ones are kept and wait


def test_what_is_shared_may_be_applied_up_to_the_last_private_manifest_we_had() -> None:
    for private_g, ready in [(10, tuple(SHARED)), (9, ())]:
        hub = PretendHub()
        hub.twist = lambda call, count: Refused("not-found") if call == GetManifest("till", PRIVATE) else None
        assert night(hub, [], [], private_g=private_g).ready() == ready


def test_a_missing_blob_asks_for_a_fresh_manifest_once() -> None:
    for problem in ("not-found", "integrity"):
        hub = PretendHub(twist=refusing(GetBlob, problem, times=1))
        talk = night(hub)
        assert hub.heard.count(GetManifest("members", "r1")) == 2
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


def test_a_restored_hub_is_offered_again_what_it_lost() -> None:
    hub = PretendHub(next={1: 201}, inc=2)
    talk = night(hub, [Outgoing(1, 1000, 1000)], [], inc=1)
    assert [call for call in hub.heard if isinstance(call, SendBatch)] == [SendBatch(1, 201, 1000)]
    assert talk.is_settled
    stale = PretendHub(next={1: 201}, inc=1)  # the same incarnation: an older manifest, nothing lost
    night(stale, [Outgoing(1, 1000, 1000)], [], inc=1)
    assert SendBatch not in kinds(stale.heard)


def test_a_restored_till_is_told_and_does_not_write_over_its_own_history() -> None:
    hub = PretendHub(next={1: 901})
    talk = night(hub, [Outgoing(1, 500, 520)], [])
    assert SendBatch not in kinds(hub.heard)
    assert [(alarm.problem, alarm.detail) for alarm in talk.alarms] == [("rewound", {"next": 901})]
    assert fetched_all(hub)


def test_an_ack_beyond_what_was_recorded_is_not_believed() -> None:
    hub = PretendHub()
    hub.twist = lambda call, count: AckHeard(1, 9999) if isinstance(call, SendBatch) else None
    talk = night(hub, [Outgoing(1, 0, 20)], [])
    assert [alarm.problem for alarm in talk.alarms] == ["ack-beyond"]
    assert not talk.is_settled


def test_every_problem_has_an_ending_for_every_call() -> None:
    for call in (SendBatch(1, 1, 1), PutSealed("op"), GetManifest("a", "b"), GetBlob("a", "b", "c")):
        assert set(REACTIONS[type(call)]) == set(Problem)
        assert reaction_to(call, "a newer hub's word") is Reaction.STOP
        assert reaction_to(call, "busy") is Reaction.WAIT


def test_a_pause_is_random_under_a_doubling_roof_and_never_less_than_asked() -> None:
    top = 2**32 - 1
    assert [pause_ms(Pause(0, tries), top) for tries in range(1, 4)] == [3999, 7999, 15999]
    assert pause_ms(Pause(0, 60), top) == PAUSE_MS_MAX - 1
    assert pause_ms(Pause(0, 3), 0) == 0
    assert pause_ms(Pause(30_000, 1), 0) == 30_000


ANSWERS = st.sampled_from(
    ["good", "good", "good", "good", "lost", "unreachable", "twice", *Problem, "teapot"]
)


@settings(max_examples=300)
@given(
    script=st.lists(ANSWERS, max_size=60),
    lanes=st.lists(st.tuples(st.integers(0, 30), st.integers(0, 3000)), max_size=3),
    hub_next=st.integers(1, 40),
    hub_inc=st.integers(1, 2),
    wants=st.integers(-2, 50),
)
def test_any_night_ends_keeps_order_and_never_says_what_was_not_recorded(
    script: list[str], lanes: list[tuple[int, int]], hub_next: int, hub_inc: int, wants: int
) -> None:
    outgoing = [Outgoing(epoch, acked, acked + more) for epoch, (acked, more) in enumerate(lanes, 1)]
    recorded = {lane.epoch: lane.recorded for lane in outgoing}
    hub = PretendHub(dict.fromkeys(recorded, hub_next), hub_inc, shared_ahead=3)
    talk = Conversation(PRIVATE, outgoing, ["op-1", "op-2"], SHARED, 1)
    told = iter(script)
    for _ in range(CALLS_MAX):
        call = talk.next_call()
        if call is None:
            break
        if isinstance(call, SendBatch):
            assert 1 <= call.first <= call.last <= recorded[call.epoch]
            assert call.last - call.first < 1000
        match "good" if isinstance(call, Pause) else next(told, "good"):
            case "good":
                talk.hear(hub.answer(call))
            case "twice":
                answer = hub.answer(call)
                talk.hear(answer)
                talk.hear(answer)
            case "lost":
                hub.answer(call)
                talk.hear(Unreachable())
            case "unreachable":
                talk.hear(Unreachable())
            case problem:
                talk.hear(Refused(problem, {"next": wants, "retry_after_s": wants}))
    else:
        raise AssertionError("no end in sight")
    assert talk.next_call() is None
    if not talk.alarms:
        assert talk.is_settled
        assert fetched_all(hub)
