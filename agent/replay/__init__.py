"""Replay: a chain's year of purchases driven through real stores and a real hub, then counted again.

`purchases` reads baskets that people really bought, `generator` draws baskets of the same kind from a
seed, `baskets` is what both give. The rows of the data set belong to their owners: they are read where
the extra `data` installed them, kept in memory, and never written into the project.
"""


def main(argv: list[str]) -> int:
    """Run ``jifen replay``; imported late, because it reads half the project."""
    from agent.replay.command import main as command

    return command(argv)
