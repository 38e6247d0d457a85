"""What nearly every test of headquarters begins with: a real one, and tills that were admitted to it.

Whatever a test did, headquarters is asked to prove itself at its end.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from headquarters import Headquarters, Shop, console_link, headquarters
from listed import Holder
from playwright.sync_api import Page, sync_playwright
from pretend_till import AUTHORITIES, PretendTill
from two_regions import opened

from hub.verify import verify


@pytest.fixture
def hq(tmp_path: Path) -> Iterator[Headquarters]:
    with headquarters(tmp_path) as made:
        yield made
        assert verify(made.office).faults == []


@pytest.fixture
def till(hq: Headquarters) -> Iterator[PretendTill]:
    made = PretendTill(hq)
    yield made
    made.close()


@pytest.fixture
def other(hq: Headquarters) -> Iterator[PretendTill]:
    """A till of another store."""
    made = PretendTill(hq, "s002")
    yield made
    made.close()


@pytest.fixture
def home(hq: Headquarters) -> Shop:
    """A till with an agent."""
    return hq.shop("s001")


@pytest.fixture
def away(hq: Headquarters, home: Shop) -> Shop:
    """One of another store."""
    return hq.shop("s002")


@pytest.fixture
def asks(hq: Headquarters) -> None:
    """No second PC is accepted unasked."""
    assert hq.settings is not None
    hq.settings, hq.office.spare_pcs = replace(hq.settings, spare_pcs=0), 0


@pytest.fixture
def desk(hq: Headquarters) -> Iterator[httpx.Client]:
    """A person at headquarters' pages."""
    with httpx.Client(base_url=hq.url, trust_env=False, verify=AUTHORITIES, follow_redirects=True) as client:
        assert client.get(console_link(hq)).status_code == 200
        yield client


@pytest.fixture
def browsed(hq: Headquarters) -> Iterator[Page]:
    """Headquarters' pages in a real browser, which must find nothing to complain of."""
    chromium = os.environ.get("JIFEN_CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
    if not os.path.exists(chromium):
        pytest.skip("SKIPPED, missing: Chromium (Debian package chromium, or name one in JIFEN_CHROMIUM)")
    complaints: list[str] = []
    with sync_playwright() as player:
        browser = player.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(console_link(hq))
        yield page
        browser.close()
    assert complaints == []


@pytest.fixture
def holder(hq: Headquarters, tmp_path: Path) -> Holder:
    """A till of store s900 with its directory, which no store is told yet."""
    one = Holder(hq.shop("s900"), tmp_path / "held")
    one.shop.sync()
    return one


@pytest.fixture
def north(hq: Headquarters) -> Shop:
    """A till of a region."""
    return opened(hq, "n001", "north")


@pytest.fixture
def south(hq: Headquarters) -> Shop:
    """A till of another region."""
    return opened(hq, "s001", "south")
