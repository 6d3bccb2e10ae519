"""Labels, both faces, against a platform with login: moved, looked up, protected, asked for."""

import pytest

from dakora_client import ConflictError, InvalidRequestError, NotFoundError, PermissionDenied, PreconditionFailed


@pytest.fixture
async def team(world):
    return await world.team("admin", "editor")


@pytest.fixture
def sign_in(client_of, world, team):
    """A client of one of the team's members, in the team's project."""

    async def make(role):
        return await client_of(world.app, token=team.members[role].token, project=team.project_id)

    return make


@pytest.fixture
async def editor(sign_in):
    dakora = await sign_in("editor")
    await dakora.prompts.create("p", "one")
    await dakora.prompts.update("p", "two")
    return dakora


async def test_a_label_moves_and_is_what_get_and_render_take(editor):
    made = await editor.prompts.set_label("p", "production", 1, message="first")
    assert (made.label, made.version_number, made.version) == ("production", 1, "1.0.0")
    assert (await editor.prompts.get("p", label="production")).template == "one"
    moved = await editor.prompts.set_label("p", "production", "1.0.1")
    assert moved.version_number == 2
    assert (await editor.prompts.get("p", label="production")).template == "two"
    assert (await editor.prompts.render("p", label="production")).text == "two"
    assert [label.label for label in await editor.prompts.labels("p")] == ["production"]
    history = await editor.prompts.label_history("p", "production")
    assert [(move.from_version, move.to_version, move.message) for move in history] == [
        (1, 2, None),
        (None, 1, "first"),
    ]
    await editor.prompts.remove_label("p", "production")
    with pytest.raises(NotFoundError) as gone:
        await editor.prompts.get("p", label="production")
    assert gone.value.code == "label_not_found"


async def test_a_label_moves_from_where_it_was_read_only(editor):
    await editor.prompts.set_label("p", "production", 1)
    read = await editor.prompts.get_label("p", "production")
    await editor.prompts.set_label("p", "production", 2, if_match=read)
    with pytest.raises(PreconditionFailed):
        await editor.prompts.set_label("p", "production", 1, if_match=read)
    with pytest.raises(PreconditionFailed):
        await editor.prompts.remove_label("p", "production", if_match=read.etag)


async def test_a_protected_label_is_moved_by_request_and_approval(editor, sign_in):
    admin, owner = await sign_in("admin"), await sign_in("owner")
    await owner.prompts.set_label("p", "production", 1)
    assert (await owner.labels.protect("production", needs_approval=True)).needs_approval
    assert [one.label for one in await editor.labels.protected()] == ["production"]
    with pytest.raises(PermissionDenied):
        await owner.prompts.set_label("p", "production", 2)
    asked = await editor.labels.request("p", "production", 2, message="ready")
    assert [request.id for request in await admin.labels.requests(status="open")] == [asked.id]
    await admin.labels.comment(asked.id, "Why now?")
    seen = await admin.labels.get_request(asked.id)
    assert [change.field for change in seen.changes] == ["template"]
    assert [comment.text for comment in seen.comments] == ["Why now?"]
    assert (await admin.labels.approve(asked.id)).status == "approved"
    assert (await editor.prompts.get("p", label="production")).template == "two"
    with pytest.raises(ConflictError):
        await owner.labels.reject(asked.id)
    with pytest.raises(InvalidRequestError):
        await editor.labels.request("p", "production", 2)
    other = await editor.labels.request("p", "production", 1)
    assert (await editor.labels.withdraw(other.id)).status == "withdrawn"
    await owner.labels.unprotect("production")
    assert await editor.labels.protected() == []
