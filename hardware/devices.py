"""From an address to a device. Each driver is imported only when an address asks for it.

An agent without a keyboard scanner never imports pynput, and one without a serial line never pyserial.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hardware.addresses import Address, printer_address, scanner_address
from hardware.paper import SIZES
from hardware.scans import Scanner
from hardware.wedge import Shape, code_shape

if TYPE_CHECKING:
    from hardware.printer import Printer
    from hardware.printer_link import Opener


def open_scanner(text: str, shape: Shape = code_shape) -> Scanner:
    """The scanner at an address, not yet started. `shape` is what keys must look like on `keyboard://`.

    Raises AddressFault. A device that is not there is no fault: it is tried again once started.
    """
    address = scanner_address(text)
    match address.kind:
        case "serial" | "serial+usb":
            from hardware.serial_scanner import serial_scanner

            return serial_scanner(address)
        case "socket":
            from hardware.socket_scanner import socket_scanner

            return socket_scanner(address)
        case "keyboard":
            from hardware.keyboard_scanner import KeyboardScanner

            return KeyboardScanner(address, shape)
        case _:
            from hardware.page_scanner import PageScanner

            return PageScanner(address.text)


def open_printer(text: str, paper_mm: int) -> Printer:
    """The printer at an address, with a roll of 58 or 80 mm; nothing is sent yet. Raises AddressFault."""
    from hardware.printer import Printer

    address = printer_address(text)
    return Printer(
        _opener(address, paper_mm),
        SIZES[paper_mm],
        one_way=address.word("fence") == "none",
        native_qr=address.word("qr") == "native",
        gbk_text=address.word("text") == "gbk",
        patience_ms=address.number("patience_ms"),
    )


def _opener(address: Address, paper_mm: int) -> Opener:
    from hardware.printer_link import FileOpener, TcpOpener

    match address.kind:
        case "tcp":
            return TcpOpener(address.text, *address.host_port())
        case "serial":
            from hardware.serial_link import SerialOpener

            return SerialOpener(address.text, address.place, address.number("baud"))
        case "file":
            return FileOpener(address.text, Path(address.place))
        case _:
            from hardware.virtual.printer import VirtualPrinter

            device = VirtualPrinter(paper_mm)
            device.start()
            return device.opener()
