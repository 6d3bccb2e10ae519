"""A load generator at a fixed rate: each request is sent when it is due, on any connection that is free.

Latencies count from when a request was due, so a server that stalls is not spared the requests that waited.
Run as `python -m bench.open_loop HOST PORT RATE SECONDS REQUESTS_FILE`; prints one JSON line.
"""

import asyncio
import json
import sys
import time
from pathlib import Path

import uvloop

_CONNECTIONS = 32


async def _exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> int:
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    lower = head.lower()
    start = lower.index(b"content-length: ") + 16
    await reader.readexactly(int(lower[start : lower.index(b"\r", start)]))
    return int(head[9:12])


async def run(host: str, port: int, rate: float, seconds: float, requests: list[bytes]) -> dict[str, object]:
    """Send `rate` a second for `seconds`; latencies in microseconds."""
    due: asyncio.Queue[tuple[float, bytes] | None] = asyncio.Queue()
    latencies: list[float] = []
    statuses: dict[int, int] = {}

    async def work() -> None:
        reader, writer = await asyncio.open_connection(host, port)
        while (one := await due.get()) is not None:
            at, request = one
            status = await _exchange(reader, writer, request)
            latencies.append(time.perf_counter() - at)
            statuses[status] = statuses.get(status, 0) + 1
        writer.close()

    workers = [asyncio.create_task(work()) for _ in range(_CONNECTIONS)]
    started = time.perf_counter()
    for number in range(int(rate * seconds)):
        at = started + number / rate
        pause = at - time.perf_counter()
        if pause > 0:
            await asyncio.sleep(pause)
        due.put_nowait((at, requests[number % len(requests)]))
    for _ in workers:
        due.put_nowait(None)
    await asyncio.gather(*workers)
    latencies.sort()
    return {
        "p50": 1e6 * latencies[len(latencies) // 2],
        "p99": 1e6 * latencies[min(len(latencies) - 1, int(len(latencies) * 0.99))],
        "statuses": statuses,
    }


def main() -> None:
    """Read the requests (a JSON list of latin-1 strings), load, print."""
    host, port, rate, seconds, file = sys.argv[1:6]
    requests = [request.encode("latin-1") for request in json.loads(Path(file).read_text(encoding="utf-8"))]
    print(json.dumps(uvloop.run(run(host, int(port), float(rate), float(seconds), requests))))


if __name__ == "__main__":
    main()
