"""Every row there is, as its owner sees it: whose it is, and what it holds."""

import asyncio
import hashlib
import json
from collections import defaultdict
from typing import Any

import psycopg
from isolation_suite.tenants import NOMADS, SAME, Tenants
from isolation_suite.tokens import Labels
from psycopg import sql

from dakora_server.core.onboarding.starter import sample_parts, samples
from dakora_server.core.scope import MODELS
from dakora_server.core.storage.database import driver_url
from dakora_server.core.storage.tables import metadata
from dakora_server.core.templates.serialization import Document

# These belong to no tenant: signals (ids only), and the chain over everybody's events.
NOBODYS = {"changes", "audit_seals"}
# Written by reading, and about nothing but time.
_IDLE = {"last_used_at"}
_ATTEMPTS = 10
# Chosen by the caller, who may choose what somebody else has chosen.
_FREE = {("idempotency_keys", "key")}


class Rows:
    """A reading of the whole database through the owner's connection, which no wall stops."""

    def __init__(self, owner_url: str) -> None:
        self.rows: dict[str, list[dict[str, Any]]] = {}
        with psycopg.connect(driver_url(owner_url)) as connection:
            for table in metadata.tables:
                query = f"SELECT to_jsonb(t) FROM public.{table} t"
                self.rows[table] = [row for (row,) in connection.execute(query)]
        self._workspaces: defaultdict[str, set[str]] = defaultdict(set)
        self._projects: dict[str, set[str]] = {}

    def learn(self, tenants: Tenants) -> None:
        """Let every id and content hash be known as its row's owner's."""
        owners = tenants.owners
        for row in self.rows["memberships"]:
            self._workspaces[row["workspace_id"]] |= owners.labels(row["user_id"])
        for row in self.rows["workspaces"]:
            known = owners.labels(row["id"])
            self._workspaces[row["id"]] = set(known) or self._workspaces[row["id"]]
            owners.add(row["id"], *self._workspaces[row["id"]])
        for row in self.rows["projects"]:
            spot = next((spot for spot in tenants.spots if spot.id == row["id"]), None)
            self._projects[row["id"]] = {spot.label} if spot else self._workspaces[row["workspace_id"]]
            owners.add(row["id"], *self._workspaces[row["workspace_id"]])
        for table in ("api_keys", "invitations", "audit_events", "label_requests", "label_comments"):
            for row in self.rows[table]:
                owners.add(row["id"], *self.whose(tenants, table, row))
        samples_of_all = {Document.of(spec).hash for spec in (*samples(), *sample_parts())}
        for digest in samples_of_all:
            owners.add(digest, "everybody")
        for row in self.rows["part_versions"]:
            if row["content_hash"] not in samples_of_all:
                owners.add(row["content_hash"], *self.whose(tenants, "part_versions", row))
        for row in self.rows["versions"]:
            labels = self.whose(tenants, "versions", row)
            if row["prompt_id"] in NOMADS:
                # Its text may lie in either project of its workspace.
                labels = {label[0] for label in labels}
            is_the_same = row["prompt_id"] == SAME or row["content_hash"] in samples_of_all
            owners.add(row["content_hash"], *(("everybody",) if is_the_same else labels))

    def whose(self, tenants: Tenants, table: str, row: dict[str, Any]) -> set[str]:
        """The labels of the place that a row belongs to. Fails for a table that does not say."""
        if row.get("project_id"):
            return self._projects.get(row["project_id"], set())
        if table == "projects":
            return self._projects[row["id"]]
        if "workspace_id" in row:
            return self._workspaces[row["workspace_id"]]
        if table == "workspaces":
            return self._workspaces[row["id"]]
        owner = row["id"] if table == "users" else row.get("tenant_id") or row.get("user_id")
        assert owner is not None, f"{table} does not say whose its rows are: teach this test, or add it to NOBODYS"
        return self._projects.get(owner) or self._workspaces.get(owner) or tenants.owners.labels(owner)

    def strangers(self, tenants: Tenants, *, lenient: bool = False) -> list[str]:
        """Rows that hold what is another's: somebody wrote where it may not, or a row lies in the wrong place.

        With `lenient`, the projects of one workspace are one.
        """
        found = []
        for table, rows in self.rows.items():
            if table in NOBODYS:
                continue
            for row in rows:
                labels = self.whose(tenants, table, row)
                text = json.dumps({name: value for name, value in row.items() if (table, name) not in _FREE}).encode()
                for token in tenants.owners.strangers(text, self._view(labels, lenient), table, learn=False):
                    whose = sorted(tenants.owners.labels(token))
                    found.append(f"{table} of {sorted(labels)} holds {token} of {whose}: {row}"[:1_000])
        return found

    @staticmethod
    def _view(labels: set[str], lenient: bool) -> Labels:
        """What may stand in a row of a place: what is its own, or its workspace's."""
        siblings = {f"{label[0]}{number}" for label in labels for number in (1, 2)} if lenient else set()
        return frozenset(labels | {label[0] for label in labels} | siblings | {"everybody"})

    def digest(self, tenants: Tenants, side: str) -> dict[str, str]:
        """A hash of all that one workspace, its projects and its people have, table by table."""
        found: dict[str, str] = {}
        for table, rows in self.rows.items():
            if table in NOBODYS:
                continue
            mine = sorted(
                json.dumps({name: value for name, value in row.items() if name not in _IDLE}, sort_keys=True)
                for row in rows
                if any(label.startswith(side) for label in self.whose(tenants, table, row))
            )
            found[table] = f"{len(mine)} rows {hashlib.sha256(chr(10).join(mine).encode()).hexdigest()}"
        return found


