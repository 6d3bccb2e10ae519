"""The guard: credentials in, a grant out, or a refusal. Every operation passes here before its body is read.

What is found is kept as long as the process hears of changes, so that a warm request asks nobody; a revoked key or
role is refused by the next request of this process, and within a second by every other.
"""

from collections.abc import MutableMapping
from dataclasses import replace
from typing import Any
from uuid import UUID

from cachetools import LRUCache
from starlette.requests import HTTPConnection

from dakora_server.auth.credentials import Credential, credential_of, origin_of
from dakora_server.auth.warm_keys import WarmKeys
from dakora_server.core import clock
from dakora_server.core.api_keys import service as api_keys
from dakora_server.core.api_keys.secret import project_of
from dakora_server.core.api_keys.uses import KeyUses
from dakora_server.core.crypto import Secret
from dakora_server.core.exceptions import (
    AccountDeleted,
    ApiKeyExpired,
    ApiKeyInvalid,
    DakoraError,
    Forbidden,
    ProjectNotFound,
    RateLimited,
    ScopeMissing,
    TokenInvalid,
    Unauthenticated,
    WorkspaceNotFound,
)
from dakora_server.core.onboarding import service as onboarding
from dakora_server.core.onboarding.service import Person
from dakora_server.core.rate_limits import LimitClass, RateLimits, Verdict
from dakora_server.core.scope import (
    ACCESS,
    KEYS,
    Grant,
    Origin,
    Platform,
    Principal,
    ProjectId,
    Role,
    Scope,
    WorkspaceGrant,
    WorkspaceId,
)
from dakora_server.core.tenancy import service as tenancy
from dakora_server.core.tenancy.identity import TokenVerifier
from dakora_server.core.tenancy.provisioning import DEFAULT_PROJECT_ID, LOCAL_USER, user_id_of
from dakora_server.permissions import Place, Rule

AsgiScope = MutableMapping[str, Any]
_WHO = "who"
_PROJECT_HEADER = b"x-dakora-project"
# Where the project's id stands in a key.
_PROJECT_IN_KEY = slice(8, 44)


