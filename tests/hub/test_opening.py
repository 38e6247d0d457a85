"""Envelopes opened in a process of their own are opened as here; the log is copied while others write."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx
import pytest
from headquarters import Headquarters
from patience import until
from ports import free_port
from pretend_till import PretendTill

from hub import intake, reception
from hub.opening import Opened, Openers, open_envelope
from hub.store import checkpoints
from hub.store.engine import Store
from points.rulebook import RuleBook
from points.wire import envelope
from points.wire.faults import Integrity, WireFault
from points.wire.lane import KeyRecord


def lives(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health/live", trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


@pytest.fixture
def openers(hq: Headquarters) -> Iterator[Openers]:
    made = Openers(1, hq.office.store.url)
    yield made
    made.close()


def record_of(hq: Headquarters, raw: bytes) -> KeyRecord:
    with hq.office.store.look() as look:
        return intake.key_record(look, hq.office, envelope.peek(raw)[1])


def test_opened_elsewhere_is_opened_the_same(hq: Headquarters, openers: Openers) -> None:
    till = PretendTill(hq)
    m = till.enrol()
    till.earn(m, 10)
    till.write(b'{"id": 1}')
    till.write(b"not even JSON")
    till.op("coupon.redeem", m)
    till.write(json.dumps(till.body("auth.void", m, refs=["0" * 32])).encode())  # spaced, keys as they come
    raw = till.cut()
    record = record_of(hq, raw)
    opened = openers.open_envelope(raw, record, hq.office.books, hq.office.today())
    here = open_envelope(raw, record, hq.office.books)
    assert (opened.batch, opened.digests, opened.values) == (here.batch, here.digests, here.values)
    heard = [opened.heard(n) for n in range(6)]
    assert [op and op.kind for op in heard] == ["member.enrol", "sale.earn", *[None] * 4]
    assert heard[1] is not None
    assert heard[1].plain is not None
    hq.office.open_envelope = openers.open_envelope
    said = till.heard(till.deliver(raw))
    assert {seq: code for seq, (code, _) in said.items()} == {3: "Q", 4: "Q", 5: "P", 6: "Q"}
    assert hq.rows("SELECT op_id FROM facts WHERE kind = 'sale.earn'")


def test_what_is_not_as_signed_is_refused_the_same(hq: Headquarters, openers: Openers) -> None:
    till = PretendTill(hq)
    till.enrol()
    raw = bytearray(till.cut())
    raw[-3] ^= 1
    record = record_of(hq, bytes(raw))
    for opening in (open_envelope, openers.open_envelope):
        with pytest.raises(WireFault) as wrong:
            opening(bytes(raw), record, hq.office.books, hq.office.today())
        assert isinstance(wrong.value, Integrity)


def test_a_process_that_is_killed_loses_nothing(hq: Headquarters, openers: Openers) -> None:
    hq.office.open_envelope = openers.open_envelope
    till = PretendTill(hq)
    m = till.enrol()
    till.send()
    killed = set(openers._pool._processes)
    for pid in killed:
        os.kill(pid, signal.SIGKILL)
    till.earn(m, 10)
    assert till.send() == {}
    till.earn(m, 5)
    assert till.send() == {}
    assert killed.isdisjoint(openers._pool._processes), "and another has taken its place"


KILLED = """
import os, signal
from hub.opening import Openers, open_envelope
from points.wire.faults import WireFault
if __name__ == "__main__":
    try:
        Openers(1, "sqlite:///hub.sqlite").open_envelope(b"nothing", None, {}, 0)
    except WireFault:
        os.kill(os.getpid(), signal.SIGKILL)
"""


def test_no_process_outlives_a_headquarters_that_was_killed(tmp_path: Path) -> None:
    script = tmp_path / "killed.py"
    script.write_text(KILLED)
    root = str(Path(__file__).resolve().parents[2])
    # Whatever it started holds its output open: the pipe ends when the last of them has ended.
    done = subprocess.run(
        [sys.executable, str(script)],
        env={**os.environ, "PYTHONPATH": root},
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        timeout=30,
    )
    assert done.returncode == -signal.SIGKILL


@pytest.mark.parametrize("asked", [signal.SIGTERM, signal.SIGINT])
def test_headquarters_that_is_asked_to_end_leaves_nothing_undone(
    tmp_path: Path, asked: signal.Signals
) -> None:
    port = free_port()
    settings = {
        "CHAIN": "demo", "CHAIN_NAME": "x", "DATA_DIR": tmp_path / "data", "KEY_DIR": tmp_path / "keys",
        "LISTEN_PORT": port,
    }  # fmt: skip
    named = {f"JIFEN_HUB_{name}": str(value) for name, value in settings.items()}
    serving = subprocess.Popen(
        [sys.executable, "-m", "jifen", "hub", "serve"],
        cwd=Path(__file__).resolve().parents[2],
        env={**os.environ, **named},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert serving.stdout is not None
    said = serving.stdout.readline()
    assert f":{port}" in said
    assert "key=" not in said, "what a service says is kept in a log"
    assert until(lambda: lives(f"http://127.0.0.1:{port}"), 20)
    serving.send_signal(asked)
    said, _ = serving.communicate(timeout=30)
    assert (serving.returncode, said) == (0, "")


def test_a_key_that_was_revoked_while_its_envelope_was_opened_posts_nothing(hq: Headquarters) -> None:
    till = PretendTill(hq)
    m = till.enrol()
    till.send()

    def opening(raw: bytes, record: KeyRecord, books: Mapping[str, RuleBook], _: int) -> Opened:
        with hq.office.store.turn() as turn:
            turn.run(
                "UPDATE keys SET revoked_at_ms = 1, max_seq = ? WHERE kid = ?", (till.sent, till.key.kid)
            )
        return open_envelope(raw, record, books)

    hq.office.open_envelope = opening
    till.earn(m, 10)
    reception.receive(hq.office, till.cut())
    assert hq.rows("SELECT reason FROM cases") == [("revoked",)]
    assert not hq.rows("SELECT op_id FROM facts WHERE kind = 'sale.earn'")


def test_a_long_log_is_copied_beside_the_writers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "LOG_BYTES", 100_000)
    store = Store(f"sqlite:///{tmp_path}/hub.sqlite")
    with store.turn() as turn:
        turn.run("CREATE TABLE t (x BLOB)")
    file = tmp_path / "hub.sqlite"
    before = file.stat().st_size

    def has_grown() -> bool:
        with store.turn() as turn:
            turn.run("INSERT INTO t VALUES (zeroblob(50000))")
        return file.stat().st_size > before + 100_000

    assert until(has_grown, 20)
    store.close()
