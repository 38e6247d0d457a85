"""The state of a till as a page tells it: values, no words. Cheap enough to be asked twice a second."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from agent import transfers, understanding, witness
from agent.night import Night
from agent.printing import Look, Printing
from agent.pulse import Pulse
from agent.store import members
from agent.till import Till
from config.faults import Fault
from hardware.scans import Wellbeing

FAR_MS = 24 * 3_600_000


@dataclass(frozen=True, slots=True)
class World:
    """What is always in view. ``fault`` is the remedy of a second copy that is behind, or else of a disk that
    is full, of the last contact that stopped, or what headquarters' log owes or contradicts; "" for none.
    """

    network: str
    unsynced: int
    printer: str
    waiting: int
    looks: tuple[Look, ...]
    clock_doubt: bool
    clock_off_ms: int
    silent_too_long: bool
    doubted: bool
    rules_behind: bool
    far: bool
    day: int
    day_closed: bool
    has_rules: bool
    as_of_ms: int
    last_contact_ms: int
    members: int
    pool: int
    operations: int
    scanners: tuple[tuple[str, Wellbeing], ...] = ()
    fault: str = ""
    fault_detail: dict[str, str | int] = field(default_factory=dict)


class Worlds:
    """Makes the state of one till. Counting members reads a table, so it is done once an edition."""

    def __init__(
        self,
        till: Till,
        night: Night,
        pulse: Pulse,
        printing: Printing,
        scanners: Callable[[], list[tuple[str, Wellbeing]]],
        of_disk: Callable[[], Fault | None] = lambda: None,
    ) -> None:
        self.till, self.night, self.pulse, self.printing = till, night, pulse, printing
        self._scanners, self._of_disk = scanners, of_disk
        self._counted: tuple[int, int] = (-1, 0)

    def now(self) -> World:
        """The state now."""
        till = self.till
        fault = till.log.fault or self._of_disk() or self.night.fault or witness.fault(till)
        shift, time = till.shift() if till.rules is not None else None, till.time()
        return World(
            network=self.pulse.network,
            unsynced=self.night.unsent(),
            printer=self.printing.condition,
            waiting=self.printing.waiting(),
            looks=self.printing.looks(),
            clock_doubt=time.suspect,
            clock_off_ms=time.off_ms,
            silent_too_long=till.is_silent_too_long,
            doubted=transfers.is_doubted(till),
            rules_behind=bool(understanding.lacking(till)),
            far=self._is_far(),
            day=shift.day if shift else 0,
            day_closed=bool(shift and shift.closed),
            has_rules=till.rules is not None,
            as_of_ms=till.as_of_ms,
            last_contact_ms=self.pulse.last_contact_ms,
            members=self._members(),
            pool=members.pool_left(till.book),
            operations=till.log.seq,
            scanners=tuple(self._scanners()),
            fault=fault.remedy if fault else "",
            fault_detail=fault.detail if fault else {},
        )

    def _is_far(self) -> bool:
        """Whether headquarters has said nothing for so long that a stick may be worth the way."""
        heard = self.till.witness
        is_kept_twice = self.till.log.fault is None  # else there is something else to be done first
        if self.pulse.network == "online" or heard is None or not (is_kept_twice and self.night.unsent()):
            return False
        return self.till.time().st_ms - heard.hub_ms >= FAR_MS

    def _members(self) -> int:
        edition = self.till.as_of_ms
        if self._counted[0] != edition:
            self._counted = (edition, members.count(self.till.book))
        return self._counted[1]
