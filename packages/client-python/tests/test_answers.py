"""What comes back: typed, frozen, and open to a newer server."""

import copy
import json
import pickle
from dataclasses import FrozenInstanceError, asdict, replace
from datetime import UTC, datetime

import httpx2
import pytest

from dakora_client import DakoraSync, DiffLine, DiffWord, PartUsed, PromptSummary, UnexpectedAnswer, User


def ok(body, **headers):
    return httpx2.Response(200, json=body, headers=headers)


@pytest.fixture
def prompt(serve, prompt_json):
    transport = httpx2.MockTransport(serve(ok(prompt_json, etag='"e1"')))
    return DakoraSync("http://dakora.test", transport=transport).prompts.get("greeting")


def test_a_prompt_has_everything_the_server_says(prompt, prompt_json):
    assert (prompt.id, prompt.version, prompt.version_number) == ("greeting", "1.2.0", 3)
    assert prompt.inputs == prompt_json["inputs"]
    assert prompt.model == prompt_json["model"]
    assert prompt.tags == ("example",)
    assert prompt.labels == ("latest",)
    assert prompt.created_at == datetime(2026, 11, 1, 12, tzinfo=UTC)
    assert prompt.etag == '"e1"'
    assert prompt.messages is None


def test_nothing_in_a_prompt_can_be_changed(prompt):
    with pytest.raises(FrozenInstanceError):
        prompt.template = "x"
    for change in (
        lambda: prompt.metadata.update(x=1),
        lambda: prompt.metadata["tags"].append("x"),
        lambda: prompt.inputs["name"].__setitem__("type", "number"),
        lambda: prompt.model["parameters"]["stop"].insert(0, "x"),
    ):
        with pytest.raises(TypeError, match="make a copy first"):
            change()


def test_a_prompt_is_plain_data_for_everybody_else(prompt, prompt_json):
    assert json.loads(json.dumps(prompt.metadata)) == prompt_json["metadata"]
    assert pickle.loads(pickle.dumps(prompt)) == prompt
    assert copy.deepcopy(prompt) == prompt
    assert asdict(prompt)["model"] == prompt_json["model"]
    assert replace(prompt, version_number=4).version_number == 4
    mine = dict(prompt.metadata) | {"mine": True}
    assert mine["mine"]


async def test_fields_of_a_newer_server_are_ignored(connect, serve, prompt_json, rendered_json):
    server = serve(ok(prompt_json | {"mood": "sunny"}), ok(rendered_json | {"tokens": 12}))
    prompts = connect(server).prompts
    assert (await prompts.get("greeting")).id == "greeting"
    assert (await prompts.render("greeting")).text == "Hello Alice!"


async def test_fields_an_older_server_does_not_send_are_empty(connect, serve):
    server = serve(ok({"id": "a", "version": "1.0.0", "version_number": 1, "content_hash": "ab", "template": "x"}))
    prompt = await connect(server).prompts.get("a")
    assert (prompt.folder, prompt.inputs, prompt.labels, prompt.parts, prompt.created_at) == ("", {}, (), (), None)


async def test_a_render_says_what_it_was_made_of(connect, serve, rendered_json):
    result = await connect(serve(ok(rendered_json))).prompts.render("greeting", {"name": "Alice"})
    assert (result.text, result.version_number, result.inputs) == ("Hello Alice!", 3, {"name": "Alice"})
    assert result.parts == (PartUsed(id="tone/friendly", version_number=2),)
    assert result.messages is None


async def test_a_rendered_chat_gives_messages_for_a_model(connect, serve, rendered_json):
    messages = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hi"}]
    body = rendered_json | {"messages": messages, "rendered": "Be kind.\n\nHi"}
    result = await connect(serve(ok(body))).prompts.render("chat")
    assert result.messages == messages
    assert json.loads(json.dumps({"messages": result.messages})) == {"messages": messages}


async def test_a_list_is_read_over_all_its_pages(connect, serve):
    def page(names, **headers):
        return ok([{"id": name, "version": "1.0.0", "version_number": 1} for name in names], **headers)

    path = "/api/projects/default/prompts"
    server = serve(
        page("ab", link=f'<{path}?search=x&limit=200&cursor=c%2B1>; rel="next"'),
        # Another host, as behind a proxy that rewrites nothing: only its cursor is believed.
        page("cd", link=f'<http://inside:8000{path}?cursor=c2>; title="more"; rel=next, <{path}>; rel="first"'),
        page("e", link=f'<{path}>; rel="first"'),
    )
    assert await connect(server).prompts.list(search="x & y", tag="t", folder="a/b", label="latest") == list("abcde")
    first = f"GET {path}?search=x%20%26%20y&tag=t&folder=a%2Fb&label=latest&limit=200"
    assert server.targets == [first, f"{first}&cursor=c%2B1", f"{first}&cursor=c2"]
    assert {request.url.host for request in server.requests} == {"dakora.test"}


