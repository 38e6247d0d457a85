"""What a device may ask: join, deliver, fetch, be authorised. Every call may be made twice.

The signature of a request is checked over its exact bytes before anything of it is read. Whatever
goes wrong becomes a problem document with a stable type; an unexpected failure is ours, is logged
without what was sent, and says so.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from config.faults import whereabouts
from hub import (
    admission,
    authorisations,
    claims,
    device_keys,
    dialects,
    directory,
    editions,
    hello,
    intake,
    look_up,
    private_page,
    publishing,
    reception,
    refunds,
    succession,
)
from hub.authorisations import Asked
from hub.bells import LISTENERS_MAX, Rung, Spread
from hub.lane_queue import LaneQueue
from hub.office import Office
from hub.refunds import Asked as RefundAsked
from hub.store import doubted_pcs
from hub.store.engine import Collision
from points.amounts import AMOUNT_MAX, BadAmount, whole
from points.identifiers import MEMBER_MAX, BadName, op_id
from points.wire import canonical, endpoints, hub_time, requests
from points.wire.directory import TOPIC as DIRECTORY
from points.wire.faults import (
    ClockSkew,
    FencedEpoch,
    Gap,
    InProgress,
    Malformed,
    NotFound,
    Problem,
    Revoked,
    TooLarge,
    UnknownKey,
    WireFault,
)
from points.wire.hello import read as read_hello
from points.wire.lane import KeyRecord, Lane
from points.wire.manifest import PRIVATE_TOPIC, private_shard
from points.wire.succession import unpack_delivered
from points.wire.visitors import OF_A_STORE, own_shards

log = logging.getLogger(__name__)

Door = Callable[[Request, bytes], bytes | Awaitable[bytes] | AsyncIterator[bytes]]
SHARED = frozenset({"members", "rules", device_keys.TOPIC})
HELLOS_MAX = 20
"""Answered at once. They wait for one pen, and every one that waits holds a thread."""
TILLS_A_SECOND = 11
"""How many may come back from an outage."""
BREATH_S, BREATHS = 20.0, 15
"""A question is held for five minutes; a space now and then keeps proxies on the way from closing it."""


class Devices:
    """The device doors of one office."""

    def __init__(
        self,
        office: Office,
        real_s: Callable[[], float] = time.time,
        mono_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.office = office
        self.queue = LaneQueue(office)
        self._mono_s, self._began_s = mono_s, mono_s()
        with office.store.look() as look:
            row = look.one("SELECT count(*) FROM agents")
        self._tills = int(row[0]) if row else 0
        self._hellos = threading.BoundedSemaphore(HELLOS_MAX)
        self._real_s = real_s

    def mount(self, app: FastAPI) -> None:
        """Add the doors of ``points.wire.endpoints`` to an application."""
        doors: dict[str, Door] = {
            "join": self.join,
            "hello": self.hello,
            "batches": self.batches,
            "offered": self.offered,
            "manifest": self.manifest,
            "blob": self.blob,
            "sealed": self.sealed,
            "authorisations": self.authorisations,
            "bell": self.bell,
            "claims": self.claims,
            "refunds": self.refunds,
            "look_ups": self.look_ups,
            "successions": self.successions,
            "delivered": self.delivered,
        }
        for name, door in doors.items():
            row = endpoints.TABLE[name]
            guarded = self._guarded(door, row.sends_bytes_max, waits=name == "batches")
            app.add_api_route(row.template, guarded, methods=[row.method], name=name)
        app.add_api_route(endpoints.LIVE, self.live, methods=["GET"], name="live")

    def _guarded(self, door: Door, bytes_max: int, *, waits: bool = False) -> Callable[[Request], Any]:
        async def answer(request: Request) -> Response:
            try:
                body = await _read(request, bytes_max)
                try:
                    raw = await run_in_threadpool(door, request, body)
                except Gap as gap:
                    is_early = waits and endpoints.WAIT in request.headers.get("prefer", "")
                    if not is_early or not await self.queue.comes(body, gap):
                        raise
                    raw = await run_in_threadpool(door, request, body)
                if isinstance(raw, Awaitable):
                    raw = await raw
            except WireFault as fault:
                return self._problem(request, fault)
            except Collision:
                return self._problem(request, InProgress())
            except Exception as error:
                log.error("%s could not be answered: %s", request.url.path, whereabouts(error))
                return self._problem(request, WireFault(Problem.INTERNAL))
            headers = {"cache-control": "no-store"}
            if isinstance(raw, bytes):
                return Response(raw, media_type=endpoints.BLOB, headers=headers)
            return StreamingResponse(raw, media_type=endpoints.JSON, headers=headers)  # no thread is held

        return answer

    def _problem(self, request: Request, fault: WireFault) -> Response:
        if fault.problem == Problem.CLOCK_SKEW:
            now = hub_time.HubTime(self.office.name, self.office.inc, int(self._real_s() * 1000))
            fault = ClockSkew(
                **hub_time.tell(now, request.headers.get("signature", ""), self.office.keys.receipt)
            )
        headers = {"cache-control": "no-store"}
        after = fault.detail.get("retry_after_s")
        if type(after) is int:
            headers["retry-after"] = str(after)
        return Response(
            endpoints.problem_body(fault), endpoints.status_of(fault.problem), headers, endpoints.PROBLEM
        )

    def _sender(self, request: Request, body: bytes, *, delivers: bool = False) -> KeyRecord:
        """The key record of the device that signed this request.

        A revoked key hears and asks nothing any more; only what it signed before is still taken in.
        """
        with self.office.store.look() as look:

            def public(kid: str) -> bytes | None:
                try:
                    return intake.key_record(look, self.office, kid).public_raw
                except UnknownKey:
                    return None

            kid = requests.verify(
                dict(request.headers),
                request.method,
                request.headers.get("host", ""),
                request.scope["raw_path"].decode("ascii"),
                request.url.query,
                body,
                int(self._real_s()),
                public,
            )
            record = intake.key_record(look, self.office, kid)
        if record.revoked_at_ms is not None and not delivers:
            raise Revoked()
        return record

    async def live(self) -> dict[str, Any]:
        """Whether this process answers; and while it has not for long, over how many seconds whoever had no
        answer before should spread, since all of the chain comes back at once."""
        is_young = self._mono_s() - self._began_s < endpoints.SPREAD_S_MAX
        spread_s = min(endpoints.SPREAD_S_MAX, self._tills // TILLS_A_SECOND)
        return {"status": "live", "spread_s": spread_s} if is_young and spread_s else {"status": "live"}

    # -- doors ----------------------------------------------------------------------------------

    def join(self, _request: Request, body: bytes) -> bytes:
        """Admission by a ticket; unsigned by the request profile, proved by the ticket instead."""
        return admission.admit(self.office, body)

    def hello(self, request: Request, body: bytes) -> bytes:
        """Where a till stands; all that is new for it in one answer.

        It begins a contact, so it is here that too many are asked to come again, each in a time of its own;
        what a contact that has begun sends is always taken.
        """
        lane = next(iter(self._sender(request, body).lanes))
        if not self._hellos.acquire(blocking=False):
            raise WireFault(Problem.BUSY, retry_after_s=2 + self.office.chance(1)[0] % 8)
        try:
            return hello.answer(self.office, lane, read_hello(body), body)
        finally:
            self._hellos.release()

    def batches(self, request: Request, body: bytes) -> bytes:
        """A lane's next envelope; its signed receipt."""
        sender = self._sender(request, body, delivers=True)
        path = request.path_params
        lane = Lane(self.office.chain, path["store"], path["till"], _whole(path["epoch"]))
        own = lane in self.office.lanes
        return reception.receive(self.office, body, lane, None if own else sender.kid)

    def offered(self, request: Request, body: bytes) -> bytes:
        """An envelope of this till that was answered before headquarters was put back, with that answer."""
        own, path = next(iter(self._sender(request, body, delivers=True).lanes)), request.path_params
        lane = Lane(self.office.chain, path["store"], path["till"], _whole(path["epoch"]))
        if (lane.store, lane.till) != (own.store, own.till):
            raise NotFound()
        raw, answered = unpack_delivered(body)
        return reception.receive(self.office, raw, lane, answered=answered)

    def successions(self, request: Request, body: bytes) -> bytes:
        """A lane of its own for a till whose lane forked."""
        sender = self._sender(request, body)
        return succession.grant(self.office, next(iter(sender.lanes)), sender.kid, body)

    def delivered(self, request: Request, body: bytes) -> bytes:
        """What this till has delivered in a lane of its own, as it was stored."""
        lane, path = next(iter(self._sender(request, body).lanes)), request.path_params
        if (path["store"], path["till"]) != (lane.store, lane.till):
            raise NotFound()
        return succession.delivered(self.office, lane, _whole(path["epoch"]), _whole(path["seq"]))

    def manifest(self, request: Request, body: bytes) -> bytes:
        """A shard's manifest; a till's own page is made when it asks, with what it is granted."""
        sender = self._sender(request, body)
        lane = next(iter(sender.lanes))
        topic, shard = request.path_params["topic"], request.path_params["shard"]
        if _whole(request.path_params["gen"]) != editions.GEN:
            raise NotFound()
        with self.office.store.look() as look:
            dialects.check(look, self.office, lane)
        if topic == PRIVATE_TOPIC and shard == private_shard(lane.store, lane.till):
            with self.office.store.turn() as turn:
                is_shut = request.url.query == endpoints.SHUT
                page = hello.page_of(turn, self.office, lane, is_shut=is_shut)
                return private_page.issue(turn, self.office, page)
        if topic in OF_A_STORE and shard == lane.store:
            return publishing.of_store(self.office, topic, shard)
        with self.office.store.look() as look:
            is_listed = topic == DIRECTORY and directory.is_told(look, lane.store)
        if topic not in SHARED and not is_listed:
            raise NotFound()
        if topic == "members":
            publishing.publish(self.office, is_whole=request.url.query != endpoints.DELTAS)
        if topic == device_keys.TOPIC:
            device_keys.publish(self.office)
        with self.office.store.look() as look:
            return editions.manifest_of(look, topic, shard)

    def blob(self, request: Request, body: bytes) -> bytes:
        """An immutable blob; what belongs to one till or store is served to it alone."""
        lane = next(iter(self._sender(request, body).lanes))
        with self.office.store.look() as look:
            return editions.blob_of(look, request.path_params["sha"], own_shards(lane))

    def sealed(self, request: Request, body: bytes) -> bytes:
        """The sealed personal data of one operation."""
        self._sender(request, body)
        reception.take_sealed(self.office, _op_id(request.path_params["op_id"]), body)
        return b""

    def authorisations(self, request: Request, body: bytes) -> bytes | Awaitable[bytes]:
        """Points for one operation, reserved before they are granted: ``{granted}`` or ``{refused}``."""
        lane = next(iter(self._sender(request, body).lanes))
        asked = canonical.decode(body)
        try:
            intent = _op_id(asked["id"])
            m, pts = whole(asked["m"], 0, MEMBER_MAX - 1), whole(asked["n"], 1, AMOUNT_MAX)
        except (KeyError, BadAmount) as error:
            raise Malformed(why="authorisation") from error
        term = self._term(lane)
        at = Asked((lane.store, lane.till), (self.office.inc, term), intent, m, pts)
        said, held = authorisations.reserve(self.office, at)
        if said == authorisations.ELSEWHERE and self.office.bells.hears(held):
            return self._waited(at)
        if said == authorisations.ELSEWHERE:
            said = authorisations.unlock(self.office, at)
        return _reserved(said, pts)

    async def _waited(self, asked: Asked) -> bytes:
        return _reserved(await authorisations.wait(self.office, asked), asked.pts)

    def bell(self, request: Request, body: bytes) -> AsyncIterator[bytes]:
        """A question held open until rights are wanted back: ``{recall: [m…]}``, ``sales: [id…]`` when the
        right to refund some is wanted, ``news: s`` when a contact within so many seconds brings some."""
        lane = next(iter(self._sender(request, body).lanes))
        self._term(lane)
        if len(self.office.bells.listeners()) >= LISTENERS_MAX:
            raise WireFault(Problem.BUSY, retry_after_s=300)
        return self._rung((lane.store, lane.till))

    async def _rung(self, agent: tuple[str, str]) -> AsyncIterator[bytes]:
        rung: list[Rung] | None = []
        for _ in range(BREATHS):
            rung = await self.office.bells.listen(agent, BREATH_S)
            if rung is None or rung:
                break
            yield b" "
        told: dict[str, Any] = {"recall": [m for m in rung or [] if isinstance(m, int)]}
        sales = [sale for sale in rung or [] if isinstance(sale, str)]
        if sales:
            told["sales"] = sales
        news = [one.seconds for one in rung or [] if isinstance(one, Spread)]
        if news:
            told["news"] = max(news)
        yield canonical.encode(told)

    def refunds(self, request: Request, body: bytes) -> bytes | Awaitable[bytes]:
        """A sale by its paper, and lines of it reserved for one refund; ``hub.refunds`` says the answers."""
        lane = next(iter(self._sender(request, body).lanes))
        asked = refunds.read(canonical.decode(body), lane, (self.office.inc, self._term(lane)))
        said = refunds.answer(self.office, asked)
        if said.owner is not None and self.office.bells.hears([said.owner]):
            return self._refund_waited(asked)
        return canonical.encode(said.told)

    async def _refund_waited(self, asked: RefundAsked) -> bytes:
        return canonical.encode(await refunds.wait(self.office, asked))

    def look_ups(self, request: Request, body: bytes) -> bytes:
        """Whose a code or a phone is: ``{m}``, or ``{}`` when it is nobody's."""
        lane = next(iter(self._sender(request, body).lanes))
        self._term(lane)
        with self.office.store.turn() as turn:
            m = look_up.look_up(turn, self.office, lane, canonical.decode(body))
        return canonical.encode({} if m is None else {"m": m})

    def _term(self, lane: Lane) -> int:
        """The term of a till's PC. Raises ``FencedEpoch`` when another one has taken its place: the close
        of a term ends what was reserved and given in it, whoever asked. So for one that nobody knows yet, or
        that has not asked for its page."""
        with self.office.store.look() as look:
            is_replaced, term = hello.standing(look, lane)
            is_known = doubted_pcs.is_trusted(look, lane) and not doubted_pcs.is_silent(look, lane)
        if is_replaced or not is_known:
            raise FencedEpoch()
        return term

    def claims(self, request: Request, body: bytes) -> bytes:
        """A receipt's claim, shown by somebody: ``{state}``."""
        self._sender(request, body)
        digits = canonical.decode(body).get("digits")
        if not isinstance(digits, str):
            raise Malformed(why="claim")
        return canonical.encode({"state": claims.show(self.office, digits)})


def _reserved(said: str, pts: int) -> bytes:
    return canonical.encode({"granted": pts} if said == "granted" else {"refused": said})


async def _read(request: Request, bytes_max: int) -> bytes:
    """The body, read no further than it may be long."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > bytes_max:
            raise TooLarge(max=bytes_max, what="body")
        parts.append(part)
    return b"".join(parts)


def _whole(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 10:
        raise NotFound()
    return int(text)


def _op_id(text: object) -> str:
    try:
        return op_id(text)
    except BadName as error:
        raise Malformed(why="operation") from error
