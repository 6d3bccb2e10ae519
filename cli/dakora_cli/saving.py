"""Saving one file's prompt on the server."""

from dataclasses import dataclass, replace
from typing import Any

from dakora_cli.files import write_atomically
from dakora_cli.folder import PromptFile
from dakora_cli.planning import Outcome, Plan, plan
from dakora_cli.refusals import Problem
from dakora_cli.remote import fields_of
from dakora_client import (
    APIError,
    AuthenticationError,
    ConflictError,
    Dakora,
    NotFoundError,
    Prompt,
    RateLimited,
    ServerError,
)
from dakora_server.core.exceptions import Fault
from dakora_server.core.templates.serialization import replace_version


@dataclass(frozen=True, slots=True)
class Saved:
    """What became of a file. `version` is what the server has now; `problems` say why it has not this."""

    file: PromptFile
    outcome: Outcome
    version: str | None = None
    problems: tuple[Problem, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """What became of the file, for programs."""
        entry = {"id": self.file.spec.id, "path": self.file.shown, "outcome": self.outcome, "version": self.version}
        return entry if not self.problems else entry | {"errors": [one.to_json() for one in self.problems]}


@dataclass(frozen=True, slots=True)
class Saver:
    """Saves files with one message, by one client."""

    dakora: Dakora
    message: str | None = None
    force: bool = False

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
            prompt = await self.dakora.prompts.create(
                file.spec.id,
                **fields_of(file.spec),
                version=file.spec.version,
                folder=file.folder,
                message=self.message,
            )
        except ConflictError as error:
            if error.code != "prompt_archived":
                raise
            return await self._restore(file, error)
        return _done(file, Outcome.CREATED, prompt)

    async def _restore(self, file: PromptFile, conflict: ConflictError) -> Saved:
        try:
            archived = await self.dakora.prompts.restore(file.spec.id)
        except NotFoundError:
            # Another spelling of the id holds it, and only that one can be restored.
            raise conflict from None
        # Whoever archived it wanted it gone, so there is nobody's newer work that this could undo.
        saved = await self._put(file, archived, plan(file, archived, force=True))
        return replace(saved, outcome=Outcome.RESTORED)

    async def _update(self, file: PromptFile) -> Saved:
        head = await self.dakora.prompts.get(file.spec.id)
        # Somebody may have saved since the list was read.
        return await self._put(file, head, plan(file, head, force=self.force))

    async def _put(self, file: PromptFile, head: Prompt, planned: Plan) -> Saved:
        if planned.outcome is Outcome.REFUSED:
            return _refused(file, Problem(planned.reason or "", file.shown, type="behind"))
        if planned.outcome is Outcome.UNCHANGED:
            return Saved(file, Outcome.UNCHANGED, head.version)
        prompt = await self.dakora.prompts.update(
            file.spec.id,
            **fields_of(file.spec),
            version=planned.version,
            folder=file.folder,
            message=self.message,
            if_match=head,
        )
        return _done(file, Outcome.UPDATED, prompt)


def _refused(file: PromptFile, *problems: Problem) -> Saved:
    return Saved(file, Outcome.REFUSED, problems=problems)


def _problems(file: PromptFile, error: APIError) -> list[Problem]:
    """Every fault the server found, at its place in the file."""
    faults = [Fault(fault.message, fault.loc, fault.line, fault.column, fault.type) for fault in error.errors]
    return [file.problem(fault) for fault in faults] or [Problem(error.detail, file.shown, type=error.code)]


def _done(file: PromptFile, outcome: Outcome, prompt: Prompt) -> Saved:
    """The file now names the version that was saved, so that the next push knows where it began."""
    problems: list[Problem] = []
    if file.spec.version not in {None, prompt.version}:
        path = file.path.resolve()
        try:
            # Whoever edited the file in this very moment keeps their text, and the older version in it.
            if path.read_bytes() == file.text.encode():
                write_atomically(path, replace_version(file.text, prompt.version))
        except OSError as error:
            reason = f"saved as {prompt.version}, which could not be written here ({error.strerror})"
            problems.append(Problem(reason, file.shown, type="not_rewritten"))
    return Saved(file, outcome, prompt.version, tuple(problems))
