"""`keys …` and `projects …`: who may get in, where nobody can sign in to say so."""

import argparse
import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import UUID

from dakora_server.api.api_keys import shown
from dakora_server.api.tenancy_shapes import ApiKey, ApiKeyWithSecret, NewApiKey, NewPlace, Project, Rotation
from dakora_server.config import Settings
from dakora_server.core.api_keys import service as api_keys
from dakora_server.core.api_keys.records import ApiKeyRecord, FreshKey
from dakora_server.core.audit.service import SYSTEM
from dakora_server.core.crypto import Secret
from dakora_server.core.exceptions import ProjectNotFound
from dakora_server.core.scope import (
    Grant,
    Platform,
    Principal,
    ProjectAdmin,
    ProjectId,
    Role,
    Scope,
    WorkspaceId,
    administering,
    changing_workspace,
    reading_workspace,
)
from dakora_server.core.storage.tenant import PLATFORM, Tenant
from dakora_server.core.tenancy import queries, service
from dakora_server.core.tenancy.provisioning import DEFAULT_PROJECT_ID, LOCAL_WORKSPACE, LOCAL_WORKSPACE_ID, local_grant
from dakora_server.operator_access import (
    Misuse,
    answer,
    answer_json,
    answer_rows,
    checked,
    data_dir_option,
    open_rows,
    reachable,
    remark,
)

_OPERATOR = Principal(SYSTEM, "Operator")
_PAGE = 200
_NOBODY_LOGS_IN = {"none", "keys"}


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """`keys` and `projects`, and what stands below them."""
    verbs = commands.add_parser("keys", help="make and end API keys").add_subparsers(required=True, metavar="VERB")

    verb = verbs.add_parser("create", help="make a key and print it, this once")
    verb.add_argument("--name", required=True, help="what people will know it by")
    verb.add_argument("--scopes", type=_words, default=None, help=f"of {','.join(Scope)} (default read,render)")
    verb.add_argument("--labels", type=_words, default=None, help="only versions that one of these labels points to")
    verb.add_argument("--expires-in-days", type=int, choices=(30, 90, 365), default=None, help="else it does not")
    _add_common(verb, run=_create)

    verb = verbs.add_parser("list", help="the keys of a project, without the keys themselves")
    verb.add_argument("--all", action="store_true", dest="everything", help="revoked and expired ones too")
    _add_common(verb, run=_list)

    verb = verbs.add_parser("revoke", help="end a key, at once on every server")
    verb.add_argument("id", type=_uuid, help="the key's id, as `keys list` shows it")
    _add_common(verb, run=_revoke)

    verb = verbs.add_parser("rotate", help="make a key with the same rights and print it; the old one ends later")
    verb.add_argument("id", type=_uuid, help="the key's id, as `keys list` shows it")
    verb.add_argument("--overlap-hours", type=int, default=None, help="how long the old one works on (default 24)")
    _add_common(verb, run=_rotate)

    verbs = commands.add_parser("projects", help="projects of the local workspace").add_subparsers(
        required=True, metavar="VERB"
    )
    verb = verbs.add_parser("list", help="the projects")
    _add_common(verb, run=_list_projects, in_project=False)

    verb = verbs.add_parser("create", help="make a project")
    verb.add_argument("name", help="what people will know it by")
    verb.add_argument("--slug", default=None, help="its name in commands (default: made from the name)")
    _add_common(verb, run=_create_project, in_project=False)


def _add_common(verb: argparse.ArgumentParser, *, run: object, in_project: bool = True) -> None:
    if in_project:
        verb.add_argument("--project", type=_project, default=DEFAULT_PROJECT_ID, help="its UUID (default `default`)")
    verb.add_argument("--json", action="store_true", help="print JSON")
    data_dir_option(verb)
    verb.set_defaults(run=run)


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a UUID") from None


def _project(text: str) -> UUID:
    return DEFAULT_PROJECT_ID if text == "default" else _uuid(text)


@asynccontextmanager
async def _administrator(
    settings: Settings, project_id: UUID, *, read_only: bool = False
) -> AsyncIterator[ProjectAdmin]:
    async with open_rows(settings) as platform:
        grant = await _grant(platform, ProjectId(project_id))
        async with administering(platform, grant, read_only=read_only) as project:
            yield project


async def _grant(platform: Platform, project_id: ProjectId) -> Grant:
    """The local user's grant in the local workspace; elsewhere people decide, and the operator acts as the system.

    Raises ProjectNotFound, also for an archived project.
    """
    async with platform.database.transaction(PLATFORM, read_only=True) as tx:
        record = await queries.find_project(tx, project_id)
    if record is None:
        raise ProjectNotFound(f"There is no project {project_id}.")
    if record.workspace_id == LOCAL_WORKSPACE_ID:
        return local_grant(project_id)
    # Rows name who made them, so the operator has one among the users; nobody can sign in as it.
    async with platform.database.transaction(Tenant(user_id=SYSTEM)) as tx:
        await queries.ensure_user(tx, SYSTEM, name=_OPERATOR.name, email=None)
    return Grant(_OPERATOR, WorkspaceId(record.workspace_id), project_id, Role.admin)


