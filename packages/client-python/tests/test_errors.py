"""Every refusal has its class, its facts and one sentence."""

import pickle
from datetime import UTC, datetime

import httpx2
import pytest

import dakora_client
from dakora_client import (
    APIError,
    AuthenticationError,
    BadRequestError,
    ConfigurationError,
    ConflictError,
    ConnectionFailed,
    DakoraError,
    Fault,
    InvalidInputsError,
    InvalidRequestError,
    NotFoundError,
    PermissionDenied,
    PreconditionFailed,
    RateLimited,
    RenderError,
    ServerError,
    TemplateInvalidError,
    TimedOut,
    Unavailable,
    UnexpectedAnswer,
)


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "bad", BadRequestError),
        (401, "unauthenticated", AuthenticationError),
        (403, "forbidden", PermissionDenied),
        (404, "prompt_not_found", NotFoundError),
        (405, "method_not_allowed", BadRequestError),
        (409, "prompt_exists", ConflictError),
        (412, "stale_version", PreconditionFailed),
        (413, "body_too_large", BadRequestError),
        (418, "later_invention", BadRequestError),
        (422, "invalid_request", InvalidRequestError),
        (422, "invalid_inputs", InvalidInputsError),
        (422, "template_invalid", TemplateInvalidError),
        (422, "version_not_higher", TemplateInvalidError),
        (422, "render_failed", RenderError),
        (422, "render_limit_exceeded", RenderError),
        (422, "later_invention", InvalidRequestError),
        (429, "too_many_requests", RateLimited),
        (500, "internal_error", ServerError),
        (502, "bad_gateway", Unavailable),
        (503, "busy", Unavailable),
        (504, "gateway_timeout", Unavailable),
        (507, "registry_full", ServerError),
        (599, "later_invention", ServerError),
    ],
)
async def test_each_status_and_code_has_its_class(connect, serve, problem, status, code, kind):
    with pytest.raises(APIError) as caught:
        await connect(serve(problem(status, code)), max_retries=0).prompts.render("greeting")
    error = caught.value
    assert type(error) is kind
    assert (error.status, error.code, error.request_id) == (status, code, "0123456789abcdef")


def test_the_tree_in_the_docs_is_the_tree():
    exported = {getattr(dakora_client, name) for name in dakora_client.__all__}
    errors = {kind for kind in exported if isinstance(kind, type) and issubclass(kind, Exception)}
    parents = {}
    depth_of = {}
    for line in dakora_client.errors.__doc__.splitlines():
        name = line.lstrip(" │├└─").split(" ")[0]
        if hasattr(dakora_client, name):
            depth = len(line) - len(line.lstrip(" │├└─"))
            depth_of[depth] = name
            above = [held for held in depth_of if held < depth]
            parents[name] = depth_of[max(above)] if above else None
    assert set(parents) == {kind.__name__ for kind in errors}
    for kind in errors - {DakoraError}:
        assert kind.__bases__[0].__name__ == parents[kind.__name__]


async def test_the_sentence_names_every_fault(connect, serve, problem):
    faults = [
        {"message": "is required", "loc": ["inputs", "name"], "type": "missing"},
        {"message": "Unexpected end.", "loc": ["template"], "line": 3, "column": 5},
        {"message": "The input `nmae` is not declared.", "loc": ["inputs", "nmae"]},
    ]
    server = serve(problem(422, "invalid_inputs", detail="The inputs are not valid.", errors=faults))
    with pytest.raises(InvalidInputsError) as caught:
        await connect(server).prompts.render("greeting")
    assert str(caught.value) == (
        "The inputs are not valid: inputs.name: is required; template: Unexpected end (line 3, column 5); "
        "The input `nmae` is not declared"
    )
    assert caught.value.errors[0] == Fault(message="is required", loc=("inputs", "name"), type="missing")


def test_a_long_list_of_faults_is_cut_in_the_sentence_only():
    error = InvalidRequestError("Not valid.", status=422, errors=[Fault(message=f"fault {n}") for n in range(8)])
    assert str(error) == "Not valid: fault 0; fault 1; fault 2; fault 3; fault 4; and 3 more"
    assert len(error.errors) == 8


def test_only_a_server_failure_names_the_request_in_its_sentence():
    assert str(ServerError("The server failed.", status=500, request_id="abc")) == "The server failed. (request abc)"
    assert str(NotFoundError("There is no prompt x.", status=404, request_id="abc")) == "There is no prompt x."


