"""`jifen verify`: what was signed is proved step by step, and whatever was changed is told by its step."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from headquarters import DAY_MS, Headquarters, Shop, headquarters

import jifen
from agent import claims, cli, enrolment, proofs, stick, verify
from agent.recorder import Recorded
from agent.store import sales
from config.faults import Fault
from hub import device_keys, log_export
from hub import stick as hub_stick
from hub.sequencer import Sequencer
from points.wire import canonical, checkpoint, key_list, proof, tree, witness
from points.wire.keys import SigningKey


@dataclass
class Evidence:
    """What lies on an auditor's table."""

    hq: Headquarters
    shop: Shop
    sales: list[str]
    folder: Path

    @property
    def keys(self) -> str:
        return str(self.folder / "keys.json")

    def file(self, name: str, raw: bytes) -> str:
        (self.folder / name).write_bytes(raw)
        return str(self.folder / name)

    def proof(self) -> bytes:
        return proofs.of(self.shop.till, self.sales[1])


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("table")
    with headquarters(tmp_path_factory.mktemp("hq")) as hq:
        shop = hq.shop("s001")
        found = []
        for n in range(6):
            new = enrolment.enrol(shop.till, "c1")
            assert isinstance(new, enrolment.Enrolled)
            done = shop.counter.sell(new.m, [[1, "all", 1, 10_000]], "c1")
            assert isinstance(done, Recorded)
            found.append(done.op.id)
            if n % 3 == 2:
                shop.sync()
                hq.clock.now_ms += DAY_MS
                Sequencer(hq.office).step()
                log_export.export(hq.office, folder / f"log{n}")
        shop.sync()
        with hq.office.store.look() as look:
            rows = device_keys.rows(look)
        own = hq.office.keys
        assert own.log is not None
        listed = key_list.write(
            "demo", "hub", own.receipt.public_raw, own.log.public_raw, rows, own.manifest.public_raw
        )
        (folder / "keys.json").write_bytes(listed)
        yield Evidence(hq, shop, found, folder)


def marks(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, str]:
    """How it ended, and the mark of each line."""
    code = verify.main(list(argv))
    return code, "".join(line[0] for line in capsys.readouterr().out.splitlines())


def test_an_operation_is_proved_from_its_body_to_the_signed_head(
    table: Evidence, capsys: pytest.CaptureFixture[str]
) -> None:
    file = table.file("sale.jfp", table.proof())
    assert marks(capsys, file) == (0, "✓✓✓✓✓✓")
    assert marks(capsys, "--keys", table.keys, file) == (0, "✓✓✓✓✓")
    assert verify.main(["--language", "en", "--keys", table.keys, file]) == 0
    said = capsys.readouterr().out
    assert table.sales[1] in said
    assert "accepted" in said


def test_a_paper_names_the_operation_that_is_proved(table: Evidence) -> None:
    digits = claims.digits(table.shop.till, table.sales[1])
    assert proofs.of(table.shop.till, digits) == table.proof()


def test_the_commands_write_what_is_proved(table: Evidence, capsys: pytest.CaptureFixture[str]) -> None:
    settings = table.folder / "agent.toml"
    data, own = table.shop.folder / "data", table.shop.folder / "keys"
    settings.write_text(f'[agent]\ndata_dir = "{data}"\nkey_dir = "{own}"\n')
    assert cli.main(["agent", "proof", table.sales[1], "--config", str(settings)]) == 0
    file = table.file("printed.jfp", capsys.readouterr().out.encode())
    assert Path(file).read_bytes() == table.proof()
    assert jifen.room("verify")(["--keys", table.keys, file]) == 0
    capsys.readouterr()
    assert cli.main(["agent", "proof", "0" * 32, "--config", str(settings)]) == 1
    assert "本机没有这一笔" in capsys.readouterr().err


def changed(raw: bytes, key: str, value: object) -> bytes:
    told = canonical.decode(raw[4:].strip(), proof.PROOF_BYTES_MAX)
    return b"JFP1\n" + canonical.encode({**told, key: value}) + b"\n"


