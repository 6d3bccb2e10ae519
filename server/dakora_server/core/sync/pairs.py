"""A prompt and its file: bring the two in step, one pair at a time."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

from dakora_server.core.exceptions import PartArchived, PartInUse, PartNotFound, PromptArchived, PromptNotFound
from dakora_server.core.prompts.records import PromptRecord
from dakora_server.core.sync import writing
from dakora_server.core.sync.decision import Move, Step, decide, decide_folder
from dakora_server.core.sync.files import Files
from dakora_server.core.sync.names import folder_of
from dakora_server.core.sync.project import Project
from dakora_server.core.sync.records import Base, Head, PartHead, PromptFile
from dakora_server.core.sync.report import SyncReport
from dakora_server.core.sync.state import SyncState
from dakora_server.core.sync.writing import Unsyncable
from dakora_server.core.templates.merge import field_path, merge
from dakora_server.core.templates.model import TemplateSpec

_MESSAGE_LENGTH = 500


class Pairs:
    """Settles pairs. `report` counts what was done, `tell` hears of it line by line, `say` of what needs a person.

    A prompt whose file is gone is not archived by `settle` but put into `leaving`: files also go for a moment, or all
    at once because a disk went away. `archive` is for those that are gone for good.
    """

    def __init__(
        self,
        files: Files,
        state: SyncState,
        project: Project,
        *,
        say: Callable[[str], None],
        tell: Callable[[str], None],
    ) -> None:
        self._files = files
        self._state = state
        self._project = project
        self._say = say
        self._tell = tell
        self._waiting: dict[str, str] = {}
        self.leaving: set[str] = set()
        self.begin()

    def begin(self) -> None:
        """Start a new report."""
        self.report = SyncReport()
        # What we save ourselves is heard of and compared once more: that is no second prompt.
        self._counted: set[str] = set()

    async def settle(self, key: str, head: Head | None) -> None:
        """Bring the prompt with this id (in lower case) and its file in step; `head` is its newest version, if live.

        Raises ChangedMeanwhileError when the file is being saved, StaleVersion, PromptNotFound and PromptExists when
        the prompt has changed: then it is to be done again. Also Unsyncable, TemplateInvalid and other refusals of
        the server, OSError.
        """
        self.leaving.discard(key)
        file = self._files.of(key)
        if file is not None and head is not None and file.prompt_id != head.prompt_id:
            raise Unsyncable(f"the server spells this id {head.prompt_id}, and the case of its letters cannot change")
        base = self._state.get(key)
        step = await self._decide(base, file, head)
        if step in {Step.write, Step.remove} and not await self._may_go(base, file):
            base = None
            step = await self._decide(base, file, head)
        await self._take(step, key, base, file, head)

    async def _decide(self, base: Base | None, file: PromptFile | None, head: Head | None) -> Step:
        asks = base is not None and file is not None and file.content_hash is not None and head is None
        archived = asks and base is not None and await self._project.is_archived(base.prompt_id)
        return decide(base, file, head, archived=archived)

    async def _may_go(self, base: Base | None, file: PromptFile | None) -> bool:
        """Whether the file's text is a version on this server: only then is it ever replaced or removed by us.

        The base says so, but of the database it was made with, and that can be another one by now.
        """
        if file is None:
            return True
        return base is not None and await self._project.has(base.prompt_id, base.number, base.content_hash)

    async def _take(self, step: Step, key: str, base: Base | None, file: PromptFile | None, head: Head | None) -> None:
        if step not in {Step.nothing, Step.keep, Step.merge}:
            self._waiting.pop(key, None)
        match step, file, head:
            case Step.in_step, PromptFile() as here, (PromptRecord() | PartHead()) as there:
                await self._carry_folder(base, here, there)
                self.report.unchanged += self._is_new(key)
            case Step.save, PromptFile() as here, _:
                await self._save(base, here, head)
            case Step.write, None, (PromptRecord() | PartHead()) as there:
                await self._write_new(base, there)
            case Step.write, PromptFile() as here, (PromptRecord() | PartHead()) as there:
                await self._rewrite(base, here, there)
            case Step.merge, PromptFile() as here, (PromptRecord() | PartHead()) as there:
                await self._merge(base, here, there)
            case Step.archive, _, _:
                self.leaving.add(key)
            case Step.remove, PromptFile() as here, _:
                await self._remove(key, here)
            case ((Step.keep | Step.nothing), PromptFile() as here, None) if base is not None:
                self._keep(key, base, here, changed=step is Step.keep)
            case Step.forget, _, _:
                self._state.drop(key)

    def _is_new(self, key: str) -> bool:
        """Whether this prompt is in none of the report's numbers yet."""
        is_new = key not in self._counted
        self._counted.add(key)
        return is_new

    async def archive(self, key: str, head: Head | None) -> None:
        """Archive a prompt whose file is gone for good, if that is still so.

        Raises StaleVersion, PromptNotFound, PartNotFound, PartInUse.
        """
        self.leaving.discard(key)
        base, file = self._state.get(key), self._files.of(key)
        if head is not None and await self._decide(base, file, head) is Step.archive:
            try:
                await self._project.archive(head)
            except PartInUse:
                self.leaving.add(key)
                raise
            self._state.drop(key)
            self.report.archived += 1
            self._tell(f"{head.prompt_id}: archived, because its file is gone; put the file back to restore it")

    # From the disk to the server

    async def _save(self, base: Base | None, file: PromptFile, head: Head | None) -> None:
        spec = await asyncio.to_thread(self._files.parse, file)
        if head is None:
            record = await self._save_first(spec, file)
            self.report.loaded += 1
        else:
            to_server = decide_folder(base, file, head) is Move.to_server
            folder = folder_of(file.path) if to_server else None
            record = await self._project.save(spec, head, folder=folder, message=f"Edited in {_short(file.path)}")
            self.report.updated += record.number != head.number
            self.report.moved += to_server
        self._counted.add(record.prompt_id.lower())
        self._tell(f"{self._files.show(file.path)}: {record.prompt_id} is at version {record.number} ({record.semver})")
        await self._carry_folder(base, file, record)

    async def _save_first(self, spec: TemplateSpec, file: PromptFile) -> Head:
        folder = folder_of(file.path)
        try:
            return await self._project.create(spec, folder=folder, message=f"Created from {_short(file.path)}")
        except (PromptArchived, PartArchived) as archived:
            try:
                head = await self._project.restore(spec.id)
            except (PromptNotFound, PartNotFound):
                # Another spelling of the id holds it.
                raise archived from None
            return await self._project.save(spec, head, folder=folder, message=f"Edited in {_short(file.path)}")

    async def _carry_folder(self, base: Base | None, file: PromptFile, head: Head) -> None:
        """The texts are in step: remember that, and let a folder that one side has changed follow on the other."""
        in_step = Base.of(file, head)
        self._state.put(in_step if base is None else replace(in_step, folder=base.folder))
        match decide_folder(base, file, head):
            case Move.none:
                self._state.put(in_step)
                return
            case Move.to_server:
                document = await self._project.document(head)
                head = await self._project.save(document.spec, head, folder=folder_of(file.path))
                self._tell(f"{head.prompt_id}: its folder is now {head.folder or 'the top folder'}, as on the disk")
            case Move.to_disk:
                moved = await asyncio.to_thread(writing.move_file, self._files, file, head.folder)
                self._files.removed(file.path)
                self._files.written(moved)
                file = moved
                self._tell(f"{head.prompt_id}: moved to {self._files.show(file.path)}, as on the server")
        self._state.put(Base.of(file, head))
        self.report.moved += 1

    # From the server to the disk

    async def _write_new(self, base: Base | None, head: Head) -> None:
        document = await self._project.document(head)
        file = await asyncio.to_thread(writing.create_file, self._files, head, document)
        self._files.written(file)
        self._state.put(Base.of(file, head))
        self._counted.add(head.prompt_id.lower())
        self.report.written += 1
        why = "deleted here, but changed on the server: " if base is not None else ""
        self._tell(f"{head.prompt_id}: {why}version {head.number} is in {self._files.show(file.path)}")

    async def _rewrite(self, base: Base | None, file: PromptFile, head: Head) -> None:
        document = await self._project.document(head)
        file = await asyncio.to_thread(writing.rewrite_file, self._files, file, head, document)
        self._files.written(file)
        self._counted.add(head.prompt_id.lower())
        self.report.written += 1
        self._tell(f"{head.prompt_id}: version {head.number} is in {self._files.show(file.path)}")
        await self._carry_folder(base, file, head)

    async def _remove(self, key: str, file: PromptFile) -> None:
        await asyncio.to_thread(writing.remove_file, self._files, file)
        self._files.removed(file.path)
        self._state.drop(key)
        self.report.removed += 1
        self._tell(f"{file.prompt_id}: archived on the server, so {self._files.show(file.path)} was removed")

    # Both

    async def _merge(self, base: Base | None, file: PromptFile, head: Head) -> None:
        """Both have changed: both changes go into the file, which from now on counts as an edit on top of `head`.

        Where both changed the same it gets markers, and nothing is saved until a person has solved them.
        """
        common = await self._common(base)
        theirs = (await self._project.document(head)).spec
        ours = await asyncio.to_thread(self._files.parse, file)
        merged = await asyncio.to_thread(merge, common, ours, theirs)
        written = await asyncio.to_thread(writing.write_merged, self._files, file, head, merged)
        self._files.written(written)
        edit = Base.of(written, head, in_step=False)
        # A folder that only one side has changed is no matter of the texts: it is carried over after.
        edit = edit if base is None else replace(edit, folder=base.folder)
        self._state.put(edit)
        key, shown = head.prompt_id.lower(), self._files.show(file.path)
        if merged.conflicts:
            fields = ", ".join(dict.fromkeys(map(field_path, merged.conflicts)))
            line = f"{shown}: changed here and on the server (version {head.number}) in {fields}, nothing is lost"
            self._say_waiting(key, f"{line}: solve the places that are marked there, and save the file")
            return
        self._waiting.pop(key, None)
        self.report.merged += self._is_new(key)
        self._tell(f"{shown}: merged with version {head.number} of {head.prompt_id}, which somebody saved meanwhile")
        if written.content_hash == head.content_hash and written.version in {None, head.semver}:
            await self._carry_folder(edit, written, head)
        else:
            await self._save(edit, written, head)

    async def _common(self, base: Base | None) -> TemplateSpec | None:
        """What both sides began with. The base says so, but it may be of a database that is not there any more."""
        if base is None or not await self._project.has(base.prompt_id, base.number, base.content_hash):
            return None
        version = await self._project.version(base.prompt_id, base.number)
        return (await self._project.document(version)).spec

    def _keep(self, key: str, base: Base, file: PromptFile, *, changed: bool) -> None:
        if changed:
            self._state.put(replace(base, kept=file.stamp.modified))
        elif base.kept is None:
            return
        shown = self._files.show(file.path)
        line = f"{shown}: {base.prompt_id} was archived on the server, and this file has changed since"
        self._say_waiting(key, f"{line}: save it again to bring the prompt back, or delete it")

    def _say_waiting(self, key: str, line: str) -> None:
        if self._is_new(key):
            self.report.conflicts.append(line)
        if self._waiting.get(key) != line:
            self._waiting[key] = line
            self._say(line)


def _short(path: str) -> str:
    return path if len(path) <= _MESSAGE_LENGTH else f"…{path[-_MESSAGE_LENGTH:]}"
