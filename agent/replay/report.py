"""The report of a rehearsal: figures people can read, and a chart as a picture."""

from __future__ import annotations

from pathlib import Path

from agent.replay.rehearsal import Verdict

WIDTH, HEIGHT, LEFT, TOP = 960, 360, 60, 40


def write(folder: Path, verdict: Verdict) -> Path:
    """Write ``report.md`` and ``chart.svg``; gives the report's path."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "chart.svg").write_text(chart(verdict.by_day), "utf-8")
    rows = "\n".join(f"| {name} | {_said(value)} |" for name, value in verdict.figures.items())
    faults = "\n".join(f"* {fault}" for fault in verdict.faults[:100]) or "* none: every number agreed"
    path = folder / "report.md"
    path.write_text(
        f"# Replay\n\n![operations a day](chart.svg)\n\n| figure | value |\n|---|---|\n{rows}\n\n"
        f"## Faults\n\n{faults}\n",
        "utf-8",
    )
    return path


def _said(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {n:,}" for key, n in value.items()) or "none"
    return f"{value:,}" if isinstance(value, int) else str(value)


def chart(by_day: dict[int, dict[str, int]]) -> str:
    """Sales a day as columns; redemptions approved and refused as lines over them."""
    days = sorted(by_day)
    sales = [by_day[day].get("sale.earn", 0) for day in days]
    most = max([*sales, 1])
    step = (WIDTH - LEFT - 20) / max(1, len(days))

    def y(value: float) -> float:
        return HEIGHT - 40 - value * (HEIGHT - TOP - 40) / most

    columns = "".join(
        f'<rect x="{LEFT + i * step:.1f}" y="{y(n):.1f}" width="{max(step - 0.4, 0.5):.1f}"'
        f' height="{HEIGHT - 40 - y(n):.1f}" fill="#c7d3e3"/>'
        for i, n in enumerate(sales)
    )
    lines = "".join(
        f'<polyline fill="none" stroke="{colour}" stroke-width="1.6" points="'
        + " ".join(
            f"{LEFT + (i + 0.5) * step:.1f},{y(by_day[day].get(name, 0)):.1f}" for i, day in enumerate(days)
        )
        + '"/>'
        for name, colour in (("approved", "#1b7f4d"), ("refused", "#b3261e"))
    )
    ticks = "".join(
        f'<text x="{LEFT - 8}" y="{y(n) + 4:.1f}" text-anchor="end">{n}</text>'
        f'<line x1="{LEFT}" x2="{WIDTH - 20}" y1="{y(n):.1f}" y2="{y(n):.1f}" stroke="#e6e6e6"/>'
        for n in (0, most // 2, most)
    )
    ends = (
        f'<text x="{LEFT}" y="{HEIGHT - 16}">{days[0]}</text>'
        f'<text x="{WIDTH - 20}" y="{HEIGHT - 16}" text-anchor="end">{days[-1]}</text>'
        if days
        else ""
    )
    legend = (
        f'<text x="{LEFT}" y="22"><tspan fill="#5b7089">■ 销售 sales</tspan>'
        '<tspan dx="24" fill="#1b7f4d">— 兑换成功 redeemed</tspan>'
        '<tspan dx="24" fill="#b3261e">— 兑换拒绝 refused</tspan></text>'
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}"'
        f' font-family="sans-serif" font-size="13"><rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>'
        f"{ticks}{columns}{lines}{legend}{ends}</svg>\n"
    )
