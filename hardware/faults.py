"""The world failed, at a device: what `hardware` raises.

A HardwareFault carries the key of its remedy (`fault.*` of the words) and the values that fill that
sentence. A door turns every exception of its library into one of these. Nothing scanned is ever in one:
what was scanned may be a payment code.
"""

from __future__ import annotations


class HardwareFault(Exception):
    """A device or its address cannot be used. `remedy` is a key of the words, `detail` its placeholders."""

    def __init__(self, remedy: str, message: str, **detail: str | int) -> None:
        super().__init__(message)
        self.remedy = remedy
        self.detail: dict[str, str | int] = detail


class AddressFault(HardwareFault):
    """A device address that nobody can follow."""


class ScannerGone(HardwareFault):
    """The scanner is not there, now. It may come back."""


class LinkFault(HardwareFault):
    """The way to a printer failed. `sent` is how many bytes the system had taken before."""

    def __init__(self, remedy: str, message: str, *, sent: int = 0, **detail: str | int) -> None:
        super().__init__(remedy, message, **detail)
        self.sent = sent


class PaperFault(HardwareFault):
    """What should be printed cannot be put on this paper."""
