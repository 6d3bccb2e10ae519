"""What an invitation's link looks like, and how it is brought to the invited person."""

import logging

from dakora_server.core.exceptions import DakoraError
from dakora_server.core.scope import Platform, WorkspaceGrant
from dakora_server.core.storage.mail import Mailer
from dakora_server.core.tenancy import invitations
from dakora_server.core.tenancy.records import FreshInvitation

logger = logging.getLogger(__name__)

_SUBJECT = "Invitation to a workspace on Dakora"
_TEXT = """You were invited to join a workspace on Dakora as {role}.

Open this link and sign in to accept. It works once, until {end} (UTC):

{link}

If you did not expect this, ignore it: nothing happens unless you open the link.
"""


class Postman:
    """Brings links by mail, where there is a mailer."""

    def __init__(self, platform: Platform, mailer: Mailer | None, *, public_url: str) -> None:
        self._platform = platform
        self._mailer = mailer
        self._public_url = public_url.rstrip("/")

    @property
    def sends(self) -> bool:
        """Whether links go out by mail; if not, who invites passes them on."""
        return self._mailer is not None

    def link(self, fresh: FreshInvitation) -> str:
        """The link. The token stands behind `#`, which browsers send to nobody and no log sees."""
        return f"{self._public_url}/invite#{fresh.token}"

    async def deliver(self, grant: WorkspaceGrant, fresh: FreshInvitation) -> None:
        """Send the mail, and note in the list how it went."""
        if self._mailer is None:
            return
        # Nothing that somebody typed is part of it: a mail of ours cannot be made to say something else.
        text = _TEXT.format(
            role=fresh.record.role.value, end=f"{fresh.record.expires_at:%Y-%m-%d %H:%M}", link=self.link(fresh)
        )
        sent = await self._mailer.send(to=fresh.record.email, subject=_SUBJECT, text=text)
        try:
            await invitations.note_delivery(self._platform, grant, fresh.record.id, sent=sent)
        except DakoraError as error:
            logger.warning("how an invitation's mail went could not be noted: %s", error.code)
