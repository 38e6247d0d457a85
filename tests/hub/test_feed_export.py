"""The shared feed as a folder: any static server serves it as it is, and no till believes that server."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from headquarters import DAY_MS, Headquarters, Shop
from patience import until
from ports import free_port
from told_by_steps import bare, enrolled, enrolled_in_many, here, know_nobody, sold, there

from agent.uplink import MIRROR_REST_S
from hub import cli, feed_export, member_editions, publishing
from hub.regions import MAIN
from points.wire import chunk, endpoints
from points.wire.manifest import open_manifest


class Static(SimpleHTTPRequestHandler):
    """What a static server does; it notes what it was asked for."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        self.server.asked.append((self.path, str(int(code))))  # type: ignore[attr-defined]

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def served(folder: Path) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Its address, and (path, status) of everything asked of it."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Static, directory=str(folder)))
    server.asked = []  # type: ignore[attr-defined]
    thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", server.asked  # type: ignore[attr-defined]
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


@pytest.fixture
def folder(hq: Headquarters) -> Path:
    return hq.folder / "feed"


def newcomer(hq: Headquarters, mirror: str, name: str = "s900") -> tuple[Shop, list[str]]:
    """A till that has a mirror and knows no member, and what it asks headquarters for by name."""
    shop, asked = hq.shop(name), list[str]()
    know_nobody(shop)
    shop.uplink.mirror = mirror
    call = shop.uplink.call

    def noted(method: str, path: str, *more: object, **how: object) -> bytes:
        if path.startswith("/v1/blob/"):
            asked.append(path)
        return call(method, path, *more, **how)  # type: ignore[arg-type]

    shop.uplink.call = noted  # type: ignore[method-assign,assignment]
    return shop, asked


def test_a_till_fills_itself_from_any_static_server(hq: Headquarters, folder: Path) -> None:
    enrolled_in_many(hq)
    shop, asked = newcomer(hq, "")
    done = feed_export.export(hq.office, folder)
    assert done.named == done.written > 6
    with served(folder) as (url, got):
        shop.uplink.mirror = url
        shop.sync()
    assert bare(here(shop)) == bare(there(hq))
    assert {status for _, status in got} == {"200"}
    assert len(got) >= 6
    own = {sha for (sha,) in hq.rows("SELECT sha FROM blobs WHERE topic IN ('phones', 'till')")}
    assert {path.rpartition("/")[2] for path in asked} <= own, "only what is its own is asked of headquarters"


def test_every_manifest_stands_where_headquarters_serves_it(hq: Headquarters, folder: Path) -> None:
    enrolled_in_many(hq)
    feed_export.export(hq.office, folder)
    for topic, shard in (*feed_export.SHARED, ("members", MAIN)):
        raw = (folder / endpoints.manifest_of(topic, shard, 1).lstrip("/")).read_bytes()
        told = open_manifest(raw, hq.office.keys.manifest.public_raw, "demo", topic, shard)
        for sha in told.blobs:
            assert chunk.blob_name((folder / endpoints.blob(sha).lstrip("/")).read_bytes()) == sha
    assert not list(folder.rglob("*phones*")), "what is a store's own is not in it"


def test_a_mirror_that_is_behind_costs_a_question_each(hq: Headquarters, folder: Path) -> None:
    enrolled_in_many(hq)
    feed_export.export(hq.office, folder)
    home = hq.shop("s001")
    for _ in range(3):
        sold(home, enrolled(home))
        home.sync()
    publishing.publish(hq.office, is_whole=True)
    with served(folder) as (url, got):
        shop, asked = newcomer(hq, url)
        shop.sync()
    assert bare(here(shop)) == bare(there(hq))
    assert {status for _, status in got} == {"200", "404"}
    assert asked


def test_a_mirror_that_lies_is_left_alone(hq: Headquarters, folder: Path) -> None:
    enrolled_in_many(hq)
    feed_export.export(hq.office, folder)
    for path in (folder / "v1/blob").iterdir():
        path.write_bytes(path.read_bytes()[:-1] + b"?")
    with served(folder) as (url, got):
        shop, _ = newcomer(hq, url)
        shop.sync()
        assert bare(here(shop)) == bare(there(hq))
        assert len(got) == 1, "once was enough"


