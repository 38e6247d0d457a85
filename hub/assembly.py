"""The parts of headquarters meet here, once: store, keys, rule book."""

from __future__ import annotations

import os
from pathlib import Path

from config.settings import HubSettings
from hub import intake, keys, publishing, reception, release, restoring
from hub.clock import file_clock, machine
from hub.office import Office, Trust, Unlock
from hub.policy import POLICIES
from hub.store.engine import Store
from hub.store.journal import Journal
from hub.store.upgrading import upgrade
from points.judging import NOT_LEARNT
from points.operations import KINDS, Kinds

CLOCK = "JIFEN_REHEARSAL_CLOCK"
"""Names a file whose content is business time in ms, for rehearsals; unset: the machine's time."""


def open_office(
    settings: HubSettings, rulebook: bytes, *, is_put_back: bool = False, kinds: Kinds = KINDS
) -> Office:
    """Headquarters on its database, with its keys; begun with ``rulebook`` when it has none yet.

    ``is_put_back``: the database is an older copy; otherwise that is found by the journal. ``kinds``: what
    another version of this program understands, to rehearse what it would do.
    """
    url = settings.database_url or f"sqlite:///{settings.data_dir / 'hub.sqlite'}"
    store = Store(url)
    upgrade(store)
    rehearsed = os.environ.get(CLOCK)
    office = Office(
        chain=settings.chain,
        chain_name=settings.chain_name,
        store=store,
        keys=keys.load(settings.key_dir),
        clock=file_clock(Path(rehearsed)) if rehearsed else machine,
        code_pool=settings.code_pool,
        trust=Trust(
            settings.trust_operation_pts,
            settings.trust_member_day_pts,
            settings.trust_till_pts,
            settings.trust_chain_pts,
        ),
        session_ms=settings.session_hours * 3_600_000,
        unlock=Unlock(settings.unlock_member_pts, settings.unlock_till_pts, settings.unlock_chain_pts),
        spare_pcs=settings.spare_pcs,
        kinds=kinds,
        policy=POLICIES[settings.grant_policy],
    )
    with store.look() as look:
        office.load_books(look)
        office.inc = restoring.incarnation(look)
    if store.is_sqlite:  # another engine has a standby that commits before it answers
        journal = Journal(journal_of(settings))
        restoring.recover(office, journal, settings.key_dir, is_put_back=is_put_back)
    with store.turn() as turn:
        if office.current is None:
            publishing.publish_rules(turn, office, rulebook)
        # A newer program may know what an older one parked.
        reception.settle(turn, office, intake.judge_waiting(turn, office, NOT_LEARNT))
    release.go_on(office)
    return office


def journal_of(settings: HubSettings) -> Path:
    """The folder of what was decided."""
    return settings.journal_dir or settings.data_dir / "journal"
