"""Saving one file's prompt or part on the server."""

from dataclasses import dataclass, replace
from typing import Any

from dakora_cli.bases import Base
from dakora_cli.folder import PromptFile
from dakora_cli.origins import Changed, Origin, Origins
from dakora_cli.planning import Head, MergedFile, Outcome, Plan, raised
from dakora_cli.refusals import Problem
from dakora_cli.remote import Shelf, Whole, fetch, folder_on_server, whole
from dakora_client import (
    APIError,
    AuthenticationError,
    ConflictError,
    NotFoundError,
    PreconditionFailed,
    RateLimited,
    ServerError,
)
from dakora_server.core.exceptions import Fault
from dakora_server.core.sync import disk
from dakora_server.core.templates.serialization import Document, update_yaml

_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class Saved:
    """What became of a prompt. `version` is what the server has now; `problems` say why it has not this."""

    id: str
    path: str | None
    outcome: Outcome
    version: str | None = None
    problems: tuple[Problem, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The same, for programs."""
        entry = {"id": self.id, "path": self.path, "outcome": self.outcome, "version": self.version}
        return entry if not self.problems else entry | {"errors": [one.to_json() for one in self.problems]}


@dataclass(frozen=True, slots=True)
class Saver:
    """Saves the files of one folder with one message, by one client."""

    origins: Origins
    message: str | None = None
    force: bool = False

    @property
    def _shelf(self) -> Shelf:
        return Shelf(self.origins.dakora, self.message)

    async def plan(self, file: PromptFile, head: Head | None) -> Plan:
        """Decide. What changed on the server since the file began is merged into it before it is sent."""
        if head is None:
            return Plan(Outcome.CREATED, file.spec.version)
        version, moves = raised(file, head), self._moves(file, head)
        changed, origin = await self.origins.changed(file, head)
        if changed is Changed.nobody:
            is_elsewhere = file.folder != folder_on_server(head)
            if version is not None or (is_elsewhere and moves):
                return Plan(Outcome.UPDATED, version, moves=moves)
            return Plan(Outcome.BEHIND if is_elsewhere else Outcome.UNCHANGED)
        # Of a file that began elsewhere, such as on another server, the version line says that it is to go on here.
        is_from_elsewhere = origin is None and version is not None
        if changed is Changed.here or is_from_elsewhere or self.force:
            return Plan(Outcome.UPDATED, version, moves=moves)
        if changed is Changed.server and version is None:
            return Plan(Outcome.BEHIND)
        return await self._merged(file, head, origin, version=version, moves=moves)

    async def _merged(
        self, file: PromptFile, head: Head, origin: Origin | None, *, version: str | None, moves: bool
    ) -> Plan:
        prompt = await whole(self.origins.dakora, head)
        merged = await self.origins.merge(file, prompt, origin)
        if merged.conflicts:
            fields = ", ".join(merged.conflicts)
            reason = f"changed here and on the server ({prompt.version}) in {fields}: pull to merge it by hand"
            return Plan(Outcome.REFUSED, reason=f"{reason}, or push with --force")
        if version is None and Document.of(merged.spec).hash == prompt.content_hash:
            return Plan(Outcome.BEHIND)
        return Plan(Outcome.MERGED, version, moves=moves, merged=merged)

    def _moves(self, file: PromptFile, head: Head) -> bool:
        """Whether the prompt follows the file's sub-folder: not where only the server has moved it."""
        base = self.origins.bases.get(file.key)
        there = folder_on_server(head)
        return self.force or base is None or file.folder != base.folder or there == base.folder

    async def save(self, file: PromptFile, planned: Plan) -> Saved:
        """Do what was planned. A no that concerns only this file is in the answer; any other is raised."""
        try:
            if planned.outcome is Outcome.CREATED:
                return await self._create(file)
            return await self._update(file)
        except (AuthenticationError, RateLimited, ServerError):
            raise
        except APIError as error:
            return _refused(file, *_problems(file, error))

    async def _create(self, file: PromptFile) -> Saved:
        try:
            prompt = await self._shelf.create(file.spec, folder=file.folder)
        except ConflictError as error:
            if error.code not in {"prompt_archived", "part_archived"}:
                raise
            return await self._restore(file, error)
        return self._done(file, Outcome.CREATED, prompt)

    async def _restore(self, file: PromptFile, conflict: ConflictError) -> Saved:
        try:
            archived = await self._shelf.restore(file.spec.id)
        except NotFoundError:
            # Another spelling of the id holds it, and only that one can be restored.
            raise conflict from None
        # Whoever archived it wanted it gone, so there is nobody's newer work that this could undo.
        saver = replace(self, force=True)
        saved = await saver._put(file, archived, await saver.plan(file, archived))
        return replace(saved, outcome=Outcome.RESTORED)

    async def _update(self, file: PromptFile) -> Saved:
        """Save on top of what is newest, and merge again when somebody was faster."""
        stale: tuple[PreconditionFailed, str | None] | None = None
        for _ in range(_ATTEMPTS):
            head = await fetch(self.origins.dakora, file.spec.id)
            if stale is not None and stale[1] == head.etag:
                break  # nobody was faster: the server means something else
            try:
                return await self._put(file, head, await self.plan(file, head))
            except PreconditionFailed as error:
                stale = error, head.etag
        assert stale is not None  # noqa: S101 - a loop that comes here has met one
        raise stale[0]

    async def _put(self, file: PromptFile, head: Whole, planned: Plan) -> Saved:
        if planned.outcome is Outcome.REFUSED:
            return _refused(file, Problem(planned.reason or "", file.shown, type="conflict"))
        if not planned.is_sent:
            if planned.outcome is Outcome.UNCHANGED:
                self.origins.note(head, at=file.at, text=file.text)
            return Saved(file.spec.id, file.shown, planned.outcome, head.version)
        spec = file.spec if planned.merged is None else planned.merged.spec
        folder = file.folder if planned.moves else None
        prompt = await self._shelf.update(spec, on=head, version=planned.version, folder=folder)
        return self._done(file, planned.outcome, prompt, merged=planned.merged)

    def follow(self, file: PromptFile, head: Head) -> Saved:
        """The prompt has a newer version with the same text, because a part of it was saved: so does the file."""
        return self._done(file, Outcome.UNCHANGED, head)

    def _done(self, file: PromptFile, outcome: Outcome, prompt: Head, *, merged: MergedFile | None = None) -> Saved:
        """The file now says what was saved, and names its version, so that the next push knows where it began."""
        text, problems = file.text, list[Problem]()
        line = None if file.spec.version is None else prompt.version
        if merged is not None:
            text = update_yaml(file.text, merged.spec, version=line)
        elif line is not None and line != file.spec.version:
            text = update_yaml(file.text, file.spec, version=line)
        try:
            if text != file.text:
                disk.replace(self.origins.root.resolve(), file.at, text.encode(), digest=file.sha256)
            self.origins.note(prompt, at=file.at, text=text)
        except (disk.ChangedMeanwhileError, FileNotFoundError):
            # Whoever edited the file in this very moment keeps their text, and with it the version where it began.
            pass
        except OSError as error:
            reason = f"saved as {prompt.version}, which could not be written here ({error.strerror})"
            problems.append(Problem(reason, file.shown, type="not_rewritten"))
        return Saved(file.spec.id, file.shown, outcome, prompt.version, tuple(problems))

    async def archive(self, base: Base) -> Saved:
        """Archive a prompt whose file is gone, unless it has changed on the server since."""
        try:
            head = await fetch(self.origins.dakora, base.id)
            if not self.force and head.content_hash != base.content_hash:
                reason = f"deleted here, but changed on the server ({head.version}): pull brings it back"
                problem = Problem(reason, base.path, type="conflict")
                return Saved(base.id, base.path, Outcome.REFUSED, problems=(problem,))
            await self._shelf.delete(head)
        except NotFoundError:
            pass  # archived already
        except (PreconditionFailed, ConflictError) as error:
            # Of a part in use every fault names one who uses it.
            said = [fault.message for fault in error.errors] or [error.detail]
            problems = tuple(Problem(one, base.path, type=error.code) for one in said)
            return Saved(base.id, base.path, Outcome.REFUSED, problems=problems)
        self.origins.forget(base.id)
        return Saved(base.id, base.path, Outcome.ARCHIVED, base.version)


def _refused(file: PromptFile, *problems: Problem) -> Saved:
    return Saved(file.spec.id, file.shown, Outcome.REFUSED, problems=problems)


def _problems(file: PromptFile, error: APIError) -> list[Problem]:
    """Every fault the server found, at its place in the file."""
    faults = [Fault(fault.message, fault.loc, fault.line, fault.column, fault.type) for fault in error.errors]
    return [file.problem(fault) for fault in faults] or [Problem(error.detail, file.shown, type=error.code)]
