"""Saving a part, and what follows from it."""

from dataclasses import dataclass, replace
from typing import Any

from dakora_cli.files import write_atomically
from dakora_cli.part_files import PartFile
from dakora_cli.refusals import Problem
from dakora_cli.remote import fields_of
from dakora_client import (
    APIError,
    AuthenticationError,
    ConflictError,
    Dakora,
    NotFoundError,
    Part,
    PartUsage,
    RateLimited,
    ServerError,
)
from dakora_server.core.exceptions import Fault
from dakora_server.core.templates.serialization import update_yaml
from dakora_server.core.templates.versioning import is_higher


@dataclass(frozen=True, slots=True)
class SavedPart:
    """What became of a file: `created`, `updated`, `restored`, `unchanged` or `refused`.

    `followers` have a new version because of it; `problems` say why the server has not this part now.
    """

    file: PartFile
    outcome: str
    version: str | None = None
    followers: tuple[PartUsage, ...] = ()
    problems: tuple[Problem, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The same, for programs."""
        entry = {
            "id": self.file.spec.id,
            "path": self.file.shown,
            "outcome": self.outcome,
            "version": self.version,
            "followers": [follower_json(one) for one in self.followers],
        }
        return entry if not self.problems else entry | {"errors": [one.to_json() for one in self.problems]}


def follower_json(one: PartUsage) -> dict[str, Any]:
    """A prompt or part that has a new version, for programs."""
    return {"kind": one.kind, "id": one.id, "version_number": one.version_number}


@dataclass(frozen=True, slots=True)
class PartSaver:
    """Saves parts with one message, by one client."""

    dakora: Dakora
    message: str | None = None
    force: bool = False

    async def save(self, file: PartFile) -> SavedPart:
        """Make the file the part's newest version, unless it is.

        A no that concerns only this file is in the answer; any other is raised.
        """
        try:
            return await self._save(file)
        except (AuthenticationError, RateLimited, ServerError):
            raise
        except APIError as error:
            return SavedPart(file, "refused", problems=_problems(file, error))

    async def _save(self, file: PartFile) -> SavedPart:
        try:
            head = await self.dakora.parts.get(file.spec.id)
        except NotFoundError as error:
            if error.code != "part_not_found":
                raise
            return await self._create(file)
        if _is_behind(file, head) and not self.force:
            reason = f"the server has {head.version}, this file began at {file.spec.version}: --force saves over it"
            return SavedPart(file, "refused", problems=(Problem(reason, file.shown, type="behind"),))
        return await self._put(file, head, "updated")

    async def _create(self, file: PartFile) -> SavedPart:
        try:
            made = await self.dakora.parts.create(
                file.spec.id, **fields_of(file.spec), version=file.spec.version, message=self.message
            )
        except ConflictError as error:
            if error.code != "part_archived":
                raise
            try:
                head = await self.dakora.parts.restore(file.spec.id)
            except NotFoundError:
                # Another spelling of the id holds it, and only that one can be restored.
                raise error from None
            # Whoever deleted it wanted it gone, so there is nobody's newer work that this could undo.
            return replace(await self._put(file, head, "restored"), outcome="restored")
        return SavedPart(file, "created", made.version, problems=_rewritten(file, made))

    async def _put(self, file: PartFile, head: Part, outcome: str) -> SavedPart:
        own = file.spec.version
        asked = own if own is not None and is_higher(own, head.version) else None
        if asked is None and file.content_hash == head.content_hash:
            return SavedPart(file, "unchanged", head.version)
        saved = await self.dakora.parts.update(
            file.spec.id, **fields_of(file.spec), version=asked, message=self.message, if_match=head
        )
        followers = await followers_of(self.dakora, saved)
        return SavedPart(file, outcome, saved.version, followers, _rewritten(file, saved))


async def followers_of(dakora: Dakora, part: Part) -> tuple[PartUsage, ...]:
    """The prompts and parts that follow this one: just after it was saved, those that have a new version with it."""
    # Whoever names a pinned version of it beside the newest is there twice.
    return tuple({(one.kind, one.id): one for one in await dakora.parts.usages(part.id) if one.follows}.values())


def _is_behind(file: PartFile, head: Part) -> bool:
    own = file.spec.version
    return own is not None and is_higher(head.version, own) and file.content_hash != head.content_hash


def _problems(file: PartFile, error: APIError) -> tuple[Problem, ...]:
    """Every fault the server found, at its place in the file."""
    faults = [Fault(fault.message, fault.loc, fault.line, fault.column, fault.type) for fault in error.errors]
    return tuple(file.problem(fault) for fault in faults) or (Problem(error.detail, file.shown, type=error.code),)


def _rewritten(file: PartFile, part: Part) -> tuple[Problem, ...]:
    """The file now names the version that was saved, so that the next save knows where it began."""
    if file.path is None or file.spec.version in {None, part.version}:
        return ()
    path = file.path.resolve()
    try:
        # Whoever edited the file in this very moment keeps their text, and the older version in it.
        if path.read_bytes() == file.text.encode():
            write_atomically(path, update_yaml(file.text, file.spec, version=part.version))
    except OSError as error:
        reason = f"saved as {part.version}, which could not be written here ({error.strerror})"
        return (Problem(reason, file.shown, type="not_rewritten"),)
    return ()
