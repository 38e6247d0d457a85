"""The console's door for a stick: a file is handed in, and its answer comes back as a download.

The session is looked at before a byte of the file is read, and no more is read than a bundle may have. The
file says itself who wrote it; whoever hands it in is only its bearer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from fastapi import FastAPI, Request, Response
from starlette.concurrency import run_in_threadpool

from config.faults import Fault
from hub import stick
from hub.console import access
from hub.office import Office
from hub.stick import Brought
from hub.store.engine import Turn
from points.wire.bundle import BUNDLE_BYTES_MAX
from points.wire.faults import WireFault

PATH = "/console/sticks"
FORM_BYTES_MAX = BUNDLE_BYTES_MAX + 16 * 1024
PARTS_MAX = 4
_BOUNDARY = re.compile(r'multipart/form-data; *boundary="?([A-Za-z0-9\'()+_,./:=?-]{1,70})"?').fullmatch
_NAME = re.compile(rb'content-disposition: *form-data; *name="(word|file)"', re.IGNORECASE).match

Html = Callable[..., Response]


def mount(app: FastAPI, office: Office, page: Callable[[Any], Any], html: Html) -> None:
    """Add the form and its door."""

    def form(_request: Request, _look: Turn) -> tuple[str, dict[str, Any]]:
        return "sticks.html", {"title": "sticks", "fault": "", "detail": {}}

    async def handed_in(request: Request) -> Response:
        session = request.cookies.get(access.COOKIE, "")
        if not await run_in_threadpool(_is_open, office, session):
            return html("closed.html", 401)
        length = request.headers.get("content-length", "")
        fits = re.fullmatch("[0-9]{1,9}", length) is not None and int(length) <= FORM_BYTES_MAX
        told = fields(request.headers.get("content-type", ""), await request.body()) if fits else {}
        origin = request.headers.get("origin")
        is_ours = origin is None or origin.partition("//")[2] == request.headers.get("host")
        word = access.word_of(session)

        def again(fault: str, status: int = 422, detail: Mapping[str, str | int] | None = None) -> Response:
            values = {"title": "sticks", "path": PATH, "word": word, "fault": fault, "detail": detail or {}}
            return html("sticks.html", status, **values)

        if not fits:
            return again("fault.stick_large", 413, {"mib": BUNDLE_BYTES_MAX >> 20})
        if not is_ours or not access.is_word_of(session, told.get("word", b"").decode("ascii", "replace")):
            return html("closed.html", 403)
        if not told.get("file"):
            return again("console.stick_empty")
        try:
            brought = await run_in_threadpool(_take, office, told["file"])
        except Fault as fault:
            return again(fault.remedy, detail=fault.detail)
        if brought.back is None:
            return again("console.stick_revoked", 200)
        named = {"content-disposition": f'attachment; filename="{brought.name}"'}
        return Response(brought.back, 200, {**access.HEADERS, **named}, "application/octet-stream")

    app.add_api_route(PATH, page(form), methods=["GET"], name="console-sticks")
    app.add_api_route(PATH, handed_in, methods=["POST"], name="console-stick")


def fields(content_type: str, raw: bytes) -> dict[str, bytes]:
    """The word and the file of a form; what is not understood is not there."""
    boundary = _BOUNDARY(content_type)
    if boundary is None:
        return {}
    found = {}
    for part in (b"\r\n" + raw).split(b"\r\n--" + boundary[1].encode(), PARTS_MAX)[1:]:
        head, _, value = part.partition(b"\r\n\r\n")
        for line in head.split(b"\r\n"):
            if (name := _NAME(line)) is not None:
                found[name[1].decode()] = value
    return found


def _is_open(office: Office, session: str) -> bool:
    with office.store.look() as look:
        return access.is_open(look, session, office.clock())


def _take(office: Office, raw: bytes) -> Brought:
    try:
        return stick.take(office, raw)
    except WireFault as fault:
        raise stick.fault_of(fault) from fault
