"""The head office of a pretend chain: the product's own, on a database in memory, with keys from the seed.

Its doors are asked as the web server asks them. In most chains who asks is believed, because a signature
costs more than what it protects here; in some every request is signed and checked.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from fastapi import Request

from agent.identity import Identity
from config.sqlite import Connection, IntegrityError, open_database
from hub import admission, intake, losses, publishing, restoring
from hub.api.devices import Devices
from hub.keys import HubKeys
from hub.office import Office
from hub.store.engine import Collision, Store, Turn
from hub.store.journal import Journal
from hub.store.upgrading import upgrade
from points.judging import NOT_LEARNT
from points.wire import canonical, endpoints, joining, ticket
from points.wire.faults import InProgress, Revoked, WireFault
from points.wire.keys import SigningKey
from points.wire.lane import KeyRecord, Lane
from points.wire.sealing import SealingKey

HUB_URL = "http://hub.storm"
MEMORY = "sqlite:///:memory:"
DOORS = {
    "hello": re.compile(r"/v1/hello\Z"),
    "batches": re.compile(r"/v1/lanes/(?P<store>[^/]+)/(?P<till>[^/]+)/(?P<epoch>[^/]+)/batches\Z"),
    "manifest": re.compile(r"/v1/feed/(?P<topic>[^/]+)/(?P<shard>.+)/g(?P<gen>[^/]+)/manifest\Z"),
    "blob": re.compile(r"/v1/blob/(?P<sha>[^/]+)\Z"),
    "sealed": re.compile(r"/v1/sealed/(?P<op_id>[^/]+)\Z"),
    "authorisations": re.compile(r"/v1/authorisations\Z"),
    "look_ups": re.compile(r"/v1/look-ups\Z"),
    "claims": re.compile(r"/v1/claims\Z"),
}


@dataclass(slots=True)
class _Url:
    path: str
    query: str = ""


@dataclass(slots=True)
class Asked:
    """A request as the web server hands it to a door."""

    method: str
    path: str
    headers: dict[str, str]
    path_params: dict[str, str] = field(default_factory=dict)
    query: str = ""

    @property
    def scope(self) -> dict[str, bytes]:
        return {"raw_path": self.path.encode()}

    @property
    def url(self) -> _Url:
        return _Url(self.path, self.query)


class LeanStore(Store):
    """The same transactions on the same driver, without the library that chooses a connection for each.

    A pretend chain has one connection and one thread, and asks twenty times in a contact.
    """

    def __init__(self) -> None:
        super().__init__(MEMORY, writes=False)
        self.raw = _raw(self)

    @contextmanager
    def turn(self) -> Iterator[Turn]:
        with self._within("BEGIN IMMEDIATE") as turn:
            yield turn
            is_kept = self.keep(turn)
        if is_kept and self.journal is not None:
            self.journal.mark()

    @contextmanager
    def look(self) -> Iterator[Turn]:
        with self._within("BEGIN") as turn:
            yield turn

    @contextmanager
    def _within(self, begins: str) -> Iterator[Turn]:
        self.raw.execute(begins)
        turn = Turn.__new__(Turn)
        turn._cursor, turn._is_sqlite, turn.has_written = self.raw.cursor(), True, False
        turn.decided = []
        try:
            yield turn
            self.raw.execute("COMMIT")
        except IntegrityError as error:
            self.raw.execute("ROLLBACK")
            raise Collision from error
        except BaseException:
            self.raw.execute("ROLLBACK")
            raise


class OpenDoors(Devices):
    """Doors that believe who asks."""

    def __init__(self, office: Office) -> None:
        super().__init__(office)
        self._known: dict[str, KeyRecord] = {}

    def _sender(self, request: Request, body: bytes, *, delivers: bool = False) -> KeyRecord:
        kid = request.headers["kid"]
        if kid not in self._known:
            with self.office.store.look() as look:
                self._known[kid] = intake.key_record(look, self.office, kid)
        record = self._known[kid]
        if record.revoked_at_ms is not None and not delivers:
            raise Revoked
        return record

    def forget(self) -> None:
        """A key was revoked."""
        self._known.clear()


@cache
def _empty() -> Any:
    """Headquarters' database as its steps make it; every chain begins with a copy."""
    store = Store(MEMORY, writes=False)
    upgrade(store)
    copy = open_database(":memory:")
    _raw(store).backup(copy)
    store.close()
    return copy


def _raw(store: Store) -> Any:
    connection = store.engine.raw_connection()
    raw = connection.driver_connection
    connection.close()
    return raw


