"""Keys, teams, projects and the audit log, both faces, against a platform with login."""

import itertools

import pytest

from dakora_client import (
    AuthenticationError,
    ConflictError,
    InvalidRequestError,
    NewApiKey,
    NotFoundError,
    PermissionDenied,
    RateLimited,
)


@pytest.fixture
def sign_in(client_of, world):
    """A client of somebody who has signed in."""

    async def make(user, **options):
        return await client_of(world.app, token=user.token, **options)

    return make


@pytest.fixture
async def user(world):
    return await world.user("Ada")


@pytest.fixture
async def ada(sign_in, user):
    return await sign_in(user)


async def test_a_key_made_here_opens_its_project_until_it_is_revoked(ada, user, client_of, world):
    made = await ada.api_keys.create("ci", scopes=["read", "render"], expires_in_days=30)
    assert isinstance(made, NewApiKey)
    assert (made.name, made.scopes, made.labels, made.status) == ("ci", ("read", "render"), None, "live")
    assert made.created_by == user.id
    assert (made.expires_at - made.created_at).days == 30

    program = await client_of(world.app, api_key=made.key)
    assert (await program.context()).project_id == user.project_id
    assert (await program.prompts.render("greeting", {"name": "Ada"})).text.startswith("Hello Ada!")
    with pytest.raises(PermissionDenied) as refused:
        await program.prompts.create("mine", "x")
    assert refused.value.code == "scope_missing"
    with pytest.raises(PermissionDenied):
        await program.api_keys.list()

    await ada.api_keys.revoke(made.id)
    await ada.api_keys.revoke(made.id)
    with pytest.raises(AuthenticationError) as gone:
        await program.prompts.render("greeting", {"name": "Ada"})
    assert gone.value.code == "api_key_revoked"
    assert await ada.api_keys.list() == []
    assert [(key.id, key.status, key.hint[-4:]) for key in await ada.api_keys.list(all=True)] == [
        (made.id, "revoked", made.key[-4:])
    ]


async def test_a_key_is_shown_by_the_answer_that_made_it_and_by_nothing_else(ada):
    made = await ada.api_keys.create("ci")
    (listed,) = await ada.api_keys.iter()
    assert made.key.startswith("dk_proj_")
    assert made.key not in repr(made)
    assert not hasattr(listed, "key")
    assert made.key not in repr(listed)


async def test_a_rotated_key_and_its_successor_both_open_for_the_overlap(ada, client_of, world):
    old = await ada.api_keys.create("deploy", scopes=["read"], labels=["latest"])
    new = await ada.api_keys.rotate(old.id, overlap_hours=2)
    assert (new.name, new.scopes, new.labels) == ("deploy", ("read",), ("latest",))
    for key in (old.key, new.key):
        program = await client_of(world.app, api_key=key)
        assert (await program.prompts.get("greeting", label="latest")).id == "greeting"
    known = {key.id: key for key in await ada.api_keys.list()}
    assert (known[old.id].status, known[new.id].status) == ("rotated", "live")
    with pytest.raises(NotFoundError):
        await ada.api_keys.rotate(old.id)

    newest = await ada.api_keys.rotate(new.id, overlap_hours=0)
    with pytest.raises(AuthenticationError) as over:
        await (await client_of(world.app, api_key=new.key)).prompts.list()
    assert over.value.code == "api_key_expired"
    assert newest.id in {key.id for key in await ada.api_keys.list()}


async def test_a_key_limited_to_labels_opens_what_they_point_to_only(ada, client_of, world):
    made = await ada.api_keys.create("app", labels=["latest"])
    program = await client_of(world.app, api_key=made.key)
    assert (await program.prompts.render("greeting", {"name": "Ada"}, label="latest")).version_number == 1
    with pytest.raises(PermissionDenied) as refused:
        await program.prompts.render("greeting", {"name": "Ada"}, version=1)
    assert refused.value.code == "label_not_allowed"
    with pytest.raises(InvalidRequestError):
        await ada.api_keys.create("app", labels=["latest"], scopes=["write"])