def test_a_mirror_that_is_away_is_asked_again_after_a_while(hq: Headquarters, folder: Path) -> None:
    enrolled_in_many(hq)
    shop, _ = newcomer(hq, f"http://127.0.0.1:{free_port()}")
    now_s = [1_000.0]
    shop.uplink._mono_s = lambda: now_s[0]
    shop.sync()
    assert bare(here(shop)) == bare(there(hq))
    feed_export.export(hq.office, folder)
    sha = next((folder / "v1/blob").iterdir()).name
    with served(folder) as (url, got):
        shop.uplink.mirror = url
        shop.uplink.blob(sha, is_shared=True)
        assert got == []
        now_s[0] += MIRROR_REST_S
        shop.uplink.blob(sha, is_shared=True)
        shop.uplink.blob(sha, is_shared=False)
        assert len(got) == 1


def test_only_what_is_new_is_written_and_what_is_old_goes_after_a_day(hq: Headquarters, folder: Path) -> None:
    enrolled_in_many(hq)
    first = feed_export.export(hq.office, folder)
    assert feed_export.export(hq.office, folder)[1:] == (0, 0, 0)
    home = hq.shop("s001")
    for _ in range(5):
        sold(home, enrolled(home))
        home.sync()
    publishing.publish(hq.office, is_whole=True)
    later = feed_export.export(hq.office, folder)
    assert 0 < later.written < first.written + 8
    assert later.removed == 0, "somebody may be fetching it"
    hq.clock.now_ms += DAY_MS + 1_000
    last = feed_export.export(hq.office, folder)
    assert last.removed > 0
    assert last.written == 0
    assert len(list((folder / "v1/blob").iterdir())) == last.named


def test_a_run_that_was_stopped_leaves_no_manifest_without_its_blobs(
    hq: Headquarters, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    enrolled_in_many(hq)
    write, left = feed_export._write, [0]

    def stopped(path: Path, raw: bytes) -> None:
        left[0] -= 1
        if left[0] < 0:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.with_name(f".{path.name}.new").write_bytes(raw[:10])
            raise OSError(28, "no space left on device")
        write(path, raw)

    monkeypatch.setattr(feed_export, "_write", stopped)
    for _ in range(40):
        left[0] = 1
        with pytest.raises(OSError, match="no space"):
            feed_export.export(hq.office, folder)
        if list(folder.rglob("manifest")):
            break
    monkeypatch.undo()
    with hq.office.store.look() as look:
        named = member_editions.names(member_editions.kept(look, MAIN))
    assert named <= {path.name for path in (folder / "v1/blob").iterdir()}
    feed_export.export(hq.office, folder)


def test_the_command_says_what_it_did(
    hq: Headquarters, folder: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    enrolled_in_many(hq)
    assert hq.settings is not None
    chosen = cli.argparse.Namespace(folder=folder)
    assert cli.COMMANDS["export"](hq.office, hq.settings, chosen) == 0
    assert "blobs" in capsys.readouterr().out
    (tmp_path / "file").write_text("")
    chosen.folder = tmp_path / "file"
    assert cli.COMMANDS["export"](hq.office, hq.settings, chosen) == 1
    assert capsys.readouterr().err


def test_nginx_serves_it_as_it_is(hq: Headquarters, folder: Path, tmp_path: Path) -> None:
    nginx = shutil.which("nginx") or "/usr/sbin/nginx"
    if not os.path.exists(nginx):
        pytest.skip("SKIPPED, missing: nginx (Debian package nginx-light)")
    enrolled_in_many(hq)
    shop, asked = newcomer(hq, "")
    feed_export.export(hq.office, folder)
    port, conf = free_port(), tmp_path / "nginx.conf"
    conf.write_text(
        f"pid {tmp_path}/nginx.pid; error_log {tmp_path}/error.log; events {{}} http {{ access_log off;"
        f" server {{ listen 127.0.0.1:{port}; location /v1/ {{ root {folder};"
        " default_type application/octet-stream; } } }"
    )
    os.chmod(hq.folder, 0o755)
    running = subprocess.Popen([nginx, "-c", str(conf), "-g", "daemon off; user root;"])
    try:
        shop.uplink.mirror = f"http://127.0.0.1:{port}"
        sha = next((folder / "v1/blob").iterdir()).name
        assert until(lambda: shop.uplink._mirrored(f"{shop.uplink.mirror}{endpoints.blob(sha)}") is not None)
        shop.uplink._mirror_after_s = 0
        shop.sync()
        assert bare(here(shop)) == bare(there(hq))
        own = {sha for (sha,) in hq.rows("SELECT sha FROM blobs WHERE topic IN ('phones', 'till')")}
        assert {path.rpartition("/")[2] for path in asked} <= own
    finally:
        running.terminate()
        running.wait(10)
