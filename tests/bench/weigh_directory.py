"""What the directory of a chain weighs: its snapshot, a night's step, and what a till does with them.

    python tests/bench/weigh_directory.py [--members 10000000]

Not a race but a weighing. Tags are drawn as evenly as a keyed hash draws them, tiers and points as a chain
has them; each night 3 % of the members change, one in a thousand is new and one in ten thousand gone. The
bars are 65 MB for ten million and 1 MB a night.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from points.bands import band
from points.wire import directory, directory_step
from points.wire.directory import TAG_BITS, Head, Section

TIERS, SHARES = (0, 1, 2, 3), (70, 20, 8, 2)
KID = "00" * 8
CHANGED, NEW, GONE = 33, 1_000, 10_000
LOOKS = 2_000


def drawn(members: int, bits: int, rng: random.Random) -> Iterator[list[tuple[int, int, int]]]:
    """(tag, tier, points) of the members of each section, in order."""
    width = 1 << (TAG_BITS - bits)
    for number in range(1 << bits):
        count = members // (1 << bits)
        tags = sorted({number * width + rng.randrange(width) for _ in range(count)})
        tiers = rng.choices(TIERS, SHARES, k=len(tags))
        yield [(tag, tier, int(rng.lognormvariate(6.5, 1.6))) for tag, tier in zip(tags, tiers, strict=True)]


def night(people: list[tuple[int, int, int]], rng: random.Random, width: int) -> list[tuple[int, int, int]]:
    """The same members a day later."""
    later = []
    for tag, tier, points in people:
        chance = rng.random()
        if chance < 1 / GONE:
            continue
        if chance < 1 / CHANGED:
            points = max(0, points + rng.choice((1, 1, 1, -1)) * rng.randrange(1, 600))
            tier = min(3, tier + 1) if chance < 1 / CHANGED / 50 else tier
        later.append((tag, tier, points))
    for _ in people:
        if rng.random() < 1 / NEW:
            later.append((people[0][0] // width * width + rng.randrange(width), 0, 0))
    return sorted({one[0]: one for one in later}.values())


def section_of(people: list[tuple[int, int, int]]) -> Section:
    return Section(
        [tag for tag, _, _ in people],
        bytearray(tier for _, tier, _ in people),
        bytearray(band(points) for _, _, points in people),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--members", type=int, default=10_000_000)
    members = parser.parse_args().members
    bits, rng = directory.bits_for(members), random.Random(1)
    width, packed, digests, told = 1 << (TAG_BITS - bits), [], [], 0
    with tempfile.TemporaryDirectory(prefix="jifen-bench-") as folder:
        path = Path(folder) / "directory"
        pairs = []
        for number, people in enumerate(drawn(members, bits, rng)):
            before, after = section_of(people), section_of(night(people, rng, width))
            columns = directory.plain(before, number, bits)
            packed.append(directory.pack_section(columns))
            digests.append(directory.digest(directory.plain(after, number, bits)))
            told += len(before.tags)
            pairs.append((number, packed[-1], after))
            if number % 64 == 0 and sys.stderr.isatty():
                print(f"\r{number}/{1 << bits}", end="", file=sys.stderr)
        opened = ((directory.open_section(raw, number, bits), after) for number, raw, after in pairs)
        step = directory_step.pack(directory_step.between(opened, directory_step.root_of(digests)))
        del pairs
        path.write_bytes(directory.pack_chunk(Head(KID, bits, 0, 1 << bits), packed))
        size = path.stat().st_size
        print(f"members        {told:,}")
        print(f"snapshot       {size / 1e6:.1f} MB, {size / told:.2f} B a member (bar 65 MB for ten million)")
        entries = directory_step.read(step).entries
        each = f"{entries:,} changes, {len(step) / entries:.2f} B each"
        print(f"a night's step {len(step) / 1e3:.0f} KB for {each} (bar 1 MB)")
        applying_s = apply(packed, step, bits, path)
        print(f"applied        {applying_s:.1f} s, the file written anew")
        looks = sorted(look(packed, bits, rng) * 1e3 for _ in range(LOOKS))
        print(f"a look-up      p50 {looks[LOOKS // 2]:.2f} ms, p99 {looks[LOOKS * 99 // 100]:.2f} ms")


def apply(packed: list[bytes], raw: bytes, bits: int, path: Path) -> float:
    """How long a till takes for a step, unpacked and packed again section by section."""
    begun = time.perf_counter()
    step, digests = directory_step.read(raw), []
    sections = (directory.open_section(one, number, bits) for number, one in enumerate(packed))
    with path.open("wb") as file:
        for number, section in enumerate(directory_step.applied(sections, step, bits)):
            columns = directory.plain(section, number, bits)
            digests.append(directory.digest(columns))
            file.write(directory.pack_section(columns))
    assert directory_step.root_of(digests) == step.root
    return time.perf_counter() - begun


def look(packed: list[bytes], bits: int, rng: random.Random) -> float:
    """How long it takes to look a code up, its section already read from the disk."""
    tag = rng.getrandbits(TAG_BITS)
    begun = time.perf_counter()
    number = directory.section_of(tag, bits)
    directory.open_section(packed[number], number, bits).find(tag)
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()
