"""The whole log as files, for whoever wants to check it without headquarters.

    checkpoint.note     the newest signed head (C2SP)
    leaves              one line a leaf in order: hex of the header of its ack, as it was signed
    key                 the public log key, as other programs of the format take it

Leaves are taken up to the head and no further, so the three belong together.
"""

from __future__ import annotations

from pathlib import Path

from hub.office import Office
from hub.store import log
from points.wire import checkpoint
from points.wire.ack import leaf_entry

LEAVES_A_READING = 1_000


def export(office: Office, folder: Path) -> int:
    """Write the files; how many leaves. 0, and nothing written, before the first head was signed."""
    with office.store.look() as look:
        head = log.newest(look, office.inc)
        if head is None or office.keys.log is None:
            return 0
        folder.mkdir(parents=True, exist_ok=True)
        size, note = head.size, head.note
        with (folder / "leaves").open("w", encoding="ascii") as lines:
            for start in range(0, size, LEAVES_A_READING):
                for raw in log.acks(look, start, min(size, start + LEAVES_A_READING)):
                    lines.write(leaf_entry(raw).hex() + "\n")
        origin = checkpoint.read(note).origin
    (folder / "checkpoint.note").write_bytes(note)
    key = checkpoint.verifier_key(origin, office.keys.log.public_raw)
    (folder / "key").write_text(key + "\n", encoding="ascii")
    return size
