"""The world of one chain: true time, power, cables and people, driven item by item from its plan.

First everything that the plan says happens, and after each item it is asked whether what must hold at every
moment does. Then all is made well, and within a few contacts everything must have come home: nothing waits,
nothing is reserved, every book is known whole at headquarters, and every sum is what was seen at the tills.
"""

from __future__ import annotations

import contextlib
import heapq
import random
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

from agent import day_close, outgoing
from config.faults import Fault
from hub import night as hub_night
from hub.verify import state
from points.wire.faults import WireFault
from tests.chain import decisions, laws, losses, mishaps
from tests.chain.customers import Customer, Floor
from tests.chain.disk import Killed, new_folder
from tests.chain.head_office import HeadOffice
from tests.chain.laws import Violated
from tests.chain.losses import Losses
from tests.chain.marks import Marks
from tests.chain.network import AUTHORISE, Storm, Wire
from tests.chain.pc import ANY_MINUTE, Pc, no_rest, quietly, talk
from tests.chain.plan import HOUR_MS, MINUTE_MS, START_MS, Item, Plan
from tests.chain.store_network import StoreNetwork
from tests.chain.witness import Witness

REGIONS = ("main", "north")
ROUNDS_MAX = 8
KILLS = ("before", "before", "after", "after", "mirror", "torn", "asking", "hearing")


