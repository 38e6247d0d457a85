"""The demo's panel: what is not understood is answered in words, and ends no connection."""

from __future__ import annotations

import http.client
from collections.abc import Iterator

import pytest

from agent.demo.panel import Panel


@pytest.fixture
def panel() -> Iterator[Panel]:
    opened = Panel(0)
    opened.start({}, [], lambda: "")
    yield opened
    opened.stop()


@pytest.mark.parametrize(
    "body",
    [
        b"x", b"", b"[]", b"1", b"null", b"{}", b"\xff", b'{"store": "s001"}', b"[" * 4000,
        b'{"store": [], "button": "scan"}', b'{"store": "s001", "button": {}}',
        b'{"store": "s001", "button": "phone", "text": "x"}', b'{"store": "s009", "button": "scan"}',
    ],
)  # fmt: skip
def test_a_press_that_is_not_understood_is_a_400_with_words(
    panel: Panel, body: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    status, said = post(panel, body, str(len(body)))
    assert status == 400
    assert "没有这个按钮" in said
    assert "no such button" in said
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("length", ["x", "-1", "²"])
def test_a_length_that_is_no_number_is_a_400(panel: Panel, length: str) -> None:
    assert post(panel, b"", length)[0] == 400


def test_a_panel_that_never_served_can_be_stopped() -> None:
    Panel(0).stop()


def post(panel: Panel, body: bytes, length: str) -> tuple[int, str]:
    way = http.client.HTTPConnection(*panel.host.split(":"), timeout=10)  # type: ignore[arg-type]
    try:
        way.putrequest("POST", f"/{panel.token}/press")
        way.putheader("content-length", length)
        way.endheaders(body)
        answer = way.getresponse()
        return answer.status, answer.read().decode()
    finally:
        way.close()