@pytest.mark.parametrize(
    "body",
    [
        b"<html>502</html>",
        b"",
        b"[]",
        b"\xff",
        b"null",
        b"[" * 100_000,
        b'{"detail": ["x"], "code": 7, "errors": "oops"}',
        b'{"errors": [{"loc": []}]}',
    ],
)
async def test_a_proxy_that_answers_in_its_own_words_is_understood(connect, serve, body):
    server = serve(httpx2.Response(502, content=body, headers={"x-request-id": "r1"}))
    with pytest.raises(Unavailable) as caught:
        await connect(server, max_retries=0).prompts.get("greeting")
    error = caught.value
    assert (error.detail, error.code, error.errors) == ("The server answered 502 Bad Gateway.", None, ())
    assert error.request_id == "r1"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "Wed, 04 Nov 2026 10:00:09 GMT", "date": "Wed, 04 Nov 2026 10:00:00 GMT"}, 9.0),
        ({"retry-after": "Wed, 04 Nov 2026 09:00:00 GMT", "date": "Wed, 04 Nov 2026 10:00:00 GMT"}, 0.0),
        ({"retry-after": "Wed, 04 Nov 2026 10:00:09 GMT"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-1"}, None),
        ({}, None),
    ],
)
async def test_retry_after_is_read_as_seconds_or_as_a_date(connect, serve, problem, headers, seconds):
    with pytest.raises(RateLimited) as caught:
        await connect(serve(problem(429, "too_many_requests", headers=headers)), max_retries=0).health()
    assert caught.value.retry_after == seconds


@pytest.mark.parametrize(
    ("failure", "kind", "says"),
    [
        (httpx2.ConnectError("Connection refused"), ConnectionFailed, "Could not reach http://dakora.test"),
        (httpx2.ConnectTimeout("timed out"), ConnectionFailed, "is the server running"),
        (httpx2.ReadError(""), ConnectionFailed, "ReadError"),
        (httpx2.RemoteProtocolError("hung up"), ConnectionFailed, "hung up"),
        (httpx2.LocalProtocolError("odd"), ConnectionFailed, "odd"),
        (httpx2.ReadTimeout("slow"), TimedOut, "did not answer within 10 seconds"),
        (httpx2.WriteTimeout("slow"), TimedOut, "within 10 seconds"),
        (httpx2.PoolTimeout("slow"), TimedOut, "within 10 seconds"),
        (httpx2.DecodingError("bad"), UnexpectedAnswer, "could not be read"),
    ],
)
async def test_each_failure_on_the_way_has_its_class(connect, serve, failure, kind, says):
    with pytest.raises(kind, match=says) as caught:
        await connect(serve(failure), max_retries=0).prompts.get("greeting")
    assert caught.value.__cause__ is failure


class Thing:
    """Not JSON."""


CYCLE: list[object] = []
CYCLE.append(CYCLE)


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), Thing(), datetime.now(UTC), {1, 2}, b"x", "\ud800", CYCLE, {(1, 2): 3}]
)
async def test_what_json_cannot_hold_is_refused_before_anything_is_sent(connect, serve, value):
    server = serve(httpx2.Response(200, json={}))
    with pytest.raises(InvalidRequestError, match="The call was not sent"):
        await connect(server).prompts.render("greeting", {"x": value})
    assert server.requests == []


@pytest.mark.parametrize("tag", ["", "é", 'a\r\nX-Evil: 1"', "\x00"])
async def test_what_is_no_etag_is_refused_before_anything_is_sent(connect, serve, tag):
    server = serve(httpx2.Response(200, json={}))
    with pytest.raises(InvalidRequestError, match="if_match is not an ETag"):
        await connect(server).prompts.update("greeting", "Hi", if_match=tag)
    assert server.requests == []


async def test_a_prompt_without_an_etag_cannot_guard_an_update(connect, serve, prompt_json):
    prompts = connect(serve(httpx2.Response(200, json=prompt_json))).prompts
    prompt = await prompts.get("greeting")
    with pytest.raises(InvalidRequestError, match="carries no ETag"):
        await prompts.update("greeting", "Hi", if_match=prompt)


async def test_an_id_too_long_for_any_address_is_refused(connect, serve):
    with pytest.raises(InvalidRequestError, match="too long"):
        await connect(serve(httpx2.Response(200, json={}))).prompts.get("x" * 70_000)


@pytest.mark.parametrize(
    "error",
    [
        NotFoundError("No.", status=404, code="not_found", request_id="r", errors=[Fault(message="x", loc=("a", 1))]),
        RateLimited("Slow.", status=429, retry_after=2.0),
        ConnectionFailed("No."),
        ConfigurationError("No."),
    ],
)
def test_an_error_survives_the_way_to_another_process(error):
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy), vars(copy)) == (type(error), str(error), vars(error))