def test_what_was_changed_is_told_by_its_step(table: Evidence, capsys: pytest.CaptureFixture[str]) -> None:
    raw, other = table.proof(), proofs.of(table.shop.till, table.sales[4])
    told, elsewhere = (canonical.decode(one[4:].strip(), proof.PROOF_BYTES_MAX) for one in (raw, other))
    body = b64decode(told["body"]).replace(b"10000", b"20000")
    batch = b64decode(told["batch"])
    for key, value, expected in (
        ("body", b64encode(body).decode(), "✗✓✓✓✓"),
        ("path", "", "✗✓✓✓✓"),
        ("seq", told["seq"] + 1, "✗✓✓✓✓"),
        ("batch", b64encode(batch[:-1] + bytes((batch[-1] ^ 1,))).decode(), "✓✗✓✓✓"),
        ("batch", elsewhere["batch"], "✗✓✗✓✓"),
        ("ack", elsewhere["ack"], "✓✓✗✗✓"),
        ("leaf", told["leaf"] + 1, "✓✓✓✗✓"),
        ("note", told["note"].replace("\n— jifen/demo/1 ", "\n— jifen/demo/2 "), "✓✓✓✓✗"),
    ):
        file = table.file("changed.jfp", changed(raw, key, value))
        assert marks(capsys, "--keys", table.keys, file) == (1, expected), key


