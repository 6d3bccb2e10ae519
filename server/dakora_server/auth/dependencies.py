"""What a route may ask for: the caller, or a place with a transaction in it. The guard has been passed by then."""

from collections.abc import AsyncIterator
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Path, Request

from dakora_server.auth.access import access_of
from dakora_server.core.scope import (
    Grant,
    Origin,
    Principal,
    ProjectAdmin,
    ProjectReader,
    ProjectRunner,
    ProjectWriter,
    WorkspaceAdmin,
    WorkspaceGrant,
    WorkspaceReader,
    administering,
    changing_workspace,
    reading,
    reading_workspace,
    writing,
)

ProjectRef = Annotated[
    str,
    Path(
        description="The project's UUID; without login also `default`.",
        pattern=r"^(default|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})$",
        examples=["default"],
    ),
]
WorkspaceRef = Annotated[UUID, Path(description="The workspace's UUID.")]


def _grant(request: Request) -> Grant:
    grant: Grant = request.scope["dakora.grant"]
    return grant


def _workspace_grant(request: Request) -> WorkspaceGrant:
    grant: WorkspaceGrant = request.scope["dakora.grant"]
    return grant


async def _caller(request: Request) -> Principal:
    caller: Principal = request.scope["dakora.caller"]
    return caller


async def _origin(request: Request) -> Origin:
    origin: Origin = request.scope["dakora.origin"]
    return origin


async def _read_project(project_id: ProjectRef, request: Request) -> AsyncIterator[ProjectReader]:
    async with reading(access_of(request).platform, _grant(request)) as project:
        yield project


async def _write_project(project_id: ProjectRef, request: Request) -> AsyncIterator[ProjectWriter]:
    async with writing(access_of(request).platform, _grant(request)) as project:
        yield project


async def _run_project(project_id: ProjectRef, request: Request) -> ProjectRunner:
    return ProjectRunner(access_of(request).platform, _grant(request))


async def _write_own_project(request: Request) -> AsyncIterator[ProjectWriter]:
    async with writing(access_of(request).platform, _grant(request)) as project:
        yield project


async def _administer_project(project_id: ProjectRef, request: Request) -> AsyncIterator[ProjectAdmin]:
    async with administering(access_of(request).platform, _grant(request)) as project:
        yield project


async def _review_project(project_id: ProjectRef, request: Request) -> AsyncIterator[ProjectAdmin]:
    async with administering(access_of(request).platform, _grant(request), read_only=True) as project:
        yield project


async def _read_workspace(workspace_id: WorkspaceRef, request: Request) -> AsyncIterator[WorkspaceReader]:
    async with reading_workspace(access_of(request).platform, _workspace_grant(request)) as workspace:
        yield workspace


async def _change_workspace(workspace_id: WorkspaceRef, request: Request) -> AsyncIterator[WorkspaceAdmin]:
    async with changing_workspace(access_of(request).platform, _workspace_grant(request)) as workspace:
        yield workspace


Caller = Annotated[Principal, Depends(_caller)]
From = Annotated[Origin, Depends(_origin)]
# `scope="function"` ends the transaction before the answer leaves: what is answered is durable.
ReadProject = Annotated[ProjectReader, Depends(_read_project, scope="function")]
WriteProject = Annotated[ProjectWriter, Depends(_write_project, scope="function")]
RunProject = Annotated[ProjectRunner, Depends(_run_project, scope="function")]
WriteOwnProject = Annotated[ProjectWriter, Depends(_write_own_project, scope="function")]
AdminProject = Annotated[ProjectAdmin, Depends(_administer_project, scope="function")]
ReviewProject = Annotated[ProjectAdmin, Depends(_review_project, scope="function")]
ReadWorkspace = Annotated[WorkspaceReader, Depends(_read_workspace, scope="function")]
ChangeWorkspace = Annotated[WorkspaceAdmin, Depends(_change_workspace, scope="function")]
