"""Somebody who stands beside the tills: sees goods handed over and papers printed, and asks nobody.

The witness never reads what the product keeps. It hears what a counter answered to its cashier, in true time,
and keeps plain sums by member. What it cannot know is an act that was cut off: that may have been recorded or
not, until the cashier asks again or the books are opened at the end.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from points.operations import Operation
from points.receipts import Receipt

AHEAD_MS_MAX = 5 * 86_400_000
"""A wall clock is believed for a day beyond what is known, anew after each boot; few boots come in a run."""


@dataclass(slots=True)
class Seen:
    """One paper: what was handed over for it, or taken back."""

    at_ms: int
    store: str
    till: str
    m: int
    op: Operation
    receipt: Receipt


@dataclass(slots=True)
class Sums:
    """What one member was seen to earn and spend. ``lowest`` is the least that spending ever left."""

    issued: int = 0
    spent: int = 0
    restored: int = 0
    clawed: int = 0
    lowest: int = 0

    @property
    def left(self) -> int:
        """What spending has left of all that was ever earned, before anything was clawed back."""
        return self.issued - self.spent + self.restored


@dataclass
class Witness:
    """Everything that was seen, in the order in which it happened."""

    papers: dict[str, Seen] = field(default_factory=dict)
    members: dict[int, Sums] = field(default_factory=lambda: defaultdict(Sums))
    doubtful: dict[str, tuple[str, str, int]] = field(default_factory=dict)
    """Acts that were cut off: (store, till, member; 0 for one not known to the till)."""
    broken: list[str] = field(default_factory=list)
    exposed: Counter[int] = field(default_factory=Counter)
    """By member, points that may be spent twice because a PC was lost."""
    last_day: int = 99991231
    """When all points expire, if they do on one day: what is earned later is nothing from the beginning."""
    _latest: dict[tuple[str, str, int, int], Receipt] = field(default_factory=dict)

    def saw(
        self, at_ms: int, store: str, till: str, m: int, op: Operation, receipt: Receipt, epoch: int = 1
    ) -> None:
        """A paper came out and was handed over. ``m`` is whose card was shown, 0 if nobody's; ``epoch`` tells
        the PCs of one till apart."""
        if op.id in self.papers:
            if self.papers[op.id].op.body != op.body:
                self.broken.append(f"two papers of operation {op.id} tell different things")
            return
        self.papers[op.id] = Seen(at_ms, store, till, m, op, receipt)
        self._read(at_ms, store, till, m, op, receipt, epoch)
        if not m:
            return
        sums = self.members[m]
        sums.spent += receipt.used
        sums.restored += receipt.restored
        if "groups" in op.body and op.refs[0] in self.papers:  # what comes home only headquarters can tell
            sums.restored += self.papers[op.refs[0]].receipt.used
        sums.clawed += receipt.clawed
        sums.lowest = min(sums.lowest, sums.left)
        sums.issued += receipt.earned
        if receipt.used and sums.left - receipt.earned < -self.exposed[m] and not self.is_doubtful(m):
            self.broken.append(
                f"member {m} has spent {sums.spent - sums.restored} points at {store}/{till} and was seen to"
                f" earn {sums.issued - receipt.earned}"
            )

    def _read(
        self, at_ms: int, store: str, till: str, m: int, op: Operation, receipt: Receipt, epoch: int
    ) -> None:
        """What a paper alone can be wrong about."""
        place = f"the paper of {op.id} at {store}/{till}"
        if op.st > at_ms + AHEAD_MS_MAX:
            self.broken.append(f"{place} is dated {(op.st - at_ms) // 3_600_000} hours ahead")
        if receipt.debt and any(act == "add" for act, _ in op.moves()):
            self.broken.append(f"{place} shows a debt and gives rights all the same")
        before = self._latest.get((store, till, m, epoch))
        moved = receipt.earned - receipt.used - receipt.clawed + receipt.restored
        is_plain = receipt.local_day <= self.last_day and not (
            receipt.debt or receipt.clawed or "groups" in op.body
        )
        if before is not None and m and is_plain and op.m == m and op.kind != "member.enrol":
            is_same = (before.as_of_ms, before.local_day) == (receipt.as_of_ms, receipt.local_day)
            if is_same and not before.debt and receipt.balance != before.balance + moved:
                self.broken.append(
                    f"{place} shows {receipt.balance}, the one before {before.balance}, and {moved:+} moved"
                )
        if op.m == m and "groups" not in op.body:
            self._latest[store, till, m, epoch] = receipt

    def forget_papers(self, store: str, till: str) -> None:
        """Something was done at this till that nobody saw: its papers cannot be compared any more."""
        for key in [key for key in self._latest if key[:2] == (store, till)]:
            del self._latest[key]

    def cut_off(self, act: str, store: str, till: str, m: int) -> None:
        """An act was not answered: nobody knows whether it is in the book."""
        self.doubtful[act] = (store, till, m)

    def resolved(self, act: str) -> None:
        """The cashier asked again and was answered."""
        self.doubtful.pop(act, None)

    def is_doubtful(self, m: int) -> bool:
        """Whether an act on this member was cut off and never answered."""
        return any(one[2] in (m, 0) for one in self.doubtful.values())
