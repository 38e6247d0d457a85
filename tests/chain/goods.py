"""Goods that come back: of no line more than was sold, whichever tills took it back.

Only what the tills recorded is asked, added up line by line; the product's own books have no say in it.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable

Line = tuple[str, int]


def beyond_sale(bodies: Iterable[bytes]) -> list[str]:
    """Lines of which more came back, by units or by fen, than was sold. What came back by a paper alone names
    no line and is not asked."""
    sold: dict[Line, tuple[int, int]] = {}
    units: dict[Line, int] = defaultdict(int)
    fen: dict[Line, int] = defaultdict(int)
    for raw in bodies:
        body = json.loads(raw)
        if body["t"] == "sale.earn":
            sold |= {(body["id"], line[0]): (line[2], line[3]) for line in body["lines"]}
        elif body["t"] == "sale.refund":
            for number, many, worth in body.get("lines", ()):
                units[body["refs"][0], number] += many
                fen[body["refs"][0], number] += worth
    return [
        f"line {number} of sale {sale}: {units[sale, number]} units and {fen[sale, number]} fen came back"
        f" of {sold[sale, number]}"
        for sale, number in sorted(units)
        if (sale, number) in sold
        and (units[sale, number] > sold[sale, number][0] or fen[sale, number] > sold[sale, number][1])
    ]
