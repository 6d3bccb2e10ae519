"""Where a file began: the version that it and the server's newest one have in common."""

import hashlib
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from functools import partial
from pathlib import Path

from dakora_cli.bases import Base, Bases
from dakora_cli.folder import PromptFile
from dakora_cli.lockfile import Lock, Locked
from dakora_cli.options import Invocation
from dakora_cli.planning import Head, MergedFile
from dakora_cli.reach import at_once
from dakora_cli.remote import Whole, fetch, folder_on_server, history, parts_named, spec_of
from dakora_client import Dakora, NotFoundError
from dakora_server.core.templates.merge import Merged, conflict_file, field_path, merge
from dakora_server.core.templates.model import TemplateSpec
from dakora_server.core.templates.serialization import update_yaml
from dakora_server.core.templates.versioning import is_higher


class Changed(Enum):
    """Who has changed the text since the version in common."""

    nobody = auto()
    here = auto()
    server = auto()
    both = auto()


@dataclass(frozen=True, slots=True)
class Origin:
    """The version in common. `spec` is its text where that is at hand."""

    number: int
    version: str
    content_hash: str
    spec: TemplateSpec | None = None


@dataclass(frozen=True, slots=True)
class Origins:
    """Knows what was in step: from `.dakora/`, from the lock, from version lines, from the server's history."""

    dakora: Dakora
    root: Path
    bases: Bases
    lock: Lock
    unsure: dict[str, Locked] = field(default_factory=dict)

    async def changed(self, file: PromptFile, head: Head) -> tuple[Changed, Origin | None]:
        """Who has changed the text; where nobody knows where the file began, both have."""
        if file.content_hash == head.content_hash:
            return Changed.nobody, None
        origin = await self._of(file, head)
        if origin is None:
            return Changed.both, None
        if origin.content_hash == file.content_hash:
            return Changed.server, origin
        return (Changed.here if origin.content_hash == head.content_hash else Changed.both), origin

    async def _of(self, file: PromptFile, head: Head) -> Origin | None:
        known = await self._noted(file, head)
        line = file.spec.version
        if line is not None and (known is None or is_higher(known.version, line)):
            # The file was checked out from an older state of the folder, or nothing else is known of it. A line that
            # is higher than what is known was raised by hand: it tells the version to come.
            if line == head.version:
                return Origin(head.version_number, head.version, head.content_hash)
            known = await self._version(file.spec.id, line) or known
        if known is None:
            for version in await history(self.dakora, file.spec.id):
                if version.content_hash == file.content_hash:
                    return Origin(version.version_number, version.version, version.content_hash, file.spec)
        return known

    async def _noted(self, file: PromptFile, head: Head) -> Origin | None:
        """What was noted when the file was last in step. The lock comes first: it moves with the branches of git.

        A note that this server does not confirm is of another one, or of a database that is not there any more: to
        believe it would take away what only the file has.
        """
        locked, base = self.lock.get(file.spec.id), self.bases.get(file.key)
        notes = [Origin(locked.number, locked.version, locked.sha256)] if locked is not None else []
        if base is not None and (not notes or notes[0].content_hash != base.content_hash):
            notes.append(Origin(base.number, base.version, base.content_hash))
        for note in notes:
            if (note.number, note.content_hash) == (head.version_number, head.content_hash):
                return note
            found = await self._version(file.spec.id, note.number)
            if found is not None and found.content_hash == note.content_hash:
                return found
        return None

    async def _version(self, prompt_id: str, version: int | str) -> Origin | None:
        try:
            found = await fetch(self.dakora, prompt_id, version)
        except NotFoundError:
            return None
        return Origin(found.version_number, found.version, found.content_hash, spec_of(found))

    async def spec(self, prompt_id: str, origin: Origin) -> TemplateSpec | None:
        """The text of the version in common."""
        if origin.spec is None:
            found = await self._version(prompt_id, origin.number)
            return None if found is None else found.spec
        return origin.spec

    async def merge(self, file: PromptFile, prompt: Whole, origin: Origin | None) -> MergedFile:
        """The file with what the server has changed since `origin`."""
        base = None if origin is None else await self.spec(file.spec.id, origin)
        found = merge(base, file.spec, spec_of(prompt))
        line = version_line(file, prompt)
        if not found.conflicts:
            return MergedFile(update_yaml(file.text, found.ours, version=line), found.ours, ())
        text = conflict_file(file.text, found, version=line, theirs_name=f"server {prompt.version}")
        return MergedFile(text, found.ours, fields_in_conflict(found))

    def note(self, head: Head, *, at: str, text: str | None) -> None:
        """Note that the file at this path in the folder began at this version; in step with it if `text` is its text.

        Without `text` the file says something else, such as a conflict to be solved.
        """
        digest = "" if text is None else hashlib.sha256(text.encode()).hexdigest()
        number, version, content_hash = head.version_number, head.version, head.content_hash
        self.bases.put(Base(head.id, number, version, content_hash, folder_on_server(head), at, digest))
        parts = parts_named(head) if isinstance(head, Whole) else None
        if text is not None and "include" not in text:
            parts = ()
        locked = Locked(number, version, content_hash, parts)
        self.lock.put(head.id, locked)
        if parts is None and self.lock.get(head.id) != locked:
            self.unsure[head.id] = locked

    def forget(self, prompt_id: str) -> None:
        """The prompt is gone from the folder."""
        self.bases.drop(prompt_id.lower())
        self.lock.drop(prompt_id)

    async def complete(self) -> None:
        """Ask for the parts of what was noted from a list, which does not tell them."""

        async def complete_one(item_id: str, locked: Locked) -> None:
            found = await fetch(self.dakora, item_id, locked.number)
            self.lock.put(item_id, replace(locked, parts=parts_named(found)))

        await at_once([partial(complete_one, *entry) for entry in self.unsure.items()])
        self.unsure.clear()

    def save(self) -> None:
        """Store what was noted. Raises OSError."""
        self.bases.save()
        self.lock.save()


def version_line(file: PromptFile, head: Head) -> str | None:
    """The file's version line after a merge: none where its author left it out, and theirs where it is to come."""
    own = file.spec.version
    return own if own is None or is_higher(own, head.version) else head.version


def fields_in_conflict(found: Merged) -> tuple[str, ...]:
    """`template`, `inputs.name.type`: the fields that both sides have changed."""
    return tuple(dict.fromkeys(map(field_path, found.conflicts)))


async def origins_of(call: Invocation, dakora: Dakora, root: Path) -> Origins:
    """What is known of this folder and the server that is talked to."""
    connection = call.connection
    project = connection.project
    if project is None:
        # A key or a token opens a project of its own: under another one, other prompts have the same names.
        project = "default" if connection.shown is None else (await dakora.context()).project_id
    return Origins(dakora, root, Bases(root, f"{connection.url} {project}"), Lock(call.world, root))