async def test_iter_gives_summaries(connect, serve, prompt_json):
    listed = prompt_json | {"tags": ["example"], "label_versions": {"production": 1}}
    (found,) = await connect(serve(ok([listed]))).prompts.iter()
    assert isinstance(found, PromptSummary)
    assert (found.id, found.tags, found.inputs) == ("greeting", ("example",), prompt_json["inputs"])
    assert found.label_versions == {"production": 1}


def test_iter_fetches_a_page_only_when_it_is_needed(serve, prompt_json):
    server = serve(ok([prompt_json], link='</x?cursor=c>; rel="next"'))
    summaries = DakoraSync("http://dakora.test", transport=httpx2.MockTransport(server)).prompts.iter()
    assert server.requests == []
    next(summaries)
    assert len(server.requests) == 1


async def test_a_page_that_leads_to_itself_ends_in_an_error(connect, serve):
    with pytest.raises(UnexpectedAnswer, match="leads to itself"):
        await connect(serve(ok([], link='</x?cursor=c>; rel="next"'))).prompts.versions("greeting")


async def test_a_report_lists_what_is_wrong_instead_of_raising(connect, serve):
    body = {
        "ok": False,
        "variables_used": ["name"],
        "variables_missing": ["name"],
        "variables_unused": [],
        "includes": [],
        "errors": [{"message": "unexpected end", "line": 2, "column": 7, "type": "syntax", "loc": ["template"]}],
        "warnings": [],
    }
    report = await connect(serve(ok(body))).prompts.validate("{{ name", declared_variables=[])
    assert (report.ok, report.variables_missing) == (False, ("name",))
    assert str(report.errors[0]) == "template: unexpected end (line 2, column 7)"
    assert report.preview is None


async def test_a_report_has_what_an_unsaved_template_renders_to(connect, serve):
    body = {"ok": True, "preview": {"rendered": "Hi Ann", "messages": None, "errors": []}}
    server = serve(ok(body))
    report = await connect(server).prompts.validate("Hi {{ name }}", inputs={"name": "Ann"})
    assert report.preview.text == "Hi Ann"
    assert json.loads(server.requests[0].content)["inputs"] == {"name": "Ann"}


async def test_a_diff_names_each_field(connect, serve):
    words = [{"op": "equal", "text": "a "}, {"op": "delete", "text": "b"}]
    lines = [{"op": "-", "text": "a b", "words": words}, {"op": "+", "text": "c", "words": None}]
    change = {"field": "template", "op": "changed", "before": "a b", "after": "c", "lines": lines}
    diff = await connect(serve(ok({"from": 1, "to": 2, "changes": [change]}))).prompts.diff("greeting", 1, 2)
    assert (diff.from_version, diff.to_version) == (1, 2)
    assert (diff.changes[0].field, diff.changes[0].after, diff.changes[0].words) == ("template", "c", None)
    told = (DiffWord(op="equal", text="a "), DiffWord(op="delete", text="b"))
    assert diff.changes[0].lines == (DiffLine(op="-", text="a b", words=told), DiffLine(op="+", text="c"))


async def test_me_knows_person_workspaces_and_project(connect, serve):
    project = {"id": "p", "slug": "default", "name": "Default", "workspace_id": "w"}
    workspace = {"id": "w", "slug": "local", "name": "Local", "role": "owner"}
    body = {"user": {"id": "u", "name": "You", "email": None}, "workspaces": [workspace], "default_project": project}
    me = await connect(serve(ok(body))).me()
    assert me.user == User(id="u", name="You", email=None)
    assert (me.workspaces[0].role, me.default_project.slug) == ("owner", "default")


@pytest.mark.parametrize(
    ("status", "body", "headers"),
    [
        (200, b"<h1>It works!</h1>", {"content-type": "text/html"}),
        (200, b"[]", {}),
        (200, b'{"id": "greeting"}', {}),
        (200, b'{"id": "a", "version": "1.0.0", "version_number": 1, "content_hash": "", "created_at": "?"}', {}),
        (200, b"\xff\xfe\xff", {}),
        (200, b"[" * 100_000, {}),
        (200, b"not gzip", {"content-encoding": "gzip"}),
        (204, b"", {}),
        (304, b"", {}),
        (101, b"", {}),
    ],
)
async def test_an_answer_from_something_else_says_so(connect, serve, status, body, headers):
    answer = httpx2.Response(status, headers=headers, stream=httpx2.ByteStream(body))
    with pytest.raises(UnexpectedAnswer, match=r"http://dakora\.test"):
        await connect(serve(answer)).prompts.get("greeting")


async def test_a_redirect_is_told_and_not_followed(connect, serve):
    server = serve(httpx2.Response(308, headers={"location": "https://dakora.test/api/health?secret=1"}))
    with pytest.raises(UnexpectedAnswer, match=r"redirect to https://dakora.test/api/health: use that"):
        await connect(server).health()
    assert len(server.requests) == 1
