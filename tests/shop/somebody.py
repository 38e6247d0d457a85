"""Somebody at the cashier's page, in a real browser."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.assembly import Agent
from hardware.virtual.scanner import SocketScanner

playwright = pytest.importorskip(
    "playwright.sync_api", reason="playwright is not installed: no browser to drive"
)

PATIENCE_MS = 20_000
"""How long a page may take on a machine that does much else; what it should show it shows at once."""
playwright.expect.set_options(timeout=PATIENCE_MS)

CHROMIUM = os.environ.get("JIFEN_CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
QUIET += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
SCREEN = {"width": 1024, "height": 768}
DRIVEN = [
    pytest.mark.browser,
    pytest.mark.skipif(
        not Path(CHROMIUM).exists(), reason="no Chromium here: the cashier's page is NOT driven"
    ),
]
"""The marks of tests that need a browser."""


@pytest.fixture(scope="module")
def browser() -> Iterator[playwright.Browser]:
    """A real browser."""
    with playwright.sync_playwright() as play:
        started = play.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield started
        started.close()


class Cashier:
    """Somebody at the page: types, presses, scans, and reads what is on the screen."""

    def __init__(self, agent: Agent, browser: playwright.Browser, device: SocketScanner) -> None:
        self.agent, self.scanner = agent, device
        self.page = browser.new_page(viewport=SCREEN)
        self.broken: list[str] = []
        self.page.on("pageerror", lambda error: self.broken.append(str(error)))
        self.page.set_default_timeout(PATIENCE_MS)

    def open(self) -> Cashier:
        self.page.goto(self.agent.page_url)
        self.sees("body[data-listening] #key-F2")
        assert self.scanner.wait_for_a_listener()
        return self

    def leave(self) -> None:
        """Close the page, in which nothing may have gone wrong."""
        self.page.close()
        assert self.broken == []

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
"""What is too pale to be read: the text of each such element and its ratio."""
