"""A rehearsal as tables that people read, Chinese first: one row a run, and one row an hour of the day.

Shares are whole hundredths of a per cent; an hour with few wishes says nothing and is left out of the worst.
"""

from __future__ import annotations

from collections.abc import Sequence

from hub.rehearsal.outcome import (
    AWAY,
    CHANNEL,
    COUNTER,
    HOURS,
    OFFLINE,
    SHORT,
    UNFETCHED,
    UNNAMED,
    Outcome,
)
from hub.rehearsal.overnight import AS_BUILT
from hub.rehearsal.trusting import NO_TRUST

OFFLINE_APPROVED_BAR = 7_200
"""Hundredths of a per cent of the redemptions that counters without a line are to approve, at one till."""
TRUSTED_APPROVED_BAR = 8_500
"""The same inside a stated budget of trust."""
REFUSED_BAR = 50
"""Hundredths of a per cent that the online channel may refuse in any hour."""
TILLS_BAR = 200
"""Hundredths of a per cent that several tills of a store may approve less than one till."""
WISHES_MIN = 50
EVENING = 22
"""The hour from which counters are closed, and the channel is not."""

HEAD = (
    *("策略 policy", "召回 recall", "每店机数 tills", "断网时店内网 LAN in a cut", "过夜 overnight"),
    "信任 trust",
    "断网兑换批准 approved offline",
    *("线上被拒 channel refused", "最差一小时 worst hour", "联网柜台被拒 counters refused"),
    *("敞口日均/最高 out: mean/most", "单机最高 largest till", "召回次数 recalls"),
    *("店内转让 given by sister tills", "超支 overspent"),
)
WHY_HEAD = (
    *(
        "断网兑换 offline",
        "批准 approved",
        "不在常去的机 at another till",
        "断网时额度在总部 at headquarters when the line was cut",
    ),
    *("有一些但不够 some, not enough", "还没有常去的机 no till named"),
)

NIGHTS_HEAD = (
    *("断网与线上 offline against online", "断网兑换批准 approved offline"),
    *("线上 22 点前被拒 channel refused until 22", "最差一小时 worst hour"),
    *("22 点起 from 22", "最差一小时 worst hour"),
)

TRUST_HEAD = (
    *("信任 trusted", "断网兑换批准 approved offline", "笔数 redemptions", "积分 points"),
    *("入账时在总部 at hand when posted", "在别的机 with another till", "已不在 owed"),
    *("故意重花 spent again", "每十万分兑换超出 overspent of 100,000 redeemed", "最后仍欠 owed in the end"),
    *("单机最高/同时最高 largest till/all at once", "预算上限 most that could be"),
)


