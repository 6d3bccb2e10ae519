"""Neither key nor token shows: not in reprs, not in errors, not in logs, not in tracebacks."""

import logging
import pickle
import threading
import traceback
from http.server import BaseHTTPRequestHandler, HTTPServer

import httpx2
import pytest

from dakora_client import Dakora, DakoraError, DakoraSync

KEY = "dk_proj_5ecretsEcretsecretsecretsecret"
TOKEN = "eyJhbGciOiJSUzI1NiJ9.5ecretsEcretsecret.c2VjcmV0"


@pytest.fixture(scope="module")
def real_server():
    """A server on a socket, so that every layer that could log is there."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            body = b'{"status": "ok"}' if self.path == "/api/health" else b'{"detail": "No.", "code": "no"}'
            self.send_response(200 if self.path == "/api/health" else 401)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def everything_shown(error):
    # Frames with their local variables, as error trackers and pretty tracebacks show them.
    shown = traceback.TracebackException.from_exception(error, capture_locals=True)
    return "".join(shown.format()) + repr(error) + repr(vars(error)) + repr(pickle.dumps(error))


def ours(text):
    """Without the frames of this file, where the key is written down."""
    return "".join(block for block in text.split("  File ") if __file__ not in block)


@pytest.mark.parametrize("shown_as", [{"api_key": KEY}, {"token": TOKEN}], ids=["key", "token"])
def test_a_client_shows_its_address_only(face, shown_as):
    dakora = face("https://example.com/dakora/", **shown_as)
    assert repr(dakora) == f"{face.__name__}('https://example.com/dakora')"
    (secret,) = shown_as.values()
    assert secret not in repr(dakora._settings)
    assert secret not in repr(vars(dakora)) + repr(vars(dakora._sender)) + repr(vars(dakora._sender._exchange))


def test_logs_at_their_loudest_do_not_hold_it(real_server, caplog):
    with caplog.at_level(logging.DEBUG), DakoraSync(real_server, api_key=KEY) as dakora:
        dakora.health()
        with pytest.raises(DakoraError):
            dakora.prompts.get("a")
    assert "/api/health" in caplog.text
    assert KEY not in caplog.text
    assert all(KEY not in repr(vars(record)) for record in caplog.records)


async def test_logs_of_the_awaiting_face_do_not_hold_it(real_server, caplog):
    with caplog.at_level(logging.DEBUG):
        async with Dakora(real_server, api_key=KEY) as dakora:
            await dakora.health()
    assert "/api/health" in caplog.text
    assert KEY not in caplog.text


@pytest.mark.parametrize(
    "answer",
    [
        httpx2.ConnectError("refused"),
        httpx2.ReadTimeout("slow"),
        lambda _: httpx2.Response(401, json={"detail": "No.", "code": "unauthenticated"}),
        lambda _: httpx2.Response(500, text="x"),
        lambda _: httpx2.Response(200, text="x"),
        lambda _: httpx2.Response(302, headers={"location": "http://elsewhere.test"}),
    ],
)
@pytest.mark.parametrize(
    "shown_as", [{"api_key": KEY}, {"token": TOKEN}, {"token": lambda: TOKEN}], ids=["key", "token", "function"]
)
async def test_no_error_shows_it_even_with_local_variables(connect, serve, answer, shown_as):
    dakora = connect(serve(answer), **shown_as, max_retries=0)
    with pytest.raises(DakoraError) as caught:
        await dakora.prompts.get("a")
    shown = ours(everything_shown(caught.value))
    assert KEY not in shown
    assert TOKEN not in shown


def test_a_refused_connection_does_not_show_it():
    with DakoraSync("http://127.0.0.1:9", api_key=KEY, max_retries=0) as dakora, pytest.raises(DakoraError) as caught:
        dakora.health()
    assert "http://127.0.0.1:9" in str(caught.value)
    assert KEY not in ours(everything_shown(caught.value))
