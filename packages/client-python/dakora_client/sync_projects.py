# Generated from projects.py by generate_sync.py: change that file, then run this one.

"""`dakora.projects`: the projects of a workspace."""

import builtins
from functools import partial

from dakora_client import _archive_operations, _tenancy_operations
from dakora_client._senders import SyncSender
from dakora_client.archive_types import ImportReport
from dakora_client.types import Project


class ProjectsSync:
    """Projects, for the members of their workspace; an API key sees its own.

    Every method takes `timeout`, the seconds it may take in all, in place of the client's own. What is not yours to
    see raises NotFoundError, what your role does not allow PermissionDenied.
    """

    def __init__(self, sender: SyncSender) -> None:
        self._sender = sender

    def list(
        self, workspace_id: str, *, archived: bool = False, timeout: float | None = None
    ) -> builtins.list[Project]:
        """The projects of a workspace in order of slug, or its archived ones. `timeout` is for each page of 200."""
        page_at = partial(_tenancy_operations.list_projects, workspace_id, archived=archived)
        found = self._sender.iterate(page_at, timeout)
        return list(found)

    def create(
        self,
        workspace_id: str,
        name: str,
        *,
        slug: str | None = None,
        samples: bool = True,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> Project:
        """Make a project, with a few sample prompts and parts. Without a slug, one is made from the name.

        Raises:
            ConflictError: the slug is taken, or the workspace has as many projects as it may have.
        """
        call = _tenancy_operations.create_project(
            workspace_id, name, slug=slug, samples=samples, idempotency_key=idempotency_key
        )
        return self._sender.send(call, timeout)

    def get(self, project_id: str, *, timeout: float | None = None) -> Project:
        """One project."""
        return self._sender.send(_tenancy_operations.get_project(project_id), timeout)

    def rename(
        self,
        project_id: str,
        *,
        name: str | None = None,
        slug: str | None = None,
        timeout: float | None = None,
    ) -> Project:
        """Give a project another name or slug.

        Raises:
            ConflictError: the slug is taken.
        """
        call = _tenancy_operations.change_project(project_id, name=name, slug=slug)
        return self._sender.send(call, timeout)

    def delete(self, project_id: str, *, timeout: float | None = None) -> None:
        """Archive a project: nothing opens it any more, its API keys are revoked. For 30 days `restore` undoes it."""
        self._sender.send(_tenancy_operations.archive_project(project_id), timeout)

    def restore(self, project_id: str, *, timeout: float | None = None) -> Project:
        """Open an archived project again. Its API keys stay revoked.

        Raises:
            ConflictError: another project has taken its slug.
        """
        return self._sender.send(_tenancy_operations.restore_project(project_id), timeout)

    def export(
        self,
        project_id: str | None = None,
        *,
        history: bool = False,
        timeout: float | None = None,
    ) -> bytes:
        """Every live prompt and part of a project (the client's own unless named), and the labels, as a zip of YAML.

        With `history` every version is in it, so that the project can be rebuilt elsewhere. The same content is the
        same bytes. Ten minutes unless `timeout` says otherwise.
        """
        call = _archive_operations.export_project(project_id, history=history)
        return self._sender.send(call, _archive_operations.SECONDS if timeout is None else timeout)

    def import_(
        self,
        archive: bytes,
        project_id: str | None = None,
        *,
        dry_run: bool = False,
        partial: bool = False,
        message: str | None = None,
        timeout: float | None = None,
    ) -> ImportReport:
        """Save the prompts and parts of an archive: one of `export`, or a zipped folder. Twice changes nothing.

        Everything is saved or nothing; with `partial` what can be saved is, and the report says what was refused.
        With `dry_run` it only says what would happen. Ten minutes unless `timeout` says otherwise.

        Raises:
            InvalidRequestError: the archive cannot be taken, or files in it cannot be saved; `.errors` names each
                with file, line and column.
        """
        call = _archive_operations.import_project(
            project_id, archive, dry_run=dry_run, partial=partial, message=message
        )
        return self._sender.send(call, _archive_operations.SECONDS if timeout is None else timeout)
