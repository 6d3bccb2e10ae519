"""What other systems tell us."""

from fastapi import APIRouter, Request

from dakora_server.api.problems import problems
from dakora_server.api.strict import GuardedRoute
from dakora_server.auth import From, access_of
from dakora_server.core.exceptions import BodyTooLarge, Busy, DatabaseUnavailable, NotFound, WebhookInvalid
from dakora_server.core.onboarding import service
from dakora_server.core.onboarding.clerk import LONGEST_BODY, ClerkWebhooks

router = APIRouter(prefix="/api/webhooks", tags=["webhooks"], route_class=GuardedRoute)


@router.post(
    "/clerk",
    status_code=204,
    responses=problems(NotFound, WebhookInvalid, BodyTooLarge, DatabaseUnavailable, Busy),
)
async def hear_clerk(request: Request, origin: From) -> None:
    """News of a user from Clerk, signed as Svix signs. The same event twice has one effect; order does not matter."""
    clerk: ClerkWebhooks | None = request.app.state.clerk
    if clerk is None:
        raise NotFound
    if int(request.headers.get("content-length", "0") or 0) > LONGEST_BODY:
        raise BodyTooLarge(f"A webhook may have {LONGEST_BODY} bytes.")
    news = clerk.read(await request.body(), request.headers)
    if news is not None:
        await service.hear(access_of(request).platform, news, origin)
