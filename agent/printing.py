"""The receipts of one till, from the queue to the paper, by one thread that never prints twice by itself.

A job is QUEUED in the turn of its operation. The printer is asked first: not ready is BLOCKED, nothing
was sent, and the same job is tried again every second. SENDING is written down before the first byte;
what comes after it is CONFIRMED by the printer's own answer, SENT on a printer that never answers, or
UNCERTAIN or FAILED, and then a person looks at the paper. A copy says that it is one. A print that
fails changes nothing about what was sold, and no receipt keeps the next one from being printed.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, field

from agent import claims
from agent.papers import paper_of, trial_paper
from agent.store import prints, sales
from agent.store.prints import COPIED, COPIES_MAX, NO_PRINTER, SETTLED, PrintJob
from agent.till import Till
from config.faults import whereabouts
from config.words import Words
from hardware.faults import HardwareFault
from hardware.paper import Paper
from hardware.printer import Printer
from points.receipts import Receipt

log = logging.getLogger(__name__)

TRY_AGAIN_S = 1.0
LOOK_EVERY_S = 3.0
SEEN = "seen"


@dataclass(frozen=True, slots=True)
class Look:
    """A receipt that waits for a person's eyes."""

    job: int
    state: str
    number: str


@dataclass(frozen=True, slots=True)
class Tried:
    """How a print without a job went, with the key of the words that say so."""

    printed: bool
    words: str
    detail: dict[str, str | int] = field(default_factory=dict)


