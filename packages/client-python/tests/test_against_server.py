"""The main path, both faces, against the real application; and the README as a reader would run it."""

import asyncio
import re
import subprocess
import sys
from pathlib import Path

import pytest

from dakora_client import (
    ConflictError,
    InvalidInputsError,
    InvalidRequestError,
    NotFoundError,
    PreconditionFailed,
    RenderError,
    TemplateInvalidError,
)

README = Path(__file__).parent.parent / "README.md"
INPUTS = {"name": {"type": "string", "required": True}, "times": {"type": "number", "default": 1}}


@pytest.fixture
async def dakora(client_of, app, project):
    return await client_of(app, project=str(project.id))


async def test_a_prompt_from_its_first_version_to_its_return(dakora):
    prompts = dakora.prompts
    first = await prompts.create("greeting", "Hello {{ name }}!", inputs=INPUTS, message="first")
    assert (first.version_number, first.version, first.message) == (1, "1.0.0", "first")
    assert await prompts.get("greeting") == first

    result = await prompts.render("greeting", {"name": "Alice"})
    assert (result.text, result.version_number) == ("Hello Alice!", 1)
    assert result.inputs == {"name": "Alice", "times": 1}

    content = first.content() | {"template": "Hi {{ name }}! {{ times }}"}
    second = await prompts.update("greeting", **content, if_match=first)
    assert (second.version_number, second.inputs) == (2, first.inputs)
    with pytest.raises(PreconditionFailed):
        await prompts.update("greeting", "too late", if_match=first)
    assert (await prompts.update("greeting", **content)).version_number == 2

    assert (await prompts.get("greeting")).template == second.template
    assert (await prompts.get("greeting", version=1)).template == first.template
    assert (await prompts.get("greeting", version="1.0.0")).template == first.template
    assert (await prompts.get("greeting", label="latest")).version_number == 2
    diff = await prompts.diff("greeting", 1, 2)
    assert [(change.field, change.op) for change in diff.changes] == [("template", "changed")]
    assert "".join(word.text for word in diff.changes[0].words if word.op != "insert") == first.template
    assert "".join(word.text for word in diff.changes[0].words if word.op != "delete") == second.template

    back = await prompts.rollback("greeting", 1, message="it was better")
    assert (back.version_number, back.content_hash) == (3, first.content_hash)
    assert [version.version_number for version in await prompts.versions("greeting")] == [3, 2, 1]

    await prompts.delete("greeting")
    with pytest.raises(NotFoundError):
        await prompts.get("greeting")
    with pytest.raises(ConflictError):
        await prompts.create("Greeting", "x")
    assert (await prompts.restore("greeting")).version_number == 3


async def test_a_chat_prompt_gives_messages(dakora):
    messages = [{"role": "system", "content": "Be {{ tone }}."}, {"role": "user", "content": "{{ question }}"}]
    saved = await dakora.prompts.create("chat", messages=messages)
    assert (saved.messages, saved.template) == (messages, None)
    result = await dakora.prompts.render("chat", {"tone": "kind", "question": "Why?"})
    assert result.messages == [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Why?"}]
    assert result.text == "Be kind.\n\nWhy?"


async def test_an_unchanged_prompt_comes_from_the_cache_and_a_changed_one_does_not(dakora):
    await dakora.prompts.create("greeting", "one")
    first = await dakora.prompts.get("greeting")
    assert await dakora.prompts.get("greeting") is first
    await dakora.prompts.update("greeting", "two")
    assert (await dakora.prompts.get("greeting")).template == "two"


async def test_lists_cover_every_page_and_every_filter(dakora, project):
    names = [f"p{number:03}" for number in range(201)]
    # As many at once as a server takes without asking anybody to come back later.
    for first in range(0, len(names), 20):
        batch = names[first : first + 20]
        await asyncio.gather(*(project.create(name, metadata={"tags": ["many"]}) for name in batch))
    await dakora.prompts.create("other", "Hello", folder="support/email", description="The odd one")
    assert await dakora.prompts.list() == sorted([*names, "other"])
    assert await dakora.prompts.list(tag="many") == names
    assert await dakora.prompts.list(folder="support") == ["other"]
    assert await dakora.prompts.list(search="odd") == ["other"]


async def test_refusals_arrive_as_their_classes(dakora):
    prompts = dakora.prompts
    await prompts.create("greeting", "Hello {{ name }}!", inputs={"name": {"type": "string"}})
    with pytest.raises(InvalidInputsError) as wrong:
        await prompts.render("greeting", {"nmae": "Alice", "other": 1})
    assert {fault.loc[-1] for fault in wrong.value.errors} == {"name", "nmae", "other"}
    with pytest.raises(TemplateInvalidError) as broken:
        await prompts.create("broken", "Hello\n{{ name")
    assert broken.value.errors[0].line == 2
    with pytest.raises(TemplateInvalidError):
        await prompts.update("greeting", "Hi", version="0.9.0")
    with pytest.raises(ConflictError):
        await prompts.create("GREETING", "x")
    await prompts.create("divide", "{{ 1 / n }}")
    with pytest.raises(RenderError):
        await prompts.render("divide", {"n": 0})
    with pytest.raises(NotFoundError):
        await prompts.get("greeting", version=7)
    with pytest.raises(NotFoundError):
        await prompts.get("greeting", label="production")


@pytest.mark.parametrize("prompt_id", ["", ".", "..", "../me", "greeting/versions", "greeting/restore", "a\\b", "\x00"])
async def test_no_id_reaches_another_route(dakora, prompt_id):
    await dakora.prompts.create("greeting", "Hello")
    for call in (dakora.prompts.get, dakora.prompts.delete, dakora.prompts.restore, dakora.prompts.render):
        with pytest.raises((NotFoundError, InvalidRequestError)):
            await call(prompt_id)
    assert await dakora.prompts.list() == ["greeting"]


async def test_validate_compares_with_names_or_with_declared_inputs(dakora):
    by_name = await dakora.prompts.validate("{{ a }} {{ b }}", declared_variables=["a", "c"])
    assert (by_name.variables_missing, by_name.variables_unused) == (("b",), ("c",))
    by_type = await dakora.prompts.validate("{{ a }}", declared_variables={"a": {"type": "string", "required": False}})
    assert (by_type.ok, len(by_type.warnings)) == (True, 1)
    assert (await dakora.prompts.validate("{{ a")).errors[0].line == 1


async def test_the_server_says_who_we_are(dakora):
    assert (await dakora.health()).status == "ok"
    me, context = await dakora.me(), await dakora.context()
    assert (me.user.id, me.default_project.id) == (context.user_id, context.project_id)
    assert context.project_slug == "default"


@pytest.mark.parametrize(
    "example",
    re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL),
    ids=lambda _: "example",
)
def test_every_example_in_the_readme_runs(dev_server, example):
    script = example.replace("http://localhost:54321", dev_server.address)
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.strip()
