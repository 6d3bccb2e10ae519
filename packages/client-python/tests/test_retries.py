"""What is safe to repeat is repeated, a bounded number of times; what is not never is."""

import httpx2
import pytest

from dakora_client import APIError, ConnectionFailed, PreconditionFailed, RateLimited, TimedOut, Unavailable

SAFE = {
    "list": lambda dakora: dakora.prompts.list(),
    "get": lambda dakora: dakora.prompts.get("a"),
    "render": lambda dakora: dakora.prompts.render("a", {}),
    "validate": lambda dakora: dakora.prompts.validate("x"),
    "versions": lambda dakora: dakora.prompts.versions("a"),
    "diff": lambda dakora: dakora.prompts.diff("a", 1, 2),
    "update with if_match": lambda dakora: dakora.prompts.update("a", "x", if_match="e"),
    "create": lambda dakora: dakora.prompts.create("a", "x"),
    "keys": lambda dakora: dakora.api_keys.list(),
    "make a key": lambda dakora: dakora.api_keys.create("ci"),
    "rotate a key": lambda dakora: dakora.api_keys.rotate("k"),
    "revoke a key": lambda dakora: dakora.api_keys.revoke("k"),
    "make a workspace": lambda dakora: dakora.workspaces.create("W"),
    "make a project": lambda dakora: dakora.projects.create("w", "P"),
    "invite": lambda dakora: dakora.workspaces.invite("w", "ada@example.com"),
    "audit": lambda dakora: dakora.audit.list(),
    "me": lambda dakora: dakora.me(),
    "context": lambda dakora: dakora.context(),
    "health": lambda dakora: dakora.health(),
}
UNSAFE = {
    "update": lambda dakora: dakora.prompts.update("a", "x"),
    "delete": lambda dakora: dakora.prompts.delete("a"),
    "restore": lambda dakora: dakora.prompts.restore("a"),
    "rollback": lambda dakora: dakora.prompts.rollback("a", 1),
    "move": lambda dakora: dakora.prompts.move("a", "p"),
    "rename": lambda dakora: dakora.workspaces.rename("w", name="W"),
    "set a role": lambda dakora: dakora.workspaces.set_role("w", "u", "viewer"),
    "hand over": lambda dakora: dakora.workspaces.hand_over("w", "u"),
    "accept": lambda dakora: dakora.workspaces.accept_invitation("t"),
    "delete a project": lambda dakora: dakora.projects.delete("p"),
}


def ok(request):
    return httpx2.Response(200, json={"status": "ok"})


@pytest.mark.parametrize("call", SAFE.values(), ids=SAFE)
@pytest.mark.parametrize("failure", [503, 429, httpx2.ReadError("gone")], ids=str)
async def test_a_safe_call_is_sent_twice_more_and_then_gives_up(connect, serve, problem, call, failure):
    server = serve(problem(failure, "busy") if isinstance(failure, int) else failure)
    with pytest.raises((Unavailable, RateLimited, ConnectionFailed)):
        await call(connect(server))
    assert len(server.requests) == 3


@pytest.mark.parametrize("call", UNSAFE.values(), ids=UNSAFE)
@pytest.mark.parametrize("failure", [503, 429, httpx2.ConnectError("no"), httpx2.ReadError("gone")], ids=str)
async def test_a_call_that_is_not_safe_to_repeat_is_sent_once(connect, serve, problem, call, failure):
    server = serve(problem(failure, "busy") if isinstance(failure, int) else failure)
    with pytest.raises((Unavailable, RateLimited, ConnectionFailed)):
        await call(connect(server))
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 412, 422, 500, 507])
async def test_an_answer_that_would_not_change_is_not_asked_for_again(connect, serve, problem, status):
    server = serve(problem(status, "no"))
    with pytest.raises(APIError):
        await connect(server).prompts.get("a")
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "failure",
    [
        httpx2.ConnectError("no"),
        httpx2.ConnectTimeout("no"),
        httpx2.ReadError("no"),
        httpx2.RemoteProtocolError("no"),
        httpx2.ProxyError("no"),
        502,
        503,
        504,
        429,
    ],
    ids=str,
)
async def test_the_second_attempt_may_succeed(connect, serve, problem, failure):
    server = serve(problem(failure, "busy") if isinstance(failure, int) else failure, ok)
    assert (await connect(server).health()).status == "ok"
    assert len(server.requests) == 2


@pytest.mark.parametrize("failure", [httpx2.ReadTimeout("slow"), httpx2.LocalProtocolError("odd")], ids=str)
async def test_a_call_that_ran_out_of_time_or_can_never_be_sent_is_not_sent_again(connect, serve, failure):
    server = serve(failure, ok)
    with pytest.raises((TimedOut, ConnectionFailed)):
        await connect(server).health()
    assert len(server.requests) == 1


async def test_waits_grow_and_are_spread_by_chance(connect, serve, problem, fake_time):
    with pytest.raises(Unavailable):
        await connect(serve(problem(503, "busy")), max_retries=6, timeout=60).health()
    assert fake_time.slept == pytest.approx([0.2, 0.4, 0.8, 1.6, 3.2, 5.0])
    fake_time.slept.clear()
    fake_time.chance = 0.25
    with pytest.raises(Unavailable):
        await connect(serve(problem(503, "busy")), max_retries=2).health()
    assert fake_time.slept == pytest.approx([0.05, 0.1])


async def test_retry_after_is_never_cut_short(connect, serve, problem, fake_time):
    server = serve(problem(429, "slow_down", headers={"retry-after": "3"}), ok)
    await connect(server).health()
    assert fake_time.slept == pytest.approx([3.2])


@pytest.mark.parametrize(("asked", "limit"), [("8", 8.1), ("31", 300), ("99999999999999999999", 300)])
async def test_a_wait_longer_than_the_caller_has_is_not_begun(connect, serve, problem, fake_time, asked, limit):
    server = serve(problem(503, "busy", headers={"retry-after": asked}))
    with pytest.raises(Unavailable) as caught:
        await connect(server, timeout=limit).health()
    assert (len(server.requests), fake_time.slept) == (1, [])
    assert caught.value.retry_after == float(asked)


async def test_no_retries_means_one_attempt(connect, serve, problem):
    server = serve(problem(503, "busy"))
    with pytest.raises(Unavailable):
        await connect(server, max_retries=0).health()
    assert len(server.requests) == 1


async def test_every_attempt_gets_only_the_time_that_is_left(connect, serve, problem):
    server = serve(problem(503, "busy", headers={"retry-after": "7"}), ok)
    await connect(server, timeout=10, connect_timeout=4).health()
    limits = [request.extensions["timeout"] for request in server.requests]
    assert limits[0] == {"connect": 4, "read": 10, "write": 10, "pool": 10}
    assert limits[1] == pytest.approx({"connect": 2.8, "read": 2.8, "write": 2.8, "pool": 2.8})


async def test_a_conflict_after_a_lost_attempt_says_that_it_may_be_our_own(connect, serve, problem):
    server = serve(httpx2.ReadError("gone"), problem(412, "stale_version"))
    with pytest.raises(PreconditionFailed) as caught:
        await connect(server).prompts.update("a", "x", if_match="e")
    assert "may be what changed the prompt" in caught.value.__notes__[0]


async def test_a_repeat_is_told_to_the_log(connect, serve, problem, caplog):
    with caplog.at_level("DEBUG", "dakora_client"):
        await connect(serve(problem(503, "busy"), ok)).health()
    assert "GET /api/health failed, sending it again in 0.20 s" in caplog.text
