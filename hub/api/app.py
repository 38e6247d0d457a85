"""Headquarters' HTTP application: the doors for devices, and whatever rooms are mounted beside them.

What fails in any of them is answered with a 500 and written down by its kind and place: a message may hold
what a person typed.
"""

from __future__ import annotations

import logging

from fastapi import FastAPI
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from config.faults import whereabouts
from hub.api.devices import Devices
from hub.office import Office

log = logging.getLogger(__name__)


class Silent:
    """The application behind it, whose failures say where and nothing else."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let everything through; answer what failed before it was answered."""
        begun = False

        async def heard(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self.app(scope, receive, heard)
        except Exception as error:
            if scope["type"] != "http":
                raise
            log.error("a page could not be answered: %s", whereabouts(error))
            if not begun:
                await PlainTextResponse("500", 500, {"cache-control": "no-store"})(scope, receive, send)


def make_app(office: Office) -> FastAPI:
    """An application that answers devices. It publishes no documentation of itself to strangers."""
    app = FastAPI(title="Jifen hub", docs_url=None, redoc_url=None, telemetry=None)
    app.add_middleware(Silent)
    Devices(office).mount(app)
    return app
