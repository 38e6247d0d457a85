"""To whom headquarters gives a token, how it is shown, and how tills learn the key that signed it."""

from __future__ import annotations

import dataclasses
import html
import io
import json
import re
from typing import Any

import httpx
import pytest
import segno
import zxingcpp
from headquarters import DAY_MS, Headquarters, console_link
from PIL import Image
from pretend_till import PretendTill
from shown_tokens import card, cut, elsewhere, mend, phone, refused
from test_rights_over_http import enrolled

from agent.demo.phone import Phones
from agent.store import feeds
from hub import member_tokens
from points.refusals import Refusal
from points.wire import member_token
from points.wire.keys import SigningKey


def test_a_till_that_was_open_before_learns_the_key_with_its_next_page(hq: Headquarters) -> None:
    key = hq.office.keys
    hq.office.keys = dataclasses.replace(key, token=None)
    away = hq.shop("s002")
    home = hq.shop("s001")
    m = enrolled(home)
    home.sync()
    hq.office.keys = key
    digits = phone(hq, m)
    assert refused(away.counter.scan(digits)) is Refusal.token_not_proved
    away.sync()
    cut(away)
    card(away.counter.scan(digits))
    hq.office.keys = dataclasses.replace(key, token=SigningKey.from_raw(b"n" * 32))
    fresh = phone(hq, m)
    assert refused(away.counter.scan(fresh)) is Refusal.token_not_proved
    mend(away)
    card(away.counter.scan(fresh))
    assert refused(away.counter.scan(digits)) is Refusal.token_not_proved, "the old key is not told any more"


def test_a_till_whose_program_is_new_reads_again_what_the_old_one_passed_over(hq: Headquarters) -> None:
    away, _, m = elsewhere(hq)
    digits = phone(hq, m)
    with away.till.book.turn() as turn:
        feeds.drop_fact(turn, "token_keys")
    mend(away)
    assert refused(away.counter.scan(digits)) is Refusal.token_not_proved, (
        "the page is the same, and not read"
    )
    with away.till.book.turn() as turn:
        turn.execute("DROP TABLE tokens")
        turn.execute("DELETE FROM _sqlite_migrations WHERE name = 'shown_by_members'")
    away.till.book.close()
    again = hq.open(away.folder, away.till.identity)
    again.sync()
    card(again.counter.scan(digits))


def test_none_is_issued_to_who_may_not_spend_and_an_alias_names_the_other(
    hq: Headquarters, till: PretendTill
) -> None:
    m, other = till.enrol(), till.enrol()
    till.earn(m, 100)
    till.send()

    def issued(one: int) -> member_token.MemberToken | None:
        with hq.office.store.look() as look:
            told = member_tokens.issue(look, hq.office, one)
        return told and told[0]

    def becomes(one: int, *row: Any) -> None:
        with hq.office.store.turn() as turn:
            turn.run('UPDATE members SET "row" = ? WHERE m = ?', (json.dumps([one, 1, *row]), one))

    plain = issued(m)
    assert plain is not None
    assert (plain.m, plain.points, plain.debt) == (m, 100, 0)
    assert 0 < plain.expires_ms - plain.issued_ms <= member_token.LIFE_MS_MAX
    assert issued(12345) is None
    ((written,),) = hq.rows('SELECT "row" FROM members WHERE m = ?', other)
    becomes(other, "merged", m)
    alias = issued(other)
    assert alias is not None
    assert (alias.m, alias.points) == (m, 100)
    becomes(other, "merged", other)
    assert issued(other) is None, "a circle ends"
    for status in ("frozen", "new", "erased"):
        becomes(other, status)
        assert issued(other) is None, status
    becomes(other, "active", 0, 0, "", "", 7, [["x.0", 50, 0, 0, 0, "s001"]])
    owes = issued(other)
    assert owes is not None
    assert (owes.points, owes.debt) == (0, 7), "nothing may be spent while anything is owed"
    becomes(other, *json.loads(written)[2:])


def test_headquarters_page_shows_the_card_and_a_camera_reads_what_a_till_knows(
    hq: Headquarters, desk: httpx.Client
) -> None:
    away, _, m = elsewhere(hq)
    page = desk.get(f"/console/members/{m}").text
    (digits,) = re.findall(r'id="token">(\d{261})<', page)
    assert "400 分" in page
    assert segno.make_qr(digits, error="m").svg_data_uri(scale=4, border=4) in html.unescape(page)
    picture = io.BytesIO()
    segno.make_qr(digits, error="m").save(picture, kind="png", scale=3)
    (read,) = zxingcpp.read_barcodes(Image.open(picture).convert("L"))
    assert card(away.counter.scan(f"{read.symbology_identifier}{read.text}")).m == m
    assert "token" not in httpx.get(f"{hq.url}/console/members/{m}", trust_env=False).text


def test_a_phone_of_the_demo_shows_what_a_till_knows_also_after_its_session(hq: Headquarters) -> None:
    away, _, m = elsewhere(hq)
    shown = Phones(lambda: console_link(hq))
    assert card(away.counter.scan(shown.show(m))).m == m
    hq.clock.now_ms += 2 * DAY_MS
    assert card(away.counter.scan(shown.show(m))).m == m
    with pytest.raises(KeyError):
        shown.show(7)
