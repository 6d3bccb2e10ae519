"""What running through the server adds to a model's stream: `python -m bench.streaming`.

A provider on loopback writes tokens at a pace, in a process of its own. In turns, in one run, the same questions are put
to it directly and through `POST …/execute?stream=true`: how long until the first token, and how many tokens a second
come through several streams at once. What the server adds includes rendering, finding the key, and the record.
"""

import argparse
import asyncio
import contextlib
import http.client
import json
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

from bench import servers

FIRST_SECONDS = 0.05
_PROMPT = {"id": "stream", "template": "Hello {{ name }}", "inputs": {"name": {"type": "string"}}}


async def _provide(port: int) -> None:
    """OpenAI's interface, as far as a stream needs it. The model's name is `tokens@milliseconds`."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                length = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
                body = json.loads(await reader.readexactly(length))
                await _stream(writer, *map(float, body["model"].split("@")))

    server = await asyncio.start_server(answer, "127.0.0.1", port)
    await server.serve_forever()


async def _stream(writer: asyncio.StreamWriter, tokens: float, pause: float) -> None:
    def chunk(delta: dict[str, str], finish: str | None = None, **more: Any) -> None:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        body = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice], **more}
        raw = b"data: " + json.dumps(body).encode() + b"\n\n"
        writer.write(b"%x\r\n%b\r\n" % (len(raw), raw))

    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
    begun = time.perf_counter() + FIRST_SECONDS
    for number in range(int(tokens)):
        # At its time, whatever the ones before took: a model does not wait for its reader.
        wait = begun + number * pause / 1000 - time.perf_counter()
        if wait > 0:
            await asyncio.sleep(wait)
        chunk({"content": "token "})
        await writer.drain()
    chunk({}, "stop")
    done = json.dumps({"choices": [], "usage": {"prompt_tokens": 2, "completion_tokens": int(tokens)}}).encode()
    for raw in (b"data: " + done + b"\n\n", b"data: [DONE]\n\n"):
        writer.write(b"%x\r\n%b\r\n" % (len(raw), raw))
    writer.write(b"0\r\n\r\n")
    await writer.drain()


@contextlib.contextmanager
def provider() -> Iterator[int]:
    """The provider, in a process of its own; its port."""
    port = servers.free_port()
    with subprocess.Popen([sys.executable, "-m", "bench.streaming", "--serve", str(port)]) as process:
        try:
            time.sleep(0.5)
            yield port
        finally:
            process.terminate()


class Asker:
    """One connection to either of the two."""

    def __init__(self, port: int, path: str, *, through_us: bool) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port)
        self._path = path
        self._through_us = through_us

    def ask(self, model: str) -> tuple[float, float]:
        """Milliseconds until the first token, and tokens a second from there to the last one."""
        body: dict[str, Any] = {"inputs": {"name": "Ada"}, "model": {"provider": "local", "name": model}}
        if not self._through_us:
            body = {"model": model, "stream": True, "messages": [{"role": "user", "content": "Hello Ada"}]}
        headers = {"host": "localhost", "content-type": "application/json"}
        started = time.perf_counter()
        self._connection.request("POST", self._path, json.dumps(body), headers)
        answer = self._connection.getresponse()
        assert answer.status == 200, answer.read()
        came, mark = [], b'"text"' if self._through_us else b'"content"'
        while line := answer.readline():
            if line.startswith(b"data:") and mark in line:
                came.append(time.perf_counter())
        return (came[0] - started) * 1000, (len(came) - 1) / (came[-1] - came[0])


def _at_once(askers: list[Asker], model: str) -> float:
    """Tokens a second of all together."""
    speeds: list[float] = []
    threads = [threading.Thread(target=lambda one=one: speeds.append(one.ask(model)[1])) for one in askers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(speeds)


def measure(*, turns: int, streams: int, tokens: int) -> dict[str, Any]:
    """The whole run."""
    execute = "/api/projects/default/prompts/stream/execute?stream=true"
    with servers.scratch() as folder, servers.ours(folder) as running, provider() as port:
        _set_up(running.port, port)

        def askers(number: int) -> tuple[list[Asker], list[Asker]]:
            return (
                [Asker(port, "/v1/chat/completions", through_us=False) for _ in range(number)],
                [Asker(running.port, execute, through_us=True) for _ in range(number)],
            )

        (direct,), (ours,) = askers(1)
        for _ in range(5):
            direct.ask("5@0"), ours.ask("5@0")
        firsts = [(direct.ask("5@1")[0], ours.ask("5@1")[0]) for _ in range(turns)]
        added = sorted(mine - theirs for theirs, mine in firsts)
        theirs, mine = askers(streams)
        found: dict[str, Any] = {
            "first token, direct ms": round(statistics.median(one for one, _ in firsts), 1),
            "first token, through us ms": round(statistics.median(one for _, one in firsts), 1),
            "added ms, median": round(statistics.median(added), 1),
            "added ms, p95": round(added[int(len(added) * 0.95)], 1),
        }
        for pace in (20, 10, 0):
            model = f"{tokens}@{pace}"
            ratios = []
            for _ in range(5):
                without, through = _at_once(theirs, model), _at_once(mine, model)
                ratios.append((through / without, without, through))
            ratio, without, through = sorted(ratios)[len(ratios) // 2]
            name = f"{streams} streams, a token every {pace} ms" if pace else f"{streams} streams, as fast as can be"
            found[name] = {"direct": round(without), "through us": round(through), "ratio": round(ratio, 3)}
        return found


def _set_up(ours: int, port: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", ours)
    for method, path, body in (
        ("PUT", "providers/local", {"kind": "openai_compatible", "base_url": f"http://127.0.0.1:{port}/v1"}),
        ("POST", "prompts", _PROMPT),
    ):
        headers = {"host": "localhost", "content-type": "application/json"}
        connection.request(method, f"/api/projects/default/{path}", json.dumps(body), headers)
        answer = connection.getresponse()
        assert answer.status in {200, 201}, answer.read()
        answer.read()


def main() -> None:
    """Measure and print; with `--serve`, be the provider."""
    parser = argparse.ArgumentParser(prog="bench.streaming", description=__doc__)
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--turns", type=int, default=200, help="questions for the first token")
    parser.add_argument("--streams", type=int, default=8, help="streams at once")
    parser.add_argument("--tokens", type=int, default=200, help="tokens of each")
    options = vars(parser.parse_args())
    serve = options.pop("serve")
    if serve is not None:
        asyncio.run(_provide(serve))
    else:
        print(json.dumps(measure(**options), indent=1))


if __name__ == "__main__":
    main()
