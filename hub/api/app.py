"""Headquarters' HTTP application: the doors for devices, and whatever rooms are mounted beside them."""

from __future__ import annotations

from fastapi import FastAPI

from hub.api.devices import Devices
from hub.office import Office


def make_app(office: Office) -> FastAPI:
    """An application that answers devices. It publishes no documentation of itself to strangers."""
    app = FastAPI(title="Jifen hub", docs_url=None, redoc_url=None, telemetry=None)
    Devices(office).mount(app)
    return app
