"""Keys that travel to the stores: every till's, to prove another store's paper; and the shards' secrets."""

from __future__ import annotations

from dataclasses import replace

import pytest
from headquarters import DAY_MS, Headquarters
from pretend_till import PretendTill

from agent import claims, enrolment
from agent.counter import Found
from agent.funding import No
from agent.recorder import Recorded
from points.refusals import Refusal
from points.wire import claim, keys
from points.wire.faults import Integrity
from points.wire.keys import SigningKey

REVOKE = "UPDATE keys SET revoked_at_ms = ?, max_seq = ? WHERE kid = ?"


def revoke(hq: Headquarters, kid: str, max_seq: int) -> None:
    with hq.office.store.turn() as turn:
        turn.run(REVOKE, (hq.clock.now_ms, max_seq, kid))


def test_the_keys_of_all_tills_are_told_to_every_till(
    hq: Headquarters, till: PretendTill, other: PretendTill
) -> None:
    told = {row[0]: row[1:] for row in till.rows("keys", "all", None)}
    assert told == {
        one.key.kid: [
            one.key.public_raw.hex(),
            one.lane.store,
            one.lane.till,
            1,
            "s1",
            hq.clock.now_ms,
            None,
            None,
        ]
        for one in (till, other)
    }
    ver = till.manifest("keys", "all").ver
    assert other.manifest("keys", "all").ver == ver, "nothing changed, so nothing is published"
    revoke(hq, other.key.kid, 7)
    again = {row[0]: row[7:] for row in till.rows("keys", "all", None)}
    assert again[other.key.kid] == [hq.clock.now_ms, 7]
    assert till.manifest("keys", "all").ver == ver + 1


def printed(hq: Headquarters) -> tuple[str, claim.Claim]:
    """A receipt's digits of a sale in store s001, whose till was cut off from the beginning."""
    shop = hq.shop("s001")
    shop.uplink.connected = False
    new = enrolment.enrol(shop.till, "c1")
    assert isinstance(new, enrolment.Enrolled)
    sale = shop.counter.sell(new.m, [[1, "all", 1, 5_000]], "c1")
    assert isinstance(sale, Recorded)
    digits = claims.digits(shop.till, sale.op.id)
    return digits, claim.decode(digits)


def test_a_till_that_is_cut_off_proves_another_stores_paper(hq: Headquarters) -> None:
    digits, told = printed(hq)
    shop = hq.shop("s002")
    shop.uplink.connected = False
    lane = claims.signed_by(shop.till, told)
    assert lane is not None
    assert (lane.store, lane.till) == ("s001", "01")
    said = shop.counter.scan(digits)
    assert said == No(Refusal.refund_elsewhere_offline, {})


def test_a_paper_that_nobody_signed_is_not_believed(hq: Headquarters) -> None:
    _, told = printed(hq)
    shop = hq.shop("s002")
    stranger = SigningKey.from_raw(b"x" * 32)
    forged = claim.encode(replace(told, kid=stranger.kid, signature=b""), stranger)
    more = replace(told, earned=told.earned + 1)
    for bad in (claim.decode(forged), more):
        assert claims.signed_by(shop.till, bad) is None
    assert shop.counter.scan(forged) == No(Refusal.receipt_not_proved, {})
    revoke(hq, told.kid, told.seq - 1)
    assert claims.signed_by(shop.till, told) is not None, "not heard of yet"
    shop.sync()
    assert claims.signed_by(shop.till, told) is None, "signed after its key had been revoked"


def secrets_of(till: PretendTill) -> list[tuple[str, str]]:
    return [(row[1], row[3]) for row in till.page("k")]


def test_a_shards_secret_rotates_when_a_till_is_removed(
    hq: Headquarters, till: PretendTill, other: PretendTill
) -> None:
    m = till.enrol()
    till.send()
    assert m in till.members()
    admitted = next(key for topic, _, key in till.store_keys.shards if topic == "members")
    (first,) = [kid for topic, kid in secrets_of(till) if topic == "members"]
    assert first == keys.kid_of(admitted)
    revoke(hq, other.key.kid, 0)
    fresh = till.manifest("members", "main")
    assert fresh.enc_kid != first
    heard = [kid for topic, kid in secrets_of(till) if topic == "members"]
    assert heard == [first, fresh.enc_kid], "what was sealed a moment ago stays readable"
    with pytest.raises(Integrity):
        till.rows("members", "main", admitted)
    assert m in till.members()
    assert till.manifest("members", "main").ver == fresh.ver, "once is enough"


def test_a_shards_secret_rotates_with_its_age(hq: Headquarters, till: PretendTill) -> None:
    m = till.enrol()
    till.send()
    kids = {till.manifest("members", "main").enc_kid}
    for _ in range(3):
        hq.clock.now_ms += 89 * DAY_MS
        kids.add(till.manifest("members", "main").enc_kid)
    assert len(kids) == 2, "not before it is 90 days old"
    assert m in till.members()


def test_a_store_has_a_secret_of_its_own_for_its_phones(
    hq: Headquarters, till: PretendTill, other: PretendTill
) -> None:
    phones = [(row[2], row[4]) for one in (till, other) for row in one.page("k") if row[1] == "phones"]
    assert [shard for shard, _ in phones] == ["s001", "s002"]
    assert len({key for _, key in phones}) == 2


def test_a_real_till_follows_every_rotation(hq: Headquarters) -> None:
    a, b = hq.shop("s001"), hq.shop("s002")
    gone = PretendTill(hq, "s003")
    for n in range(3):
        new = enrolment.enrol(a.till, "c1", phone=f"1381234800{n}")
        assert isinstance(new, enrolment.Enrolled)
        a.sync()
        b.sync()
        assert b.till.row(new.m) is not None
        a.sync()
        assert isinstance(a.counter.scan(f"1381234800{n}"), Found), "the phones are sealed anew too"
        hq.clock.now_ms += 100 * DAY_MS
    revoke(hq, gone.key.kid, 0)
    assert gone.call("GET", "/v1/feed/members/main/g1/manifest").fault.problem == "revoked"
    gone.close()
