"""A provider of models on loopback: OpenAI's interface, Anthropic's and Gemini's, with what goes wrong in life.

What it does, the model's name says:

    echo            the last message's words back, streamed
    echo-slow       the same, a word every 50 ms
    echo-N          N words, as fast as they can be written
    json, not-json  {"answer": 42}; text
    tool            a call of the tool get_weather
    silent          no answer
    cut             two words, then the connection is gone
    stalled         two words, then nothing
    busy, busy-once          429, with Retry-After
    broken, broken-once      500
    quota, strict, missing   429 for the account, 400, 404
    filtered        stopped by the content filter
    broken-inside   an error in the middle of the stream

The key `wrong` is refused. Requests are kept in `requests`, cancelled ones counted in `cancelled`.
"""

import json
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LEAKED = "sk-leaked1234567890abcdefghijklmnop"
_OPENAI_ERRORS = {
    "busy": (429, {"message": "Rate limit reached", "type": "requests", "code": "rate_limit_exceeded"}),
    "broken": (500, {"message": "The server had an error", "type": "server_error", "code": None}),
    "quota": (429, {"message": "You exceeded your quota", "type": "insufficient_quota", "code": "insufficient_quota"}),
    "strict": (
        400,
        {
            "message": f"max_tokens is too large for {LEAKED}",
            "type": "invalid_request_error",
            "code": "invalid_value",
            "param": "max_tokens",
        },
    ),
    "missing": (
        404,
        {"message": "The model `missing` does not exist", "type": "invalid_request_error", "code": "model_not_found"},
    ),
}
_ANTHROPIC_ERRORS = {
    "busy": (429, "rate_limit_error", "Number of requests has exceeded your limit"),
    "broken": (500, "api_error", "Internal server error"),
    "overloaded": (529, "overloaded_error", "Overloaded"),
    "strict": (400, "invalid_request_error", f"max_tokens: too large for {LEAKED}"),
    "missing": (404, "not_found_error", "model: missing"),
}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def do_GET(self):
        models = {"object": "list", "data": [{"id": name, "object": "model"} for name in ("echo", "json")]}
        self._send(200, models)

    def do_POST(self):
        peer = self.server.peer
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        name = body.get("model") or self.path.partition("/models/")[2].partition(":")[0]
        with peer.lock:
            peer.requests.append({"path": self.path, "headers": dict(self.headers.items()), "body": body})
            peer.asked[name] += 1
            times = peer.asked[name]
        is_anthropic = self.path.endswith("/messages")
        is_google = ":streamGenerateContent" in self.path
        key = self.headers.get("x-api-key") or (self.headers.get("authorization") or "").removeprefix("Bearer ")
        if key == "wrong":
            refusal = {"message": f"Incorrect API key provided: {key}", "type": "authentication_error", "code": None}
            self._send(401, {"type": "error", "error": refusal})
            return
        failing = name.removesuffix("-once") if name.endswith("-once") and times == 1 else name
        try:
            if is_anthropic:
                self._anthropic(failing, body)
            elif is_google:
                self._google(failing, body)
            else:
                self._openai(failing, body)
        except OSError:
            with peer.lock:
                peer.cancelled += 1

    def _send(self, status, body, headers=()):
        raw = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(raw)))
        for header, value in headers:
            self.send_header(header, value)
        self.end_headers()
        self.wfile.write(raw)

    def _begin(self):
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()

    def _write(self, raw):
        self.wfile.write(b"%x\r\n%b\r\n" % (len(raw), raw))
        self.wfile.flush()

    def _data(self, value, event=None):
        line = b"data: " + (value if isinstance(value, bytes) else json.dumps(value).encode()) + b"\n\n"
        self._write((b"event: " + event.encode() + b"\n" if event else b"") + line)

    def _close_in_the_middle(self):
        self.close_connection = True
        self.connection.shutdown(2)

    def _wait(self):
        """Say nothing until the other side goes, or the test ends."""
        self.connection.settimeout(0.05)
        while not self.server.peer.closing.is_set():
            try:
                if self.connection.recv(1) == b"":
                    raise ConnectionError
            except TimeoutError:
                continue

    def _openai(self, name, body):
        peer = self.server.peer
        if name in _OPENAI_ERRORS:
            status, error = _OPENAI_ERRORS[name]
            wait = [("retry-after", str(peer.retry_after))] if name == "busy" else []
            self._send(status, {"error": error}, wait)
            return
        if name == "silent":
            self._wait()
            return
        words, pause = _words(name, body)
        self._begin()
        head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": body["model"]}
        usage = {"prompt_tokens": _sent(body["messages"]), "completion_tokens": len(words)}
        usage |= {"total_tokens": sum(usage.values()), "prompt_tokens_details": {"cached_tokens": 1}}
        # Mistral tells it with the last piece, without being asked.
        unasked = {} if "stream_options" in body else {"usage": usage}

        def chunk(delta, finish=None):
            choice = {"index": 0, "delta": delta, "finish_reason": finish}
            self._data({**head, "choices": [choice], **(unasked if finish else {})})

        chunk({"role": "assistant", "content": ""})
        if name == "tool":
            begun = {"name": "get_weather", "arguments": ""}
            chunk({"tool_calls": [{"index": 0, "id": "call_1", "type": "function", "function": begun}]})
            for piece in ('{"city":', '"Paris"}'):
                chunk({"tool_calls": [{"index": 0, "function": {"arguments": piece}}]})
            chunk({}, "tool_calls")
        else:
            for number, word in enumerate(words):
                if number == 2 and self._goes_wrong(name, lambda: self._data({"error": _OPENAI_ERRORS["broken"][1]})):
                    return
                chunk({"content": word})
                if pause:
                    time.sleep(pause)
            chunk({}, "content_filter" if name == "filtered" else "stop")
        if (body.get("stream_options") or {}).get("include_usage"):
            self._data({**head, "choices": [], "usage": usage})
        self._data(b"[DONE]")
        self._write(b"")

    def _goes_wrong(self, name, fail):
        if name == "cut":
            self._close_in_the_middle()
            return True
        if name == "stalled":
            self._wait()
            return True
        if name == "broken-inside":
            fail()
            self._write(b"")
            return True
        return False

    def _google(self, name, body):
        """Gemini's interface, as far as a text needs it."""
        if name == "busy":
            error = {"code": 429, "message": "Resource has been exhausted", "status": "RESOURCE_EXHAUSTED"}
            self._send(429, {"error": error})
            return
        text = "".join(part["text"] for part in body["contents"][-1]["parts"])
        words = [word + " " for word in text.split(" ")]
        self._begin()
        for number, word in enumerate(words):
            candidate = {"content": {"role": "model", "parts": [{"text": word}]}, "index": 0}
            chunk = {"candidates": [candidate], "modelVersion": name}
            if number == len(words) - 1:
                candidate["finishReason"] = "STOP"
                chunk["usageMetadata"] = {"promptTokenCount": 7, "candidatesTokenCount": len(words)}
            self._data(chunk)
        self._write(b"")

    def _anthropic(self, name, body):
        if name in _ANTHROPIC_ERRORS:
            status, kind, message = _ANTHROPIC_ERRORS[name]
            wait = [("retry-after", str(self.server.peer.retry_after))] if name == "busy" else []
            self._send(status, {"type": "error", "error": {"type": kind, "message": message}}, wait)
            return
        if name == "silent":
            self._wait()
            return
        words, pause = _words(name, body)
        self._begin()
        usage = {"input_tokens": _sent(body["messages"]), "output_tokens": 0}
        message = {"id": "msg_1", "type": "message", "role": "assistant", "model": body["model"], "content": []}
        message |= {"stop_reason": None, "stop_sequence": None, "usage": usage}
        self._data({"type": "message_start", "message": message}, "message_start")
        if name == "tool":
            block = {"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {}}
            self._data({"type": "content_block_start", "index": 0, "content_block": block}, "content_block_start")
            delta = {"type": "input_json_delta", "partial_json": '{"city": "Paris"}'}
            self._data({"type": "content_block_delta", "index": 0, "delta": delta}, "content_block_delta")
            reason = "tool_use"
        else:
            block = {"type": "text", "text": ""}
            self._data({"type": "content_block_start", "index": 0, "content_block": block}, "content_block_start")
            overloaded = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
            for number, word in enumerate(words):
                if number == 2 and self._goes_wrong(name, lambda: self._data(overloaded, "error")):
                    return
                delta = {"type": "text_delta", "text": word}
                self._data({"type": "content_block_delta", "index": 0, "delta": delta}, "content_block_delta")
                if pause:
                    time.sleep(pause)
            reason = "refusal" if name == "filtered" else "end_turn"
        self._data({"type": "content_block_stop", "index": 0}, "content_block_stop")
        ended = {"type": "message_delta", "delta": {"stop_reason": reason, "stop_sequence": None}}
        self._data({**ended, "usage": {"output_tokens": len(words)}}, "message_delta")
        self._data({"type": "message_stop"}, "message_stop")
        self._write(b"")


def _words(name, body):
    if name == "json":
        return ['{"answer"', ": 42}"], 0
    if name == "not-json":
        return ["forty", "-two"], 0
    if name.startswith("echo-") and name[5:].isdigit():
        return ["word "] * int(name[5:]), 0
    text = _text(body["messages"][-1]["content"])
    words = [word + " " for word in text.split(" ")]
    words[-1] = words[-1].removesuffix(" ")
    return words, 0.05 if name == "echo-slow" else 0


def _text(content):
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


def _sent(messages):
    return sum(len(_text(message["content"] or "").split()) for message in messages)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, *_):
        pass


class ModelServer:
    """`with` it: an address, and what was asked of it."""

    def __init__(self):
        self.lock = threading.Lock()
        self.requests = []
        self.asked = Counter()
        self.cancelled = 0
        self.retry_after = 1
        self.closing = threading.Event()

    def __enter__(self):
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.peer = self
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self):
        """Without a path: Anthropic's addresses begin here, OpenAI's with `/v1`."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"
