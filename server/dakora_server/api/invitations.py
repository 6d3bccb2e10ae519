"""Invitations into a workspace."""

from typing import Annotated
from uuid import UUID

import orjson
from fastapi import APIRouter, Path, Request
from fastapi.responses import Response
from starlette.background import BackgroundTask

from dakora_server.api.once import OnceOnly
from dakora_server.api.pages import Cursor, Limit, id_of_cursor, page
from dakora_server.api.problems import problems
from dakora_server.api.strict import GuardedRoute
from dakora_server.api.tenancy_shapes import (
    Invitation,
    InvitationToken,
    InvitationWithLink,
    NewInvitation,
    Workspace,
)
from dakora_server.auth import Caller, ChangeWorkspace, From, ReadWorkspace, access_of
from dakora_server.core.exceptions import (
    AlreadyMember,
    DatabaseUnavailable,
    IdempotencyInProgress,
    IdempotencyMismatch,
    InvalidJson,
    InvalidRequest,
    InvitationNotFound,
    TooMany,
    WorkspaceNotFound,
)
from dakora_server.core.prompts.records import encode_cursor
from dakora_server.core.tenancy import invitations, postman
from dakora_server.core.tenancy.records import FreshInvitation

_ALWAYS = (InvalidRequest, DatabaseUnavailable)
router = APIRouter(prefix="/api", tags=["invitations"], route_class=GuardedRoute, responses=problems(*_ALWAYS))
_IN_WORKSPACE = "/workspaces/{workspace_id}/invitations"


@router.get(_IN_WORKSPACE, response_model=list[Invitation], responses=problems(WorkspaceNotFound))
async def list_invitations(
    workspace: ReadWorkspace, request: Request, limit: Limit = 50, cursor: Cursor = None
) -> Response:
    """The open invitations."""
    found = await invitations.list_invitations(workspace, after=id_of_cursor(cursor), limit=limit + 1)
    more = encode_cursor(str(found[limit - 1].id)) if len(found) > limit else None
    items = [Invitation.model_validate(one, from_attributes=True).model_dump(mode="json") for one in found[:limit]]
    return page(request, orjson.dumps(items), next_cursor=more)


@router.post(
    _IN_WORKSPACE,
    response_model=InvitationWithLink,
    status_code=201,
    responses=problems(
        InvalidJson,
        WorkspaceNotFound,
        AlreadyMember,
        TooMany,
        IdempotencyInProgress,
        IdempotencyMismatch,
    ),
)
async def create_invitation(
    body: NewInvitation, workspace: ChangeWorkspace, request: Request, once: OnceOnly
) -> Response:
    """Invite somebody by mail address. Without an SMTP server the answer holds the link to pass on."""
    post: postman.Postman = request.app.state.postman

    async def make() -> Response:
        fresh = await invitations.invite(
            workspace, access_of(request).secret, email=body.email, role=body.role, by_mail=post.sends
        )
        answer = _with_link(fresh, None if post.sends else post.link(fresh))
        response = Response(answer.model_dump_json(), status_code=201, media_type="application/json")
        if post.sends:
            # After the answer, and so after the commit: nobody gets a link that does not work.
            response.background = BackgroundTask(post.deliver, request.scope["dakora.grant"], fresh)
        return response

    return await once.answer(workspace.tx, make)


def _with_link(fresh: FreshInvitation, link: str | None) -> InvitationWithLink:
    shown = Invitation.model_validate(fresh.record, from_attributes=True)
    return InvitationWithLink(**shown.model_dump(), link=link)


@router.delete(
    _IN_WORKSPACE + "/{invitation_id}",
    status_code=204,
    responses=problems(WorkspaceNotFound, InvitationNotFound),
)
async def revoke_invitation(
    invitation_id: Annotated[UUID, Path(description="The invitation's id.")], workspace: ChangeWorkspace
) -> None:
    """End an invitation; its link opens nothing any more."""
    await invitations.revoke(workspace, invitation_id)


@router.post("/invitations/accept", response_model=Workspace, responses=problems(InvalidJson, InvitationNotFound))
async def accept_invitation(body: InvitationToken, caller: Caller, origin: From, request: Request) -> Workspace:
    """Join a workspace with the token of an invitation's link. It works once."""
    access = access_of(request)
    joined = await invitations.accept(access.platform, access.secret, caller, origin, body.token)
    return Workspace.of(joined)
