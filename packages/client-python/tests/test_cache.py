"""Prompts are kept with their ETags and asked about every time."""

import httpx2
import pytest


class Versioned:
    """A server whose prompt can change, and that answers 304 when it has not."""

    def __init__(self, prompt_json):
        self.prompt_json = prompt_json
        self.etag = '"v1"'
        self.seen = []

    def __call__(self, request):
        self.seen.append(request.headers.get("if-none-match"))
        if request.headers.get("if-none-match") == self.etag:
            return httpx2.Response(304, headers={"etag": self.etag})
        return httpx2.Response(200, json=self.prompt_json, headers={"etag": self.etag})


@pytest.fixture
def server(prompt_json):
    return Versioned(prompt_json)


async def test_an_unchanged_prompt_is_the_same_object(connect, server):
    prompts = connect(server).prompts
    first = await prompts.get("greeting")
    assert await prompts.get("greeting") is first
    assert server.seen == [None, '"v1"']


async def test_a_changed_prompt_is_seen_at_once(connect, server):
    prompts = connect(server).prompts
    await prompts.get("greeting")
    server.etag, server.prompt_json = '"v2"', server.prompt_json | {"template": "Hi"}
    assert (await prompts.get("greeting")).template == "Hi"
    assert (await prompts.get("greeting")).etag == '"v2"'
    assert server.seen == [None, '"v1"', '"v2"']


async def test_versions_and_labels_are_kept_apart(connect, server):
    prompts = connect(server).prompts
    for choice in ({}, {"version": 1}, {"version": "1"}, {"label": "latest"}):
        await prompts.get("greeting", **choice)
    # The number and the digits mean the same to the server, so they share a place.
    assert server.seen == [None, None, '"v1"', None]


async def test_the_prompt_used_longest_ago_makes_room(connect, server):
    prompts = connect(server, cache_size=2).prompts
    for name in ("a", "b", "a", "c", "a", "b"):
        await prompts.get(name)
    assert server.seen == [None, None, '"v1"', None, '"v1"', None]


async def test_the_cache_can_be_switched_off(connect, server):
    prompts = connect(server, cache_size=0).prompts
    await prompts.get("greeting")
    await prompts.get("greeting")
    assert server.seen == [None, None]


async def test_an_answer_without_an_etag_is_not_kept(connect, serve, prompt_json):
    server = serve(httpx2.Response(200, json=prompt_json))
    prompts = connect(server).prompts
    await prompts.get("greeting")
    await prompts.get("greeting")
    assert "if-none-match" not in server.requests[1].headers


async def test_renders_are_always_made_anew(connect, serve, rendered_json):
    server = serve(httpx2.Response(200, json=rendered_json, headers={"etag": '"r"'}))
    prompts = connect(server).prompts
    await prompts.render("greeting")
    await prompts.render("greeting")
    assert "if-none-match" not in server.requests[1].headers