async def test_the_eleventh_key_is_refused(ada):
    for number in range(10):
        await ada.api_keys.create(f"key {number}")
    with pytest.raises(ConflictError) as refused:
        await ada.api_keys.create("one too many")
    assert refused.value.code == "too_many"


async def test_a_team_from_its_first_member_to_its_end(ada, user, sign_in, world):
    workspace = await ada.workspaces.create("Acme & Sons", slug=f"acme-{user.id}")
    assert (workspace.name, workspace.role, workspace.personal) == ("Acme & Sons", "owner", False)
    assert [(one.personal, one.role) for one in await ada.workspaces.list()] == [(True, "owner"), (False, "owner")]
    assert (await ada.workspaces.rename(workspace.id, name="Acme")).name == "Acme"

    other = await world.user("Grace")
    grace = await sign_in(other)
    with pytest.raises(NotFoundError):
        await grace.workspaces.get(workspace.id)
    invitation = await ada.workspaces.invite(workspace.id, "grace@example.com", "viewer")
    assert invitation.link.partition("#")[2] not in repr(invitation)
    assert [(one.email, one.role, one.link) for one in await ada.workspaces.invitations(workspace.id)] == [
        ("grace@example.com", "viewer", None)
    ]
    joined = await grace.workspaces.accept_invitation(invitation.link)
    assert (joined.id, joined.role) == (workspace.id, "viewer")
    with pytest.raises(PermissionDenied):
        await grace.workspaces.invite(workspace.id, "eve@example.com")

    await ada.workspaces.set_role(workspace.id, other.id, "admin")
    withdrawn = await grace.workspaces.invite(workspace.id, "eve@example.com")
    await ada.workspaces.revoke_invitation(workspace.id, withdrawn.id)
    with pytest.raises(NotFoundError):
        await ada.workspaces.accept_invitation(withdrawn.link.partition("#")[2])

    with pytest.raises(ConflictError) as alone:
        await ada.workspaces.remove_member(workspace.id, user.id)
    assert alone.value.code == "last_owner"
    await ada.workspaces.hand_over(workspace.id, other.id)
    roles = {member.user_id: member.role for member in await grace.workspaces.members(workspace.id)}
    assert roles == {user.id: "admin", other.id: "owner"}
    await grace.workspaces.remove_member(workspace.id, user.id)
    with pytest.raises(NotFoundError):
        await ada.workspaces.members(workspace.id)
    await grace.workspaces.delete(workspace.id)
    assert workspace.id not in {one.id for one in await grace.workspaces.list()}


async def test_projects_are_made_renamed_archived_and_restored(ada, user, sign_in):
    place = user.workspace_id
    made = await ada.projects.create(place, "Second one", slug="second", samples=False)
    assert (made.slug, made.workspace_id, made.archived_at) == ("second", place, None)
    assert (await ada.projects.rename(made.id, slug="next")).slug == "next"
    assert (await ada.projects.get(made.id)).name == "Second one"
    with pytest.raises(ConflictError) as taken:
        await ada.projects.create(place, "Third", slug="next")
    assert taken.value.code == "slug_taken"
    assert [project.slug for project in await ada.projects.list(place)] == ["default", "next"]

    await ada.projects.delete(made.id)
    assert [project.slug for project in await ada.projects.list(place)] == ["default"]
    assert [project.id for project in await ada.projects.list(place, archived=True)] == [made.id]
    assert (await ada.projects.restore(made.id)).archived_at is None
    assert await (await sign_in(user, project=made.id)).prompts.list() == []


async def test_a_prompt_moves_with_its_history(ada, user, sign_in):
    target = await ada.projects.create(user.workspace_id, "Elsewhere")
    first = await ada.prompts.create("note", "one")
    await ada.prompts.update("note", "two", if_match=first)
    moved = await ada.prompts.move("note", target.id)
    assert (moved.id, moved.version_number) == ("note", 2)
    with pytest.raises(NotFoundError):
        await ada.prompts.get("note")
    there = await sign_in(user, project=target.id)
    assert [version.version_number for version in await there.prompts.versions("note")] == [2, 1]


