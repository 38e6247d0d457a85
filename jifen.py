"""The front door: one console script, which imports only the room that was asked for."""

from __future__ import annotations

import sys
from collections.abc import Callable


def main() -> None:
    """Run the command line and leave with its exit code."""
    words = sys.argv[1:]
    if words[:1] and words[0] in ("hub", "policy", "demo", "replay", "verify"):
        sys.exit(room(words[0])(words[1:]))
    sys.exit(room("agent")(words))


def room(name: str) -> Callable[[list[str]], int]:
    """The commands of one room of the house."""
    match name:
        case "hub":
            from hub import cli as hub

            return hub.main
        case "policy":
            from hub.rehearsal import command as policy

            return policy.main
        case "demo":
            from agent import demo

            return demo.main
        case "replay":
            from agent import replay

            return replay.main
        case "verify":
            from agent import verify

            return verify.main
        case _:
            from agent import cli

            return cli.main


if __name__ == "__main__":
    main()