class Printing:
    """The printer of one till and its thread. Without a printer receipts are on the screen only."""

    def __init__(self, till: Till, printer: Printer | None, words: Words) -> None:
        self.till = till
        self.printer = printer
        self.words = words
        self.condition = NO_PRINTER if printer is None else "printer_unreachable"
        self._low = 0
        self._copies = 0
        self._looks: dict[int, Look] = {}
        self._mind = threading.Lock()
        self._at_printer = threading.Lock()
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="printing", daemon=True)
        with till.book.turn() as turn:
            prints.interrupted(turn)
        for job in prints.uncertain(till.book):
            self._look_at(job, job.state, job.why)

    def start(self) -> None:
        """Begin to print what waits."""
        self._thread.start()

    def stop(self) -> None:
        """Finish the job that is being sent, if any, and no other."""
        self._stop.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout=15)

    def wake(self) -> None:
        """There is something to print, or somebody has loaded paper."""
        self._wake.set()

    # -- what pages ask --------------------------------------------------------------------------

    def waiting(self) -> int:
        """How many receipts wait for paper."""
        return prints.waiting(self.till.book, self._low)

    def looks(self) -> tuple[Look, ...]:
        """Receipts that a person must look at, oldest first."""
        with self._mind:
            return tuple(self._looks[job] for job in sorted(self._looks))

    def reprint(self, op_id: str | None = None) -> int | None:
        """Queue a copy of an operation's receipt, or of the last one; its number, or None for no receipt."""
        pos = None
        if op_id is not None:
            found = sales.entry(self.till.book, op_id)
            if found is None:
                return None
            pos = found[0]
        latest = prints.latest(self.till.book, pos)
        return None if latest is None else self._copy(latest)

    def resolve(self, number: int, printed: bool) -> int:
        """What a person saw of an uncertain job: it is printed, or a marked copy is wanted.

        Gives the job that stands for the receipt now. Asked twice, the second changes nothing.
        """
        job = prints.of(self.till.book, prints.goes_by(self.till.book, number))
        with self._mind:
            is_asked = number in self._looks
            if job is None or job.id != number:
                self._looks.pop(number, None)
        if job is None or not is_asked:
            return number
        if printed:
            self._mark(job, "CONFIRMED", SEEN)
            return job.id
        self._mark(job, job.state, COPIED)
        return self._copy(job) or job.id

    def paper(self, number: int) -> Paper | None:
        """The paper of a job, for a preview; None when there is no such job."""
        job = prints.of(self.till.book, prints.goes_by(self.till.book, number))
        return None if job is None else self._paper(job)

    def print_now(self, paper: Paper) -> Tried:
        """Print something that is no receipt, at once: a test, a challenge."""
        if self.printer is None:
            return Tried(False, "state.printer_none")
        with self._at_printer:
            try:
                flight = self.printer.preflight()
                if not flight.ready:
                    return Tried(False, flight.words, flight.detail)
                done = self.printer.print(paper)
            except HardwareFault as fault:
                return Tried(False, fault.remedy, fault.detail)
        printed = done.state in ("CONFIRMED", "SENT")
        return Tried(printed, f"state.job_{done.state.lower()}" if printed else done.words, done.detail)

    def print_test(self, challenge: str = "") -> Tried:
        """A page that shows Chinese, signs and, with a challenge, a code to scan back."""
        return self.print_now(trial_paper(self.words, self.till.chain_name, self.till.store_name, challenge))

    # -- the thread ------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                waited = self._step()
            except Exception as error:
                log.error("the print queue stopped and goes on: %s", whereabouts(error))
                waited = LOOK_EVERY_S
            self._wake.wait(waited)
            self._wake.clear()

    def _step(self) -> float:
        """Print what can be printed; how long to wait until the next look."""
        while not self._stop.is_set():
            with self._mind:
                low, copies = self._low, self._copies
            job = prints.next_open(self.till.book, low)
            if job is None:
                self._probe()
                return LOOK_EVERY_S
            if not self._attempt(job):
                return TRY_AGAIN_S
            with self._mind:
                if copies == self._copies:  # else a copy with a lower number came in meanwhile
                    self._low = job.id
        return 0

    def _attempt(self, job: PrintJob) -> bool:
        """One try of a job; False when the printer is not ready and it stays."""
        if self.printer is None:
            self._mark(job, "FAILED", NO_PRINTER)
            return True
        with self._at_printer:
            ready, why = self._preflight()
            if not ready:
                if (job.state, job.why) != ("BLOCKED", why):
                    self._mark(job, "BLOCKED", why)
                return False
            sent = False
            try:
                paper = self._paper(job)
                if not self._mark(job, "SENDING"):
                    return True  # it has another number now, under which it waits
                sent = True
                done = self.printer.print(paper, self._notice)
            except HardwareFault as fault:
                log.warning("receipt %d cannot be printed: %s", job.id, fault.remedy)
                self._mark(job, "FAILED", fault.remedy)
                return True
            except Exception as error:  # a receipt has a member's code on it
                log.error("receipt %d cannot be printed: %s", job.id, whereabouts(error))
                self._mark(job, "UNCERTAIN" if sent else "FAILED", "state.print_fault")
                return True
            self._mark(job, str(done.state), done.words)
        return done.state != "BLOCKED"  # asked again before the first byte, it was not ready any more

    def _preflight(self) -> tuple[bool, str]:
        assert self.printer is not None
        flight = self.printer.preflight()
        self._notice(flight.words)
        return flight.ready, flight.words

    def _notice(self, words: str) -> None:
        """How the printer is, also while a job waits in it for paper."""
        self.condition = words.removeprefix("state.")

    def _probe(self) -> None:
        """See how the printer is while there is nothing to print, so that a page can say it in time."""
        if self.printer is not None:
            with self._at_printer:
                self._preflight()

    # -- the queue -------------------------------------------------------------------------------

    def _mark(self, job: PrintJob, state: str, why: str = "") -> bool:
        with self.till.book.turn() as turn:
            is_there = prints.mark(turn, job.id, state, why)
        if is_there:
            self._look_at(job, state, why)
        return is_there

    def _look_at(self, job: PrintJob, state: str, why: str) -> None:
        with self._mind:
            if state in ("UNCERTAIN", "FAILED") and why not in SETTLED:
                self._looks[job.id] = Look(job.id, state, str(job.receipt.get("number", "")))
            else:
                self._looks.pop(job.id, None)

    def _copy(self, job: PrintJob) -> int | None:
        with self.till.book.lock:
            latest = prints.latest(self.till.book, job.pos)
            assert latest is not None, "a copy is made of a job"
            copy = latest.copy + 1
            if copy == COPIES_MAX:
                return None
            with self.till.book.turn() as turn:
                prints.add(turn, job.pos, job.receipt, copy)
            number = job.pos * COPIES_MAX + copy
        with self._mind:
            self._copies += 1
            self._low = min(self._low, number - 1)
        self.wake()
        return number

    def _paper(self, job: PrintJob) -> Paper:
        receipt = Receipt.from_json(job.receipt)
        return paper_of(
            receipt,
            self.words,
            self.till.rule(),
            chain=self.till.chain_name,
            store=self.till.store_name,
            claim=claims.digits(self.till, receipt.op_id),
            copy=job.copy,
        )