def strangers_in_caches(platform: Any, tenants: Tenants) -> list[str]:
    """What a process keeps in memory under a wrong name: prompts, documents, rights."""
    found = []
    view_of = {spot.id: frozenset((spot.label, spot.side, "everybody")) for spot in tenants.spots}
    for (project_id, prompt_id), answers in platform.pointers._cache.items():
        for kept in answers.values():
            text = f"{kept.record} {kept.document.text} {kept.wire}".encode()
            found += _in(tenants, text, view_of.get(str(project_id)), f"pointer to {prompt_id}")
    for (project_id, digest), document in platform.vault._cache.items():
        found += _in(tenants, document.text.encode(), view_of.get(str(project_id)), f"document {digest}")
    for key, page in platform.pages._shelf.items():
        # Not the question, nor the link to the next page: there a caller may have said what is another's.
        found += _in(tenants, page.body, view_of.get(str(key.project_id)), f"list {key.question}")
    found += _strange_rights(platform, tenants)
    return found


def _in(tenants: Tenants, text: bytes, view: Labels | None, where: str) -> list[str]:
    if view is None:
        return []
    strangers = tenants.owners.strangers(text, view, where, learn=False)
    return [f"{where} keeps {token} of {tenants.owners.labels(token)}" for token in strangers]


def _strange_rights(platform: Any, tenants: Tenants) -> list[str]:
    """Rights kept for somebody else than they were given to, or for a place that one is no member of."""
    found = []
    callers = {caller.user_id: caller for caller in tenants.callers if caller.user_id}
    view_of = {spot.id: frozenset((spot.label, spot.side, "everybody")) for spot in tenants.spots}
    for (scope_id, subject), kept in platform.rights._cache.items():
        for selector, right in kept.items():
            if subject == MODELS:  # what a project's runs need: its provider's settings and its budget
                found += _in(tenants, repr(right).encode(), view_of.get(str(scope_id)), f"provider {selector}")
                continue
            actor = getattr(right, "actor", right)
            owner = actor.key.project_id if subject == "!keys" else actor.user_id
            if owner != scope_id:
                found.append(f"the right of {owner} is kept under {scope_id}")
            caller = callers.get(str(scope_id)) if subject == "!access" else None
            workspace_id = getattr(right, "workspace_id", None)
            if caller is not None and workspace_id is not None:
                labels = tenants.owners.labels(str(workspace_id))
                if tenants.at_home(caller).isdisjoint(labels):
                    found.append(f"{caller.name} has a right in a workspace of {sorted(labels)} as {selector}")
    return found


class Snapshot:
    """All tenants' rows as they were, to be put back."""

    def __init__(self, owner_url: str) -> None:
        self._url = driver_url(owner_url)
        self._tables = [table.name for table in metadata.sorted_tables if table.name not in NOBODYS]
        with psycopg.connect(self._url) as connection:
            connection.execute("CREATE SCHEMA kept")
            for table in self._tables:
                connection.execute(sql.SQL("CREATE TABLE kept.{0} AS TABLE public.{0}").format(sql.Identifier(table)))

    async def restore(self, platform: Any, tenants: Tenants) -> None:
        """Put everything back, and let the process forget what it knew."""
        # On a thread: a row may be held by a transaction of this very event loop.
        await asyncio.to_thread(self._put_back)
        platform.pointers._forget_all()
        platform.rights._forget_all()
        platform.pages._forget_all()
        for side in tenants.sides.values():
            side.forget()
        tenants.owners.sightings.clear()

    def _put_back(self) -> None:
        # The platform goes on beside this, and writes in the background: when keys were used, what was sealed.
        for _ in range(_ATTEMPTS):
            try:
                self._replace_all()
            except psycopg.errors.DeadlockDetected:
                continue
            return
        raise AssertionError("the rows could not be put back: somebody always held one of them")

    def _replace_all(self) -> None:
        with psycopg.connect(self._url) as connection:
            # No triggers, and so no foreign keys while it lasts.
            connection.execute("SET LOCAL session_replication_role = replica")
            for table in map(sql.Identifier, self._tables):
                connection.execute(sql.SQL("DELETE FROM public.{}").format(table))
                # Numbers that PostgreSQL gives out are put back as well.
                again = sql.SQL("INSERT INTO public.{0} OVERRIDING SYSTEM VALUE TABLE kept.{0}")
                connection.execute(again.format(table))
