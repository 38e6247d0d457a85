"""One rehearsal from an empty folder to a verdict: headquarters, tills, the year, and the second opinion."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from agent import provisioning
from agent.replay import opinion
from agent.replay.baskets import Basket
from agent.replay.hub_process import HubProcess
from agent.replay.opinion import FOLDED, HubFacts
from agent.replay.redelivery import deliver_again
from agent.replay.stalls import Far, Near
from agent.replay.year import Tilling, Told, Year
from agent.uplink import join
from points import rulebook
from points.days import local_day
from points.wire import canonical, envelope
from points.wire.faults import WireFault
from points.wire.keys import SigningKey
from points.wire.lane import KeyRecord

RULES: dict[str, Any] = {
    "v": 1,
    "name": "replay",
    "rates": [[1, 100]],
    "category_rate": {},
    "min_order_fen": 0,
    "day_cap_pts": 100,
    "tiers": [[0, 10_000, "普通"], [1001, 10_000, "银卡"], [5001, 10_000, "金卡"], [10_001, 10_000, "钻石"]],
    "expiry": ["rolling", 12],
    "redeem": {"pts": 1, "fen": 1, "step": 1},
    "grace_days": 30,
    "settle": [1000, 100],
    "not_earning": ["points"],
    "manager": {"redeem_pts": 0, "refund_fen": 0},
}
"""1 point per 100 fen, no minimum, at most 100 points a day, one rolling year."""

REMARKED = frozenset({"outcomes", "cases"})
"""What goes by what had been heard at the moment of an arrival: a spend before its grant is remarked on."""
YEAR_MS = 366 * 86_400_000
Say = Callable[[str], None]
Tell = Callable[[str, int, int], None]
"""Hears of what, how many are done, and of how many."""
LEDGER = Path(__file__).resolve().parents[2] / "tests" / "oracles" / "ledger.py"


@dataclass
class Verdict:
    """What a rehearsal found. ``faults`` is empty when every number agreed."""

    faults: list[str] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)
    by_day: dict[int, dict[str, int]] = field(default_factory=dict)


def rehearse(
    folder: Path,
    baskets: Sequence[Basket],
    zone: list[list[int]],
    *,
    seed: int,
    kills: int,
    redeliver: bool,
    say: Say,
    tell: Tell,
) -> Verdict:
    """Drive ``baskets`` through real tills and a real headquarters in ``folder``, then judge."""
    began = time.monotonic()
    book = {**RULES, "zone": zone}
    blob = canonical.encode(book)
    rule = sha256(blob).hexdigest()
    hub = HubProcess(folder / "hub", blob, "replay", "Replay")
    hub.set_time(baskets[0].at_ms - 3_600_000)
    names = {store: f"s{store}" for store in sorted({basket.store for basket in baskets})}
    busiest = max(names.values(), key=lambda name: sum(names[b.store] == name for b in baskets))
    say(f"headquarters and {len(names)} stores")
    tickets = hub.tickets(list(names.values()))
    hub.start()
    tills: dict[str, Tilling] = {}
    try:
        for name in names.values():
            provisioning.join(folder / name / "keys", tickets[name], join)
            killed = kills and name == busiest
            acts = sum(names[b.store] == name for b in baskets)  # every visit is one act at least
            chance = random.Random(seed)
            tills[name] = Far(folder / name, kills, acts, chance) if killed else Near(folder / name)
            tills[name].act("contact", baskets[0].at_ms - 3_000_000, True)
        year = Year(tills, names, zone, seed, hub.set_time)
        year.run(baskets, partial(tell, "day"))
        driven_s = time.monotonic() - began
        hub.stop()
        say("the second opinion")
        last_ms = max(body["st"] for _, _, body in year.told.ops)
        today = local_day(last_ms, zone)
        said = opinion.ask(LEDGER, year.told, book, rule, today)
        verdict = Verdict(year.told.faults)
        verdict.faults += opinion.differences(said, hub.state(), rule, book["settle"], today)
        verdict.faults += opinion.draws_differ(said, year.told, {rule: rulebook.read(blob)})
        facts = _hub_facts(hub, folder / "envelopes")
        verdict.faults += opinion.overspent(year.told, facts)
        verdict.faults += opinion.needless(year.told, facts, _balances(book, rule, zone))
        say("a year after the middle: what was earned before it has expired")
        later_ms = (baskets[0].at_ms + last_ms) // 2 + YEAR_MS
        hub.set_time(later_ms)
        hub.start()
        year.rest(later_ms)
    finally:
        for till in tills.values():
            till.close()
        hub.stop()
    hub.command("night")
    state, today = hub.state(), local_day(int(hub.clock.read_text()), zone)
    said = opinion.ask(LEDGER, year.told, book, rule, today)
    verdict.faults += opinion.differences(said, state, rule, book["settle"], today)
    verdict.figures = _figures(year.told, baskets, state, said, driven_s, folder / "envelopes")
    _hub_facts(hub, folder / "envelopes")
    verdict.faults += hub.faults()
    verdict.figures["expired"] = sum(one["expired"] for one in said.values())
    verdict.figures["killed"] = sum(till.kills for till in tills.values())
    verdict.figures["acts cut off"] = sum(till.cut_off for till in tills.values())
    verdict.by_day = {day: dict(counts) for day, counts in sorted(year.told.by_day.items())}
    if redeliver:
        say("every batch three times more, shuffled between lanes, into an empty headquarters")
        _redeliver(folder, hub, blob, names, state, seed, verdict, tell)
    verdict.figures["seconds in all"] = round(time.monotonic() - began)
    return verdict


def _hub_facts(hub: HubProcess, folder: Path) -> HubFacts:
    """Headquarters' decisions, read from its own signed lane."""
    hub.command("envelopes", str(folder))
    key = SigningKey.from_raw((hub.keys / "lane.key").read_bytes())
    facts = HubFacts()
    for path in sorted(folder.glob("hq_*.jfb")):
        raw = path.read_bytes()
        record = KeyRecord(key.public_raw, frozenset({envelope.peek(raw)[0].lane}))
        for one in envelope.open_batch(raw, record).bodies:
            body = canonical.decode(one)
            if body["t"] == "rights.grant":
                cell = (body["to"][0], body["m"])
                facts.grants.setdefault(cell, []).append((body["st"], body["g"]))
            elif body["t"] == "auth.reserve":
                reserved = (body["st"], body["refs"][0], body["n"])
                facts.reserved.setdefault(body["m"], []).append(reserved)
    return facts