async def test_the_audit_log_is_read_newest_first_and_in_part(ada, user):
    made = await ada.api_keys.create("ci")
    await ada.prompts.create("note", "one")
    await ada.api_keys.revoke(made.id)
    newest, before, *_ = await ada.audit.list(limit=3)
    assert (newest.action, newest.subject) == ("api_key.revoked", made.id)
    assert (newest.actor_kind, newest.actor_id, newest.project_id) == ("user", user.id, user.project_id)
    assert before.action == "prompt.created"
    assert len(await ada.audit.list(limit=1)) == 1
    assert [event.subject for event in await ada.audit.iter(action="api_key.created")] == [made.id]
    everywhere = await ada.audit.iter(workspace_id=user.workspace_id)
    assert {"api_key.revoked", "user.created"} <= {event.action for event in everywhere}
    assert everywhere == await ada.audit.list(workspace_id=user.workspace_id, limit=1000)
    assert await ada.audit.list(project_id=user.project_id, actor=made.id) == []
    with pytest.raises(ValueError, match="not both"):
        await ada.audit.list(project_id="p", workspace_id="w")


async def test_more_events_than_a_page_holds_come_once_each(ada):
    first = await ada.prompts.create("note", "0")
    for number in range(1, 205):
        first = await ada.prompts.update("note", str(number), if_match=first)
    ids = [event.id for event in await ada.audit.iter()]
    assert len(ids) == len(set(ids)) > 204
    assert [event.id for event in await ada.audit.list(limit=203)] == ids[:203]


async def test_who_does_not_sign_in_gets_nowhere(client_of, world, user):
    nobody = await client_of(world.app, project=user.project_id)
    with pytest.raises(AuthenticationError):
        await nobody.prompts.list()
    stranger = await client_of(world.app, token=(await world.user()).token, project=user.project_id)
    with pytest.raises(NotFoundError):
        await stranger.prompts.list()


async def test_a_token_means_its_users_default_project(ada, user):
    assert (await ada.context()).project_id == user.project_id
    assert "greeting" in await ada.prompts.list()
    me = await ada.me()
    assert (me.default_project.id, [one.personal for one in me.workspaces]) == (user.project_id, [True])


async def test_somebody_may_be_left_without_a_project(ada, user):
    await ada.projects.delete(user.project_id)
    assert (await ada.me()).default_project is None
    with pytest.raises(NotFoundError):
        await ada.context()


async def test_a_token_that_is_asked_for_is_fresh_in_every_request(client_of, world, user):
    given = []

    def token():
        given.append(world.token(user.subject))
        return given[-1]

    dakora = await client_of(world.app, token=token)
    assert given == []
    await dakora.prompts.get("greeting")
    await dakora.prompts.get("greeting")
    assert len(given) == 3  # the lookup of the project is one

    later = itertools.chain([world.token(user.subject)], itertools.repeat("eyJ.not.a-token"))
    dakora = await client_of(world.app, token=lambda: next(later))
    await dakora.me()
    with pytest.raises(AuthenticationError):
        await dakora.me()


async def test_a_rate_limit_is_waited_for_where_that_is_short(client_of, world_with):
    async with world_with(rate_limit_write="1/second") as limited:
        dakora = await client_of(limited.app, token=(await limited.user()).token)
        for number in range(3):
            await dakora.prompts.create(f"p{number}", "x")
        assert {"p0", "p1", "p2"} <= set(await dakora.prompts.list())


async def test_a_rate_limit_is_told_where_it_is_long(client_of, world_with):
    async with world_with(rate_limit_write="1/hour") as limited:
        dakora = await client_of(limited.app, token=(await limited.user()).token)
        await dakora.prompts.create("p0", "x")
        with pytest.raises(RateLimited) as refused:
            await dakora.prompts.create("p1", "x")
        assert refused.value.retry_after > 30
        assert "p1" not in await dakora.prompts.list()
