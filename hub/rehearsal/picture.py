"""A rehearsal as one picture (SVG): what is approved offline; refusals and exposure by hour; both at once.

Four panels of one size; a colour is a run, the same in all of them and without recall. The last panel shows
runs without recall, or where there are none what is approved offline against the channel's worst hour. Whole
coordinates only.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from hub.rehearsal.outcome import CHANNEL, HOURS, Outcome
from hub.rehearsal.report import (
    OFFLINE_APPROVED_BAR,
    REFUSED_BAR,
    approved,
    per_cent,
    refused_by_hour,
    worst_hour,
)

WIDTH, HEIGHT = 1200, 860
PANEL_WIDTH, PANEL_HEIGHT = 480, 270
LEFTS, TOPS = (80, 670), (130, 520)
COLOURS = ("#1b7f4d", "#2b5fa8", "#9a6a00", "#7a3b8f", "#555555", "#0f8b8d", "#c05a2b", "#a3348b")
TITLE = "授权策略预演 · Grant policies, rehearsed"
DASHES = {COLOURS[1]: "7 4", COLOURS[3]: "2 3", COLOURS[5]: "9 3", COLOURS[7]: "4 4"}
"""Lines of two runs often lie upon each other; one of them is broken."""
LEGEND_COLUMNS, LEGEND_WIDTH, LEGEND_HEIGHT = 5, 220, 18
INK, FAINT, BAR = "#222222", "#e4e4e4", "#b3261e"
WHOLE = 10_000
"""A hundred per cent, in hundredths of one."""


Run = tuple[str, str, Outcome]
"""Its colour, its name, and what was counted."""


def draw(outcomes: Sequence[Outcome], told: str) -> str:
    """The picture of some runs; ``told`` says what was played."""
    names = _names(outcomes)
    colours = {name: COLOURS[n % len(COLOURS)] for n, name in enumerate(dict.fromkeys(names))}
    runs = [(colours[name], name, outcome) for name, outcome in zip(names, outcomes, strict=True)]
    recalled = [run for run in runs if run[2].has_recall]
    alone = [run for run in runs if not run[2].has_recall]
    legend = "".join(_legend(n, colour, name) for n, (name, colour) in enumerate(colours.items()))
    panels = (
        _approvals(LEFTS[0], TOPS[0], recalled),
        _refusals(LEFTS[1], TOPS[0], recalled, "有召回 with recall", is_tight=True),
        _exposure(LEFTS[0], TOPS[1], recalled),
        _refusals(LEFTS[1], TOPS[1], alone, "无召回 without recall", is_tight=False)
        if alone
        else _both(LEFTS[1], TOPS[1], recalled),
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif"'
        f' font-size="13" fill="{INK}"><rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>'
        f'<text x="80" y="36" font-size="20" font-weight="bold">{TITLE}</text>'
        f'<text x="80" y="56" fill="#666">{escape(told)}</text>{legend}{"".join(panels)}</svg>\n'
    )


def _names(outcomes: Sequence[Outcome]) -> list[str]:
    """What each run is called: that in which it differs from another."""
    told = [
        (
            outcome.policy,
            f"{outcome.tills} 机 tills",
            "" if outcome.tills == 1 else "LAN" if outcome.has_lan else "无 no LAN",
            outcome.overnight,
            str(outcome.trusted.terms),
        )
        for outcome in outcomes
    ]
    differ = [n for n, said in enumerate(zip(*told, strict=True)) if len(set(said)) > 1] or [0]
    return [" · ".join(said[n] for n in differ if said[n]) for said in told]


def _legend(n: int, colour: str, name: str) -> str:
    left = LEFTS[0] + LEGEND_WIDTH * (n % LEGEND_COLUMNS)
    y = 64 + LEGEND_HEIGHT * (n // LEGEND_COLUMNS)
    return (
        f'<rect x="{left}" y="{y}" width="14" height="14" fill="{colour}"/>'
        f'<text x="{left + 22}" y="{y + 12}">{escape(name)}</text>'
    )


def _frame(left: int, top: int, title: str, ticks: Sequence[tuple[int, str]]) -> str:
    lines = "".join(
        f'<line x1="{left}" x2="{left + PANEL_WIDTH}" y1="{y}" y2="{y}" stroke="{FAINT}"/>'
        f'<text x="{left - 8}" y="{y + 4}" text-anchor="end" fill="#666">{said}</text>'
        for y, said in ticks
    )
    return f'<text x="{left}" y="{top - 14}" font-weight="bold">{escape(title)}</text>{lines}'


def _approvals(left: int, top: int, runs: Sequence[Run]) -> str:
    bottom = top + PANEL_HEIGHT
    title = "断网兑换批准 · Approved offline, with recall"
    drawn = [_frame(left, top, title, [(_y(top, n * 100), f"{n}%") for n in range(0, 101, 25)])]
    step = PANEL_WIDTH // max(1, len(runs))
    width = min(72, step * 2 // 3)
    for n, (colour, _, outcome) in enumerate(runs):
        middle, height = left + n * step + step // 2, _y(top, approved(outcome))
        drawn.append(
            f'<rect x="{middle - width // 2}" y="{height}" width="{width}" height="{bottom - height}"'
            f' fill="{colour}"/><text x="{middle}" y="{height - 6}" text-anchor="middle">'
            f"{per_cent(approved(outcome))}</text>"
        )
    return "".join(drawn) + _limit(left, _y(top, OFFLINE_APPROVED_BAR), "≥ 72%")


def _refusals(left: int, top: int, runs: Sequence[Run], when: str, *, is_tight: bool) -> str:
    series = [(colour, refused_by_hour(outcome, CHANNEL)) for colour, _, outcome in runs]
    most = max([n for _, values in series for n in values if n is not None], default=0)
    top_of = -(-max(most, 400) // 400) * 400 if is_tight else WHOLE  # a scale of whole per cents, in quarters
    title = f"线上每小时被拒 · Online channel refused, {when}"
    ticks = [(_y(top, top_of * n // 4, top_of), f"{top_of * n // 400}%") for n in range(5)]
    drawn = [_frame(left, top, title, ticks), _day(left, top)]
    drawn += [
        _curve(left, [None if n is None else _y(top, n, top_of) for n in values], colour)
        for colour, values in series
    ]
    return "".join(drawn) + (_limit(left, _y(top, REFUSED_BAR, top_of), "≤ 0.5%") if is_tight else "")


def _exposure(left: int, top: int, runs: Sequence[Run]) -> str:
    series = [(colour, outcome.exposure().mean) for colour, _, outcome in runs]
    most = _round_up(max([1, *(n for _, values in series for n in values)]))
    title = "敞口（平均）· Points out of headquarters' hands, mean"
    ticks = [(_y(top, most * n // 4, most), f"{most * n // 4:,}") for n in range(5)]
    drawn = [_frame(left, top, title, ticks), _day(left, top)]
    curves = (_curve(left, [_y(top, n, most) for n in values], colour) for colour, values in series)
    return "".join([*drawn, *curves])


def _both(left: int, top: int, runs: Sequence[Run]) -> str:
    """What is approved offline, to the right, against the channel's worst hour, upward."""
    bottom = top + PANEL_HEIGHT
    title = "断网批准 → 线上最差一小时 ↑ · Approved offline →, channel's worst hour ↑"
    drawn = [_frame(left, top, title, [(_y(top, n * 100), f"{n}%") for n in range(0, 101, 25)])]
    drawn += [
        f'<text x="{left + PANEL_WIDTH * n // 100}" y="{bottom + 18}" text-anchor="middle"'
        f' fill="#666">{n}%</text>'
        for n in range(0, 101, 25)
    ]
    for colour, _, outcome in runs:
        worst = worst_hour(outcome)
        if worst:
            x = left + PANEL_WIDTH * approved(outcome) // WHOLE
            drawn.append(
                f'<circle cx="{x}" cy="{_y(top, worst[0])}" r="6" fill="{colour}" fill-opacity="0.8"/>'
            )
    x = left + PANEL_WIDTH * OFFLINE_APPROVED_BAR // WHOLE
    drawn.append(
        f'<line x1="{x}" x2="{x}" y1="{top}" y2="{bottom}" stroke="{BAR}" stroke-dasharray="6 4"/>'
        f'<text x="{x + 6}" y="{top + PANEL_HEIGHT // 2 - 6}" fill="{BAR}">≥ 72%</text>'
    )
    return "".join(drawn) + _limit(left, _y(top, REFUSED_BAR), "≤ 0.5%")


def _y(top: int, n: int, most: int = WHOLE) -> int:
    return top + PANEL_HEIGHT - PANEL_HEIGHT * n // most


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
