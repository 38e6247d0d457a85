"""``jifen policy rehearse``: policies played on a history of visits, before one of them grants.

It opens no office and needs no settings: the history is drawn from a seed, or read from a file. The tables go
to standard output and, with the picture, into a folder; how far it is goes to standard error.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby, product
from pathlib import Path

from hub.policy import POLICIES
from hub.rehearsal import picture, report, workload
from hub.rehearsal.history import BadHistory, Visit, read
from hub.rehearsal.market import Member
from hub.rehearsal.outcome import Outcome
from hub.rehearsal.overnight import AS_BUILT, OVERNIGHT
from hub.rehearsal.trusting import NO_TRUST, Terms, Trusted
from hub.rehearsal.weather import weather
from points.trust import Budget

History = list[list[Visit]]
"""Every member's visits, in order of time."""
Tell = Callable[[int, int], None]
BOTH = {"both": (True, False), "with": (True,), "without": (False,)}
SCALE = 5


def main(argv: list[str]) -> int:
    """Run one command; 1 when points were spent that no right covered, 2 when the history cannot be read."""
    parser = argparse.ArgumentParser(prog="jifen policy", description="who may spend offline · 离线授权策略")
    commands = parser.add_subparsers(dest="command", required=True)
    rehearse = commands.add_parser("rehearse", help="play policies on a history of visits · 预演")
    whole = _from_one
    rehearse.add_argument("--policy", action="append", choices=[*POLICIES], help="may be repeated (all)")
    rehearse.add_argument("--recall", choices=[*BOTH], default="both", help="with, without or both (both)")
    rehearse.add_argument("--lan", choices=[*BOTH], default="with", help="sister tills meet in a cut (with)")
    nights = rehearse.add_argument("--overnight", action="append", choices=[*OVERNIGHT])
    nights.help = "what lies at a till overnight; may be repeated (cut-keeps)"
    trusts = rehearse.add_argument("--trust", action="append", type=_budget)
    trusts.metavar = "OPERATION,MEMBER_DAY,TILL"
    trusts.help = "points that a till out of reach may risk; may be repeated (none)"
    rehearse.add_argument("--tokens", action="store_true", help="members show tokens at other stores too")
    rehearse.add_argument("--twice", type=int, default=0, help="of 100 trusted, how many spend it again (0)")
    rehearse.add_argument("--history", type=Path, help="a file of visits (CSV) instead of drawn ones")
    rehearse.add_argument("--scale", type=whole, default=SCALE, help=f"per cent of the reference ({SCALE})")
    rehearse.add_argument("--stores", type=whole, help=f"instead of --scale of {workload.STORES}")
    rehearse.add_argument("--members", type=whole, help=f"instead of --scale of {workload.MEMBERS}")
    rehearse.add_argument("--days", type=whole, default=workload.DAYS, help=f"({workload.DAYS})")
    rehearse.add_argument("--tills", action="append", type=whole, help="a store; may be repeated (1)")
    rehearse.add_argument("--online", type=int, default=25, help="of 100 wishes by the online channel (25)")
    rehearse.add_argument("--always-on", action="store_true", help="PCs run day and night, no day is closed")
    rehearse.add_argument("--seed", type=int, default=1, help="everything that chance decides (1)")
    rehearse.add_argument("--out", type=Path, default=Path(".rehearsal"), help="for the picture (.rehearsal)")
    chosen = parser.parse_args(argv)
    if chosen.always_on and chosen.overnight:
        rehearse.error("--overnight means nothing to PCs that are always on")
    if (chosen.tokens or chosen.twice) and not chosen.trust:
        rehearse.error("--tokens and --twice mean nothing without --trust")
    try:
        outcomes = list(_outcomes(chosen, _bar))
    except (BadHistory, OSError) as fault:
        print(fault, file=sys.stderr)
        return 2
    print(file=sys.stderr)
    told = _told(chosen)
    parts = (report.runs, report.reasons, report.trusts, report.nights, report.hours, report.bars)
    text = "\n\n".join([f"# {told}", *filter(None, (part(outcomes) for part in parts))])
    chosen.out.mkdir(parents=True, exist_ok=True)
    (chosen.out / "rehearsal.md").write_text(f"![rehearsal](rehearsal.svg)\n\n{text}\n", "utf-8")
    (chosen.out / "rehearsal.svg").write_text(picture.draw(outcomes, told), "utf-8")
    print(text)
    return 1 if any(outcome.overspent for outcome in outcomes) else 0


