"""A load generator: N connections, each sending its next request when the last is answered. Prints one JSON line.

Raw bytes over asyncio protocols: it costs about a fifth of what the server it measures does, and runs in a process of
its own. Run by `bench` as `python -m bench.load HOST PORT CONNECTIONS SECONDS REQUESTS_FILE [EXPECTED_STATUS]`.
"""

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

import uvloop


class Connection(asyncio.Protocol):
    """One keep-alive connection. Reads no more of an answer than status and Content-Length."""

    def __init__(self, requests: list[bytes], offset: int, deadline: float, done: asyncio.Future[None]) -> None:
        self._requests = requests
        self._next = offset
        self._deadline = deadline
        self._done = done
        self._buffer = b""
        self.latencies: list[float] = []
        self.statuses: dict[int, int] = {}
        self._sent_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport
        self._send()

    def _send(self) -> None:
        self._sent_at = time.perf_counter()
        self._transport.write(self._requests[self._next % len(self._requests)])
        self._next += 1

    def data_received(self, data: bytes) -> None:
        self._buffer = self._buffer + data if self._buffer else data
        head_end = self._buffer.find(b"\r\n\r\n")
        if head_end < 0:
            return
        status = int(self._buffer[9:12])
        length = 0 if status == 304 else self._content_length(head_end)
        if len(self._buffer) < head_end + 4 + length:
            return
        now = time.perf_counter()
        self.latencies.append(now - self._sent_at)
        self.statuses[status] = self.statuses.get(status, 0) + 1
        self._buffer = b""
        if now < self._deadline:
            self._send()
        else:
            self._transport.close()

    def _content_length(self, head_end: int) -> int:
        head = self._buffer[:head_end].lower()
        start = head.index(b"content-length: ") + 16
        end = head.find(b"\r", start)
        return int(head[start : end if end >= 0 else None])

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._done.done():
            self._done.set_result(None)


async def run(host: str, port: int, connections: int, seconds: float, requests: list[bytes]) -> dict[str, object]:
    """Load for `seconds`; latencies in microseconds."""
    loop = asyncio.get_running_loop()
    started = time.perf_counter()
    finished = [loop.create_future() for _ in range(connections)]
    step = max(1, len(requests) // connections)
    made = [
        await loop.create_connection(
            lambda number=number: Connection(requests, number * step, started + seconds, finished[number]), host, port
        )
        for number in range(connections)
    ]
    async with asyncio.timeout(seconds + 30):
        await asyncio.gather(*finished)
    elapsed = time.perf_counter() - started
    latencies = sorted(latency for _, protocol in made for latency in protocol.latencies)
    statuses: dict[int, int] = {}
    for _, protocol in made:
        for status, count in protocol.statuses.items():
            statuses[status] = statuses.get(status, 0) + count
    return {
        "rps": len(latencies) / elapsed,
        "p50": 1e6 * latencies[len(latencies) // 2],
        "p99": 1e6 * latencies[min(len(latencies) - 1, int(len(latencies) * 0.99))],
        "statuses": statuses,
    }


def main() -> None:
    """Read the requests (a JSON list of latin-1 strings), load, print."""
    host, port, connections, seconds, file = sys.argv[1:6]
    requests = [request.encode("latin-1") for request in json.loads(Path(file).read_text(encoding="utf-8"))]
    result = uvloop.run(run(host, int(port), int(connections), float(seconds), requests))
    print(json.dumps(result))


if __name__ == "__main__":
    main()
