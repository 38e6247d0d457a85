"""``jifen demo``: a whole chain on one PC, from nothing: headquarters, two stores, devices that do not exist.

Headquarters is a real process over real HTTP; each store is a real agent with its own SQLite, its
page, a scanner on a socket and a printer that speaks the real protocol. The panel has the buttons
that the world would press: scan a card, cut the network, take the paper. Everything is removed at
the end.
"""

from __future__ import annotations


def main(argv: list[str]) -> int:
    """Run the demo; imported late, because it reads half the project."""
    from agent.demo.command import main as command

    return command(argv)
