"""A till whose only scanner types: it is opened by its ticket's text, and its test page is scanned back."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from patience import until
from running import make_agent, printer, settings

from agent import cli
from agent.listening import is_a_code
from config.words import load_words
from hardware.virtual.printer import VirtualPrinter

WORDS = load_words("zh")


class Keyboard:
    """A desktop's keyboard as pynput shows it: whoever hooks it is told of every key."""

    Key = SimpleNamespace(
        **{name: object() for name in ("enter", "tab", "shift", "shift_l", "shift_r", "caps_lock")}
    )

    def __init__(self) -> None:
        self.hooks: list[Callable[[Any], None]] = []

    def Listener(self, on_press: Callable[[Any], None], suppress: bool) -> SimpleNamespace:
        assert not suppress
        ended = threading.Event()
        return SimpleNamespace(
            start=lambda: self.hooks.append(on_press),
            wait=lambda: None,
            is_alive=lambda: not ended.is_set(),
            stop=ended.set,
        )

    def type(self, text: str) -> None:
        """Keys and Enter, as quickly as a scanner sends them."""
        for key in [*(SimpleNamespace(char=one) for one in text), self.Key.enter]:
            for hook in self.hooks:
                hook(key)


@pytest.fixture
def keyboard(monkeypatch: pytest.MonkeyPatch) -> Keyboard:
    module = ModuleType("pynput")
    here = module.keyboard = Keyboard()  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pynput", module)
    monkeypatch.setattr(cli, "SCAN_S", 3)
    return here


def scan_page(keyboard: Keyboard, device: VirtualPrinter, *before: str) -> threading.Thread:
    def hand() -> None:
        assert device.wait_for_receipts(1, 20)
        assert until(lambda: bool(keyboard.hooks))
        for text in (*before, device.receipts[-1].symbols[0]):
            keyboard.type(text)

    person = threading.Thread(target=hand, daemon=True)
    person.start()
    return person


def test_the_printed_challenge_is_heard_while_it_is_waited_for(
    keyboard: Keyboard, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with printer() as device:
        agent = make_agent(tmp_path, printer=device.address, scanner="keyboard://")
        person = scan_page(keyboard, device, "9" * 32)  # digits that somebody else printed are no scan
        try:
            assert cli.test_loop(agent, WORDS) == 0
        finally:
            agent.stop()
        person.join(20)
        challenge = device.receipts[-1].symbols[0]
    assert "扫到了" in (said := capsys.readouterr().out)
    assert "扫到的不是" not in said
    assert not is_a_code(challenge), "it means nothing at a counter"


@pytest.mark.usefixtures("keyboard")
def test_who_can_only_type_is_asked_for_the_tickets_text_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings(tmp_path, scanner="keyboard://")
    assert cli.main(["join", "--config", str(tmp_path / "agent.toml")]) == 1
    told = capsys.readouterr()
    assert "jifen join 和一个空格，再扫凭证或粘贴" in told.err
    assert "请用本机的扫码枪扫描开店凭证" not in told.out


def test_who_has_no_scanner_at_all_is_told_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings(tmp_path)
    assert cli.main(["join", "--config", str(tmp_path / "agent.toml")]) == 1
    assert WORDS.say("doctor.join_page") in capsys.readouterr().err