def _create(options: argparse.Namespace) -> int:
    wanted = checked(
        NewApiKey,
        name=options.name,
        scopes=options.scopes,
        labels=options.labels,
        expires_in_days=options.expires_in_days,
    )

    async def create(settings: Settings) -> FreshKey:
        async with _administrator(settings, options.project) as project:
            return await api_keys.create(
                project,
                Secret(settings.secret),
                name=wanted.name,
                scopes=wanted.scopes,
                labels=wanted.labels,
                expires_in_days=wanted.expires_in_days,
            )

    with reachable(options.data_dir) as settings:
        fresh = asyncio.run(create(settings))
    _show_once(fresh, options)
    return 0


def _show_once(fresh: FreshKey, options: argparse.Namespace) -> None:
    if options.json:
        answer_json(ApiKeyWithSecret(**shown(fresh.record).model_dump(), key=fresh.text).model_dump(mode="json"))
    else:
        answer(fresh.text)
        remark(f"This key is shown this once; its id, to revoke it by, is {fresh.record.id}.")


def _list(options: argparse.Namespace) -> int:
    async def read(settings: Settings) -> list[ApiKeyRecord]:
        found: list[ApiKeyRecord] = []
        async with _administrator(settings, options.project, read_only=True) as project:
            while True:
                after = (found[-1].created_at, found[-1].id) if found else None
                some = await api_keys.list_keys(project, after=after, limit=_PAGE, everything=options.everything)
                found += some
                if len(some) < _PAGE:
                    return found

    with reachable(options.data_dir) as settings:
        keys = [shown(record) for record in asyncio.run(read(settings))]
    if options.json:
        answer_json([key.model_dump(mode="json") for key in keys])
    else:
        answer_rows(
            ("id", "key", "name", "scopes", "labels", "status", "expires", "last used"), [_row(k) for k in keys]
        )
    return 0


def _row(key: ApiKey) -> tuple[str, ...]:
    labels = "all" if key.labels is None else ",".join(key.labels)
    expires = "never" if key.expires_at is None else key.expires_at.date().isoformat()
    used = "never" if key.last_used_at is None else key.last_used_at.date().isoformat()
    return str(key.id), key.key_hint, key.name, ",".join(key.scopes), labels, key.status, expires, used


def _revoke(options: argparse.Namespace) -> int:
    async def revoke(settings: Settings) -> None:
        async with _administrator(settings, options.project) as project:
            await api_keys.revoke(project, options.id)

    with reachable(options.data_dir) as settings:
        asyncio.run(revoke(settings))
    if options.json:
        answer_json({"id": str(options.id), "status": "revoked"})
    else:
        remark("The key is revoked: every server refuses it within a second.")
    return 0


def _rotate(options: argparse.Namespace) -> int:
    overlap = timedelta(hours=24 if options.overlap_hours is None else options.overlap_hours)
    checked(Rotation, overlap_hours=options.overlap_hours)

    async def rotate(settings: Settings) -> FreshKey:
        async with _administrator(settings, options.project) as project:
            return await api_keys.rotate(project, Secret(settings.secret), options.id, overlap=overlap)

    with reachable(options.data_dir) as settings:
        fresh = asyncio.run(rotate(settings))
    _show_once(fresh, options)
    return 0


def _refuse_with_login(settings: Settings) -> None:
    if settings.mode not in _NOBODY_LOGS_IN:
        raise Misuse(f"Callers are known by `{settings.mode}`: whoever signs in makes projects, in their workspaces.")


def _list_projects(options: argparse.Namespace) -> int:
    async def read(settings: Settings) -> list[Project]:
        found: list[Project] = []
        async with open_rows(settings) as platform, reading_workspace(platform, LOCAL_WORKSPACE) as workspace:
            while True:
                after = found[-1].slug if found else None
                some = await service.list_projects(workspace, after=after, limit=_PAGE)
                found += [Project.of(record) for record in some]
                if len(some) < _PAGE:
                    return found

    with reachable(options.data_dir) as settings:
        _refuse_with_login(settings)
        projects = asyncio.run(read(settings))
    if options.json:
        answer_json([project.model_dump(mode="json") for project in projects])
    else:
        answer_rows(("id", "slug", "name"), [(str(one.id), one.slug, one.name) for one in projects])
    return 0


def _create_project(options: argparse.Namespace) -> int:
    wanted = checked(NewPlace, name=options.name, slug=options.slug)
    slug = wanted.slug or service.slug_of(wanted.name)

    async def create(settings: Settings) -> Project:
        async with open_rows(settings) as platform, changing_workspace(platform, LOCAL_WORKSPACE) as workspace:
            return Project.of(await service.create_project(workspace, slug=slug, name=wanted.name))

    with reachable(options.data_dir) as settings:
        _refuse_with_login(settings)
        project = asyncio.run(create(settings))
    if options.json:
        answer_json(project.model_dump(mode="json"))
    else:
        answer(str(project.id))
        remark(f"The project {project.slug} is made; `keys create --project {project.id}` makes a key for it.")
    return 0