def test_keys_of_the_file_are_not_the_chains(table: Evidence, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever makes up a headquarters can prove everything by its keys, and nothing by the key list."""
    made, forger = proof.unpack(table.proof()), SigningKey.from_raw(b"f" * 32)
    listed, other = json.loads(Path(table.keys).read_text()), forger.public_raw.hex()
    strange = canonical.encode({**listed, "receipt": other, "log": other})
    file, keys = table.file("sale.jfp", proof.pack(made)), table.file("strange.json", strange)
    assert marks(capsys, "--keys", keys, file) == (1, "✓✓✗✓✗")
    none = table.file("none.json", canonical.encode({**listed, "tills": []}))
    assert marks(capsys, "--keys", none, file) == (1, "✓✗✓✓✓")


def test_what_is_not_proved_yet_is_said_and_not_written(table: Evidence) -> None:
    new = enrolment.enrol(table.shop.till, "c1")
    assert isinstance(new, enrolment.Enrolled)
    (op_id,) = table.shop.till.book.row("SELECT op_id FROM ops ORDER BY pos DESC LIMIT 1") or ("",)
    with pytest.raises(Fault, match="no proof") as found:
        proofs.of(table.shop.till, op_id)
    assert found.value.remedy == "fault.proof_not_yet"
    with pytest.raises(Fault) as found:
        proofs.of(table.shop.till, "0" * 32)
    assert found.value.remedy == "fault.proof_unknown"


def test_a_paper_is_proved_by_the_keys_of_the_chain(
    table: Evidence, capsys: pytest.CaptureFixture[str]
) -> None:
    digits = claims.digits(table.shop.till, table.sales[0])
    assert marks(capsys, "--keys", table.keys, digits) == (0, "✓")
    assert marks(capsys, "--keys", table.keys, table.file("paper.txt", digits.encode() + b"\n")) == (0, "✓")
    last = str((int(digits[-1]) + 1) % 10)
    assert marks(capsys, "--keys", table.keys, digits[:-1] + last) == (1, "✗")
    assert marks(capsys, digits) == (2, "")


def test_a_receipt_of_headquarters_is_proved(table: Evidence, capsys: pytest.CaptureFixture[str]) -> None:
    made = proof.unpack(table.proof())
    file = table.file("ack", made.ack)
    assert marks(capsys, "--keys", table.keys, file) == (0, "✓")
    assert marks(capsys, "--keys", table.keys, table.file("ack", made.ack[:-1] + b"!")) == (1, "✗")
    assert marks(capsys, file) == (2, "")


def test_a_log_is_proved_and_that_it_only_grew(table: Evidence, capsys: pytest.CaptureFixture[str]) -> None:
    older, newer = str(table.folder / "log2"), str(table.folder / "log5")
    assert marks(capsys, older) == (0, "✓✓✓")
    assert marks(capsys, "--keys", table.keys, newer, older) == (0, "✓✓✓✓")
    assert marks(capsys, "--keys", table.keys, older, newer)[0] == 1, "there is less of it than there was"


def test_a_log_that_was_rewritten_is_told(table: Evidence, capsys: pytest.CaptureFixture[str]) -> None:
    newer, own = table.folder / "log5", table.hq.office.keys.log
    assert own is not None
    lines = (newer / "leaves").read_text().splitlines()
    lines[0] = b"another".hex()
    bent = table.folder / "bent"
    bent.mkdir()
    (bent / "leaves").write_text("\n".join(lines) + "\n")
    for name in ("key", "checkpoint.note"):
        (bent / name).write_bytes((newer / name).read_bytes())
    assert marks(capsys, str(bent)) == (1, "✓✗✓")
    entries = [bytes.fromhex(line) for line in lines]
    head = checkpoint.Checkpoint("jifen/demo/1", len(entries), tree.merkle_root(entries))
    (bent / "checkpoint.note").write_bytes(checkpoint.sign(head, own))
    assert marks(capsys, str(bent)) == (0, "✓✓✓"), "signed anew it is a log like any other"
    assert marks(capsys, str(bent), str(table.folder / "log2")) == (1, "✓✓✓✗✓"), (
        "until it is held to the first"
    )


@pytest.mark.parametrize("raw", [b"", b"JFP1\n{}", b"JFP1", b"JFX1abc", b"\xff" * 100, b"JFR1"])
def test_what_is_nothing_ends_in_words(table: Evidence, raw: bytes) -> None:
    assert verify.main(["--keys", table.keys, table.file("odd", raw)]) in (1, 2)
    assert verify.main([str(table.folder / "nowhere")]) == 2
    odd = table.folder / "odd-log"
    odd.mkdir(exist_ok=True)
    (odd / "checkpoint.note").write_bytes(raw)
    assert verify.main([str(odd)]) == 2


def test_a_proof_is_read_as_it_was_written(table: Evidence) -> None:
    raw = table.proof()
    assert proof.pack(proof.unpack(raw)) == raw
    made = replace(proof.unpack(raw), path=(bytes(32),))
    assert witness.text_of(proof.unpack(proof.pack(made)).path) == witness.text_of(made.path)
    assert sales.body(table.shop.till.book, table.sales[1]) == made.body


def test_a_stick_is_proved_both_ways_by_who_may_open_it(
    table: Evidence, capsys: pytest.CaptureFixture[str]
) -> None:
    assert table.hq.settings is not None
    shop, at = table.shop, table.folder / "stick"
    at.mkdir(exist_ok=True)
    new = enrolment.enrol(shop.till, "c1")
    assert isinstance(new, enrolment.Enrolled)
    up = stick.write(shop.till, at).path
    seals = (str(table.hq.settings.key_dir / "pii.key"), str(shop.folder / "keys" / "seal.key"))
    assert marks(capsys, "--keys", table.keys, "--seal-key", seals[0], str(up)) == (0, "✓✓")
    (back,) = hub_stick.take_folder(table.hq.office, at)
    assert isinstance(back, hub_stick.Brought)
    returned = str(at / back.name)
    assert marks(capsys, "--keys", table.keys, "--seal-key", seals[1], returned) == (0, "✓✓")
    assert marks(capsys, "--keys", table.keys, "--seal-key", seals[0], returned)[0] == 2, "another's"
    assert marks(capsys, "--keys", table.keys, str(up))[0] == 2, "nobody may open it"
    listed = json.loads(Path(table.keys).read_bytes())
    for row in listed["tills"]:
        row[0], row[1] = TELLER.kid, TELLER.public_raw.hex()
    other = table.file("other.json", canonical.encode(listed | {"manifest": TELLER.public_raw.hex()}))
    assert marks(capsys, "--keys", other, "--seal-key", seals[0], str(up)) == (1, "✗")


TELLER = SigningKey.from_raw(bytes(range(32)))
