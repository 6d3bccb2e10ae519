"""The guards: from a request to a checked caller, and from there to a project the caller may touch."""

from collections.abc import AsyncIterator, MutableMapping
from typing import Annotated, Any
from uuid import UUID

from cachetools import LRUCache
from fastapi import Depends, Path, Request

from dakora_server.core.exceptions import ProjectNotFound
from dakora_server.core.scope import Platform, Principal, ProjectId, ProjectReader, ProjectWriter, reading, writing
from dakora_server.core.tenancy import service as tenancy
from dakora_server.core.tenancy.provisioning import DEFAULT_PROJECT_ID, LOCAL_USER

ProjectRef = Annotated[
    str,
    Path(
        description="The project's UUID, or `default`.",
        pattern=r"^(default|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})$",
        examples=["default"],
    ),
]


class LocalGuard:
    """The guard of work without login: everybody is the seeded local user, owner of the local workspace."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        # Which projects exist, so that a warm read asks the database nothing. Nothing deletes projects yet.
        self._known: LRUCache[str, ProjectId] = LRUCache(10_000)

    def principal(self) -> Principal:
        """The caller."""
        return LOCAL_USER

    def known_reader(self, scope: MutableMapping[str, Any], reference: str) -> tuple[Principal, ProjectId] | None:
        """The caller and the project, where both are known at once. Without login nothing in `scope` matters."""
        known = DEFAULT_PROJECT_ID if reference == "default" else self._known.get(reference)
        return None if known is None else (LOCAL_USER, known)

    async def project_id(self, reference: str, actor: Principal) -> ProjectId:
        """The project that `reference` means, if the actor may see it. Raises ProjectNotFound."""
        known = DEFAULT_PROJECT_ID if reference == "default" else self._known.get(reference)
        if known is None:
            try:
                wanted = UUID(reference)
            except ValueError:
                raise ProjectNotFound from None
            project, _ = await tenancy.project_for(self.platform.database, actor, wanted)
            known = self._known[reference] = ProjectId(project.id)
        return known


def guard_of(request: Request) -> LocalGuard:
    """The guard that `main` built."""
    guard: LocalGuard = request.app.state.guard
    return guard


async def current_principal(request: Request) -> Principal:
    """Whoever makes this request."""
    return guard_of(request).principal()


async def _read_project(project_id: ProjectRef, request: Request) -> AsyncIterator[ProjectReader]:
    guard = guard_of(request)
    actor = guard.principal()
    checked = await guard.project_id(project_id, actor)
    async with reading(guard.platform, actor, checked) as project:
        yield project


async def _write_project(project_id: ProjectRef, request: Request) -> AsyncIterator[ProjectWriter]:
    guard = guard_of(request)
    actor = guard.principal()
    checked = await guard.project_id(project_id, actor)
    async with writing(guard.platform, actor, checked) as project:
        yield project


Caller = Annotated[Principal, Depends(current_principal)]
# `scope="function"` ends the transaction before the answer leaves: what is answered is durable.
ReadProject = Annotated[ProjectReader, Depends(_read_project, scope="function")]
WriteProject = Annotated[ProjectWriter, Depends(_write_project, scope="function")]
