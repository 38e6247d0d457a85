"""A stick is handed in at headquarters' page, and its answer is a download."""

from __future__ import annotations

import os
from pathlib import Path

import httpx
import pytest
from forks import enrolled, sold
from headquarters import Headquarters, Shop
from playwright.sync_api import Page, expect
from test_sticks_both_ways import read, written

from hub.console import access, sticks
from hub.console.sticks import fields
from hub.verify import state


@pytest.fixture
def shop(hq: Headquarters) -> Shop:
    made = hq.shop("s001")
    made.uplink.connected = False
    sold(made, enrolled(made), 3)
    return made


@pytest.fixture
def file(shop: Shop, tmp_path: Path) -> Path:
    (tmp_path / "stick").mkdir()
    return written(shop, tmp_path / "stick").path


def hand_in(desk: httpx.Client, raw: bytes, word: str | None = None, **headers: str) -> httpx.Response:
    word = access.word_of(desk.cookies[access.COOKIE]) if word is None else word
    return desk.post("/console/sticks", data={"word": word}, files={"file": ("x.jfx", raw)}, headers=headers)


def test_a_file_is_handed_in_and_its_answer_is_for_that_till(
    desk: httpx.Client, shop: Shop, file: Path
) -> None:
    heard = hand_in(desk, file.read_bytes())
    assert heard.status_code == 200
    named = heard.headers["content-disposition"]
    assert named.startswith('attachment; filename="jifen-s001-01-')
    assert named.endswith('-return.jfx"')
    assert read(shop, heard.content).operations == shop.till.log.seq


def test_only_somebody_with_a_session_and_our_own_form_hands_in(
    hq: Headquarters, desk: httpx.Client, file: Path
) -> None:
    raw, books = file.read_bytes(), state(hq.office)
    assert hand_in(desk, raw, word="00" * 32).status_code == 403
    assert hand_in(desk, raw, origin="https://elsewhere.example").status_code == 403
    with httpx.Client(base_url=hq.url, trust_env=False) as stranger:
        assert hand_in(stranger, raw, word="00" * 32).status_code == 401
    assert state(hq.office) == books


@pytest.mark.parametrize(
    ("raw", "said"),
    [(b"", "请先选择"), (b"JFX2 something", "没有采用"), (b"JFX1" + bytes(90), "核对U盘是哪家店的")],
)
def test_what_is_no_bundle_is_refused_in_words(desk: httpx.Client, raw: bytes, said: str) -> None:
    heard = hand_in(desk, raw)
    assert heard.status_code == 422
    assert said in heard.text


def test_no_more_is_read_than_a_bundle_may_have(desk: httpx.Client) -> None:
    with pytest.MonkeyPatch.context() as small:
        small.setattr(sticks, "FORM_BYTES_MAX", 1_000)
        heard = hand_in(desk, bytes(2_000))
    assert heard.status_code == 413
    assert "64 MB" in heard.text


@pytest.mark.parametrize(
    ("kind", "raw"),
    [
        ("text/plain", b"--b\r\n"),
        ("multipart/form-data; boundary=" + "b" * 71, b""),
        ("multipart/form-data; boundary=b", b""),
        ("multipart/form-data; boundary=b", b"--b\r\ncontent-disposition: form-data; name=other\r\n\r\nx"),
        ("multipart/form-data; boundary=b", b'--b\r\ncontent-disposition: form-data; name="file"\r\n--b--'),
    ],
)
def test_a_form_that_is_not_understood_holds_no_file(kind: str, raw: bytes) -> None:
    assert not fields(kind, raw).get("file")


def test_the_page_takes_a_file_in_a_browser(hq: Headquarters, browsed: Page, file: Path, shop: Shop) -> None:
    browsed.goto(f"{hq.url}/console/sticks")
    if folder := os.environ.get("JIFEN_PICTURES"):
        browsed.screenshot(path=str(Path(folder) / "console-sticks.png"))
    browsed.set_input_files("#file", file)
    with browsed.expect_download() as coming:
        browsed.click("form.ticket button")
    back = Path(coming.value.path()).read_bytes()
    assert coming.value.suggested_filename.endswith("-return.jfx")
    assert read(shop, back).operations == shop.till.log.seq
    expect(browsed.locator("h1")).to_contain_text("U盘")