def _balances(book: dict[str, Any], rule: str, zone: list[list[int]]) -> Callable[[list[Any]], list[int]]:
    def balances(questions: list[Any]) -> list[int]:
        told_lines = [
            {
                "m": i,
                "today": local_day(at_ms, zone),
                "events": [event for event in events if event["op"]["t"] in FOLDED],
                "sort": True,
                "checked": False,
            }
            for i, (events, at_ms) in enumerate(questions)
        ]
        answers = opinion.run(LEDGER, {rule: book}, told_lines)
        return [answers[i]["balance"] - answers[i]["debt"] for i in range(len(questions))]

    return balances


def _figures(
    told: Told,
    baskets: Sequence[Basket],
    state: dict[str, Any],
    said: dict[int, Any],
    driven_s: float,
    folder: Path,
) -> dict[str, Any]:
    several: dict[tuple[int, int], set[int]] = {}
    for basket in baskets:
        several.setdefault((basket.household, basket.day), set()).add(basket.store)
    raws = [path for path in folder.glob("*.jfb") if not path.name.startswith("hq_")]
    batch_bytes = sum(path.stat().st_size for path in raws)
    return {
        "baskets": len(baskets),
        "stores": len({basket.store for basket in baskets}),
        "members": len(said),
        "operations": len(told.ops),
        "counted": dict(sorted(told.counts.items())),
        "batches": len(raws),
        "batch bytes": batch_bytes,
        "bytes an operation": round(batch_bytes / max(1, len(told.ops)), 1),
        "seconds driven": round(driven_s),
        "wishes": len(told.wishes),
        "approved": sum(not wish.refused for wish in told.wishes),
        "approved without a network": sum(not w.refused and not w.connected for w in told.wishes),
        "wishes without a network": sum(not w.connected for w in told.wishes),
        "refused": dict(sorted(told.refused.items())),
        "household-days at several stores": sum(len(stores) > 1 for stores in several.values()),
        "household-days": len(several),
        "outcomes": state["outcomes"],
        "debt": sum(one["debt"] for one in state["members"].values()),
        "settlement legs": len(state["settlement"]),
        "ended": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
    }


def _redeliver(
    folder: Path,
    hub: HubProcess,
    blob: bytes,
    names: dict[int, str],
    state: dict[str, Any],
    seed: int,
    verdict: Verdict,
    tell: Tell,
) -> None:
    """An empty headquarters with the same keys hears everything three times, and the first one again."""
    signers = [
        SigningKey.from_raw((folder / name / "keys" / "device.key").read_bytes()) for name in names.values()
    ]
    signers.append(SigningKey.from_raw((hub.keys / "lane.key").read_bytes()))
    keys = {key.kid: key for key in signers}
    public = SigningKey.from_raw((hub.keys / "receipt.key").read_bytes()).public_raw
    fresh = HubProcess(folder / "hub-again", blob, "replay", "Replay", keys=hub.keys)
    fresh.set_time(int(hub.clock.read_text()))
    fresh.command("registry", str(hub.database))
    for one in (fresh, hub):
        one.start()
        try:
            sent, gaps = deliver_again(
                one.url, public, folder / "envelopes", keys, seed, partial(tell, "delivery")
            )
        except WireFault as fault:
            verdict.faults.append(f"redelivery was refused: {fault}")
            continue
        finally:
            one.stop()
        verdict.figures[f"deliveries to {one.folder.name}"] = sent
        verdict.figures[f"out of order at {one.folder.name}"] = gaps
        one.command("night")
        again = one.state()
        for part in sorted(state.keys() - REMARKED):
            if again[part] != state[part]:
                verdict.faults.append(f"after redelivery to {one.folder.name}: {part} differ")
        verdict.faults += one.faults()


def as_json(verdict: Verdict) -> str:
    """A verdict as JSON."""
    return json.dumps({"faults": verdict.faults, "figures": verdict.figures}, ensure_ascii=False, indent=1)
