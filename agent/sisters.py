"""The other tills of this store, met on its own network: who has what a customer needs here, and gives it.

Two threads listen; a third asks again for what was never answered. Questions go to everybody by multicast and
to the addresses of the settings, answers to whoever asked; every datagram is signed by a till of this store
whose key headquarters has told. Which points move, and that they move once, is not decided here
(``agent.transfers``). A customer waits for a moment and no longer; whatever comes later is taken all the
same.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import socket
import struct
import threading
import time
from collections.abc import Iterable, Iterator

from agent import refund_rights, transfers
from agent.store import device_keys, wants
from agent.store.wants import Want
from agent.till import Till
from config.faults import Fault, whereabouts
from points.wire import sister
from points.wire.faults import WireFault
from points.wire.lane import KeyRecord
from points.wire.sister import ASK, DATAGRAM_BYTES_MAX, GIVEN, HAVE, PAPER, RIGHT, WANT, Said

log = logging.getLogger(__name__)

Address = tuple[str, int]
Answers = queue.SimpleQueue[Said]

GROUP = "239.255.74.70"
"""Stays in the store: administratively scoped (RFC 2365), and sent with a TTL of 1."""
HAVE_S = 0.06
"""How long it is waited for who has points."""
GIVEN_S = 0.12
TRIES = 3
"""How long each try of a wish waits for its answer, and how often it is said while a customer waits."""
AGAIN_S = 30.0
"""How often what was never answered is said again."""
A_SECOND_MAX = 500
"""Datagrams that are looked at in a second; a till sells on while a stranger shouts."""


class Sisters:
    """The way of one till to its sisters. ``port`` 0: none, and nothing is asked or answered."""

    have_s, given_s = HAVE_S, GIVEN_S

    def __init__(
        self, till: Till, port: int, addresses: Iterable[Address] = (), interface: str = "0.0.0.0"
    ) -> None:
        self.till = till
        self.port = port
        self.interface = interface
        self.others = tuple(addresses)
        self.is_plugged = True
        """False plays a pulled plug: nothing is said and nothing is heard."""
        self._known: dict[str, Address] = {}
        self._answers: dict[str, Answers] = {}
        self._stop = threading.Event()
        self._sockets: tuple[socket.socket, ...] = ()
        self._threads: list[threading.Thread] = []
        self._one = threading.Lock()
        self._looked = (0, 0)
        self._told: tuple[int, set[str]] = (-1, set())

    def start(self) -> None:
        """Begin to listen; where the port cannot be had a till has no sisters."""
        if not self.port:
            return
        own = self._own_socket()
        try:
            self._sockets = (own, self._group_socket())
        except OSError as error:  # another program has the port: a till sells on without sisters
            own.close()
            log.warning("no sister till can be met: %s", error.strerror)
            return
        for name, way in zip(("sisters", "sisters-group"), self._sockets, strict=True):
            self._threads.append(threading.Thread(target=self._listen, args=(way,), name=name, daemon=True))
        self._threads.append(threading.Thread(target=self._again, name="sisters-again", daemon=True))
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Listen no more."""
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=2)
        for way in self._sockets:
            way.close()

    def near(self, m: int, pts: int) -> int:
        """How many of ``pts`` points of a member sister tills have at hand, as far as they say so at once."""
        names = self._names()
        return min(pts, sum(said.n for said in self._ask(m, pts, names))) if names else 0

    def fetch(self, m: int, pts: int) -> int:
        """Get up to ``pts`` of a member from sister tills, within a moment; gives the points that came."""
        names = self._names()
        if not names:
            return 0
        with self._one:
            came = 0
            for said in sorted(self._ask(m, pts, names), key=lambda one: -one.n):
                if said.n and came < pts:
                    came += self._want(transfers.wish(self.till, said.lane.till, m, min(said.n, pts - came)))
            return came

    def right_to(self, digits: str) -> bool:
        """Get the right to refund the sale on a paper from the sister till that sold it, within a moment."""
        lane = refund_rights.sister_with(self.till, digits)
        if lane is None or lane.till not in self._names():
            return False
        return self._show(transfers.wish(self.till, lane.till, 0, 1, digits), 1)

    # -- asking -------------------------------------------------------------------------------

    def _names(self) -> set[str]:
        """Sister tills that may be asked; none without a network, or for a PC that has no term of its own or
        is doubted."""
        if not self._threads or not self.till.has_own_term or transfers.is_doubted(self.till):
            return set()
        with self.till.book.lock:
            edition, names = self._told
            if edition != self.till.editions:  # the keys of a whole chain are not read for each scan
                names = device_keys.sisters(self.till.book, self.till.store, self.till.till)
                self._told = (self.till.editions, names)
            return names

    def _ask(self, m: int, pts: int, names: set[str]) -> list[Said]:
        """Who has points of a member, until there are enough, everybody has answered, or a moment is over."""
        own = self.till.identity
        question = Said(ASK, self.till.chance(16).hex(), own.lane, "", m, pts)
        found: dict[str, Said] = {}
        with self._expecting(question.id) as answers:
            self._shout(question)
            end_s = time.monotonic() + self.have_s
            while len(found) < len(names) and sum(said.n for said in found.values()) < pts:
                try:
                    said = answers.get(timeout=max(0.0, end_s - time.monotonic()))
                except queue.Empty:
                    break
                if said.say == HAVE and said.m == m:
                    found[said.lane.till] = said
        return list(found.values())

    def _want(self, want: Want) -> int:
        """Say a wish until it is answered or a moment is over; gives the points that came."""
        said = Said(WANT, want.id, self.till.identity.lane, want.till, want.m, want.pts, want.inc, want.term)
        answer = self._heard(said, GIVEN)
        return 0 if answer is None else transfers.heard(self.till, answer)

    def _heard(self, said: Said, say: str) -> Said | None:
        """The answer of one till, asked again until it comes or a moment is over."""
        with self._expecting(said.id) as answers:
            for attempt in range(TRIES):
                self._tell(said, again=attempt > 0)
                end_s = time.monotonic() + self.given_s
                with contextlib.suppress(queue.Empty):
                    while True:
                        answer = answers.get(timeout=max(0.0, end_s - time.monotonic()))
                        if answer.say == say and answer.lane.till == said.to:
                            return answer
        return None

    def _show(self, want: Want, n: int) -> bool:
        """Show a paper until it is answered or a moment is over; whether the right is here now."""
        said = Said(PAPER, want.id, self.till.identity.lane, want.till, 0, n, paper=want.paper)
        answer = self._heard(said, RIGHT)
        return answer is not None and refund_rights.heard(self.till, answer) and answer.paper == want.paper

    @contextlib.contextmanager
    def _expecting(self, id: str) -> Iterator[Answers]:
        answers: Answers = queue.SimpleQueue()
        self._answers[id] = answers
        try:
            yield answers
        finally:
            if self._answers.get(id) is answers:  # the same may be asked again meanwhile
                del self._answers[id]

    def ask_again(self) -> None:
        """Say again what was never answered: what a killed program wanted, or what a dead line swallowed."""
        transfers.forget_old(self.till)
        for want in wants.unanswered(self.till.book):
            if want.id in self._answers or self._stop.is_set():
                continue
            if want.paper:
                self._show(want, 0)
            else:
                self._want(want)

    def _again(self) -> None:
        while not self._stop.is_set():
            try:
                self.ask_again()
            except Fault as fault:
                log.warning("a sister till could not be asked again: %s", fault.remedy)
            except Exception:
                log.exception("a sister till could not be asked again")
            self._stop.wait(AGAIN_S)

    # -- answering ----------------------------------------------------------------------------

    def _listen(self, way: socket.socket) -> None:
        while not self._stop.is_set():
            try:
                raw, address = way.recvfrom(DATAGRAM_BYTES_MAX + 1)
            except TimeoutError:
                continue
            except OSError:  # the answer to something sent to nobody, or a network that has gone
                self._stop.wait(0.05)
                continue
            if not self.is_plugged or self._is_too_much():
                continue
            try:
                self._hear(sister.open_datagram(raw, self.till.identity.lane, self._record_of), address)
            except WireFault:
                continue  # anybody may shout in a store's network
            except Fault as fault:
                log.warning("a sister till could not be answered: %s", fault.remedy)
            except Exception as error:
                log.error("a sister till could not be answered: %s", whereabouts(error))

    def _is_too_much(self) -> bool:
        second = int(time.monotonic())
        counted = self._looked[1] if self._looked[0] == second else 0
        self._looked = (second, counted + 1)
        return counted >= A_SECOND_MAX

    def _record_of(self, kid: str) -> KeyRecord | None:
        return device_keys.find(self.till.book, kid, self.till.identity.lane.chain)

    def _hear(self, said: Said, address: Address) -> None:
        till, lane, who = self.till, self.till.identity.lane, said.lane.till
        self._known[who] = address
        if said.say == ASK:
            self._send(Said(HAVE, said.id, lane, who, said.m, transfers.at_hand(till, said.m)), address)
        elif said.say == WANT:
            given = transfers.give(till, said)
            self._send(Said(GIVEN, said.id, lane, who, said.m, given=given), address)
        elif said.say == PAPER:
            gift = refund_rights.give(till, said)
            given, sale = (None, "") if gift is None else gift
            answer = Said(RIGHT, said.id, lane, who, 0, given=given, paper=said.paper, sale=sale)
            self._send(answer, address)
        elif (expected := self._answers.get(said.id)) is not None:
            expected.put(said)
        elif said.say == GIVEN:  # nobody waits for it any more
            transfers.heard(till, said)
        elif said.say == RIGHT:
            refund_rights.heard(till, said)

    # -- sockets ------------------------------------------------------------------------------

    def _own_socket(self) -> socket.socket:
        way = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        way.bind((self.interface, 0))
        way.settimeout(0.2)
        way.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 1)
        if self.interface != "0.0.0.0":
            way.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(self.interface))
        return way

    def _group_socket(self) -> socket.socket:
        way = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        way.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        way.bind(("", self.port))
        way.settimeout(0.2)
        member = struct.pack("4s4s", socket.inet_aton(GROUP), socket.inet_aton(self.interface))
        try:
            way.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
        except OSError as error:  # then those of the settings are met, at this port
            log.warning("sister tills are not met by multicast: %s", error.strerror)
        return way

    def _shout(self, said: Said) -> None:
        for address in ((GROUP, self.port), *self.others):
            self._send(said, address)

    def _tell(self, said: Said, *, again: bool) -> None:
        """To the till that is meant, where it was last heard; ``again`` to everybody, since it is named."""
        address = self._known.get(said.to)
        if address is None or again:
            self._shout(said)
        else:
            self._send(said, address)

    def _send(self, said: Said, address: Address) -> None:
        if not self.is_plugged:
            return
        with contextlib.suppress(OSError):  # a network that is not there loses what is said
            self._sockets[0].sendto(sister.datagram(said, self.till.identity.key), address)
