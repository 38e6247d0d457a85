"""The cashier's day in a real browser: a scan appears by itself, a sale is two presses of Enter, and the
network, the printer and the program may each fail in the middle of it.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parents[1] / "agent"))  # its shop floor is ours

from running import MEMBER, OTHER, code_of, printer, running, scanner
from shopfloor import grant
from test_refund_elsewhere import other_till, sold, tell_key

from agent import approval
from agent.assembly import Agent
from agent.store import prints
from hardware.virtual.printer import VirtualPrinter
from hardware.virtual.scanner import SocketScanner

playwright = pytest.importorskip(
    "playwright.sync_api", reason="playwright is not installed: no browser to drive"
)

CHROMIUM = os.environ.get("JIFEN_CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
QUIET += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
LIMITS = {"manager": {"redeem_pts": 500, "refund_fen": 50_000}}
LIMITS["refund_elsewhere"] = {"sale_fen": 20_000, "day_fen": 20_000}
PIN = "246810"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        not Path(CHROMIUM).exists(), reason="no Chromium here: the cashier's page is NOT driven"
    ),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[playwright.Browser]:
    with playwright.sync_playwright() as play:
        started = play.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield started
        started.close()


class Cashier:
    """Somebody at the page: types, presses, scans, and reads what is on the screen."""

    def __init__(self, agent: Agent, page: playwright.Page, device: SocketScanner) -> None:
        self.agent, self.page, self.scanner = agent, page, device
        self.broken: list[str] = []
        page.on("pageerror", lambda error: self.broken.append(str(error)))
        page.set_default_timeout(8_000)

    def open(self) -> Cashier:
        self.page.goto(self.agent.page_url)
        self.sees("body[data-listening] #key-F2")
        assert self.scanner.wait_for_a_listener()
        return self

    def scan(self, text: str) -> None:
        self.scanner.scan(text)

    def type(self, text: str) -> None:
        self.page.keyboard.type(text)

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def sees(self, selector: str, text: str = "") -> None:
        place = self.page.locator(selector)
        place.first.wait_for()
        if text:
            playwright.expect(place.first).to_contain_text(text)

    def sees_no(self, selector: str) -> None:
        playwright.expect(self.page.locator(selector)).to_have_count(0)

    def keep(self, name: str) -> None:
        """A picture for people, where somebody wants one."""
        folder = os.environ.get("JIFEN_PICTURES")
        if folder:
            self.page.screenshot(path=str(Path(folder) / f"{name}.png"))


@pytest.fixture
def paper() -> Iterator[VirtualPrinter]:
    with printer() as device:
        yield device


@pytest.fixture
def cashier(tmp_path: Path, browser: playwright.Browser, paper: VirtualPrinter) -> Iterator[Cashier]:
    with (
        scanner() as gun,
        running(tmp_path, printer=paper.address, scanner=gun.address, rules=LIMITS) as agent,
    ):
        grant(agent.till, MEMBER, 900)
        approval.set_pin(agent.till, PIN)
        page = browser.new_page(viewport={"width": 1024, "height": 768})
        someone = Cashier(agent, page, gun).open()
        yield someone
        page.close()
        assert someone.broken == []


def test_a_visit_is_a_scan_an_amount_and_two_presses(cashier: Cashier, paper: VirtualPrinter) -> None:
    cashier.sees("#network", "断网，照常收银")
    cashier.sees("#key-F2", "请先扫会员码")
    cashier.scan(code_of(MEMBER))
    cashier.sees("#points", "1,280")
    cashier.sees(".facts", "现在本店只能用 900 分")
    cashier.keep("member")
    cashier.type("125")
    cashier.press("Enter")
    cashier.sees("#gain", "+15")
    cashier.sees(".gain", "等级倍数 ×1.2")
    cashier.keep("quote")
    cashier.press("Enter")
    cashier.sees("#done", "已记录")
    cashier.sees("#points", "1,295")
    cashier.sees("#unsynced", "待上传 1 笔")
    assert paper.wait_for_receipts(1)
    cashier.page.locator(".paper img").evaluate("picture => picture.decode()")
    cashier.keep("done")
    cashier.scan(code_of(OTHER))
    cashier.sees("#points", "0")
    cashier.sees_no("#done")


def test_points_pay_a_part_and_above_the_limit_the_manager_comes(cashier: Cashier) -> None:
    cashier.scan(code_of(MEMBER))
    cashier.sees("#points")
    cashier.type("100")
    cashier.press("Enter")
    cashier.sees("#confirm")
    cashier.press("F2")
    cashier.sees("#points-entry")
    cashier.page.fill("#points-entry", "600")
    cashier.press("Enter")
    cashier.sees(".bill .due", "¥40.00")
    cashier.press("Enter")
    cashier.sees("#pin")
    cashier.type("111111")
    cashier.press("Enter")
    cashier.sees("#pin-dialog [role=alert]", "还可试 4 次")
    cashier.keep("pin")
    assert cashier.agent.till.log.seq == 0
    cashier.type(PIN)
    cashier.press("Enter")
    cashier.sees("#done")
    assert cashier.agent.till.log.seq == 1


def test_points_as_cash_and_taking_it_back(cashier: Cashier) -> None:
    cashier.scan(code_of(MEMBER))
    cashier.sees("#points")
    cashier.press("F2")
    cashier.sees("#points-entry")
    cashier.page.fill("#points-entry", "200")
    cashier.sees(".worth", "¥20.00")
    cashier.press("Enter")
    cashier.sees("#done", "已兑换")
    cashier.sees("#points", "1,080")
    cashier.page.click("#undo")
    cashier.sees("#sure-dialog")
    cashier.press("Enter")
    cashier.sees("#done", "已作废")
    cashier.sees("#points", "1,280")


def test_paper_out_is_said_and_after_the_reload_there_is_one_receipt(
    cashier: Cashier, paper: VirtualPrinter
) -> None:
    paper.set_fault("paper_out")
    cashier.sees("#printer.stop", "缺纸")
    cashier.scan(code_of(MEMBER))
    cashier.sees("#points")
    cashier.type("60")
    cashier.press("Enter")
    cashier.sees("#confirm")
    cashier.press("Enter")
    cashier.sees("#done")
    cashier.keep("paper-out")
    assert paper.receipts == []
    paper.set_fault("paper_out", 0)
    cashier.sees("#printer:not(.stop)", "打印机正常")
    assert paper.wait_for_receipts(1)
    assert "补打" not in paper.receipts[0].text
    cashier.press("F6")
    assert paper.wait_for_receipts(2)
    assert "补打 第 1 次" in paper.receipts[1].text
    assert len(paper.receipts) == 2


def test_a_receipt_that_was_cut_off_is_looked_at(cashier: Cashier, paper: VirtualPrinter) -> None:
    paper.set_fault("rst_after", 150)
    cashier.type("60")
    cashier.press("Enter")
    cashier.sees("#confirm")
    cashier.press("Enter")
    cashier.sees(".notice.stop")
    cashier.keep("look")
    cashier.page.click(".notice.stop button:last-child")
    cashier.sees_no(".notice.stop")
    assert paper.wait_for_receipts(1)
    assert "补打 第 1 次" in paper.receipts[0].text


def test_goods_come_back_by_the_receipt_s_own_code(cashier: Cashier, paper: VirtualPrinter) -> None:
    cashier.scan(code_of(MEMBER))
    cashier.sees("#points")
    cashier.type("125")
    cashier.press("Enter")
    cashier.sees("#confirm")
    cashier.press("Enter")
    cashier.sees("#done")
    assert paper.wait_for_receipts(1)
    cashier.press("Enter")
    cashier.sees_no("#done")
    cashier.scan(paper.receipts[0].symbols[0])
    cashier.sees("#whole")
    cashier.type("50")
    cashier.sees(".outcome", "¥50.00")
    cashier.sees(".outcome", "6")
    cashier.keep("refund")
    cashier.press("Enter")
    cashier.sees("#done", "已退货")
    cashier.sees("#points", "1,289")
    assert paper.wait_for_receipts(2)


def test_goods_of_another_store_come_back_by_its_paper(cashier: Cashier, paper: VirtualPrinter) -> None:
    other = other_till(cashier.agent.settings.data_dir)
    tell_key(cashier.agent.till, other)
    cashier.scan(sold(other))
    cashier.sees("#refund-title", "别店小票 s002 · 01-1-1")
    cashier.sees("#refund-dialog td.n", "¥125.00")
    cashier.type("50")
    cashier.sees("#back", "¥50.00")
    cashier.keep("elsewhere")
    cashier.press("Enter")
    cashier.sees("#pin")
    cashier.type(PIN)
    cashier.press("Enter")
    cashier.sees("#done", "已退货")
    cashier.sees("#points", "1,280")
    assert paper.wait_for_receipts(1)
    assert "积分由总部扣回" in paper.receipts[0].text
    cashier.keep("elsewhere-done")


def test_a_new_member_without_a_network_earns_at_once(cashier: Cashier) -> None:
    cashier.press("F4")
    cashier.sees("#enrol-phone")
    cashier.type("139")
    cashier.press("Enter")
    cashier.sees("#enrol-dialog [role=alert]", "11 位")
    cashier.type("12345678")
    cashier.press("Enter")
    cashier.sees(".given")
    code = cashier.page.inner_text(".given")
    cashier.keep("enrolled")
    cashier.scan(code)
    cashier.sees_no("#done")
    cashier.sees("#points", "0")
    cashier.type("80")
    cashier.press("Enter")
    cashier.sees("#gain", "+8")
    cashier.press("Enter")
    cashier.sees("#points", "8")
    assert b"13912345678" not in b"".join(op.body for op in cashier.agent.till.log.between(1, 1 << 62))


def test_the_day_closes_and_the_next_needs_the_manager(cashier: Cashier) -> None:
    cashier.press("F9")
    cashier.sees("#day-dialog")
    cashier.press("Enter")
    cashier.sees("#toast", "交回额度 900 分")
    cashier.sees("#notices", "今天已日结")
    cashier.type("60")
    cashier.press("Enter")
    cashier.sees("#said", "今天已日结")
    cashier.press("F10")
    cashier.page.click("#open-day")
    cashier.sees("#pin")
    cashier.type(PIN)
    cashier.press("Enter")
    cashier.sees_no("#pin")
    cashier.sees_no(".notice")
    cashier.press("Escape")
    cashier.sees_no("#manager-title")
    cashier.type("60")
    cashier.press("Enter")
    cashier.sees("#confirm")


def test_two_quick_presses_and_two_quick_clicks_record_one_sale(cashier: Cashier) -> None:
    cashier.type("60")
    cashier.press("Enter")
    cashier.sees("#confirm")
    cashier.page.evaluate("() => { const b = document.querySelector('#confirm'); b.click(); b.click(); }")
    cashier.sees("#done")
    assert cashier.agent.till.log.seq == 1


def test_a_payment_code_is_turned_away_in_words(cashier: Cashier) -> None:
    cashier.scan("134567890123456789")
    cashier.sees("#said", "这是付款码，请扫会员码")
    cashier.type("134567890123456789")
    cashier.press("Enter")
    cashier.sees("#said", "这是付款码，请扫会员码")
    assert cashier.agent.till.log.seq == 0


def test_the_page_speaks_english_and_stays_so(cashier: Cashier) -> None:
    cashier.scan(code_of(MEMBER))
    cashier.sees("#points")
    cashier.page.click("#language")
    cashier.sees("#network", "No network; keep selling")
    cashier.sees(".facts", "Only 900 pts can be used here now")
    cashier.page.reload()  # no code in the address any more: the cookie opens it
    cashier.sees("body[data-listening] #network", "No network; keep selling")
    cashier.scan("134567890123456789")
    cashier.sees("#said", "payment code")


def test_the_program_ends_in_the_middle_and_the_sale_is_recorded_once(
    tmp_path: Path, browser: playwright.Browser, paper: VirtualPrinter
) -> None:
    with scanner() as gun:
        with running(tmp_path, printer=paper.address, scanner=gun.address) as first:
            port = first.server.port
            page = browser.new_page(viewport={"width": 1024, "height": 768})
            someone = Cashier(first, page, gun).open()
            someone.scan(code_of(MEMBER))
            someone.sees("#points")
            someone.type("125")
            someone.press("Enter")
            someone.sees("#confirm")
        someone.press("Enter")
        someone.sees("#said", "正在重连")
        someone.keep("lost")
        with running(tmp_path, printer=paper.address, scanner=gun.address, port=port) as second:
            someone.sees("body[data-listening] #network", "断网")
            someone.press("Enter")
            someone.sees("#done")
            assert second.till.log.seq == 1
            assert paper.wait_for_receipts(1)
            job = prints.latest(second.till.book)
            assert job is not None
        page.close()


def test_what_a_person_reads_has_enough_contrast(cashier: Cashier) -> None:
    """WCAG AA: 4.5 to 1, or 3 to 1 from 24 px. Colours are read back from the browser."""
    cashier.scan(code_of(MEMBER))
    cashier.sees("#points")
    cashier.type("125")
    cashier.press("Enter")
    cashier.sees("#confirm")
    pale = cashier.page.evaluate(CONTRAST)
    assert pale == []
    cashier.page.evaluate("document.querySelector('.facts li').style.color = '#ddd'")
    assert cashier.page.evaluate(CONTRAST) != []


CONTRAST = """() => {
  const rgb = (c) => (c.match(/[\\d.]+/g) || []).map(Number);
  const lum = ([r, g, b]) => [r, g, b].map((v) => v / 255)
    .map((v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (e) => {
    for (; e; e = e.parentElement) {
      const c = rgb(getComputedStyle(e).backgroundColor);
      if (c.length === 3 || c[3] === 1) return c;
    }
    return [255, 255, 255];
  };
  const pale = [];
  for (const e of document.querySelectorAll('body *')) {
    const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    if (!own || !e.checkVisibility() || e.closest('#toast, .skip, .primary kbd')) continue;
    const style = getComputedStyle(e);
    const [a, b] = [lum(rgb(style.color)), lum(behind(e))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < (parseFloat(style.fontSize) >= 24 ? 3 : 4.5)) pale.push(`${e.textContent} ${ratio}`);
  }
  return pale;
}"""
