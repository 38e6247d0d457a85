"""What of headquarters' rules this program is too old for.

A book may call a rule critical: whoever does not know it must not act as if it were not there. Such a till
keeps the last book that it understood, earns by that, takes goods back and voids, and spends no points until
its program is updated. It says so to the cashier, and to headquarters with every hello.
"""

from __future__ import annotations

import json
from dataclasses import replace

from agent.store import feeds
from agent.till import Till
from config.sqlite import Connection
from points.wire.dialect import Dialect
from points.wire.faults import AgentTooOld
from points.wire.manifest import Manifest

READS = Dialect()
"""The forms of editions that this program reads."""
LACKING = "rules_lacking"
"""The fact that keeps the names of those rules."""


def lacking(till: Till) -> tuple[str, ...]:
    """Critical rules of the newest book that are not understood; none when it is understood."""
    kept = feeds.fact(till.book, LACKING)
    return () if kept is None else tuple(json.loads(kept))


def note(turn: Connection, names: tuple[str, ...]) -> None:
    """The newest book names these; none when it is understood."""
    if names:
        feeds.keep_fact(turn, LACKING, json.dumps(names, ensure_ascii=False))
    else:
        feeds.drop_fact(turn, LACKING)


def check(manifest: Manifest) -> None:
    """Raise ``AgentTooOld`` for an edition in a form that this program does not read: whoever brings it,
    nothing of it is fetched or taken, and what is held stays."""
    if not READS.oldest <= manifest.schema <= READS.newest:
        raise AgentTooOld(min=manifest.schema)


def dialect(till: Till) -> Dialect:
    """What this program can read, as a hello says it."""
    return replace(READS, lacks=lacking(till))
