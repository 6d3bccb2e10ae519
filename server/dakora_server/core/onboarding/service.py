"""Users as their issuer tells of them: first seen, changed, deleted; in whatever order the news arrives."""

from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from dakora_server.core import clock
from dakora_server.core.audit.service import SYSTEM
from dakora_server.core.audit.service import record as note
from dakora_server.core.exceptions import AccountDeleted
from dakora_server.core.onboarding import queries
from dakora_server.core.onboarding.starter import add_samples
from dakora_server.core.scope import (
    ACCESS,
    Grant,
    Origin,
    Platform,
    Principal,
    ProjectAdmin,
    Role,
    WorkspaceAdmin,
    WorkspaceGrant,
)
from dakora_server.core.storage.database import Database, Transaction
from dakora_server.core.storage.tenant import Tenant
from dakora_server.core.tenancy import queries as tenancy
from dakora_server.core.tenancy.departure import leave_everything
from dakora_server.core.tenancy.provisioning import first_project_of, make_home, personal_workspace_of, user_id_of
from dakora_server.core.tenancy.records import UserRecord

_SYSTEM = Principal(SYSTEM, "system")


@dataclass(frozen=True, slots=True)
class Person:
    """What an issuer says of one of its users."""

    issuer: str
    subject: str
    name: str | None = None
    email: str | None = None

    @property
    def user_id(self) -> UUID:
        """The user's id here."""
        return user_id_of(self.issuer, self.subject)


async def find(database: Database, user_id: UUID) -> UserRecord | None:
    """A user that was seen before, deleted ones included. Raises DatabaseUnavailable, Busy."""
    async with database.transaction(Tenant(user_id=user_id), read_only=True) as tx:
        return await tenancy.find_user(tx, user_id)


async def first_sight(platform: Platform, person: Person, origin: Origin) -> Principal:
    """The user, made with a personal workspace, a `default` project and sample prompts unless it is known.

    Any number of first requests at once make one of each. Raises AccountDeleted.
    """
    async with platform.database.transaction(_home(person.user_id)) as tx, AsyncExitStack() as held:
        await _settle(platform, tx, held, person, origin)
        user = await tenancy.find_user(tx, person.user_id)
    if user is None or user.deleted_at is not None:
        raise AccountDeleted
    return Principal(user.id, user.name, user.email)


def _home(user_id: UUID) -> Tenant:
    return Tenant(user_id, personal_workspace_of(user_id), first_project_of(user_id))


def _place(
    platform: Platform, tx: Transaction, held: AsyncExitStack, actor: Principal, origin: Origin, user_id: UUID
) -> ProjectAdmin:
    """The user's own first project."""
    grant = Grant(actor, personal_workspace_of(user_id), first_project_of(user_id), Role.owner, origin)
    return ProjectAdmin(platform, grant, tx, held)


async def _settle(platform: Platform, tx: Transaction, held: AsyncExitStack, person: Person, origin: Origin) -> bool:
    """Make the user and its home; False when somebody did already. `tx` speaks for all three."""
    name = person.name or (person.email or "").partition("@")[0]
    if not await _make_user(tx, person, name=name, email=person.email):
        return False
    await make_home(tx, person.user_id, name=name)
    project = _place(platform, tx, held, Principal(person.user_id, name), origin, person.user_id)
    await note(project, "user.created", person.user_id, after={"workspace": project.workspace_id})
    await add_samples(project)
    # Whoever asked before found nobody.
    await project.announce_rights(person.user_id, ACCESS)
    return True


async def _make_user(tx: Transaction, person: Person, *, name: str, email: str | None) -> bool:
    return await tenancy.ensure_user(
        tx, person.user_id, name=name, email=email, issuer=person.issuer, subject=person.subject
    )


@dataclass(frozen=True, slots=True)
class News:
    """A webhook's message about a user, already verified. `at` is the issuer's time of what it tells."""

    id: str
    type: Literal["user.created", "user.updated", "user.deleted"]
    person: Person
    at: datetime


async def hear(platform: Platform, news: News, origin: Origin) -> None:
    """Do what the news says, once, and only if nothing newer was heard before. Raises DatabaseUnavailable, Busy."""
    user_id = news.person.user_id
    async with platform.database.transaction(_home(user_id)) as tx, AsyncExitStack() as held:
        if not await queries.is_first(tx, user_id, news.id, news.type):
            return
        grant = WorkspaceGrant(_SYSTEM, personal_workspace_of(user_id), Role.owner, personal=True, origin=origin)
        place = WorkspaceAdmin(platform, grant, tx)
        if news.type == "user.deleted":
            await _delete(platform, tx, place, news, origin)
        else:
            await _take(platform, tx, held, place, news, origin)
        await place.announce_rights(user_id, ACCESS)


async def _delete(platform: Platform, tx: Transaction, place: WorkspaceAdmin, news: News, origin: Origin) -> None:
    user_id = news.person.user_id
    # Deleted before it was ever seen: a row without a name stays, so that late news does not bring the user back.
    made = await _make_user(tx, news.person, name="", email=None)
    user = await tenancy.lock_user(tx, user_id)
    if user is None or user.deleted_at is not None:
        return
    erased = {"name": "", "email": None, "deleted_at": clock.now(), "heard_at": news.at}
    await tenancy.change_user(tx, user_id, erased)
    await note(place, "user.deleted", user_id)
    if not made:
        await leave_everything(platform, tx, _SYSTEM, origin, user_id)


async def _take(
    platform: Platform, tx: Transaction, held: AsyncExitStack, place: WorkspaceAdmin, news: News, origin: Origin
) -> None:
    user_id = news.person.user_id
    made = await _settle(platform, tx, held, news.person, origin)
    user = await tenancy.lock_user(tx, user_id)
    if user is None or user.deleted_at is not None or (user.heard_at is not None and news.at <= user.heard_at):
        return
    told = {"name": news.person.name or user.name, "email": news.person.email, "heard_at": news.at}
    await tenancy.change_user(tx, user_id, told)
    if not made:
        await note(place, "user.updated", user_id)