class HeadOffice:
    """Headquarters. ``answer`` asks a door; ``restart`` is a new process on the same database.

    With a folder for its journal and its mark it may be put back from an old copy.
    """

    def __init__(
        self, rules: dict[str, Any], chance: random.Random, now_ms: Any, signed: bool, folder: Path | None
    ) -> None:
        self.now_ms, self.chance, self.signed, self.folder = now_ms, chance, signed, folder
        self.copy: Connection | None = None
        self.was_put_back = False
        self.store = Store(MEMORY, writes=False) if signed else LeanStore()
        self.raw = _raw(self.store)
        _empty().backup(self.raw)
        raw = [chance.randbytes(32) for _ in range(8)]
        self.keys = HubKeys(
            SigningKey(raw[0]), SigningKey(raw[1]), SigningKey(raw[2]), SealingKey(raw[3]), *raw[4:]
        )
        self.office: Office
        self.doors: Devices
        self.is_up = True
        self.restart()
        with self.store.turn() as turn:
            publishing.publish_rules(turn, self.office, canonical.encode(rules))

    def restart(self) -> None:
        """The process is begun anew: all that it kept in memory is gone."""
        self.office = Office(
            "storm", "风暴", self.store, self.keys, self.now_ms, code_pool=12, chance=self.chance.randbytes
        )
        signed = Devices(self.office, lambda: self.now_ms() / 1000)
        self.doors = signed if self.signed else OpenDoors(self.office)
        with self.store.look() as look:
            self.office.load_books(look)
            self.office.inc = restoring.incarnation(look)
        if self.folder is not None:
            restoring.recover(self.office, Journal(self.folder), self.folder)
        with self.store.turn() as turn:
            if self.office.current is not None:
                intake.judge_waiting(turn, self.office, NOT_LEARNT)

    def keep_copy(self) -> None:
        """Somebody copies the database."""
        self.copy = open_database(":memory:")
        self.raw.backup(self.copy)

    def put_copy_back(self) -> None:
        """Somebody puts the copy in the database's place; the process begins anew."""
        if self.copy is not None:
            self.copy.backup(self.raw)
            self.copy.close()
            self.copy = None
            self.store.journal = None
            self.was_put_back = True
            self.restart()

    def awaits(self, store: str) -> bool:
        """Whether it was put back and has not heard every till of a store since."""
        if self.folder is None:
            return False
        with self.store.look() as look:
            told = restoring.state(look)
        return told is not None and any(pc.store == store for pc in told.missing)

    def answer(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> bytes:
        """What a door answers. Raises the ``WireFault`` that a device is told, as it travels."""
        path, _, query = path.partition("?")
        name, found = next((name, at) for name, door in DOORS.items() if (at := door.match(path)))
        name = "offered" if (method, name) == ("PUT", "batches") else name
        request = Asked(method, path, headers, found.groupdict(), query)
        try:
            return bytes(getattr(self.doors, name)(request, body))
        except (WireFault, Collision) as error:
            fault = error if isinstance(error, WireFault) else InProgress()
            answer = self.doors._problem(request, fault)  # type: ignore[arg-type]
            raise endpoints.read_problem(
                answer.status_code, bytes(answer.body), answer.headers.get("retry-after")
            ) from error

    def admit(self, store: str, till: str, region: str) -> Identity:
        """A till opened by a ticket; a second one of the same name takes the first one's place."""
        key, seal = SigningKey(self.chance.randbytes(32)), SealingKey(self.chance.randbytes(32))
        with self.store.turn() as turn:
            admission.open_store(turn, store, store, region)
            text = admission.write_ticket(turn, self.office, HUB_URL, store, till, 24, self.chance.randbytes)
        opened = ticket.decode(text)
        wall = self.now_ms()
        asked = joining.ask(
            opened,
            key,
            seal.public_raw,
            self.chance.randbytes(32),
            self.chance.randbytes(16).hex(),
            "storm",
            wall,
        )
        answer = admission.admit(self.office, asked)
        granted, store_keys = joining.open_grant(answer, opened, asked, key.public_raw, seal)
        region, shard_key = next(
            (shard, raw) for topic, shard, raw in store_keys.shards if topic == "members"
        )
        return Identity(
            granted.lane, key, granted.hub, HUB_URL, granted.keys.receipt, granted.keys.manifest,
            granted.keys.pii, store_keys.index, shard_key, region, granted.term, granted.inc,
        )  # fmt: skip

    def declare_lost(self, lane: Lane) -> None:
        """Two people agree that a PC is lost."""
        at = (lane.store, lane.till)
        with self.store.turn() as turn:
            assert losses.ask(turn, self.office, *at, "李娜", "1", "fire", lane.epoch)
            assert losses.approve(turn, self.office, *at, lane.epoch, "王强", "2")
        if isinstance(self.doors, OpenDoors):
            self.doors.forget()

    def rows(self, sql: str, *arguments: Any) -> list[tuple[Any, ...]]:
        """For the laws: what is written."""
        found: list[tuple[Any, ...]] = self.raw.execute(sql, arguments).fetchall()
        return found

    def close(self) -> None:
        """The end of it."""
        self.store.close()
