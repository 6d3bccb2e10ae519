"""Parts, both faces, against the real application: shared, followed, in use, deleted."""

import asyncio

import httpx2
import pytest

from dakora_client import (
    ConflictError,
    InvalidRequestError,
    NotFoundError,
    PartUsage,
    PartUsed,
    PreconditionFailed,
    TemplateInvalidError,
)


@pytest.fixture
async def dakora(client_of, app, project):
    return await client_of(app, project=str(project.id))


async def test_a_part_from_its_first_version_to_its_return(dakora):
    parts = dakora.parts
    first = await parts.create(
        "tone/polite", "Be polite, {{ name }}.", description="Manners", metadata={"tags": ["t"]}, message="first"
    )
    assert (first.id, first.category, first.part_id) == ("tone/polite", "tone", "polite")
    assert (first.version_number, first.version, first.variables, first.tags) == (1, "1.0.0", ("name",), ("t",))
    assert await parts.get("tone/polite") == first

    content = first.content() | {"template": "Be kind."}
    second = await parts.update("tone/polite", **content, message="kinder", if_match=first)
    assert (second.version_number, second.description, second.tags) == (2, "Manners", ("t",))
    with pytest.raises(PreconditionFailed):
        await parts.update("tone/polite", "too late", if_match=first)
    assert (await parts.update("tone/polite", **content)).version_number == 2

    assert await parts.get("tone/polite") == second
    for version in (1, "1.0.0"):
        assert (await parts.get("tone/polite", version=version)).template == first.template
    diff = await parts.diff("tone/polite", 1, 2)
    assert [change.field for change in diff.changes] == ["template"]

    back = await parts.rollback("tone/polite", 1, message="it was better")
    assert (back.version_number, back.content_hash) == (3, first.content_hash)
    history = await parts.versions("tone/polite")
    assert [(line.version_number, line.message) for line in history] == [
        (3, "it was better"),
        (2, "kinder"),
        (1, "first"),
    ]

    await parts.delete("tone/polite")
    with pytest.raises(NotFoundError) as gone:
        await parts.get("tone/polite")
    assert gone.value.code == "part_not_found"
    with pytest.raises(ConflictError) as taken:
        await parts.create("Tone/Polite", "x")
    assert taken.value.code == "part_archived"
    assert (await parts.restore("tone/polite")).version_number == 3


async def test_whoever_reads_a_prompt_sees_its_parts_and_whoever_changes_a_part_sees_its_users(dakora):
    await dakora.parts.create("tone/polite", "Please, {{ name }}!")
    await dakora.parts.create("frame/mail", "Dear {{ name }}. {% include 'tone/polite' %}")
    used = (PartUsed(id="frame/mail", version_number=1), PartUsed(id="tone/polite", version_number=1))
    made = await dakora.prompts.create("letter", "{% include 'frame/mail' %}")
    assert made.parts == used
    await dakora.prompts.set_label("letter", "production", 1)
    rendered = await dakora.prompts.render("letter", {"name": "Ada"})
    assert (rendered.text, rendered.parts) == ("Dear Ada. Please, Ada!", used)
    assert (await dakora.parts.get("frame/mail")).parts == (PartUsed(id="tone/polite", version_number=1),)

    await dakora.parts.update("tone/polite", "Thanks, {{ name }}!")
    assert (await dakora.prompts.render("letter", {"name": "Ada"})).text == "Dear Ada. Thanks, Ada!"
    assert (await dakora.prompts.render("letter", {"name": "Ada"}, label="production")).text == "Dear Ada. Please, Ada!"
    assert [line.parts for line in await dakora.parts.versions("frame/mail")] == [
        (PartUsed(id="tone/polite", version_number=number),) for number in (2, 1)
    ]
    usages = await dakora.parts.usages("tone/polite")
    assert (
        PartUsage(
            kind="part", id="frame/mail", version_number=2, part_version_number=2, direct=True, follows=True, labels=()
        )
        in usages
    )
    assert {(use.version_number, use.part_version_number, use.labels) for use in usages if use.kind == "prompt"} == {
        (2, 2, ()),
        (1, 1, ("production",)),
    }


async def test_a_part_in_use_is_deleted_by_force_only(dakora):
    await dakora.parts.create("tone/polite", "Please!")
    await dakora.prompts.create("letter", "{% include 'tone/polite' %}")
    with pytest.raises(ConflictError) as refused:
        await dakora.parts.delete("tone/polite")
    assert refused.value.code == "part_in_use"
    assert [fault.loc for fault in refused.value.errors] == [("prompt", "letter")]
    await dakora.parts.delete("tone/polite", force=True)
    assert (await dakora.prompts.render("letter")).text == "Please!"


async def test_refusals_arrive_as_their_classes(dakora):
    await dakora.parts.create("a/b", "x")
    await dakora.parts.create("a/c", "{% include 'a/b' %}")
    with pytest.raises(ConflictError) as cycle:
        await dakora.parts.update("a/b", "{% include 'a/c' %}")
    assert cycle.value.code == "include_cycle"
    with pytest.raises(TemplateInvalidError):
        await dakora.parts.create("a/d", "{% include 'a/absent' %}")
    with pytest.raises(TemplateInvalidError):
        await dakora.parts.update("a/b", "y", version="0.1.0")
    with pytest.raises(NotFoundError) as version:
        await dakora.parts.get("a/b", version=7)
    assert version.value.code == "version_not_found"


async def test_lists_cover_every_page_and_every_filter(dakora):
    names = [f"many/p{number:03}" for number in range(201)]
    for first in range(0, len(names), 20):
        await asyncio.gather(*(dakora.parts.create(name, "x") for name in names[first : first + 20]))
    await dakora.parts.create("Other/one", "Hello", description="The odd one")
    await dakora.parts.create("a/z", "x")
    assert await dakora.parts.list() == ["a/z", *names, "Other/one"]
    assert await dakora.parts.list(category="many") == names
    assert await dakora.parts.list(search="odd") == ["Other/one"]
    (found,) = await dakora.parts.iter(category="Other")
    assert (found.category, found.part_id, found.description) == ("Other", "one", "The odd one")


async def test_categories_that_differ_in_case_are_listed_in_order_of_id(connect, serve):
    def entry(part_id):
        category, _, name = part_id.partition("/")
        return {"id": part_id, "category": category, "part_id": name, "version": "1.0.0", "version_number": 1}

    by_category = {"Tone": [entry("Tone/a"), entry("Tone/c")], "tone": [entry("tone/b")]}
    server = serve(httpx2.Response(200, json={"by_category": by_category}))
    assert await connect(server).parts.list() == ["Tone/a", "tone/b", "Tone/c"]


@pytest.mark.parametrize(
    "part_id",
    ["", "/", "tone", "tone/", "/polite", "tone/..", "../tone", "tone/polite/versions", "tone/polite/restore"],
)
async def test_no_id_reaches_another_route(dakora, part_id):
    await dakora.parts.create("tone/polite", "Please!")
    for call in (dakora.parts.get, dakora.parts.delete, dakora.parts.restore, dakora.parts.usages):
        with pytest.raises((NotFoundError, InvalidRequestError)):
            await call(part_id)
    assert await dakora.parts.list() == ["tone/polite"]


async def test_an_id_without_two_halves_is_refused_before_anything_is_sent(connect, serve):
    server = serve(httpx2.Response(200, json={}))
    with pytest.raises(InvalidRequestError, match="'polite' is not the id of a part"):
        await connect(server).parts.get("polite")
    assert server.requests == []
