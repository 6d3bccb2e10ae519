"""Logged runs: taken at once, sent in the background, never lost silently, never in anybody's way."""

import asyncio
import json
import subprocess
import sys
import threading
import time
import warnings
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from dakora_client import Dakora, DakoraSync, RenderResult
from dakora_client._log_queue import MOST_WAITING


class Recorder:
    """A server that takes executions, as slowly or as badly as it is told."""

    def __init__(self):
        self.batches, self.status, self.pause, self.refused = [], 201, 0.0, ()
        recorder = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                records = json.loads(self.rfile.read(int(self.headers["content-length"])))
                time.sleep(recorder.pause)
                faulty = [place for place, one in enumerate(records) if one.get("output") in recorder.refused]
                status = 422 if faulty else recorder.status
                if status == 201:
                    recorder.batches.append(records)
                    answer = {"ids": [one["id"] for one in records], "recorded": len(records), "repeated": 0}
                else:
                    errors = [{"loc": [place, "output"], "message": "No."} for place in faulty]
                    answer = {"title": "No", "detail": "No.", "status": status, "code": "invalid_request"}
                    answer |= {"request_id": "r", "errors": errors}
                body = json.dumps(answer).encode()
                self.send_response(status)
                kind = "application/json" if status == 201 else "application/problem+json"
                for name, value in (("content-type", kind), ("content-length", str(len(body)))):
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def outputs(self):
        return [one.get("output") for batch in self.batches for one in batch]

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def recorder():
    found = Recorder()
    yield found
    found.close()


@pytest.fixture
def dakora(recorder):
    with DakoraSync(recorder.address, project="default", max_retries=0) as client:
        yield client


def test_what_is_logged_arrives_in_order_in_few_requests(recorder, dakora):
    for number in range(2500):
        assert dakora.executions.log("greeting", version=1, output=str(number))
    assert dakora.executions.flush()
    assert recorder.outputs == [str(number) for number in range(2500)]
    assert len(recorder.batches) <= 6
    first = recorder.batches[0][0]
    assert (first["prompt_id"], first["version_number"], "started_at" in first) == ("greeting", 1, True)
    assert len({one["id"] for batch in recorder.batches for one in batch}) == 2500


async def test_the_awaiting_client_logs_alike(recorder):
    async with Dakora(recorder.address, project="default") as client:
        client.executions.log(output="one")
        assert await client.executions.flush()
        client.executions.log(output="two")
    assert recorder.outputs == ["one", "two"]


def test_a_slow_server_keeps_nobody_waiting_and_what_does_not_fit_is_counted(recorder, dakora):
    recorder.pause = 0.5
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        taken = sum(dakora.executions.log(output="x") for _ in range(3 * MOST_WAITING))
    assert MOST_WAITING <= taken < 3 * MOST_WAITING
    assert dakora.executions.dropped == 3 * MOST_WAITING - taken
    assert [str(one.message).split(":")[0] for one in told] == ["Executions are not recorded"]
    recorder.pause = 0
    assert dakora.executions.flush(30)
    assert len(recorder.outputs) == taken


def test_while_the_server_is_away_records_wait(recorder, dakora):
    recorder.status = 503
    dakora.executions.log(output="early")
    assert not dakora.executions.flush(0.5)
    recorder.status = 201
    dakora.executions.log(output="late")
    assert dakora.executions.flush(10)
    assert recorder.outputs == ["early", "late"]
    assert dakora.executions.dropped == 0


def test_a_record_that_is_refused_takes_no_other_along(recorder, dakora):
    recorder.refused = ("bad",)
    for text in ("one", "bad", "two"):
        dakora.executions.log(output=text)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert dakora.executions.flush()
    assert recorder.outputs == ["one", "two"]
    assert dakora.executions.dropped == 1


def test_closing_sends_the_rest_and_counts_what_cannot_be_sent(recorder):
    with DakoraSync(recorder.address, project="default") as client:
        client.executions.log(output="rest")
    assert recorder.outputs == ["rest"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert not client.executions.log(output="after")
    assert client.executions.dropped == 1


def test_a_run_is_measured_and_says_how_it_ended(recorder, dakora):
    prompt = RenderResult(
        text="Hello Ada",
        messages=None,
        inputs={"name": "Ada"},
        prompt_id="greeting",
        version="1.0.2",
        version_number=3,
        content_hash="0" * 64,
        parts=(),
    )
    with dakora.executions.start(prompt, provider="openai", model="gpt-4o-mini", user="u") as run:
        run.first_token()
        run.output, run.input_tokens = "Hi", 12
    with pytest.raises(ValueError, match="broken"), dakora.executions.start("other", model="m"):
        raise ValueError("broken")
    with pytest.raises(KeyboardInterrupt), dakora.executions.start("other"):
        raise KeyboardInterrupt
    dakora.executions.flush()
    good, bad, stopped = recorder.batches[0]
    assert (good["prompt_id"], good["version_number"], good["inputs"]) == ("greeting", 3, {"name": "Ada"})
    assert (good["output"], good["input_tokens"], good["user"], good["provider"]) == ("Hi", 12, "u", "openai")
    assert 0 <= good["first_token_ms"] <= good["latency_ms"]
    assert "status" not in good
    assert (bad["status"], bad["error"]) == ("error", {"type": "ValueError", "message": "broken"})
    assert (stopped["status"], "error" in stopped) == ("cancelled", False)


def test_threads_log_through_one_client(recorder, dakora):
    def log(number):
        for turn in range(200):
            dakora.executions.log(output=f"{number}-{turn}")

    threads = [threading.Thread(target=log, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert dakora.executions.flush()
    assert sorted(recorder.outputs) == sorted(f"{number}-{turn}" for number in range(8) for turn in range(200))


PROGRAM = """
import os, sys
from dakora_client import DakoraSync
dakora = DakoraSync(sys.argv[1], project="default")
dakora.executions.log(output="before")
"""
FORK = """
pid = os.fork()
dakora.executions.log(output="child" if pid == 0 else "parent")
if pid == 0:
    dakora.executions.flush()
    os._exit(0)
os.waitpid(pid, 0)
"""
LOOP = """
import asyncio
from dakora_client import Dakora
async def main():
    other = Dakora(sys.argv[1], project="default")
    other.executions.log(output="loop")
asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("more", "outputs"),
    [("", ["before"]), (FORK, ["before", "child", "parent"]), (LOOP, ["before", "loop"]), ("1/0", ["before"])],
    ids=["the end", "fork", "no loop any more", "an exception"],
)
def test_a_program_that_ends_without_closing_loses_nothing(recorder, more, outputs):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM + more, recorder.address],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert sorted(recorder.outputs) == outputs, done.stderr
    assert ("ZeroDivisionError" in done.stderr) == (more == "1/0")


def test_a_program_ends_in_time_when_the_server_is_gone():
    code = PROGRAM.replace("sys.argv[1]", "'http://127.0.0.1:9'")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0
    assert "Executions are not recorded" in done.stderr


async def test_logging_needs_no_loop_to_go_on(recorder):
    async with Dakora(recorder.address, project="default") as client:
        client.executions.log(output="x")
        # The loop is kept busy; the thread sends all the same.
        deadline = time.monotonic() + 10
        while not recorder.batches and time.monotonic() < deadline:
            time.sleep(0.01)  # noqa: ASYNC251 - it shall block
    assert recorder.outputs == ["x"]
    await asyncio.sleep(0)
