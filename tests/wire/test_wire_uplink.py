"""Every ending of a night, played without a network against a pretend headquarters."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from pretend_headquarters import CALLS_MAX, PRIVATE, SHARED, PretendHub, fetched_all, kinds, night

from points.wire.calls import (
    AckHeard,
    Answer,
    Call,
    GetBlob,
    GetManifest,
    HelloHeard,
    ManifestHeard,
    Pause,
    PutSealed,
    Refused,
    SayHello,
    SendBatch,
    Unreachable,
)
from points.wire.faults import Problem
from points.wire.uplink import UNTOLD, Conversation, Outgoing


def test_a_good_night_goes_in_this_order() -> None:
    hub = PretendHub()
    talk = night(hub)
    assert hub.heard == [
        SayHello(has_more=True),
        SendBatch(1, 1, 1000),
        SendBatch(1, 1001, 2000),
        SendBatch(1, 2001, 2500),
        PutSealed("op-1"),
        PutSealed("op-2"),
        SayHello(),
        GetBlob("members", "r1", "members-a"),
        GetBlob("members", "r1", "members-b"),
        GetBlob("rules", "all", "rules-a"),
        GetBlob("rules", "all", "rules-b"),
        GetBlob("till", PRIVATE, "private-13"),
    ]
    assert talk.is_settled
    assert talk.alarms == ()
    assert talk.ready() == (("till", PRIVATE), *SHARED)


def test_a_contact_without_news_is_one_question() -> None:
    hub = PretendHub(next={1: 11})
    held = tuple(ManifestHeard(*shard, 10) for shard in [*SHARED, ("till", PRIVATE)])
    hub.twist = lambda call, count: HelloHeard(hub.next, held)
    talk = night(hub, [Outgoing(1, 10, 10)], [])
    assert hub.heard == [SayHello()]
    assert talk.is_settled
    assert len(talk.ready()) == 3


def test_a_manifest_that_did_not_come_with_the_answer_is_asked_for() -> None:
    hub = PretendHub(next={1: 1}, apart={("members", "r1")})
    talk = night(hub, [], [])
    assert [call for call in hub.heard if isinstance(call, GetManifest)] == [GetManifest("members", "r1")]
    assert fetched_all(hub)
    assert len(talk.ready()) == 3


def test_lanes_are_sent_oldest_epoch_first_and_one_batch_at_a_time() -> None:
    hub = PretendHub()
    night(hub, [Outgoing(3, 0, 2), Outgoing(1, 5, 7), Outgoing(2, 4, 4)], [])
    sent = [call for call in hub.heard if isinstance(call, SendBatch)]
    assert sent[0] == SendBatch(1, 6, 7)
    assert [call.epoch for call in sent] == [1, 1, 3]  # the hub wanted epoch 1 from its beginning
    assert sent[1] == SendBatch(1, 1, 7)


def test_a_lost_answer_is_asked_again_and_ends_the_same() -> None:
    for lost in range(1, 13):
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
    hub, talk = PretendHub(), Conversation(PRIVATE, [Outgoing(1, 0, 1500)], ["op-1"], SHARED)
    before: list[Answer] = []
    for _ in range(CALLS_MAX):
        call = talk.next_call()
        if call is None:
            break
        answer = hub.answer(call)
        assert talk.hear(answer)
        upcoming = talk.next_call()
        for late in [answer, *before]:
            if isinstance(late, HelloHeard) and isinstance(upcoming, SayHello):
                continue  # any answer is its answer
            assert not talk.hear(late)
            assert talk.next_call() == upcoming
        before.append(answer)
    assert talk.is_settled
    assert kinds(hub.heard).count(SendBatch) == 2


def test_a_no_heard_twice_is_dealt_with_once() -> None:
    talk = Conversation(PRIVATE, [Outgoing(1, 0, 5)], [], SHARED)
    assert talk.next_call() == SayHello(has_more=True)
    assert talk.hear(Unreachable())
    assert not talk.hear(Unreachable())
    assert not talk.hear(Refused("fork"))
    assert talk.alarms == ()


def test_without_a_network_the_night_ends_soon_and_nothing_is_lost() -> None:
    hub = PretendHub(twist=lambda call, count: None if isinstance(call, Pause) else Unreachable())
    talk = night(hub)
    assert len([call for call in hub.heard if not isinstance(call, Pause)]) == 8  # four each way
    assert {alarm.problem for alarm in talk.alarms} == {"unreachable"}
    assert not talk.is_settled


def test_a_shared_manifest_newer_than_the_private_one_waits_and_asks_again() -> None:
    hub = PretendHub(next={1: 1}, shared_ahead=5, private_lags=2)
    talk = night(hub, [], [])
    assert hub.heard.count(SayHello()) == 3
    assert Pause in kinds(hub.heard)
    assert talk.ready() == (("till", PRIVATE), *SHARED)


def test_a_private_manifest_that_never_catches_up_is_asked_four_times() -> None:
    hub = PretendHub(next={1: 1}, shared_ahead=5, private_lags=10**6)
    talk = night(hub, [], [])
    assert hub.heard.count(SayHello()) == 4
    assert talk.ready() == (("till", PRIVATE),)  # the shared ones are kept and wait


def test_what_is_shared_may_be_applied_up_to_the_last_private_manifest_we_had() -> None:
    for private_g, ready in [(10, tuple(SHARED)), (9, ())]:
        hub = PretendHub()
        hub.twist = lambda call, count: Refused("not-found") if isinstance(call, SayHello) else None
        assert night(hub, [], [], private_g=private_g).ready() == ready


def test_a_restored_hub_is_offered_again_what_it_lost() -> None:
    hub = PretendHub(next={1: 201, 2: 5})
    talk = night(hub, [Outgoing(1, 1000, 1000), Outgoing(2, 4, 4)], [])
    assert [call for call in hub.heard if isinstance(call, SendBatch)] == [SendBatch(1, 201, 1000)]
    assert talk.is_settled


def test_a_hub_that_never_keeps_what_it_acks_is_offered_it_once_in_a_conversation() -> None:
    hub = PretendHub(next={1: 201})
    hub.twist = lambda call, count: HelloHeard({1: 201}) if isinstance(call, SayHello) else None
    talk = night(hub, [Outgoing(1, 1000, 1000)], [])
    assert [call for call in hub.heard if isinstance(call, SendBatch)] == [SendBatch(1, 201, 1000)]
    assert [alarm.problem for alarm in talk.alarms] == [UNTOLD]


def test_a_restored_till_is_told_and_does_not_write_over_its_own_history() -> None:
    hub = PretendHub(next={1: 522})  # it holds operation 521, which this till has never written
    talk = night(hub, [Outgoing(1, 500, 520)], [])
    assert SendBatch not in kinds(hub.heard)
    assert [(alarm.problem, alarm.detail) for alarm in talk.alarms] == [("rewound", {"next": 522})]
    assert fetched_all(hub)


def test_an_ack_beyond_what_was_recorded_is_not_believed() -> None:
    hub = PretendHub()
    hub.twist = lambda call, count: AckHeard(1, 9999) if isinstance(call, SendBatch) else None
    talk = night(hub, [Outgoing(1, 0, 20)], [])
    assert [alarm.problem for alarm in talk.alarms] == ["ack-beyond"]
    assert not talk.is_settled


ANSWERS = st.sampled_from(
    ["good", "good", "good", "good", "lost", "unreachable", "twice", *Problem, "teapot"]
)


@settings(max_examples=300)
@given(
    script=st.lists(ANSWERS, max_size=60),
    lanes=st.lists(st.tuples(st.integers(0, 30), st.integers(0, 3000)), max_size=3),
    hub_next=st.integers(1, 40),
    wants=st.integers(-2, 50),
)
def test_any_night_ends_keeps_order_and_never_says_what_was_not_recorded(
    script: list[str], lanes: list[tuple[int, int]], hub_next: int, wants: int
) -> None:
    outgoing = [Outgoing(epoch, acked, acked + more) for epoch, (acked, more) in enumerate(lanes, 1)]
    recorded = {lane.epoch: lane.recorded for lane in outgoing}
    hub = PretendHub(dict.fromkeys(recorded, hub_next), shared_ahead=3)
    talk = Conversation(PRIVATE, outgoing, ["op-1", "op-2"], SHARED)
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