def share(part: int, whole: int) -> int:
    """Hundredths of a per cent, to the nearest; 0 of nothing."""
    return (10_000 * part + whole // 2) // whole if whole else 0


def per_cent(hundredths: int) -> str:
    """``72.83 %``."""
    return f"{hundredths // 100}.{hundredths % 100:02d} %"


def approved(outcome: Outcome) -> int:
    """The share of offline redemptions that was approved."""
    asked = outcome.asked(OFFLINE)
    return share(asked - outcome.denied(OFFLINE), asked)


def refused_by_hour(outcome: Outcome, where: str) -> list[int | None]:
    """The share refused in each hour; None where too few wished."""
    pairs = zip(outcome.refused[where], outcome.wished[where], strict=True)
    return [share(refused, wished) if wished >= WISHES_MIN else None for refused, wished in pairs]


def worst_hour(outcome: Outcome) -> tuple[int, int] | None:
    """The largest share that the online channel refused in an hour, and the hour."""
    told = [(n, hour) for hour, n in enumerate(refused_by_hour(outcome, CHANNEL)) if n is not None]
    return max(told) if told else None


def runs(outcomes: Sequence[Outcome]) -> str:
    """One row a run, as a Markdown table."""
    rows = [HEAD, tuple("---" for _ in HEAD), *map(_row, outcomes)]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def nights(outcomes: Sequence[Outcome]) -> str:
    """What is approved offline, and what the channel is refused by day and from 22 o'clock, one row a run."""
    rows = [NIGHTS_HEAD, tuple("---" for _ in NIGHTS_HEAD)]
    for outcome in outcomes:
        said = [per_cent(approved(outcome))]
        for first, last in ((0, EVENING), (EVENING, HOURS)):
            asked, refused = (sum(of[CHANNEL][first:last]) for of in (outcome.wished, outcome.refused))
            known = [n for n in refused_by_hour(outcome, CHANNEL)[first:last] if n is not None]
            said += [per_cent(share(refused, asked)), per_cent(max(known)) if known else "–"]
        rows.append((_named(outcome), *said))
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def trusts(outcomes: Sequence[Outcome]) -> str:
    """What was trusted and what became of it, one row a run with a budget; nothing when there is none."""
    rows = [TRUST_HEAD, tuple("---" for _ in TRUST_HEAD)]
    for outcome in outcomes:
        told = outcome.trusted
        if told.terms.budget != NO_TRUST.budget:
            became = (per_cent(share(part, told.pts)) for part in (told.at_hand, told.elsewhere, told.owed))
            numbers = (told.again, 100_000 * told.overspent // max(1, outcome.redeemed), told.in_the_end)
            ceiling = told.terms.budget.whole * outcome.till_count
            rows.append((
                _named(outcome), per_cent(approved(outcome)), f"{told.count:,}", f"{told.pts:,}", *became,
                *(f"{n:,}" for n in numbers), f"{told.largest_till:,} / {told.most:,}", f"{ceiling:,}",
            ))  # fmt: skip
    return "\n".join("| " + " | ".join(row) + " |" for row in rows) if len(rows) > 2 else ""


def hours(outcomes: Sequence[Outcome]) -> str:
    """What the online channel and the connected counters refused, one row an hour (fewest tills)."""
    least = min(outcome.tills for outcome in outcomes)
    outcomes = [outcome for outcome in outcomes if outcome.tills == least]
    head = ["时 hour"] + [
        f"{name} {_named(outcome)}" for name in ("线上 channel,", "柜台 counters,") for outcome in outcomes
    ]
    columns = [refused_by_hour(outcome, where) for where in (CHANNEL, COUNTER) for outcome in outcomes]
    rows = [head, ["---"] * len(head)]
    for hour in range(HOURS):
        said = [column[hour] for column in columns]
        if any(n is not None for n in said):
            rows.append([f"{hour:02d}", *("–" if n is None else per_cent(n) for n in said)])
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def bars(outcomes: Sequence[Outcome]) -> str:
    """Whether each run with recall holds what is promised of it, in words."""
    alone = {
        (one.policy, one.overnight, one.trusted.terms): approved(one)
        for one in outcomes
        if one.tills == 1 and one.has_recall
    }
    said = []
    for outcome in outcomes:
        if not outcome.has_recall:
            continue
        worst, told = worst_hour(outcome), outcome.asked(OFFLINE) >= WISHES_MIN
        kind = (outcome.policy, outcome.overnight, outcome.trusted.terms)
        least = alone.get(kind) if outcome.tills > 1 and outcome.has_lan else None
        offline = _held(approved(outcome) >= OFFLINE_APPROVED_BAR if told else None)
        channel = _held(worst[0] <= REFUSED_BAR if worst else None)
        said.append(f"* {_named(outcome)}: 断网兑换批准 approved offline ≥ 72 %: {offline}")
        if outcome.trusted.terms.budget != NO_TRUST.budget:
            trusted = _held(approved(outcome) >= TRUSTED_APPROVED_BAR if told else None)
            said.append(f"* {_named(outcome)}: 信任预算内批准 approved inside the budget ≥ 85 %: {trusted}")
        said.append(f"* {_named(outcome)}: 线上每小时被拒 channel refused in every hour ≤ 0.5 %: {channel}")
        if least is not None:
            near = _held(approved(outcome) >= least - TILLS_BAR if told else None)
            said.append(f"* {_named(outcome)}: 与一台机相差 behind one till ≤ 2 %: {near}")
    return "\n".join(said)


def reasons(outcomes: Sequence[Outcome]) -> str:
    """Why counters without a line refused, one row a run."""
    rows = [WHY_HEAD, tuple("---" for _ in WHY_HEAD)]
    for outcome in outcomes:
        asked, counted = outcome.asked(OFFLINE), outcome.why_offline
        shares = [per_cent(share(counted[why], asked)) for why in (AWAY, UNFETCHED, SHORT, UNNAMED)]
        rows.append((_named(outcome), per_cent(approved(outcome)), *shares))
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def _held(is_held: bool | None) -> str:
    if is_held is None:
        return "样本太少 too few"
    return "达到 held" if is_held else "未达到 missed"


def _named(outcome: Outcome) -> str:
    said = [outcome.policy]
    if not outcome.has_recall:
        said.append("无召回 no recall")
    if not outcome.has_lan:
        said.append("店内网也断 no LAN")
    if outcome.overnight != AS_BUILT:
        said.append(outcome.overnight)
    if outcome.trusted.terms != NO_TRUST:
        said.append(str(outcome.trusted.terms))
    if outcome.tills:
        said.append(f"×{outcome.tills}")
    return " ".join(said)


def _row(outcome: Outcome) -> tuple[str, ...]:
    exposure, worst = outcome.exposure(), worst_hour(outcome)
    return (
        outcome.policy,
        "有 yes" if outcome.has_recall else "无 no",
        str(outcome.tills or "–"),
        "–" if outcome.tills == 1 else "有 yes" if outcome.has_lan else "无 no",
        outcome.overnight,
        str(outcome.trusted.terms),
        f"{per_cent(approved(outcome))} of {outcome.asked(OFFLINE):,}",
        f"{per_cent(share(outcome.denied(CHANNEL), outcome.asked(CHANNEL)))} of {outcome.asked(CHANNEL):,}",
        f"{per_cent(worst[0])} ({worst[1]:02d})" if worst else "–",
        f"{per_cent(share(outcome.denied(COUNTER), outcome.asked(COUNTER)))} of {outcome.asked(COUNTER):,}",
        f"{sum(exposure.mean) // HOURS:,} / {exposure.most:,}",
        f"{exposure.largest_till:,}",
        f"{outcome.recalls:,}",
        f"{outcome.given:,}",
        f"{outcome.overspent:,}",
    )
