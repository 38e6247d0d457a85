"""A receipt printer's inside, without a line to it: bytes in, answers out, paper in between.

What always holds: real-time questions (`DLE EOT`) are answered at once, even when the printer cannot
print; everything else waits in a queue and is done in order, as long as there is paper, a closed cover
and power; `GS r` answers only when the queue has reached it. A fault that is lifted lets the rest print,
so a job whose paper ran out ends as one receipt. Time is passed in.

The faults are those that were seen on real printers; `FAULTS` lists them with what each does.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from hardware.letters import columns_of
from hardware.paper import PaperSize, Style
from hardware.raster import LINE_DOTS
from hardware.virtual.roll import Dots, Fed, Item, Printed, Run, Slip, Symbol
from hardware.virtual.tokens import Token, Tokenizer

FAULTS = {
    "paper_out": "no paper: stops, says so, prints the rest after the reload",
    "paper_near_end": "paper is low: says so, prints",
    "paper_out_after": "paper runs out after so many more bytes",
    "cover_open": "stops, says so",
    "offline": "stops, says so",
    "error": "a jammed cutter: stops, says so",
    "mute": "prints and never answers anything, as cheap clones do",
    "slow": "prints so many bytes a second",
    "no_kanji": "export firmware: Chinese comes out as letters of another alphabet",
    "stalled": "reads nothing (the line's)",
    "half_open": "takes everything and does nothing (the line's)",
    "refuse": "accepts no connection (the line's)",
    "rst_after": "breaks the connection after so many more bytes (the line's)",
    "stale_status": "says an automatic status and an old answer at each connection (the line's)",
}
SLIPS_MAX = 200
RECEIVED_MAX = 1 << 20


@dataclass(frozen=True, slots=True)
class Answer:
    """Bytes for the line that asked."""

    line: int
    data: bytes


class Engine:
    """One printer."""

    def __init__(self, size: PaperSize) -> None:
        self.size = size
        self.faults: dict[str, int] = {}
        self.slips: deque[Slip] = deque(maxlen=SLIPS_MAX)
        self.unknown: deque[bytes] = deque(maxlen=SLIPS_MAX)
        self.bytes_in = 0
        self.job_bytes_in = 0  # without real-time questions
        self.drawer_kicks = 0
        self._queue: deque[tuple[int, Token]] = deque()
        self._tokenizers: dict[int, Tokenizer] = {}
        self._items: list[Item] = []
        self._busy_until_ms = 0
        self._watching: int | None = None  # the line that asked for automatic status
        self._reset()

    # What the line brings

    def receive(self, line: int, data: bytes) -> list[Answer]:
        """Take bytes; the answers that cannot wait."""
        self.bytes_in += len(data)
        answers: list[Answer] = []
        for token in self._tokenizers.setdefault(line, Tokenizer()).receive(data):
            if token.name in ("DLE EOT", "DLE ENQ", "DLE DC4"):
                answers += self._real_time(line, token)
            else:
                self.job_bytes_in += len(token.raw)
                self._queue.append((line, token))
        return answers

    def hung_up(self, line: int) -> None:
        """The line is gone: a command that was half sent is never finished. What is queued prints."""
        self._tokenizers.pop(line, None)
        if self._watching == line:
            self._watching = None

    def full(self) -> bool:
        """Whether more is waiting than any job has bytes: who sends then is broken."""
        return sum(len(token.raw) for _, token in self._queue) > RECEIVED_MAX

    # What the paper gets

    def step(self, now_ms: int) -> tuple[list[Answer], int | None]:
        """Do what can be done by now: answers, and when to step again (None: only after something new)."""
        answers: list[Answer] = []
        while self._queue and not self._stopped():
            if now_ms < self._busy_until_ms:
                return answers, self._busy_until_ms
            line, token = self._queue.popleft()
            token = self._until_paper_ends(line, token)
            speed = self.faults.get("slow", 0)
            if speed:
                self._busy_until_ms = max(now_ms, self._busy_until_ms) + len(token.raw) * 1000 // speed
            answers += self._do(line, token)
        return answers, None

    def set_fault(self, name: str, value: int) -> list[Answer]:
        """Set or (0) lift a fault; the automatic status that this makes it say."""
        assert name in FAULTS, f"no such fault: {name}"
        self.faults[name] = value
        return self._automatic()

    def power_cycle(self) -> None:
        """Off and on: the buffer and the settings are gone, the paper is not."""
        self._queue.clear()
        self._tokenizers.clear()
        self._line.clear()
        self._watching = None
        self._tear(complete=False)
        self._reset()

    def pending(self) -> Slip:
        """What hangs out of the printer, not cut yet."""
        return Slip(tuple(self._items), complete=False, width_dots=self.size.dots)

    # Inside

    def _stopped(self) -> bool:
        return any(self.faults.get(name) for name in ("paper_out", "cover_open", "offline", "error"))

    def _until_paper_ends(self, line: int, token: Token) -> Token:
        """The part of the token that still finds paper; the rest goes back to the queue."""
        left = self.faults.get("paper_out_after", 0)
        if not left:
            return token
        if len(token.raw) < left:
            self.faults["paper_out_after"] = left - len(token.raw)
            return token
        self.faults["paper_out_after"], self.faults["paper_out"] = 0, 1
        if token.name != "text":
            self._queue.appendleft((line, token))
            return Token("text", b"", b"")
        rest = token.raw[left:]
        if rest:
            self._queue.appendleft((line, Token("text", rest, rest)))
        return Token("text", token.raw[:left], token.raw[:left])

    def _reset(self) -> None:
        self._kanji, self._align = True, 0
        self._style = Style()
        self._spacing = LINE_DOTS
        self._line: list[tuple[bytearray, Style, bool]] = []
        self._qr = (b"", 3)

    def _do(self, line: int, token: Token) -> list[Answer]:
        data = token.data
        match token.name:
            case "text":
                self._write(data)
            case "LF":
                self._print_line()
            case "ESC @":
                self._tear(complete=False)
                self._reset()
                self._watching = None
            case "FS &" | "FS .":
                self._kanji = token.name == "FS &"
            case "ESC a":
                self._align = data[0] % 48 % 3
            case "ESC E":
                self._style = Style(self._style.big, bool(data[0] & 1))
            case "GS !":
                self._style = Style(data[0] == 0x11, self._style.bold)
            case "ESC 3":
                self._spacing = data[0]
            case "ESC 2":
                self._spacing = LINE_DOTS
            case "ESC d":
                self._print_line_if_any()
                self._items.append(Fed(self._spacing * data[0]))
            case "ESC J":
                self._print_line_if_any()
                self._items.append(Fed(data[0]))
            case "GS v 0":
                self._print_line_if_any()
                width, height = data[1] + 256 * data[2], data[3] + 256 * data[4]
                self._items.append(Dots(width, height, data[5:], self._align))
            case "GS ( k":
                self._symbol(data)
            case "GS V":
                self._print_line_if_any()
                self._tear(complete=True)
            case "ESC p":
                self.drawer_kicks += 1
            case "GS r":
                return self._say(line, bytes((self._paper_bits() if data[0] in (1, 49) else 0,)))
            case "GS a":
                self._watching = line if data[0] else None
                return self._automatic()
            case "GS I":
                return self._say(line, b"_JIFEN VIRTUAL\x00" if data[0] >= 65 else b"\x02")
            case "GS ( H":
                return self._say(line, b"\x37\x22" + data[2:6] + b"\x00")
            case "ESC t" | "FS !" | "ESC !" | "ESC M" | "ESC -" | "ESC G" | "FS -" | "FS S":
                pass  # taken, and without effect on what is drawn here
            case _:
                self.unknown.append(token.raw)
        return []

    def _write(self, data: bytes) -> None:
        if self._line and self._line[-1][1:] == (self._style, self._kanji):
            self._line[-1][0].extend(data)  # a character's two bytes may come in two pieces
        elif data:
            self._line.append((bytearray(data), self._style, self._kanji))

    def _print_line_if_any(self) -> None:
        if self._line:
            self._print_line()

    def _print_line(self) -> None:
        """Print what was written, on as many lines as it needs."""
        runs: list[Run] = []
        used = 0
        for raw, style, kanji in self._line:
            text = ""
            for character in decode(bytes(raw), kanji and not self.faults.get("no_kanji")):
                width = columns_of(character) * (2 if style.big else 1)
                if used + width > self.size.columns:
                    self._items.append(Printed((*runs, Run(text, style)), self._align))
                    runs, text, used = [], "", 0
                text, used = text + character, used + width
            runs.append(Run(text, style))
        self._line.clear()
        self._items.append(Printed(tuple(runs), self._align))

    def _symbol(self, data: bytes) -> None:
        if data[0] != 49:
            self.unknown.append(data)
        elif data[1] == 67:
            self._qr = (self._qr[0], data[2])
        elif data[1] == 80:
            self._qr = (data[3:], self._qr[1])
        elif data[1] == 81:
            self._print_line_if_any()
            self._items.append(Symbol(self._qr[0].decode("latin-1"), self._qr[1], self._align))

    def _tear(self, complete: bool) -> None:
        slip = Slip(tuple(self._items), complete, self.size.dots)
        self._items.clear()
        if complete or not slip.empty:
            self.slips.append(slip)

    # What it says

    def _say(self, line: int, data: bytes) -> list[Answer]:
        return [] if self.faults.get("mute") else [Answer(line, data)]

    def _paper_bits(self) -> int:
        low = self.faults.get("paper_near_end") or self.faults.get("paper_out")
        return (0x03 if low else 0) | (0x0C if self.faults.get("paper_out") else 0)

    def _real_time(self, line: int, token: Token) -> list[Answer]:
        if token.name == "DLE DC4":
            self.drawer_kicks += token.data[0] == 1
        if token.name != "DLE EOT":
            return []
        return self._say(line, bytes((self._status(token.data[0]),)))

    def _status(self, number: int) -> int:
        has = self.faults.get
        bits = {
            1: 0x08 * self._stopped(),
            2: 0x04 * bool(has("cover_open")) | 0x20 * bool(has("paper_out")) | 0x40 * bool(has("error")),
            3: 0x08 * bool(has("error")),
            4: 0x0C * bool(has("paper_near_end") or has("paper_out")) | 0x60 * bool(has("paper_out")),
        }
        return 0x12 | bits.get(number, 0)

    def automatic_status(self) -> bytes:
        has = self.faults.get
        first = 0x10 | 0x08 * self._stopped() | 0x20 * bool(has("cover_open"))
        return bytes((first, 0x08 * bool(has("error")), self._paper_bits(), 0))

    def _automatic(self) -> list[Answer]:
        return [] if self._watching is None else self._say(self._watching, self.automatic_status())


def decode(raw: bytes, kanji: bool) -> str:
    """What a printer's fonts make of bytes: GBK in Chinese mode, code page 437 otherwise."""
    text, i = "", 0
    while i < len(raw):
        if kanji and raw[i] >= 0x81 and i + 1 < len(raw):
            text += raw[i : i + 2].decode("gbk", errors="replace")
            i += 2
        else:
            text += raw[i : i + 1].decode("ascii" if raw[i] < 0x80 else "cp437")
            i += 1
    return text
