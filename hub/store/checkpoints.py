"""The write-ahead log of the embedded database, copied into its file while others go on writing.

SQLite copies it when a commit finds the log long, and that commit waits for the disk. Here a thread of
its own copies; SQLite's own rule stands behind it for a log that grows faster than it is copied.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from config.sqlite import Error

log = logging.getLogger(__name__)

LOG_BYTES = 32 * 1024 * 1024
"""From this length on it is copied: pages that many batches touch are copied once."""
LOG_BYTES_KEPT = LOG_BYTES // 2
"""When the log begins anew its file is cut to this, so that its length says again how long it is."""
LOG_PAGES_MAX = 32_000
"""About four times as much: then the commit that finds it copies it itself."""


class Checkpoints:
    """Copies the log of the database at ``path`` whenever ``look`` finds it long; ``connect`` opens it."""

    def __init__(self, path: Path, connect: Callable[[], Any]) -> None:
        self._log = path.with_name(path.name + "-wal")
        self._connect = connect
        self._due = threading.Event()
        self._over = False
        self._thread = threading.Thread(target=self._work, name="checkpoints", daemon=True)
        self._thread.start()

    def look(self) -> None:
        """Called after each commit; costs a question to the file system."""
        try:
            if self._log.stat().st_size > LOG_BYTES:
                self._due.set()
        except OSError:  # no log, nothing to copy
            return

    def close(self) -> None:
        """No more copying; one that runs is waited for."""
        self._over = True
        self._due.set()
        self._thread.join()

    def _work(self) -> None:
        while True:
            self._due.wait()
            self._due.clear()
            if self._over:
                return
            try:
                connection = self._connect()
                try:
                    connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
                finally:
                    connection.close()
            except Error:
                log.exception("the log was not copied into the database; a commit will do it")
