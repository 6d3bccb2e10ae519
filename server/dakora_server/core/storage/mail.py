"""Mail through one SMTP server: plain text, bounded in number, never a failure of the request that caused it."""

import asyncio
import logging
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Literal

import aiosmtplib
from limits import RateLimitItem, parse
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import MovingWindowRateLimiter

logger = logging.getLogger(__name__)

_TIMEOUT_SECONDS = 10.0
_PAUSES = (1.0, 5.0)
# One address gets little, and the whole server never becomes anybody's relay.
_TO_ONE_ADDRESS = parse("5/hour")
_ALL = parse("500/hour")


@dataclass(frozen=True, slots=True)
class SmtpSettings:
    """Where mail is handed in. `security`: `tls` from the first byte, `starttls` (required), or `none`."""

    host: str
    port: int
    sender: str
    security: Literal["tls", "starttls", "none"]
    username: str | None = None
    password: str | None = None


class Mailer:
    """Sends what the server has to say by mail."""

    def __init__(self, settings: SmtpSettings) -> None:
        self._settings = settings
        self._limits = MovingWindowRateLimiter(MemoryStorage())

    async def send(self, *, to: str, subject: str, text: str) -> bool:
        """Whether the SMTP server took it, after up to three attempts. What goes wrong is in the log."""
        if not await self._may_send(to):
            logger.warning("mail not sent: the limit is reached")
            return False
        message = EmailMessage()
        message["From"] = self._settings.sender
        message["To"] = to
        message["Subject"] = subject
        message.set_content(text)
        for pause in (*_PAUSES, None):
            try:
                await self._hand_in(message)
            except aiosmtplib.SMTPRecipientsRefused:
                logger.warning("mail not sent: the address was refused")
                return False
            except (aiosmtplib.SMTPException, OSError) as error:
                logger.warning("mail not sent yet: %s", type(error).__name__)
                if pause is not None:
                    await asyncio.sleep(pause)
            else:
                return True
        return False

    async def _may_send(self, to: str) -> bool:
        # The whole server's share is taken only if the address still has one.
        return await self._hit(_TO_ONE_ADDRESS, to.lower()) and await self._hit(_ALL, "all")

    async def _hit(self, item: RateLimitItem, whose: str) -> bool:
        return await self._limits.hit(item, "mail", whose)

    async def _hand_in(self, message: EmailMessage) -> None:
        settings = self._settings
        await aiosmtplib.send(
            message,
            hostname=settings.host,
            port=settings.port,
            username=settings.username,
            password=settings.password,
            use_tls=settings.security == "tls",
            start_tls=settings.security == "starttls",
            timeout=_TIMEOUT_SECONDS,
        )
