"""PCs of tills that were declared lost, and what one PC of a counter holds, told apart from its next one's.

A counter's cell sums what all its PCs did. What one of them gave itself and has not used is found in the
facts of its own lane, which is rare work: nobody asks but for a PC that is lost.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any, NamedTuple

from hub.store import schema
from hub.store.engine import Turn
from points.fund import USES_LOCAL
from points.holding import Agent, Lost
from points.identifiers import op_bucket
from points.operations import Operation
from points.rights import is_over_with
from points.wire import canonical
from points.wire.lane import Lane


class Loss(NamedTuple):
    """A row: the PC (store, till, epoch) with its last (inc, term), why, who asked and in which session, who
    agreed; ``seq`` is the last number that counts, ``pts`` what came home."""

    store: str
    till: str
    inc: int
    term: int
    epoch: int
    evidence: str
    asked_by: str
    asked_in: str
    asked_ms: int
    approved_by: str | None = None
    approved_ms: int | None = None
    seq: int = 0
    pts: int = 0

    def lane(self, chain: str) -> Lane:
        """The lane in which the PC wrote last."""
        return Lane(chain, self.store, self.till, self.epoch)


COLUMNS = ", ".join(Loss._fields)


def lost(look: Turn) -> Lost:
    """Tills of which a PC is lost, with the terms of those PCs."""
    found: dict[Agent, set[tuple[int, int]]] = defaultdict(set)
    for store, till, inc, term in look.run(
        "SELECT store, till, inc, term FROM losses WHERE approved_ms IS NOT NULL"
    ):
        found[store, till].add((inc, term))
    return found


def declared(look: Turn) -> list[list[Any]]:
    """[store, till, epoch, seq] of every PC that is lost."""
    rows = look.run(
        "SELECT store, till, epoch, seq FROM losses WHERE approved_ms IS NOT NULL ORDER BY store, till, epoch"
    )
    return [list(row) for row in rows]


def every(look: Turn, since_ms: int = 0) -> list[Loss]:
    """What was asked for, or agreed upon, since; the newest first."""
    rows = look.run(
        f"SELECT {COLUMNS} FROM losses WHERE coalesce(approved_ms, asked_ms) >= ? ORDER BY asked_ms DESC",
        (since_ms,),
    )
    return [Loss(*row) for row in rows]


def pending(look: Turn) -> list[Loss]:
    """What was asked for and nobody has agreed upon yet."""
    return [loss for loss in every(look) if loss.approved_ms is None]


def asked(look: Turn, store: str, till: str, epoch: int) -> Loss | None:
    """What was asked for this PC."""
    row = look.one(
        f"SELECT {COLUMNS} FROM losses WHERE store = ? AND till = ? AND epoch = ?", (store, till, epoch)
    )
    return None if row is None else Loss(*row)


def is_lost(look: Turn, store: str, till: str, epoch: int) -> bool:
    """Whether two people have declared this PC lost."""
    loss = asked(look, store, till, epoch)
    return loss is not None and loss.approved_ms is not None


def keep(turn: Turn, loss: Loss) -> None:
    """Write it, over what was asked before."""
    turn.put(schema.losses, [tuple(loss)], on_conflict="replace", twice=True)


def declare(turn: Turn, op: Operation) -> None:
    """Write what the fact says; who asked in which session is known only where it was asked."""
    body, (store, till) = op.body, op.body["agent"][:2]
    known = asked(turn, store, till, body["epoch"]) or Loss(
        store, till, body["inc"], body["term"], body["epoch"], body["evidence"], body["asked_by"], "", op.st
    )
    keep(turn, known._replace(approved_by=body["approved_by"], approved_ms=op.st, seq=body["seq"]))


def forget(turn: Turn, store: str, till: str, epoch: int) -> None:
    """Nobody agreed, and it is not asked any more."""
    turn.run(
        "DELETE FROM losses WHERE store = ? AND till = ? AND epoch = ? AND approved_ms IS NULL",
        (store, till, epoch),
        twice=True,
    )


def leftovers(look: Turn, lost_pc: Mapping[str, Any]) -> dict[int, int]:
    """The points that a PC gave itself and has not used, of each member that its counter holds anything of.

    ``lost_pc`` names it: ``agent``, ``inc``, ``term``, ``epoch``.
    """
    store, till = lost_pc["agent"][:2]
    found: dict[int, int] = defaultdict(int)
    for (m,) in look.run(
        "SELECT m FROM cells WHERE store = ? AND till = ? AND closed = 0 AND inc <= ? AND term = ?",
        (store, till, lost_pc["inc"], lost_pc["term"]),
    ):
        found[m] = 0
    written = look.run(
        "SELECT f.m, f.op_id, f.body FROM cells c JOIN facts f ON f.bucket = c.bucket AND f.m = c.m"
        " WHERE c.store = ? AND c.till = ? AND c.added > c.local_used"
        " AND f.store = c.store AND f.till = c.till",
        (store, till),
    )
    own = {
        op_id
        for op_id, epoch in look.find(
            schema.op_seen, ["op_id", "epoch"], ["op_bucket", "op_id"],
            [(op_bucket(op_id), op_id) for _, op_id, _ in written],
        )
        if epoch == lost_pc["epoch"]
    }  # fmt: skip
    term = (lost_pc["inc"], lost_pc["term"])
    for m, op_id, raw in written:
        op = Operation(canonical.read_own(raw), store, till)
        # What it recorded before it went on in another lane after a fork is told there, in its old term.
        # What it gave back so came home by nobody's word.
        theirs = (op.body.get("inc", 0), op.body.get("term", 0))
        if op_id not in own and (op.kind == "rights.return" or not is_over_with(theirs, term)):
            continue
        for act, n in op.moves():
            found[m] += n if act == "add" else -n if act in USES_LOCAL else 0
    for (m,) in look.run("SELECT m FROM reserved WHERE store = ? AND till = ?", (store, till)):
        found[m] += 0
    return {m: max(0, home) for m, home in found.items()}
