"""What the page stands on: the parts of one till, handed over by the assembly, and what is told of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from agent import elsewhere, stick
from agent.cards import Card
from agent.counter import Found
from agent.desk import Desk
from agent.funding import No
from agent.goods_back import Returnable
from agent.look_up import Answered
from agent.night import Night
from agent.printing import Printing
from agent.pulse import Pulse
from agent.screen import said
from agent.screen.events import Events
from agent.screen.key import PageKey
from agent.stick import Exchanged
from agent.till import Till
from agent.world import World
from config.faults import Fault
from config.words import LANGUAGES, Words, load_words
from hardware.scans import Scan
from points import codes
from points.codes import CodeKind
from points.refusals import Refusal


@dataclass
class Shop:
    """The parts of one till that a page asks or shows."""

    desk: Desk
    night: Night
    pulse: Pulse
    printing: Printing
    key: PageKey
    look: Callable[[], World]
    language: str = "zh"
    paper_mm: int = 58
    sticks: tuple[str, ...] = ()
    is_mount: Callable[[Path], bool] = Path.is_mount
    look_up: Callable[[str], Answered] = lambda _text: Answered.UNANSWERED
    words: dict[str, Words] = field(default_factory=lambda: {name: load_words(name) for name in LANGUAGES})

    def __post_init__(self) -> None:
        self.events = Events(lambda lang: said.state(self.look(), self.till, self.words[lang]))

    @property
    def till(self) -> Till:
        """The till itself."""
        return self.desk.till

    @property
    def is_online(self) -> bool:
        """Whether headquarters can be asked for points now."""
        return self.pulse.network == "online"

    def world(self) -> World:
        """The state now."""
        return self.look()

    def card(self, m: int) -> Card | None:
        """A member's card; None when this till knows nothing of the member."""
        return self.desk.counter.card(m)

    def meaning(self, text: str, words: Words) -> said.Said:
        """What a text means, for a page."""
        return self._meant(self.desk.counter.scan(text), text, words)

    def looked_up(self, text: str, words: Words) -> said.Said:
        """What headquarters says of a card or a phone that is not known here; it takes a moment."""
        answered = self.look_up(text) if self.is_online else Answered.UNANSWERED
        if answered is Answered.SOMEBODY:
            told = self.desk.counter.scan(text)
            if isinstance(told, Found) and told.card is not None:
                return self._meant(told, text, words)
        return said.looked_up(answered, words, is_phone=codes.recognise(text).kind is CodeKind.PHONE)

    def _meant(self, told: Found | No, text: str, words: Words) -> said.Said:
        if isinstance(told, Found) and (told.card or told.kind is not CodeKind.PHONE):
            return said.found(told, codes.recognise(text).text, self.till, words, online=self.is_online)
        if isinstance(told, Found) or told.refusal is Refusal.unknown_member:  # a phone in either case
            # Only headquarters knows whose phone it is, and who were enrolled here would have two accounts.
            return said.unknown_phone(codes.recognise(text).text, words)
        if told.refusal is Refusal.refund_elsewhere_offline:
            return self.paper_of_another(text, words)
        return said.no(told, words)

    def sale_of_another(self, text: str, words: Words) -> said.Said:
        """The lines of the sale on a paper, as a sister till or headquarters tells them; where nobody can be
        asked or can help, what the paper itself says, if the rule book allows anything by that."""
        online = self.is_online
        told = self.desk.find_elsewhere(codes.recognise(text).text, reaches=online)
        if isinstance(told, Returnable):
            return said.returnable(told)
        if elsewhere.is_left_alone(told) and (not online or self.till.rule().elsewhere_sale_fen):
            return self.paper_of_another(text, words)
        return said.no(told, words)

    def paper_of_another(self, text: str, words: Words) -> said.Said:
        """What the code on another till's paper says, and what may still come back of it."""
        digits = codes.recognise(text).text
        told = elsewhere.returnable(self.till, digits)
        if isinstance(told, No):
            return said.no(told, words)
        return said.elsewhere(told, digits, self.till, words)

    def heard(self, scan: Scan) -> None:
        """A scanner read something: every page is told what it means, under the scan's own id."""
        told = self.desk.counter.scan(scan.text)

        def speak(lang: str) -> said.Said:
            return {"scan": scan.id, **self._meant(told, scan.text, self.words[lang])}

        self.events.tell("scan", speak)

    def recorded(self) -> None:
        """Something was recorded: the printer and the pulse have work."""
        self.printing.wake()
        self.pulse.wake()

    def plugged_in(self) -> list[Path]:
        """The sticks that are there now."""
        return stick.plugged_in(self.sticks, self.is_mount)

    def exchange(self, folder: str) -> Exchanged:
        """Exchange with headquarters by a stick that is there. Raises a Fault for another folder."""
        path = Path(folder)
        if path not in self.plugged_in():
            raise Fault("fault.stick_elsewhere", "no stick is mounted there")
        return self.night.exchange(path)

    def run_night(self) -> bool:
        """The night, now; whether everything is settled. Where nobody answers nobody waits."""
        if not self.pulse.reaches():
            return False
        settled = self.night.run().settled
        if settled:
            self.pulse.last_contact_ms = self.till.time().st_ms
        return settled
