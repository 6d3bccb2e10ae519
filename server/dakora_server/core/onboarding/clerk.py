"""Clerk's webhooks: verified as Svix signs them, and read into news about a user."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError

from dakora_server.core.exceptions import InvalidJson, WebhookInvalid
from dakora_server.core.onboarding.service import News, Person
from dakora_server.core.templates.strict_json import loads

LONGEST_BODY = 256 * 1024
_TYPES = ("user.created", "user.updated", "user.deleted")
_HEADERS = ("id", "timestamp", "signature")
_LONGEST_ID, _LONGEST_SUBJECT, _LONGEST_NAME, _LONGEST_EMAIL = 255, 255, 200, 320


class ClerkWebhooks:
    """One Clerk instance's webhooks. Several secrets may be valid at a time, while one replaces the other."""

    def __init__(self, issuer: str, secrets: Sequence[str]) -> None:
        """Raises ValueError for a text that is no secret of a webhook."""
        self._issuer = issuer
        self._webhooks = [Webhook(secret) for secret in secrets]

    def read(self, body: bytes, headers: Mapping[str, str]) -> News | None:
        """The news in a webhook; None when it is about something else. Raises WebhookInvalid."""
        if len(body) > LONGEST_BODY:
            raise WebhookInvalid
        # Svix's own names, or those of the standard that grew out of it.
        named = {f"webhook-{part}": headers.get(f"svix-{part}") or headers.get(f"webhook-{part}") for part in _HEADERS}
        signed = {name: value for name, value in named.items() if value}
        event_id = signed.get("webhook-id", "")
        if len(event_id) > _LONGEST_ID or not any(_holds(webhook, body, signed) for webhook in self._webhooks):
            raise WebhookInvalid
        try:
            return self._news(event_id, loads(body))
        except (InvalidJson, KeyError, TypeError, ValueError, OverflowError) as error:
            raise WebhookInvalid("The webhook's body is not what Clerk sends.") from error

    def _news(self, event_id: str, event: Any) -> News | None:
        kind = event["type"]
        if kind not in _TYPES:
            return None
        data = event["data"]
        at = data.get("updated_at") or event["timestamp"]
        person = Person(self._issuer, _text(data["id"], _LONGEST_SUBJECT), _name(data), _email(data))
        return News(event_id, kind, person, datetime.fromtimestamp(int(at) / 1000, UTC))


def _holds(webhook: Webhook, body: bytes, headers: Mapping[str, str]) -> bool:
    try:
        webhook.verify(body, dict(headers), json_parse=False)
    except (WebhookVerificationError, ValueError):  # a signature that is no base 64 is a ValueError to the library
        return False
    return True


def _text(value: object, longest: int) -> str:
    if not isinstance(value, str) or not value or len(value) > longest or not value.isprintable():
        raise ValueError("not a text of ours")
    return value


def _name(data: Mapping[str, Any]) -> str | None:
    parts = [data.get(part) for part in ("first_name", "last_name")]
    name = " ".join(part.strip() for part in parts if isinstance(part, str) and part.strip()) or data.get("username")
    if not isinstance(name, str):
        return None
    return "".join(letter for letter in name if letter.isprintable())[:_LONGEST_NAME] or None


def _email(data: Mapping[str, Any]) -> str | None:
    wanted = data.get("primary_email_address_id")
    for entry in data.get("email_addresses") or ():
        if entry.get("id") == wanted:
            return _text(entry["email_address"], _LONGEST_EMAIL)
    return None
