"""The network inside a pretend chain's stores, from till to till: it loses, doubles, delays and lies down.

``Line`` is the product's own way to its sisters up to the moment when a datagram leaves the PC, without
sockets, threads and waiting. What arrives arrives at every PC of the till that it is for, also at one whose
place another has taken; a copy may come days later, or be somebody's forgery. Who is killed while he hears a
wish has given or not, as his disk says.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from agent.sisters import GROUP, Address, Sisters
from config.faults import Fault
from config.sqlite import Error
from points.wire import canonical, sister
from points.wire.faults import WireFault
from points.wire.sister import GIVEN, PAPER, RIGHT, WANT, Said
from tests.chain.disk import Killed
from tests.chain.network import Storm

if TYPE_CHECKING:
    from tests.chain.pc import Pc

KILLS = ("before", "after", "mirror", "torn", "doubt")


class Line(Sisters):
    """A PC's way to its sister tills, real up to the cable."""

    have_s = given_s = 0.0

    def __init__(self, pc: Pc, network: StoreNetwork, address: Address) -> None:
        super().__init__(pc.till, address[1])
        self._threads = [threading.current_thread()]  # it listens
        self.pc, self.network, self.address = pc, network, address

    def fetch(self, m: int, pts: int) -> int:
        """As the product does, counted."""
        came = super().fetch(m, pts)
        if came:
            self.network.used(self.pc)
        return came

    def _send(self, said: Said, address: Address) -> None:
        self.network.carry(self, said, address)

    def hear(self, raw: bytes, address: Address) -> None:
        """What the product's own thread does with a datagram. Raises as it may."""
        self._hear(sister.open_datagram(raw, self.till.identity.lane, self._record_of), address)


@dataclass(frozen=True, slots=True)
class _Datagram:
    """On the cable: who sent it, what it says, its bytes; ``to`` one PC, or None for all that it concerns."""

    sender: Line
    said: Said
    raw: bytes
    to: Address | None


class StoreNetwork:
    """The cables of all stores. A datagram goes no further than its store.

    ``later`` does something after so many ms, ``fell`` is told of a PC that was killed while it heard
    something, ``reaches`` whether a PC could ask headquarters.
    """

    def __init__(
        self,
        storm: Storm,
        later: Callable[[int, Callable[[], None]], None],
        fell: Callable[[Pc], None],
    ) -> None:
        self.storm, self._later, self._fell = storm, later, fell
        self.pcs: list[Pc] = []
        self.givers: list[Pc] = []
        """Who heard a wish since somebody has looked."""
        self._way: deque[_Datagram] = deque()
        self._is_carrying = False

    def plug(self, pc: Pc) -> None:
        """Another PC."""
        self.pcs.append(pc)
        pc.store_network = self

    def line(self, pc: Pc) -> Line:
        """The way of a PC that is switched on."""
        number = self.pcs.index(pc) + 1
        return Line(pc, self, (f"pc-{number}", number))

    def used(self, pc: Pc) -> None:
        """Points came in time for a customer."""
        mark = self.storm.mark
        mark("transfer")
        if pc.uplink.cut == "both" or not pc.uplink.hub.is_up:
            mark("transfer in outage")

    # -- carrying -----------------------------------------------------------------------------

    def carry(self, sender: Line, said: Said, address: Address) -> None:
        """A datagram leaves a PC; whoever began to speak hears everything that is answered at once."""
        storm = self.storm
        if sender.pc.is_missing or sender.pc.name[0] in storm.store_cuts:
            storm.mark("store network down")
            return
        raw = sister.datagram(said, sender.till.identity.key)
        one = _Datagram(sender, said, raw, None if address[0] == GROUP else address)
        if storm.happens(storm.weather.lan_lose):
            storm.mark(_named(said, "lost"))
            return
        if storm.happens(storm.weather.lan_late):
            copy = replace(one, to=None)
            self._later(storm.chance.randrange(storm.weather.late_ms_max) + 1, lambda: self._come_late(copy))
            if storm.chance.random() < 0.5:  # delayed, not doubled
                return
        self._way.append(one)
        if storm.happens(storm.weather.lan_double):
            storm.mark(_named(said, "twice"))
            self._way.append(replace(one, to=None))
        if said.given is not None and storm.happens(storm.weather.lan_forge):
            self._way.append(self._forged(one))
        if not self._is_carrying:
            self._deliver(sender.pc)

    def _come_late(self, one: _Datagram) -> None:
        if one.sender.pc.name[0] not in self.storm.store_cuts:
            self.storm.mark(_named(one.said, "late"))
            self._way.append(one)
            self._deliver(None)

    def _deliver(self, speaker: Pc | None) -> None:
        self._is_carrying = True
        try:
            while self._way:
                one = self._way.popleft()
                for pc in self.pcs:
                    if self._concerns(one, pc):
                        self._arrive(one, pc, speaker)
        finally:
            self._way.clear()
            self._is_carrying = False

    def _concerns(self, one: _Datagram, pc: Pc) -> bool:
        """Whether a datagram arrives at a PC; what is told to a till reaches every PC that bears its name."""
        if not pc.runs or pc.is_missing or pc is one.sender.pc or pc.name[0] != one.sender.pc.name[0]:
            return False
        if one.to is not None:
            return pc.line.address == one.to
        return one.said.to in ("", pc.name[1])

    def _arrive(self, one: _Datagram, pc: Pc, speaker: Pc | None) -> None:
        storm, said = self.storm, one.said
        armed = False
        if said.say in (WANT, GIVEN, PAPER, RIGHT) and pc is not speaker and not pc.full:
            armed = storm.happens(storm.weather.kill)
            if armed:
                how = storm.chance.choice(KILLS)
                pc.arm(how, 0 if how == "doubt" else storm.chance.randrange(1, 12))
        before = pc.till.log.seq
        try:
            pc.line.hear(one.raw, one.sender.address)
        except (WireFault, Fault, Error):
            pass  # the product's own thread goes on listening
        except Killed:
            if pc is speaker:
                raise
            storm.mark("killed while it gave" if said.say in (WANT, PAPER) else "killed while it took")
            pc.stop()
            self._fell(pc)
        if armed and pc.runs:
            pc.disarm()
        if pc.till.log.seq > before:
            self.givers.append(pc)
            if said.say == WANT and one.sender.pc.is_replaced:
                storm.mark("given to a replaced PC")

    def _forged(self, one: _Datagram) -> _Datagram:
        """Who has tampered with a till of the store tells of a gift that nobody has signed."""
        given = one.said.given
        assert given is not None
        self.storm.mark("gift that nobody signed")
        body = given.content()
        other = f"{int(body['id'], 16) ^ 1 << 20:032x}"
        forged = replace(given, seq=given.seq + 1, body=canonical.encode({**body, "id": other}))
        said = replace(one.said, id=other, given=forged)
        return replace(one, said=said, raw=sister.datagram(said, one.sender.till.identity.key))


def _named(said: Said, fate: str) -> str:
    """The mark of what became of a datagram."""
    if said.say == GIVEN:
        return f"given {fate}" if said.given is not None else f"nothing given {fate}"
    return f"{'wish' if said.say == WANT else said.say} {fate}"