class World:
    """One chain. ``run`` plays its plan to the end or raises ``Violated``."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.now_ms = START_MS
        self.marks = Marks()
        self.storm = Storm(plan.weather, random.Random(0), self._mark, self._later)
        self._folder = new_folder()
        journal = Path(self._folder.name) / "headquarters" if plan.weather.hub_old_copy else None
        self.hub = HeadOffice(plan.rules, random.Random(f"hub/{plan.seed}"), self._now, plan.signed, journal)
        self.witness = Witness()
        if plan.rules["expiry"][0] == "fixed":
            self.witness.last_day = plan.rules["expiry"][1]
        self.floor = Floor(
            self.witness, self.marks, self._now, [Customer() for _ in range(plan.members)], plan.elsewhere,
            plan.returns, plan.regions > 1,
        )  # fmt: skip
        self.store_network = StoreNetwork(self.storm, self.after, self._fell)
        self._events: list[tuple[int, int, Callable[[], None]]] = []
        self._count = 0
        self.losses = Losses(self.witness.exposed)
        self.pcs: dict[tuple[int, int], list[Pc]] = {}
        for store, tills in enumerate(plan.tills):
            for till in range(tills):
                self.pcs[store, till] = [self.new_pc(store, till)]

    # -- parts --------------------------------------------------------------------------------

    def _now(self) -> int:
        return self.now_ms

    def _mark(self, name: str) -> None:
        self.marks[name] += 1

    def new_pc(self, store: int, till: int) -> Pc:
        self._count += 1
        region = REGIONS[store % self.plan.regions]
        identity = self.hub.admit(f"s{store}", f"{till + 1:02}", region)
        chance = random.Random(f"pc/{self.plan.seed}/{self._count}")
        pc = Pc(identity, Path(self._folder.name) / f"{self._count}.log", self._now, chance, self.marks)
        pc.uplink = Wire(pc, self.hub, self.storm)
        self.store_network.plug(pc)
        return pc

    def every_pc(self) -> list[Pc]:
        """All PCs that headquarters listens to, the replaced ones too."""
        return [pc for pcs in self.pcs.values() for pc in pcs]

    def whole_fleet(self) -> list[Pc]:
        """Those that were declared lost too."""
        return self.every_pc() + self.losses.declared

    def after(self, wait_ms: int, do: Callable[[], None]) -> None:
        """Something that follows from what happened."""
        self._count += 1
        heapq.heappush(self._events, (self.now_ms + wait_ms, self._count, do))

    def _later(self, wait_ms: int, path: str, body: bytes, headers: dict[str, str]) -> None:
        def arrive() -> None:
            self.marks["late copy of an authorisation" if path == AUTHORISE else "late copy of a batch"] += 1
            if self.hub.is_up:
                with contextlib.suppress(WireFault):
                    self.hub.answer("POST", path, body, headers)

        self.after(wait_ms, arrive)

    # -- the first phase ----------------------------------------------------------------------

    def run(self) -> str:
        """Play the plan; gives the fingerprint of all that was written."""
        ops_max: int = vars(outgoing)["OPS_MAX"]
        vars(outgoing)["OPS_MAX"] = self.plan.batch_ops
        try:
            for item in self.plan.items:
                self._until(item.at_ms)
                self._count += 1
                self.storm.chance = dice = self.plan.chance(item.n)
                self._happen(item, dice)
                if self.witness.broken:
                    raise Violated(self.witness.broken[0])
            self._until(self.now_ms + 6 * HOUR_MS)
            self.rest()
            return self.fingerprint()
        finally:
            vars(outgoing)["OPS_MAX"] = ops_max

    def rest(self) -> None:
        """All is made well, everything comes home, and the laws of rest are asked."""
        self._heal()
        if self.witness.broken:
            raise Violated(self.witness.broken[0])
        laws.at_rest(self)
        decisions.count(self)

    def _until(self, at_ms: int) -> None:
        while self._events and self._events[0][0] <= at_ms:
            when, number, do = heapq.heappop(self._events)
            self.now_ms = max(self.now_ms, when)
            self.storm.chance = random.Random(f"{self.plan.seed}/event/{number}")
            do()
        self.now_ms = max(self.now_ms, at_ms)

    def _happen(self, item: Item, dice: random.Random) -> None:
        match item.kind:
            case "outage":
                self._outage(item)
                return
            case "hub down":
                self.hub.is_up = False
                self.marks["headquarters down"] += 1
                self.after(item.more, self._hub_back)
                return
            case "store network down":
                self._cut_store(item)
                return
            case "hub night":
                self.hub_night()
                return
            case "hub copy":
                mishaps.copy_headquarters(self, item)
                return
        pc = self._at(item, dice)
        match item.kind:
            case "visit":
                self._visit(pc, item, dice)
            case "open":
                if not pc.runs:
                    self.boot(pc)
                self.contact(pc, dice)
            case "contact":
                if pc.runs and pc.till.rules is not None and dice.random() < 0.3:  # a change of shift
                    self.doing(pc, lambda: quietly(lambda: day_close.give_back(pc.till, "c1")), dice)
                self.contact(pc, dice)
            case "close":
                self._close(pc, dice)
            case "jump":
                mishaps.jump(self, pc, dice)
            case "disk full":
                mishaps.fill_disk(self, pc, dice)
            case "copy":
                pc.disk.keep_copy()
                self.after(dice.randrange(20 * HOUR_MS), lambda: mishaps.put_copy_back(self, pc))
            case "line out":
                mishaps.cut_line(self, pc, item.more)
            case "replace":
                mishaps.replace(self, item, dice)
            case "lose":
                losses.lose(self, item, dice)

    def _at(self, item: Item, dice: random.Random) -> Pc:
        """The PC that is meant; now and then the old one, which somebody still uses without a network."""
        *old, pc = self.pcs[item.store, item.till]
        old = [one for one in old if one.runs]
        return dice.choice(old) if old and dice.random() < 0.3 else pc

    def doing(self, pc: Pc, do: Callable[[], Any], dice: random.Random) -> Any:
        """An act of one PC, in which it may be killed; afterwards the laws of every moment are asked."""
        armed = self.storm.happens(self.plan.weather.kill)
        if armed:
            self._arm(pc, dice)
        elif self.storm.happens(self.plan.weather.commit_doubt):
            armed = True
            pc.arm("doubt", 0)
        done = None
        try:
            done = do()
        except Killed:
            pc.stop()
            self._fell(pc)
        if armed:
            pc.disarm()
            pc.uplink.kill = ""
        return done

    def _fell(self, pc: Pc) -> None:
        """A PC was killed; somebody switches it on again."""
        self.witness.forget_papers(*pc.name)
        self.after(self.storm.chance.randrange(1, 90) * MINUTE_MS, lambda: self._reboot(pc))

    def _look(self, pc: Pc, m: int = 0) -> None:
        """Ask the laws of every moment of a PC, and of those that have given to a sister meanwhile."""
        givers, self.store_network.givers = self.store_network.givers, []
        laws.at_any_moment(self, pc, m)
        for giver in givers:
            laws.at_any_moment(self, giver)

    def _arm(self, pc: Pc, dice: random.Random) -> None:
        how = dice.choice(KILLS)
        if how in ("asking", "hearing"):
            pc.uplink.kill = "before" if how == "asking" else "after"
        else:
            pc.arm(how, dice.randrange(1, 16))

    def boot(self, pc: Pc) -> None:
        if pc.is_burnt:
            return
        try:
            pc.boot()
        except Fault as fault:
            raise Violated(f"the till {pc.name} does not start: {fault}") from fault
        if pc.full:
            pc.arm("full", 0)
        quietly(pc.line.ask_again)

    def _reboot(self, pc: Pc) -> None:
        if not pc.runs and not pc.is_burnt:
            self.boot(pc)
            if self.storm.chance.random() < 0.7:
                self.floor.ask_again(pc)
            self._look(pc)

    def _visit(self, pc: Pc, item: Item, dice: random.Random) -> None:
        if not pc.runs or pc.till.rules is None:
            return
        self.marks["member at two tills at once"] += item.more == "twin"
        self.marks["ring visit"] += item.more == "ring"
        act, ring = f"{item.n}", item.more == "ring"
        self.doing(pc, lambda: self.floor.visit(pc, item.member, act, dice, self.plan.redeem, ring), dice)
        self._look(pc, self.floor.customers[item.member].m)

    def contact(self, pc: Pc, dice: random.Random, whole_night: bool = False) -> None:
        if not pc.runs:
            return
        asks_first = dice.random() < 0.5  # as the product does every half minute
        if asks_first:
            self.doing(pc, lambda: quietly(pc.line.ask_again), dice)
        if pc.runs:
            self.doing(pc, lambda: talk(pc, whole_night), dice)
        if pc.runs and not asks_first:
            self.doing(pc, lambda: quietly(pc.line.ask_again), dice)
        self._look(pc)

    def _close(self, pc: Pc, dice: random.Random) -> None:
        if not pc.runs:
            return
        if self.storm.happens(self.plan.weather.pull_plug):
            self.marks["plug pulled"] += 1
            pc.stop()
            return
        if pc.till.rules is not None and dice.random() < 0.7:
            self.doing(
                pc, lambda: quietly(lambda: pc.desk.close_day("c1", reaches=pc.uplink.reaches())), dice
            )
        self.contact(pc, dice, whole_night=True)
        if pc.runs and dice.random() < 0.7:
            pc.stop()

    def _outage(self, item: Item) -> None:
        length, one_way = item.more
        self.marks["one-way outage" if one_way else "outage"] += 1
        name = f"s{item.store}"
        self.storm.cuts[name] = "down" if one_way else "both"

        def over() -> None:
            self.storm.cuts.pop(name, None)

        self.after(length, over)

    def _cut_store(self, item: Item) -> None:
        name = f"s{item.store}"
        self.storm.store_cuts.add(name)
        self.marks["store network cut"] += 1
        self.after(item.more, lambda: self.storm.store_cuts.discard(name))

    def _hub_back(self) -> None:
        self.hub.is_up = True
        self.hub.restart()
        self.marks["headquarters restarted"] += 1

    def hub_night(self) -> None:
        """The night's work of headquarters, if it is up."""
        if self.hub.is_up:
            expired = hub_night.Night(self.hub.office, ANY_MINUTE).run()
            self.marks["expired points"] += expired > 0

    # -- the second phase ---------------------------------------------------------------------

    def _heal(self) -> None:
        """All is made well; everything must come home within a few contacts of each till."""
        dice = random.Random(f"{self.plan.seed}/heal")
        self.storm.calm_down()
        if not self.hub.is_up:
            self._hub_back()
        for pc in list(self.losses.missing):
            losses.declare(self, pc)
        late = [event[2] for event in sorted(self._events, key=lambda event: event[:2])]
        self._events.clear()
        for pc in self.every_pc():
            pc.full = False
            pc.clock.ahead_ms, pc.disk.copy = 0, None
            pc.uplink.is_unplugged = False
            if not pc.runs:
                self.boot(pc)
            pc.disarm()
            self.floor.ask_again(pc)
        dice.shuffle(late)
        half = len(late) // 2
        for do in late[:half]:
            do()
        self._drain(dice, gives_back=dice.random() < 0.5)
        if late[half:]:
            for do in late[half:]:  # of a time that nobody remembers
                do()
            self._drain(dice, gives_back=False)
        if losses.dismiss(self):
            self._drain(dice, gives_back=False)

    def _drain(self, dice: random.Random, gives_back: bool) -> None:
        pcs = self.every_pc()
        for round_ in range(ROUNDS_MAX):
            self.now_ms += MINUTE_MS
            before = self._written()
            dice.shuffle(pcs)
            for pc in pcs:
                if gives_back and round_ == 0:
                    day_close.give_back(pc.till, "agent")
                asks_first = dice.random() < 0.5
                if asks_first:
                    pc.line.ask_again()
                is_awaited = self.hub.awaits(pc.name[0])
                done = pc.night.contact(rest=no_rest)
                if not asks_first:
                    pc.line.ask_again()
                if (not done.settled and not is_awaited) or done.alarms:
                    raise Violated(f"the till {pc.name} cannot finish a contact in calm weather: {done}")
                self._look(pc)
            if self._written() == before:
                return
        raise Violated(f"after {ROUNDS_MAX} contacts of every till in calm weather there is still news")

    def _written(self) -> tuple[Any, ...]:
        tills = [
            pc.till.log.head for pc in sorted(self.every_pc(), key=lambda pc: (pc.name, pc.identity.term))
        ]
        return (
            tills,
            self.hub.rows("SELECT sum(seq) FROM lanes"),
            self.hub.rows("SELECT max(g) FROM batches"),
        )

    def fingerprint(self) -> str:
        """A hash of every operation and of all that headquarters has made of them."""
        told = sha256(repr(state(self.hub.office)).encode())
        for pc in self.whole_fleet():
            told.update(pc.till.log.head)
        for (body,) in self.hub.rows("SELECT body FROM facts ORDER BY bucket, m, n"):
            told.update(body)
        return told.hexdigest()[:16]

    def operations(self) -> int:
        """How many operations the tills have recorded."""
        return sum(pc.till.log.seq for pc in self.whole_fleet())

    def close(self) -> None:
        """Throw everything away."""
        for pc in self.whole_fleet():
            pc.close()
        self.hub.close()
        self._folder.cleanup()
