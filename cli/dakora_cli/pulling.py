"""Writing one of the server's prompts into the folder."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from dakora_cli.files import write_atomically
from dakora_cli.folder import PromptFile
from dakora_cli.planning import Head
from dakora_cli.refusals import Problem, Refusal
from dakora_cli.remote import spec_of
from dakora_cli.world import World
from dakora_client import Dakora, Prompt
from dakora_server.core.sync.names import is_folder, moved_path, new_path
from dakora_server.core.templates.serialization import to_yaml, update_yaml
from dakora_server.core.templates.versioning import is_higher


class Fate(StrEnum):
    """What became of a prompt."""

    WRITTEN = "written"
    UPDATED = "updated"
    MOVED = "moved"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


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
        entry = {"id": self.id, "path": self.path, "outcome": self.fate, "version": self.version}
        return entry if self.problem is None else entry | {"errors": [self.problem.to_json()]}


@dataclass(frozen=True, slots=True)
class Puller:
    """Writes into one folder, whose files it knows by their ids."""

    world: World
    root: Path
    files: dict[str, PromptFile]
    dakora: Dakora
    force: bool = False

    async def pull(self, prompt_id: str, head: Head) -> Pulled:
        """Bring the file of this prompt to the server's newest version."""
        file = self.files.get(prompt_id.lower())
        if file is not None and _is_current(file, head):
            return Pulled(prompt_id, Fate.UNCHANGED, file.shown, head.version)
        prompt = head if isinstance(head, Prompt) else await self.dakora.prompts.get(prompt_id)
        if file is not None and not self.force and await self._has_edits(file, prompt):
            reason = (
                f"this has edits that the server has never seen (it has {prompt.version}): push, or pull with --force"
            )
            return self._refused(prompt_id, reason, file.shown, kind="unpushed_edits")
        try:
            return self._write(prompt, file)
        except Refusal as refusal:
            return self._refused(prompt_id, refusal.message, None, kind="not_writable")

    async def _has_edits(self, file: PromptFile, prompt: Prompt) -> bool:
        """Whether overwriting the file would lose something: content that is no version, or a version to come."""
        own = file.spec.version
        if own is not None and is_higher(own, prompt.version):
            return True
        if file.content_hash == prompt.content_hash:
            return False
        history = await self.dakora.prompts.versions(prompt.id)
        return all(version.content_hash != file.content_hash for version in history)

    def _write(self, prompt: Prompt, file: PromptFile | None) -> Pulled:
        spec = spec_of(prompt)
        if file is None:
            target = self._free(prompt, lambda attempt: new_path(prompt.folder, prompt.id, attempt=attempt))
            text, fate = to_yaml(spec, version=prompt.version), Fate.WRITTEN
        else:
            target, fate = file.path.resolve(), Fate.UPDATED
            version = None if file.spec.version is None else prompt.version
            text = update_yaml(file.text, spec, version=version)
            if file.folder != prompt.folder:
                at = file.path.relative_to(self.root).as_posix()
                target = self._free(prompt, lambda attempt: moved_path(at, prompt.folder, attempt=attempt))
                fate = Fate.MOVED
        target.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(target, text)
        if file is not None and fate is Fate.MOVED:
            file.path.unlink()
        return Pulled(prompt.id, fate, self.world.shown(target), prompt.version)

    def _free(self, prompt: Prompt, name: Callable[[int], str]) -> Path:
        """A path in the folder that nothing has yet. Raises Refusal where there can be none."""
        # The names come from the server, which may be anybody's.
        if not is_folder(prompt.folder) or "/" in prompt.id or prompt.id.startswith("."):
            raise Refusal(f"The server's folder or id of {prompt.id} is no name for a file.")
        attempt = 0
        while (target := self.root / name(attempt)).exists() or target.is_symlink():
            attempt += 1
        if not target.parent.resolve().is_relative_to(self.root.resolve()):
            raise Refusal(f"{self.world.shown(target.parent)} leads out of the folder: {prompt.id} was not written.")
        return target

    def _refused(self, prompt_id: str, reason: str, shown: str | None, *, kind: str) -> Pulled:
        return Pulled(prompt_id, Fate.REFUSED, shown, problem=Problem(reason, shown, type=kind))


def _is_current(file: PromptFile, head: Head) -> bool:
    same_version = file.spec.version in {None, head.version}
    return file.content_hash == head.content_hash and file.folder == head.folder and same_version
