"""What the API's description says beyond what FastAPI finds in the routes: how callers are known, and refused."""

from typing import Any

from fastapi import FastAPI

from dakora_server.api.problems import MEDIA_TYPE
from dakora_server.core import exceptions
from dakora_server.core.exceptions import DakoraError
from dakora_server.permissions import Place, Rule, rule_for

_SCHEMES = {
    "apiKey": {
        "type": "apiKey",
        "in": "header",
        "name": "X-API-Key",
        "description": "An API key of one project: `dk_proj_…`. It may also be sent as a bearer token.",
    },
    "session": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "A session token of the configured issuer. A server without login asks for neither.",
    },
}


_NOT_KNOWN = (
    exceptions.Unauthenticated,
    exceptions.TokenInvalid,
    exceptions.AccountDeleted,
    exceptions.ApiKeyInvalid,
    exceptions.ApiKeyRevoked,
    exceptions.ApiKeyExpired,
    exceptions.IdentityUnavailable,
    exceptions.DatabaseUnavailable,
    exceptions.Busy,
)
_NOT_ALLOWED = (exceptions.Forbidden, exceptions.ScopeMissing, exceptions.LabelNotAllowed)


def install(app: FastAPI) -> None:
    """Let `app.openapi()` say which credentials each operation takes, and what the guard answers without them."""
    plain = app.openapi

    def described() -> dict[str, Any]:
        document = plain()
        document["components"]["securitySchemes"] = _SCHEMES
        for path in document["paths"].values():
            for operation in path.values():
                rule = rule_for(operation["operationId"])
                operation["security"] = _security(rule)
                for error in _refusals(rule):
                    _add(operation["responses"], error)
        return document

    app.openapi = described  # type: ignore[method-assign]  # FastAPI's own way to add to its description


def _security(rule: Rule) -> list[dict[str, list[str]]]:
    if rule.place is Place.open:
        return []
    session: list[dict[str, list[str]]] = [{"session": []}]
    return [{"apiKey": []}, *session] if rule.scopes else session


def _refusals(rule: Rule) -> tuple[type[DakoraError], ...]:
    """What the guard, which stands before the route, may answer in its place."""
    if rule.place is Place.open:
        return ()
    place = {Place.project: (exceptions.ProjectNotFound,), Place.workspace: (exceptions.WorkspaceNotFound,)}
    return (*_NOT_KNOWN, *_NOT_ALLOWED, *place.get(rule.place, ()), exceptions.RateLimited)


def _add(responses: dict[str, Any], error: type[DakoraError]) -> None:
    answer = {"schema": {"$ref": "#/components/schemas/Problem"}}
    known = responses.setdefault(
        str(error.status), {"description": "Codes:", "content": {MEDIA_TYPE: {}, "application/json": answer}}
    )
    if f"`{error.code}`" not in known["description"]:
        known["description"] += f"{',' if '`' in known['description'] else ''} `{error.code}`"
