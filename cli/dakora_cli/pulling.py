"""Bringing one of the server's prompts or parts into the folder."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from dakora_cli.files import write_atomically
from dakora_cli.folder import PromptFile
from dakora_cli.origins import Changed, Origin, Origins, version_line
from dakora_cli.planning import Head
from dakora_cli.refusals import Problem, Refusal
from dakora_cli.remote import Whole, folder_on_server, history, spec_of, whole
from dakora_cli.world import World
from dakora_server.core.sync import disk
from dakora_server.core.sync.names import is_folder, is_part, lies_with_parts, moved_path, new_path, part_id_of
from dakora_server.core.templates.serialization import Document, to_yaml, update_yaml
from dakora_server.core.templates.versioning import is_higher


class Fate(StrEnum):
    """What became of a prompt."""

    WRITTEN = "written"
    UPDATED = "updated"
    MERGED = "merged"
    MOVED = "moved"
    REMOVED = "removed"
    CONFLICT = "conflict"
    EDITED = "edited here"
    DELETED = "deleted here"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


CHANGING = {Fate.WRITTEN, Fate.UPDATED, Fate.MERGED, Fate.MOVED, Fate.REMOVED, Fate.CONFLICT}
"""The fates with which the folder changes."""


@dataclass(frozen=True, slots=True)
class Pulled:
    """A prompt, and where it is now."""

    id: str
    fate: Fate
    path: str | None = None
    version: str | None = None
    problem: Problem | None = None

    def to_json(self) -> dict[str, Any]:
        """The same, for programs."""
        entry = {"id": self.id, "path": self.path, "outcome": self.fate.replace(" ", "_"), "version": self.version}
        return entry if self.problem is None else entry | {"errors": [self.problem.to_json()]}


@dataclass(frozen=True, slots=True)
class Puller:
    """Writes into one folder, whose files it knows by their ids. With `rehearse` it only says what it would do."""

    world: World
    root: Path
    files: dict[str, PromptFile]
    origins: Origins
    force: bool = False
    rehearse: bool = False
    exactly: bool = False
    """These are the versions wanted, whatever is newest: an edit is in the way of one."""

    async def pull(self, prompt_id: str, head: Head, *, is_named: bool = False) -> Pulled:
        """Bring the file of this prompt to the server's newest version, with the edits that were made here.

        A file that was deleted here comes back when its prompt `is_named`, or has changed since.
        """
        try:
            return await self._pull(prompt_id, head, is_named=is_named)
        except Refusal as refusal:
            return refused(prompt_id, refusal.message, None, kind="not_writable")

    async def _pull(self, prompt_id: str, head: Head, *, is_named: bool) -> Pulled:
        file = self.files.get(prompt_id.lower())
        base = self.origins.bases.get(prompt_id.lower())
        if file is None:
            is_deleted = base is not None and base.content_hash == head.content_hash and bool(self.files)
            if is_deleted and not (is_named or self.force or self.exactly):
                return Pulled(prompt_id, Fate.DELETED, version=head.version)
            return self._write_new(await self._whole(head))
        if self.exactly:
            return await self._exact(file, head)
        changed, origin = await self.origins.changed(file, head)
        is_raised = file.spec.version is not None and is_higher(file.spec.version, head.version)
        if self.force and (changed is not Changed.nobody or is_raised):
            return self._overwrite(file, await self._whole(head))
        if changed is Changed.nobody:
            return await self._in_step(file, head, is_raised=is_raised)
        if changed is Changed.here:
            return Pulled(prompt_id, Fate.EDITED, file.shown, head.version)
        prompt = await self._whole(head)
        if changed is Changed.server and not is_raised:
            return self._overwrite(file, prompt)
        return await self._merge(file, prompt, origin)

    async def _exact(self, file: PromptFile, head: Head) -> Pulled:
        """A file that holds any version of the server's may be replaced by another one."""
        if file.content_hash == head.content_hash and file.spec.version in {None, head.version}:
            return await self._in_step(file, head, is_raised=False)
        versions = await history(self.origins.dakora, file.spec.id)
        if self.force or any(version.content_hash == file.content_hash for version in versions):
            return self._overwrite(file, await self._whole(head))
        reason = f"this has edits that the server has never seen, and {head.version} is locked: push, or use --force"
        return refused(file.spec.id, reason, file.shown, kind="unpushed_edits")

    async def _whole(self, head: Head) -> Whole:
        return await whole(self.origins.dakora, head)

    async def _in_step(self, file: PromptFile, head: Head, *, is_raised: bool) -> Pulled:
        """The texts are the same: a version line and a folder follow."""
        line = version_line(file, head)
        moves = self._moves(file, head)
        if line == file.spec.version and not moves:
            if is_raised:
                return Pulled(file.spec.id, Fate.EDITED, file.shown, head.version)
            base = self.origins.bases.get(file.key)
            if base is None or (base.number, base.sha256) != (head.version_number, file.sha256):
                self.origins.note(head, at=file.at, text=file.text)
            return Pulled(file.spec.id, Fate.UNCHANGED, file.shown, head.version)
        return self._overwrite(file, await self._whole(head), version=line)

    def _moves(self, file: PromptFile, head: Head) -> bool:
        """Whether the file goes to another sub-folder: where only this side has moved it, it stays."""
        base = self.origins.bases.get(file.key)
        if self.exactly:
            return False
        there = folder_on_server(head)
        return file.folder != there and (self.force or base is None or base.folder != there)

    def _write_new(self, prompt: Whole) -> Pulled:
        target = self._free(prompt, lambda attempt: new_path(folder_on_server(prompt), prompt.id, attempt=attempt))
        text = to_yaml(spec_of(prompt), version=prompt.version)
        if not self.rehearse:
            self._create(target, text)
        return self._noted(prompt, target, text, Fate.WRITTEN)

    def _overwrite(self, file: PromptFile, prompt: Whole, *, version: str | None = None) -> Pulled:
        line = None if file.spec.version is None else version or prompt.version
        text = update_yaml(file.text, spec_of(prompt), version=line)
        return self._put_in_place(file, prompt, text, Fate.UPDATED)

    async def _merge(self, file: PromptFile, prompt: Whole, origin: Origin | None) -> Pulled:
        merged = await self.origins.merge(file, prompt, origin)
        if not merged.conflicts:
            is_theirs = Document.of(merged.spec).hash == prompt.content_hash
            return self._put_in_place(file, prompt, merged.text, Fate.UPDATED if is_theirs else Fate.MERGED)
        pulled = self._put_in_place(file, prompt, merged.text, Fate.CONFLICT)
        fields = ", ".join(merged.conflicts)
        does = "has to be merged by hand" if self.rehearse else "solve the marked places, then push"
        reason = f"changed here and on the server ({prompt.version}) in {fields}: {does}"
        return Pulled(
            prompt.id, Fate.CONFLICT, pulled.path, prompt.version, Problem(reason, pulled.path, type="conflict")
        )

    def _put_in_place(self, file: PromptFile, prompt: Whole, text: str, fate: Fate) -> Pulled:
        """The text in the file, which moves where the server's prompt has moved."""
        is_new_place = self._moves(file, prompt)
        target = file.path
        if is_new_place:
            target = self._free(prompt, lambda attempt: moved_path(file.at, folder_on_server(prompt), attempt=attempt))
            fate = Fate.MOVED if fate is Fate.UPDATED else fate
        if not self.rehearse:
            try:
                if is_new_place:
                    self._create(target, text)
                    disk.remove(self._disk, file.at, digest=file.sha256)
                else:
                    disk.replace(self._disk, file.at, text.encode(), digest=file.sha256)
            except (disk.ChangedMeanwhileError, FileNotFoundError):
                raise Refusal(f"{file.shown} is being edited: {prompt.id} was left alone, pull again.") from None
        return self._noted(prompt, target, text, fate)

    def _create(self, target: Path, text: str) -> None:
        disk.create(self._disk, target.relative_to(self.root).as_posix(), text.encode())

    def _noted(self, prompt: Whole, target: Path, text: str, fate: Fate) -> Pulled:
        if not self.rehearse:
            is_in_step = fate in {Fate.WRITTEN, Fate.UPDATED, Fate.MOVED}
            at = target.relative_to(self.root).as_posix()
            self.origins.note(prompt, at=at, text=text if is_in_step else None)
        return Pulled(prompt.id, fate, self.world.shown(target), prompt.version)

    @property
    def _disk(self) -> Path:
        return self.root.resolve()

    def _free(self, prompt: Whole, name: Callable[[int], str]) -> Path:
        """A path in the folder that nothing has yet. Raises Refusal where there can be none."""
        # The names come from the server, which may be anybody's.
        folder, first = folder_on_server(prompt), name(0)
        if is_part(prompt.id):
            is_fit = part_id_of(first) == prompt.id
        else:
            is_fit = is_folder(folder) and not prompt.id.startswith(".")
            if lies_with_parts(folder):
                raise Refusal(f"{prompt.id} is a prompt, and its folder {folder} is for parts: move it to another one.")
        if not is_fit:
            raise Refusal(f"The server's folder or id of {prompt.id} is no name for a file.")
        attempt = 0
        while (target := self.root / name(attempt)).exists() or target.is_symlink():
            attempt += 1
            if is_part(prompt.id):
                raise Refusal(f"{self.world.shown(target)} is in the way of {prompt.id}: it can lie nowhere else.")
        if not target.parent.resolve().is_relative_to(self.root.resolve()):
            raise Refusal(f"{self.world.shown(target.parent)} leads out of the folder: {prompt.id} was not written.")
        return target

    def remove(self, prompt_id: str) -> Pulled | None:
        """The prompt is no longer on the server: so goes its file, unless it was edited. None without a file."""
        file, base = self.files.get(prompt_id.lower()), self.origins.bases.get(prompt_id.lower())
        if file is None or base is None:
            self._forget(prompt_id)
            return None
        # To the byte: what only the file has, such as comments, would be lost with it.
        if file.sha256 != base.sha256 and not self.force:
            reason = "archived on the server, and edited here: push to bring it back, or delete this file"
            return refused(prompt_id, reason, file.shown, kind="archived")
        if not self.rehearse:
            self._put_aside(file)
            self._forget(prompt_id)
        return Pulled(prompt_id, Fate.REMOVED, file.shown)

    def _put_aside(self, file: PromptFile) -> None:
        """The text stays in `.dakora/`: whether the server archived the prompt or never had it, it does not tell."""
        aside = self.root.parent / ".dakora" / "removed"
        aside.mkdir(parents=True, exist_ok=True)
        write_atomically(aside / f"{file.spec.id.replace('/', '.')}.{file.sha256[:8]}.yaml", file.text)
        disk.remove(self._disk, file.at, digest=file.sha256)

    def _forget(self, prompt_id: str) -> None:
        if not self.rehearse:
            self.origins.forget(prompt_id)


def refused(prompt_id: str, reason: str, shown: str | None, *, kind: str) -> Pulled:
    """A prompt that was left as it is, and why."""
    return Pulled(prompt_id, Fate.REFUSED, shown, problem=Problem(reason, shown, type=kind))