class Access:
    """One a process. `is_open` lets callers without credentials in as the local user (work without login)."""

    def __init__(
        self,
        platform: Platform,
        *,
        secret: Secret,
        verifier: TokenVerifier | None,
        limits: RateLimits,
        uses: KeyUses,
        is_open: bool,
        trusted_proxies: int = 0,
    ) -> None:
        self.platform = platform
        self.secret = secret
        self.verifier = verifier
        self.limits = limits
        self.is_open = is_open
        self._uses = uses
        self._trusted_proxies = trusted_proxies
        self._key = secret.key(api_keys.PURPOSE)
        self._ids: LRUCache[str, UUID] = LRUCache(10_000)
        self._warm = WarmKeys(platform.feed)

    async def admit(self, scope: AsgiScope, rule: Rule) -> None:
        """Let the request go on, with what it was granted in `scope`, or raise why not."""
        origin = scope["dakora.origin"] = origin_of(scope, trusted_proxies=self._trusted_proxies)
        if rule.place is Place.open:
            return
        actor = await self.principal(scope, origin)
        scope["dakora.caller"] = actor
        own: UUID = actor.user_id if actor.key is None else actor.key.workspace_id
        try:
            workspace_id = await self._grant_place(scope, rule, actor, origin)
        except DakoraError:
            # Looking for doors that do not open is counted like going through one.
            await self._take(scope, rule, actor, own)
            raise
        await self._take(scope, rule, actor, workspace_id or own)

    async def _grant_place(self, scope: AsgiScope, rule: Rule, actor: Principal, origin: Origin) -> UUID | None:
        """Leave the grant for the place in the address in `scope`, and answer its workspace."""
        if actor.key is not None and not rule.scopes and rule.place not in {Place.project, Place.own}:
            raise ScopeMissing("API keys do not manage workspaces or users.")
        parameters = scope.get("path_params", {})
        if rule.place is Place.workspace:
            place = await self.workspace_grant(actor, parameters["workspace_id"], origin)
            if not place.role.covers(rule.role):
                raise Forbidden
            scope["dakora.grant"] = place
            return place.workspace_id
        if rule.place is Place.own:
            grant = await self.grant(actor, self._own_project(scope, actor), origin)
            _refuse_rights(grant, rule)
            scope["dakora.grant"] = grant
            return grant.workspace_id
        if rule.place is Place.project:
            grant = await self.grant(actor, parameters["project_id"], origin, archived=rule.archived)
            _refuse_rights(grant, rule)
            scope["dakora.grant"] = grant
            return grant.workspace_id
        return None

    async def _take(self, scope: AsgiScope, rule: Rule, actor: Principal, workspace_id: UUID) -> None:
        """Count the request, unless that was done already. Raises RateLimited."""
        counted = "dakora.headers" in scope
        if rule.limit is not None and not counted and (actor.key is not None or not self.is_open):
            verdict = await self.limits.take(rule.limit, str(actor.actor_id), str(workspace_id))
            _tell(scope, verdict, rule.limit)

    def admit_known(self, scope: AsgiScope, reference: str, rule: Rule) -> Grant | None:
        """The grant for reading or rendering, where all is known at once; None leaves the request to `admit`.

        Raises RateLimited.
        """
        # By far the most frequent credential, found without asking what else there may be.
        for name, value in scope["headers"]:
            if name == b"x-api-key":
                return self._admit_known_key(scope, value, reference, rule)
        try:
            credential = credential_of(scope)
        except Unauthenticated:
            return None
        if credential is None:
            if not self.is_open:
                return None
            project_id = DEFAULT_PROJECT_ID if reference == "default" else self._id(reference)
            return None if project_id is None else self._kept((LOCAL_USER.user_id, ACCESS), ProjectId(project_id))
        if credential.is_key:
            return self._admit_known_key(scope, credential.raw, reference, rule)
        project_id = self._id(reference)
        actor = None if project_id is None else self._known(credential)
        grant: Grant | None = None if actor is None else self._kept((actor.user_id, ACCESS), project_id)
        if grant is None:
            return None
        return self._count(scope, rule, grant, str(grant.actor.actor_id), str(grant.workspace_id))

    def _admit_known_key(self, scope: AsgiScope, raw: bytes, reference: str, rule: Rule) -> Grant | None:
        warm = self._warm.get(raw)
        if warm is None:
            grant = self._known_key(raw)
            if grant is None:
                return None
            warm = self._warm.put(raw, grant)
        rights = warm.grant.actor.key
        # A key without the scope, or in another's project, is a case for `admit`, which knows what to say.
        if reference != warm.project or rights is None or not rule.allows_key(rights.scopes):
            return None
        if self._warm.is_due(warm):
            self._uses.note(rights, clock.now())
        return self._count(scope, rule, warm.grant, warm.caller, warm.workspace)

    def _count(self, scope: AsgiScope, rule: Rule, grant: Grant, caller: str, workspace: str) -> Grant | None:
        """The grant, once the request is counted; None when that cannot be done at once. Raises RateLimited."""
        if rule.limit is not None:
            verdict = self.limits.spend(rule.limit, caller, workspace)
            if verdict is None:
                return None
            _tell(scope, verdict, rule.limit)
        return grant

    async def principal(self, scope: AsgiScope, origin: Origin) -> Principal:
        """Who makes this request. Raises Unauthenticated in one of its kinds, IdentityUnavailable."""
        credential = credential_of(scope)
        if credential is None:
            if self.is_open:
                return LOCAL_USER
            raise Unauthenticated
        known = self._known(credential)
        if known is not None:
            return known
        if credential.is_key:
            return await self._by_key(credential.raw)
        return await self._by_token(credential.raw, origin)

    async def grant(self, actor: Principal, reference: str, origin: Origin, *, archived: bool = False) -> Grant:
        """What the actor is in this project. Raises ProjectNotFound, for strangers too."""
        project_id = self._project_id(reference, actor)
        if actor.key is not None:
            if actor.key.project_id != project_id:
                raise ProjectNotFound
            return Grant(actor, actor.key.workspace_id, project_id, _role_of(actor), origin)
        key = (actor.user_id, ACCESS)
        kept: Grant | None = self._kept(key, project_id)
        if kept is None:
            reservation = self.platform.rights.reserve(key)
            try:
                record, role = await tenancy.project_for(self.platform.database, actor, project_id, archived=archived)
            except BaseException:  # nothing was read: the reservation must not stay behind, whatever happened
                self.platform.rights.drop(reservation)
                raise
            # The row's own id, not the one asked for: a row found by mistake then opens only itself.
            kept = Grant(actor, WorkspaceId(record.workspace_id), ProjectId(record.id), role)
            if record.archived_at is None:
                self.platform.rights.fill(reservation, project_id, kept)
            else:
                self.platform.rights.drop(reservation)
        return replace(kept, origin=origin)

    async def workspace_grant(self, actor: Principal, reference: str, origin: Origin) -> WorkspaceGrant:
        """What the actor is in this workspace. Raises WorkspaceNotFound, for strangers too."""
        workspace_id = self._id(reference)
        if workspace_id is None or actor.key is not None:
            raise WorkspaceNotFound
        key, selector = (actor.user_id, ACCESS), ("workspace", workspace_id)
        kept: WorkspaceGrant | None = self._kept(key, selector)
        if kept is None:
            reservation = self.platform.rights.reserve(key)
            try:
                found = await tenancy.workspace_for(self.platform.database, actor, workspace_id)
            except BaseException:  # as in `grant`
                self.platform.rights.drop(reservation)
                raise
            # The row's own id, as in `grant`.
            kept = WorkspaceGrant(actor, WorkspaceId(found.id), found.role, found.personal)
            self.platform.rights.fill(reservation, selector, kept)
        return replace(kept, origin=origin)

    def _own_project(self, scope: AsgiScope, actor: Principal) -> str:
        """The project that a request is about where its address names none. Raises ProjectNotFound."""
        if actor.key is not None:
            return str(actor.key.project_id)
        for name, value in scope["headers"]:
            if name == _PROJECT_HEADER:
                return str(value, "latin-1")
        if self.is_open:
            return str(DEFAULT_PROJECT_ID)
        raise ProjectNotFound("Name the project in the header X-Dakora-Project.")

    def _project_id(self, reference: str, actor: Principal) -> ProjectId:
        if reference == "default" and self.is_open:
            return DEFAULT_PROJECT_ID if actor.key is None else actor.key.project_id
        project_id = self._id(reference)
        if project_id is None:
            raise ProjectNotFound
        return ProjectId(project_id)

    def _id(self, reference: str) -> UUID | None:
        """The UUID that a reference spells; None when it spells none."""
        found = self._ids.get(reference)
        if found is None:
            try:
                found = UUID(reference)
            except ValueError:
                return None
            if str(found) != reference.lower():
                return None
            self._ids[reference] = found
        return found

    def _kept(self, key: tuple[UUID, str], selector: object) -> Any:
        return self.platform.rights.get(key, selector)

    def _known(self, credential: Credential) -> Principal | None:
        """The caller, where the credential was checked before and nothing has changed since."""
        if credential.is_key:
            grant = self._known_key(credential.raw)
            return None if grant is None else grant.actor
        identity = None if self.verifier is None else self.verifier.known(credential.raw.decode("latin-1"))
        if identity is None:
            return None
        known: Principal | None = self._kept((user_id_of(identity.issuer, identity.subject), ACCESS), _WHO)
        return known

    def _known_key(self, raw: bytes) -> Grant | None:
        project_id = self._id(raw[_PROJECT_IN_KEY].decode("latin-1"))
        if project_id is None:
            return None
        grant: Grant | None = self._kept((project_id, KEYS), self._mac(raw))
        if grant is None or grant.actor.key is None:
            return None
        now = clock.now()
        if grant.actor.key.expires_at is not None and grant.actor.key.expires_at <= now:
            return None
        self._uses.note(grant.actor.key, now)
        return grant

    def _mac(self, raw: bytes) -> bytes:
        return self.secret.mac_with(self._key, raw)

    async def _by_key(self, raw: bytes) -> Principal:
        project_id = project_of(raw.decode("latin-1"))
        key, mac = (project_id, KEYS), self._mac(raw)
        reservation = self.platform.rights.reserve(key)
        try:
            older = self.secret.previous
            macs = [mac] if older is None else [mac, older.mac(api_keys.PURPOSE, raw)]
            actor = await api_keys.authenticate(self.platform.database, project_id, macs)
        except BaseException:  # as in `grant`
            self.platform.rights.drop(reservation)
            raise
        rights = actor.key
        if rights is None:
            raise ApiKeyInvalid
        now = clock.now()
        if rights.expires_at is not None and rights.expires_at <= now:
            raise ApiKeyExpired
        grant = Grant(actor, rights.workspace_id, project_id, _role_of(actor))
        self.platform.rights.fill(reservation, mac, grant)
        self._uses.note(rights, now)
        return actor

    async def _by_token(self, raw: bytes, origin: Origin) -> Principal:
        if self.verifier is None:
            raise TokenInvalid("This server takes API keys, and no session tokens.")
        token = raw.decode("latin-1")
        identity = await self.verifier.verify(token)
        key = (user_id_of(identity.issuer, identity.subject), ACCESS)
        known: Principal | None = self._kept(key, _WHO)
        if known is not None:
            return known
        reservation = self.platform.rights.reserve(key)
        try:
            user = await onboarding.find(self.platform.database, key[0])
        except BaseException:  # as in `grant`
            self.platform.rights.drop(reservation)
            raise
        if user is None:
            self.platform.rights.drop(reservation)
            full = await self.verifier.profile(token, identity)
            person = Person(full.issuer, full.subject, full.name, full.email)
            return await onboarding.first_sight(self.platform, person, origin)
        if user.deleted_at is not None:
            self.platform.rights.drop(reservation)
            raise AccountDeleted
        actor = Principal(user.id, user.name, user.email)
        self.platform.rights.fill(reservation, _WHO, actor)
        return actor


def _role_of(actor: Principal) -> Role:
    """The role that a key's scopes amount to."""
    return Role.editor if actor.key is not None and Scope.write in actor.key.scopes else Role.viewer


def _refuse_rights(grant: Grant, rule: Rule) -> None:
    if grant.actor.key is not None:
        if not rule.allows_key(grant.actor.key.scopes):
            wanted = " or ".join(rule.scopes)
            raise ScopeMissing(f"The API key needs the scope {wanted}." if wanted else "No API key may do this.")
    elif not grant.role.covers(rule.role):
        raise Forbidden


def _tell(scope: AsgiScope, verdict: Verdict, limit: LimitClass) -> None:
    """Leave the headers of the verdict for the answer. Raises RateLimited."""
    scope["dakora.headers"] = verdict.headers
    if not verdict.allowed:
        # Every refusal with a time to come back says so by itself, and once is enough.
        scope["dakora.headers"] = tuple(header for header in verdict.headers if header[0] != b"retry-after")
        raise RateLimited(f"The limit of {limit.value} requests is reached.", retry_after=verdict.retry_after)


def access_of(connection: HTTPConnection) -> Access:
    """The guard that `main` built."""
    access: Access = connection.app.state.access
    return access
