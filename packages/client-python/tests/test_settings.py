"""What a client is made from."""

import httpx2
import pytest

from dakora_client import ConfigurationError, Dakora


def sent(server, client_class, *args, **kwargs):
    return client_class(*args, transport=httpx2.MockTransport(server), **kwargs)


async def test_everything_can_come_from_the_environment(face, serve, prompt_json, monkeypatch):
    monkeypatch.setenv("DAKORA_BASE_URL", " http://env.test:8080/ ")
    monkeypatch.setenv("DAKORA_API_KEY", "dk_proj_env\n")
    monkeypatch.setenv("DAKORA_PROJECT", "p-env")
    server = serve(httpx2.Response(200, json=prompt_json))
    outcome = sent(server, face).prompts.get("a")
    if face is Dakora:
        await outcome
    request = server.requests[0]
    assert str(request.url) == "http://env.test:8080/api/projects/p-env/prompts/a"
    assert request.headers["authorization"] == "Bearer dk_proj_env"


async def test_arguments_win_over_the_environment(connect, serve, prompt_json, monkeypatch):
    for name in ("DAKORA_BASE_URL", "DAKORA_API_KEY", "DAKORA_PROJECT"):
        monkeypatch.setenv(name, "http://env.test")
    server = serve(httpx2.Response(200, json=prompt_json))
    await connect(server, "http://arg.test", api_key="dk_proj_arg", project="p").prompts.get("a")
    request = server.requests[0]
    assert str(request.url) == "http://arg.test/api/projects/p/prompts/a"
    assert request.headers["authorization"] == "Bearer dk_proj_arg"


async def test_without_an_address_and_a_key_it_is_this_machine(connect, serve, prompt_json, monkeypatch):
    monkeypatch.setenv("DAKORA_BASE_URL", "")
    server = serve(httpx2.Response(200, json=prompt_json))
    await connect(server, None).prompts.get("a")
    assert str(server.requests[0].url) == "http://localhost:54321/api/projects/default/prompts/a"


def test_a_key_is_never_sent_to_an_address_nobody_named(face, monkeypatch):
    monkeypatch.setenv("DAKORA_BASE_URL", "")
    with pytest.raises(ConfigurationError, match="DAKORA_BASE_URL"):
        face(api_key="dk_proj_secret")


async def test_an_empty_key_means_none(connect, serve, prompt_json, monkeypatch):
    monkeypatch.setenv("DAKORA_API_KEY", "dk_proj_env")
    server = serve(httpx2.Response(200, json=prompt_json))
    await connect(server, api_key="").prompts.get("a")
    assert server.targets == ["GET /api/projects/default/prompts/a"]
    assert "authorization" not in server.requests[0].headers


@pytest.mark.parametrize(
    "address",
    [
        "localhost:54321",
        "ftp://x",
        "http://",
        "//x",
        "http://[::1",
        "http://x:port",
        "http://x?y=1",
        "http://x#y",
        "http://1.2.3.999/",
    ],
)
def test_an_address_that_leads_nowhere_is_refused(face, address):
    with pytest.raises(ConfigurationError, match="address"):
        face(address)


@pytest.mark.parametrize("address", ["http://user:hunter2@x", "http://hunter2@x", "http://:hunter2@x", "hunter2://x"])
def test_a_password_in_an_address_is_refused_and_not_repeated(face, address):
    with pytest.raises(ConfigurationError) as caught:
        face(address)
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("key", ["dk_proj_a b", "dk_proj_\x00", "dk_proj_ä", "dk_proj_a\r\nX-Evil: 1"])
def test_a_key_that_no_header_can_hold_is_refused_and_not_repeated(face, key):
    with pytest.raises(ConfigurationError) as caught:
        face("http://x", api_key=key)
    assert "dk_proj" not in str(caught.value)


@pytest.mark.parametrize("option", [{"timeout": 0}, {"connect_timeout": -1}, {"max_retries": -1}, {"cache_size": -1}])
def test_a_setting_that_makes_no_sense_is_refused(face, option):
    with pytest.raises(ConfigurationError):
        face("http://x", **option)


async def test_a_closed_client_is_not_used_again(connect, serve):
    dakora = connect(serve(httpx2.Response(200, json={"status": "ok"})))
    await dakora.health()
    await dakora.close()
    with pytest.raises(RuntimeError, match="closed"):
        await dakora.health()


TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ1In0.c2VjcmV0"


async def test_a_token_can_come_from_the_environment(face, serve, prompt_json, monkeypatch):
    monkeypatch.setenv("DAKORA_BASE_URL", "http://env.test")
    monkeypatch.setenv("DAKORA_PROJECT", "p")
    monkeypatch.setenv("DAKORA_TOKEN", f" {TOKEN}\n")
    server = serve(httpx2.Response(200, json=prompt_json))
    outcome = sent(server, face).prompts.get("a")
    if face is Dakora:
        await outcome
    assert server.requests[0].headers["authorization"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize("given", [{"api_key": "dk_proj_arg"}, {"token": "arg.to.ken"}, {"api_key": ""}, {"token": ""}])
async def test_who_is_named_as_an_argument_is_all_who_calls(connect, serve, prompt_json, monkeypatch, given):
    monkeypatch.setenv("DAKORA_API_KEY", "dk_proj_env")
    monkeypatch.setenv("DAKORA_TOKEN", TOKEN)
    server = serve(httpx2.Response(200, json=prompt_json))
    await connect(server, project="p", **given).prompts.get("a")
    (wanted,) = given.values()
    assert server.requests[0].headers.get("authorization") == (f"Bearer {wanted}" if wanted else None)


def test_a_key_and_a_token_together_are_refused(face, monkeypatch):
    with pytest.raises(ConfigurationError, match="one of them"):
        face("http://x", api_key="dk_proj_a", token=TOKEN)
    monkeypatch.setenv("DAKORA_API_KEY", "dk_proj_a")
    monkeypatch.setenv("DAKORA_TOKEN", TOKEN)
    with pytest.raises(ConfigurationError, match="one of them") as caught:
        face("http://x")
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize(
    "mixed_up", [{"api_key": TOKEN}, {"token": "dk_proj_abc"}, {"token": "a b"}, {"token": "é"}, {"token": 7}]
)
def test_a_token_is_no_key_and_a_key_no_token(face, mixed_up):
    with pytest.raises(ConfigurationError) as caught:
        face("http://x", **mixed_up)
    assert str(*mixed_up.values()) not in str(caught.value)


def test_a_token_is_never_sent_to_an_address_nobody_named(face):
    with pytest.raises(ConfigurationError, match="DAKORA_BASE_URL"):
        face(token=TOKEN)


@pytest.mark.parametrize("given", ["", None, "a b", "dk_proj_abc", 7])
async def test_a_function_that_gives_no_token_ends_the_call_before_it_is_sent(connect, serve, given):
    server = serve(httpx2.Response(200, json={"status": "ok"}))
    with pytest.raises(ConfigurationError):
        await connect(server, token=lambda: given, project="p").prompts.get("a")
    assert server.requests == []
