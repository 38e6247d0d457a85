"""What was answered before headquarters was put back is offered as it was, also damaged on the way."""

from __future__ import annotations

from typing import Any

import pytest
from forks import enrolled, heard, sold
from headquarters import Headquarters

from agent.outgoing import delivered


@pytest.mark.parametrize("damaged", [1, 99])
def test_an_answered_envelope_is_never_cut_anew(
    hq: Headquarters, monkeypatch: pytest.MonkeyPatch, damaged: int
) -> None:
    shop = hq.shop("s001")
    copy = hq.copy()
    m = enrolled(shop)
    ids = sold(shop, m, 3)
    shop.sync()
    envelopes = shop.till.book.rows("SELECT first, bytes, ack FROM envelopes")
    hq.put_back(copy, loses_journal=True)
    real, left = shop.uplink._send, damaged

    def send(*asked: Any) -> bytes:
        nonlocal left
        method, body = asked[2], asked[4]
        if method == "PUT" and left:
            left -= 1
            asked = (*asked[:4], body[:-1] + bytes([body[-1] ^ 1]), *asked[5:])
        return real(*asked)

    with monkeypatch.context() as cut:
        cut.setattr(shop.uplink, "_send", send)
        shop.night.contact(rest=lambda _ms: None)
    assert left < damaged, "it was offered, and damaged"
    assert shop.till.book.rows("SELECT first, bytes, ack FROM envelopes")[: len(envelopes)] == envelopes
    shop.sync()
    assert set(ids) <= heard(hq).keys()
    assert delivered(shop.till) == shop.till.log.seq
