"""A program that is told to end hears it, whichever of its threads the system tells."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HOUSE = Path(__file__).resolve().parents[2]
TOLD = """
import signal, threading, time
from agent.signals import Signals
signals = Signals(signal.SIGTERM)
def other():
    time.sleep(0.2)  # the main thread waits by now
    signal.pthread_kill(threading.get_ident(), signal.SIGTERM)
    time.sleep(60)
threading.Thread(target=other, daemon=True).start()
print(signals.next())
"""


def test_a_signal_that_another_thread_is_given_is_heard() -> None:
    said = subprocess.run(
        [sys.executable, "-c", TOLD], cwd=HOUSE, capture_output=True, text=True, timeout=30, check=True
    )
    assert said.stdout == "15\n"
