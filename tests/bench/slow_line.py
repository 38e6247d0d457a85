"""A line as a store in the country has it: so many bits a second each way, and so long until a byte arrives.

Bytes are passed on as they would come out of such a line, whatever they are: each way is a queue that takes
``kbit_s`` and gives every piece half a round trip later. Connections share the line. It is a process of its
own, so that what is measured does not wait for it. It refuses to lose anything.

    python tests/bench/slow_line.py UPSTREAM-PORT KBIT-S ROUND-TRIP-MS
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

PIECE = 1_400
"""What goes onto the line at once, about a packet."""


@dataclass
class Carried:
    """Where the line begins, and after its end how many bytes it carried up and down."""

    port: int
    up: int = 0
    down: int = 0


@contextmanager
def slow_line(upstream: int, kbit_s: int, round_trip_ms: int) -> Iterator[Carried]:
    """A line to ``upstream``, a port of this machine, while the ``with`` lasts."""
    command = [sys.executable, __file__, str(upstream), str(kbit_s), str(round_trip_ms)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        carried = Carried(int(process.stdout.readline()))
        yield carried
        process.stdin.close()
        carried.up, carried.down = map(int, process.stdout.readline().split())


class _Line:
    """Both ways of the line."""

    def __init__(self, upstream: int, kbit_s: int, round_trip_ms: int) -> None:
        self.carried = [0, 0]
        self._upstream, self._bytes_s, self._delay_s = upstream, kbit_s * 1000 / 8, round_trip_ms / 2000
        self._free_at = [0.0, 0.0]

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(2 * self._delay_s)  # the handshake
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._upstream)
        await asyncio.gather(self._pass(reader, far_writer, 0), self._pass(far_reader, writer, 1))

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: int) -> None:
        arriving: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(256)
        delivering = asyncio.create_task(_deliver(arriving, writer))
        piece = b"?"
        while piece:
            piece = await reader.read(PIECE)
            self.carried[way] += len(piece)
            self._free_at[way] = max(self._free_at[way], time.monotonic()) + len(piece) / self._bytes_s
            await asyncio.sleep(max(0.0, self._free_at[way] - time.monotonic()))
            await arriving.put((self._free_at[way] + self._delay_s, piece))
        await delivering


async def _deliver(arriving: asyncio.Queue[tuple[float, bytes]], writer: asyncio.StreamWriter) -> None:
    while True:
        at, piece = await arriving.get()
        await asyncio.sleep(max(0.0, at - time.monotonic()))
        if not piece:
            writer.close()
            return
        writer.write(piece)
        await writer.drain()


async def _serve(upstream: int, kbit_s: int, round_trip_ms: int) -> None:
    line = _Line(upstream, kbit_s, round_trip_ms)
    server = await asyncio.start_server(line.connected, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)  # until whoever began it has enough
    print(*line.carried, flush=True)


if __name__ == "__main__":
    asyncio.run(_serve(*map(int, sys.argv[1:4])))