def play(
    history: History,
    policy: str,
    seed: int,
    tell: Tell,
    *,
    has_recall: bool = True,
    tills: int = 1,
    has_lan: bool = True,
    overnight: str = AS_BUILT,
    is_always_on: bool = False,
    trust: Terms = NO_TRUST,
) -> Outcome:
    """One run; ``tell`` hears (members played, all of them)."""
    every = (visit for visits in history for visit in visits)
    known, first_day, days = weather(every, seed, is_always_on=is_always_on)
    outcome = Outcome(
        policy, has_recall, tills, first_day, days, len(known), has_lan, overnight, Trusted(trust)
    )
    for n, visits in enumerate(history):
        Member(POLICIES[policy], known, outcome, OVERNIGHT[overnight]).play(visits)
        tell(n + 1, len(history))
    return outcome


def by_member(visits: Sequence[Visit], online: int, seed: int) -> History:
    """A history as it is played: member by member, some wishes made online."""
    ordered = sorted(visits, key=lambda visit: (visit.member, visit))
    members = (list(one) for _, one in groupby(ordered, key=lambda visit: visit.member))
    return [workload.with_online(one, online, seed) for one in members]


def _outcomes(chosen: argparse.Namespace, tell: Tell) -> Iterator[Outcome]:
    policies, nights = chosen.policy or [*POLICIES], chosen.overnight or [AS_BUILT]
    trusts = [Terms(budget, chosen.tokens, chosen.twice) for budget in chosen.trust or ()] or [NO_TRUST]
    every = [0] if chosen.history else chosen.tills or [1]
    runs = [
        (tills, *run)
        for tills in every
        for run in product(
            policies, BOTH[chosen.recall], BOTH[chosen.lan] if tills != 1 else (True,), nights, trusts
        )
    ]
    history, of_tills = list[list[Visit]](), -1
    for n, (tills, policy, has_recall, has_lan, overnight, trust) in enumerate(runs):
        if tills != of_tills:
            history, of_tills = _history(chosen, tills), tills

        def told(done: int, members: int, before: int = n) -> None:
            tell(before * members + done, len(runs) * members)

        yield play(
            history,
            policy,
            chosen.seed,
            told,
            has_recall=has_recall,
            tills=tills,
            has_lan=has_lan,
            overnight=overnight,
            is_always_on=chosen.always_on,
            trust=trust,
        )


def _history(chosen: argparse.Namespace, tills: int) -> History:
    if chosen.history:
        return by_member(read(chosen.history), chosen.online, chosen.seed)
    return _drawn(chosen, tills)


def _size(chosen: argparse.Namespace) -> tuple[int, int]:
    """How many stores and members are drawn."""
    stores = chosen.stores or max(1, workload.STORES * chosen.scale // 100)
    return stores, chosen.members or workload.MEMBERS * chosen.scale // 100


def _drawn(chosen: argparse.Namespace, tills: int) -> History:
    stores, members = _size(chosen)
    drawn = workload.drawn(stores, members, chosen.days, tills, chosen.seed)
    return [workload.with_online(one, chosen.online, chosen.seed) for one in drawn if one]


def _told(chosen: argparse.Namespace) -> str:
    rest = f"线上 online {chosen.online} % · seed {chosen.seed}"
    if chosen.always_on:
        rest += " · 不关机 always on"
    if chosen.history:
        return f"{chosen.history.name} · {rest}"
    stores, members = _size(chosen)
    return f"{stores:,} 店 stores · {members:,} 会员 members · {chosen.days} 天 days · {rest}"


def _budget(text: str) -> Budget:
    whole = text.split(",")
    if len(whole) != 3 or not all(n.isascii() and n.isdigit() and len(n) < 10 for n in whole):
        raise argparse.ArgumentTypeError(f"{text!r} is not OPERATION,MEMBER_DAY,TILL in whole points")
    return Budget(*map(int, whole))


def _from_one(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 10**7):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1")
    return int(text)


def _bar(done: int, whole: int) -> None:
    width = 40
    full = width * done // whole
    if done == whole or 100 * done // whole != 100 * (done - 1) // whole:
        bar = "#" * full + "." * (width - full)
        print(f"\r[{bar}] {100 * done // whole} %", end="", file=sys.stderr, flush=True)
