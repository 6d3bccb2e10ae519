"""OpenTelemetry's own SDK and exporter, and a real instrumentation of a model's client, against a real server."""

import json
import threading
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx2
import pytest
from openai import OpenAI
from opentelemetry import baggage, context
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.openai_v2 import OpenAIInstrumentor
from opentelemetry.processor.baggage import ALLOW_ALL_BAGGAGE_KEYS, BaggageSpanProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Status, StatusCode


@pytest.fixture
def exporting(dev_server):
    """A provider whose spans go to the server, and what it has recorded since."""

    def opened(**options):
        provider = TracerProvider(resource=Resource.create({"service.name": "shop"}))
        provider.add_span_processor(BaggageSpanProcessor(ALLOW_ALL_BAGGAGE_KEYS))
        exporter = OTLPSpanExporter(endpoint=f"{dev_server.address}/api/v1/traces", **options)
        provider.add_span_processor(BatchSpanProcessor(exporter))
        return provider

    return opened


def recorded(dev_server, session):
    """The executions of a session, whole."""
    url = f"{dev_server.address}/api/projects/default/executions"
    with httpx2.Client() as client:
        listed = client.get(url, params={"session": session}).json()
        return [client.get(f"{url}/{one['id']}").json() for one in listed]


@pytest.mark.parametrize("compression", [Compression.NoCompression, Compression.Gzip])
def test_spans_of_the_sdk_arrive_as_protobuf(dev_server, exporting, compression):
    provider, session = exporting(compression=compression), f"sdk-{uuid.uuid4().hex}"
    tracer = provider.get_tracer("test")
    with tracer.start_as_current_span("request"), tracer.start_as_current_span("chat gpt-4o-mini") as span:
        span.set_attributes(
            {
                "gen_ai.operation.name": "chat",
                "gen_ai.provider.name": "openai",
                "gen_ai.request.model": "gpt-4o-mini",
                "gen_ai.usage.input_tokens": 12,
                "gen_ai.usage.output_tokens": 3,
                "gen_ai.response.finish_reasons": ("stop",),
                "gen_ai.conversation.id": session,
                "gen_ai.prompt.name": "greeting",
                "gen_ai.prompt.version": 1,
                "a.list": (1, 2),
            }
        )
        span.set_status(Status(StatusCode.ERROR, "Too slow."))
    provider.shutdown()
    [found] = recorded(dev_server, session)
    assert (found["model"], found["input_tokens"], found["output_tokens"]) == ("gpt-4o-mini", 12, 3)
    assert (found["prompt_id"], found["version_number"], found["version"]) == ("greeting", 1, "1.0.0")
    assert (found["status"], found["error"]["message"], found["finish_reason"]) == ("error", "Too slow.", "stop")
    assert (found["metadata"]["service.name"], found["metadata"]["a.list"]) == ("shop", [1, 2])


class _Model(BaseHTTPRequestHandler):
    """One answer of a chat model."""

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        message = {"role": "assistant", "content": "Hello Ada!"}
        answer = {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1_700_000_000,
            "model": "gpt-4o-mini-2024-07-18",
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 21, "completion_tokens": 4, "total_tokens": 25},
        }
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def model():
    """The address of a model on this machine that speaks OpenAI's format."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Model) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
        server.shutdown()
        thread.join()


def test_a_real_instrumentation_tells_which_prompt_and_version_a_call_was_for(dev_server, exporting, model):
    provider, session = exporting(), f"openai-{uuid.uuid4().hex}"
    OpenAIInstrumentor().instrument(tracer_provider=provider)
    told = {"gen_ai.prompt.name": "greeting", "gen_ai.prompt.version": "1", "gen_ai.conversation.id": session}
    here = context.get_current()
    for name, value in told.items():
        here = baggage.set_baggage(name, value, here)
    token = context.attach(here)
    try:
        with OpenAI(base_url=model, api_key="none") as client:
            client.chat.completions.create(model="gpt-4o-mini", messages=[{"role": "user", "content": "Hi"}])
    finally:
        context.detach(token)
        OpenAIInstrumentor().uninstrument()
        provider.shutdown()
    [found] = recorded(dev_server, session)
    assert (found["provider"], found["model"]) == ("openai", "gpt-4o-mini-2024-07-18")
    assert (found["input_tokens"], found["output_tokens"], found["finish_reason"]) == (21, 4, "stop")
    assert (found["prompt_id"], found["version_number"], found["status"]) == ("greeting", 1, "ok")
    assert found["cost_usd"] > 0
