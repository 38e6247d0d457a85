"""A rehearsal as one picture (SVG): bars of offline approvals; refusals and exposure by hour.

Four panels of one size; colours are policies, the same in all of them. Whole coordinates only.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from hub.rehearsal.outcome import CHANNEL, HOURS, Outcome
from hub.rehearsal.report import OFFLINE_APPROVED_BAR, REFUSED_BAR, approved, per_cent, refused_by_hour

WIDTH, HEIGHT = 1200, 860
PANEL_WIDTH, PANEL_HEIGHT = 480, 270
LEFTS, TOPS = (80, 670), (130, 520)
COLOURS = ("#1b7f4d", "#2b5fa8", "#9a6a00", "#7a3b8f", "#555555")
TITLE = "授权策略预演 · Grant policies, rehearsed"
DASHES = {COLOURS[1]: "7 4", COLOURS[3]: "2 3"}
"""Lines of two policies often lie upon each other; one of them is broken."""
INK, FAINT, BAR = "#222222", "#e4e4e4", "#b3261e"
WHOLE = 10_000
"""A hundred per cent, in hundredths of one."""


def draw(outcomes: Sequence[Outcome], told: str) -> str:
    """The picture of some runs; ``told`` says what was played."""
    names = list(dict.fromkeys(outcome.policy for outcome in outcomes))
    colours = {name: COLOURS[n % len(COLOURS)] for n, name in enumerate(names)}
    least = min(outcome.tills for outcome in outcomes)
    recalled = [outcome for outcome in outcomes if outcome.has_recall]
    first = [outcome for outcome in recalled if outcome.tills == least]
    alone = [outcome for outcome in outcomes if not outcome.has_recall and outcome.tills == least]
    legend = "".join(
        f'<rect x="{80 + 170 * n}" y="66" width="14" height="14" fill="{colours[name]}"/>'
        f'<text x="{102 + 170 * n}" y="78">{escape(name)}</text>'
        for n, name in enumerate(names)
    )
    panels = (
        _approvals(LEFTS[0], TOPS[0], recalled, colours),
        _refusals(LEFTS[1], TOPS[0], first, colours, "有召回 with recall", is_tight=True),
        _exposure(LEFTS[0], TOPS[1], first, colours),
        _refusals(LEFTS[1], TOPS[1], alone, colours, "无召回 without recall", is_tight=False),
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif"'
        f' font-size="13" fill="{INK}"><rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>'
        f'<text x="80" y="36" font-size="20" font-weight="bold">{TITLE}</text>'
        f'<text x="80" y="56" fill="#666">{escape(told)}</text>{legend}{"".join(panels)}</svg>\n'
    )


def _frame(left: int, top: int, title: str, ticks: Sequence[tuple[int, str]]) -> str:
    lines = "".join(
        f'<line x1="{left}" x2="{left + PANEL_WIDTH}" y1="{y}" y2="{y}" stroke="{FAINT}"/>'
        f'<text x="{left - 8}" y="{y + 4}" text-anchor="end" fill="#666">{said}</text>'
        for y, said in ticks
    )
    return f'<text x="{left}" y="{top - 14}" font-weight="bold">{title}</text>{lines}'


def _approvals(left: int, top: int, outcomes: Sequence[Outcome], colours: dict[str, str]) -> str:
    def y(hundredths: int) -> int:
        return top + PANEL_HEIGHT - PANEL_HEIGHT * hundredths // WHOLE

    bottom = top + PANEL_HEIGHT
    title = "断网兑换批准 · Approved offline, with recall"
    drawn = [_frame(left, top, title, [(y(n * 100), f"{n}%") for n in range(0, 101, 25)])]
    step = PANEL_WIDTH // max(1, len(outcomes))
    width = min(72, step * 2 // 3)
    for n, outcome in enumerate(outcomes):
        middle, height = left + n * step + step // 2, y(approved(outcome))
        tills = f"{outcome.policy} · {outcome.tills} 机" if outcome.tills else outcome.policy
        drawn.append(
            f'<rect x="{middle - width // 2}" y="{height}" width="{width}" height="{bottom - height}"'
            f' fill="{colours[outcome.policy]}"/>'
            f'<text x="{middle}" y="{height - 6}" text-anchor="middle">{per_cent(approved(outcome))}</text>'
            f'<text x="{middle}" y="{bottom + 18}" text-anchor="middle" fill="#666">{escape(tills)}</text>'
        )
    return "".join(drawn) + _limit(left, y(OFFLINE_APPROVED_BAR), "≥ 72%")


def _refusals(
    left: int, top: int, outcomes: Sequence[Outcome], colours: dict[str, str], when: str, *, is_tight: bool
) -> str:
    series = [(colours[outcome.policy], refused_by_hour(outcome, CHANNEL)) for outcome in outcomes]
    most = max([n for _, values in series for n in values if n is not None], default=0)
    top_of = -(-max(most, 400) // 400) * 400 if is_tight else WHOLE  # a scale of whole per cents, in quarters

    def y(hundredths: int) -> int:
        return top + PANEL_HEIGHT - PANEL_HEIGHT * hundredths // top_of

    title = f"线上每小时被拒 · Online channel refused, {when}"
    ticks = [(y(top_of * n // 4), f"{top_of * n // 400}%") for n in range(5)]
    drawn = [_frame(left, top, title, ticks), _day(left, top)]
    drawn += [
        _curve(left, [None if n is None else y(n) for n in values], colour) for colour, values in series
    ]
    return "".join(drawn) + (_limit(left, y(REFUSED_BAR), "≤ 0.5%") if is_tight else "")


def _exposure(left: int, top: int, outcomes: Sequence[Outcome], colours: dict[str, str]) -> str:
    series = [(colours[outcome.policy], outcome.exposure().mean) for outcome in outcomes]
    most = _round_up(max([1, *(n for _, values in series for n in values)]))

    def y(pts: int) -> int:
        return top + PANEL_HEIGHT - PANEL_HEIGHT * pts // most

    title = "敞口（平均）· Points out of headquarters' hands, mean"
    ticks = [(y(most * n // 4), f"{most * n // 4:,}") for n in range(5)]
    drawn = [_frame(left, top, title, ticks), _day(left, top)]
    return "".join([*drawn, *(_curve(left, [y(n) for n in values], colour) for colour, values in series)])


def _limit(left: int, y: int, said: str) -> str:
    right = left + PANEL_WIDTH
    return (
        f'<line x1="{left}" x2="{right}" y1="{y}" y2="{y}" stroke="{BAR}" stroke-dasharray="6 4"/>'
        f'<text x="{right + 6}" y="{y + 4}" fill="{BAR}">{said}</text>'
    )


def _day(left: int, top: int) -> str:
    y = top + PANEL_HEIGHT + 18
    return "".join(
        f'<text x="{_x(left, hour)}" y="{y}" text-anchor="middle" fill="#666">{hour:02d}</text>'
        for hour in range(0, HOURS, 3)
    )


def _x(left: int, hour: int) -> int:
    return left + PANEL_WIDTH * (2 * hour + 1) // (2 * HOURS)


def _round_up(most: int) -> int:
    """A scale whose quarters are 1, 2 or 5 and noughts."""
    power = 1
    while True:
        for quarter in (1, 2, 5):
            if 4 * quarter * power >= most:
                return 4 * quarter * power
        power *= 10


def _curve(left: int, heights: Sequence[int | None], colour: str) -> str:
    """A line through what is known, broken where nothing is."""
    ways, way = [], ""
    for hour, y in enumerate([*heights, None]):
        if y is not None:
            way += f"{_x(left, hour)},{y} "
        elif way:
            ways.append(way.strip())
            way = ""
    lines = "".join(
        f'<polyline points="{way}" fill="none" stroke="{colour}" stroke-width="2"'
        f' stroke-dasharray="{DASHES.get(colour, "")}"/>'
        for way in ways
    )
    known = [(_x(left, hour), y) for hour, y in enumerate(heights) if y is not None]
    return lines + "".join(f'<circle cx="{x}" cy="{y}" r="3" fill="{colour}"/>' for x, y in known)
