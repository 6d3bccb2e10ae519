"""The project's side: its prompts as the folder's engine needs them, each change a transaction of its own."""

from collections.abc import Iterable, Mapping

from dakora_server.core.prompts import queries, service
from dakora_server.core.prompts.records import PromptFilter, PromptRecord, Selector
from dakora_server.core.scope import Grant, Platform, reading, writing
from dakora_server.core.templates.model import TemplateSpec
from dakora_server.core.templates.serialization import Document
from dakora_server.core.templates.versioning import is_higher

_PAGE = 1_000
_EVERYTHING = PromptFilter()


class Project:
    """One project, on behalf of one actor. Keys are ids in lower case: ids are unique whatever their case."""

    def __init__(self, platform: Platform, grant: Grant) -> None:
        self._platform = platform
        self._grant = grant

    async def heads(self) -> dict[str, PromptRecord]:
        """Every live prompt at its newest version, without the texts."""
        found: dict[str, PromptRecord] = {}
        after: str | None = None
        async with reading(self._platform, self._grant) as project:
            while True:
                page = await service.list_prompts(project, _EVERYTHING, after=after, limit=_PAGE)
                found |= {record.prompt_id.lower(): record for record in page}
                if len(page) < _PAGE:
                    return found
                after = page[-1].prompt_id.lower()

    async def heads_of(self, spellings: Mapping[str, Iterable[str]]) -> dict[str, PromptRecord | None]:
        """The newest version of each of these prompts, by key; `spellings` are the ids that each may have."""
        found: dict[str, PromptRecord | None] = {}
        async with reading(self._platform, self._grant) as project:
            for key, ids in spellings.items():
                found[key] = None
                for prompt_id in ids:
                    found[key] = found[key] or await queries.find_version(project, prompt_id, Selector())
        return found

    async def version(self, prompt_id: str, number: int) -> PromptRecord:
        """One version of a live prompt. Raises PromptNotFound, VersionNotFound."""
        async with reading(self._platform, self._grant) as project:
            return (await service.get(project, prompt_id, Selector(number=number))).record

    async def document(self, record: PromptRecord) -> Document:
        """The text of a version."""
        async with reading(self._platform, self._grant) as project:
            return await project.vault.get(record.content_hash)

    async def is_archived(self, prompt_id: str) -> bool:
        """Whether this prompt was archived; one that never existed was not."""
        async with writing(self._platform, self._grant) as project:
            archived = await queries.find_archived(project, prompt_id)
        return archived is not None and archived[0] == prompt_id

    async def has(self, prompt_id: str, number: int, content_hash: str) -> bool:
        """Whether this text is that version of the prompt, live or archived: then a file with it may go."""
        async with reading(self._platform, self._grant) as project:
            found = await queries.list_versions(project, prompt_id, before=number + 1, limit=1)
        return bool(found) and (found[0].number, found[0].content_hash) == (number, content_hash)

    async def create(self, spec: TemplateSpec, *, folder: str, message: str) -> PromptRecord:
        """A new prompt. Raises PromptExists, PromptArchived, TemplateInvalid."""
        async with writing(self._platform, self._grant) as project:
            return (await service.create(project, spec, folder=folder, message=message)).record

    async def save(
        self, spec: TemplateSpec, head: PromptRecord, *, folder: str | None, message: str | None = None
    ) -> PromptRecord:
        """A new version on top of `head`, unless the text is the same; with `folder`, moved there too.

        A version number in `spec` that is not higher than the newest is left out: who edits a file need not touch it.
        Raises StaleVersion when `head` is not the newest any more, PromptNotFound, TemplateInvalid.
        """
        if spec.version is not None and not is_higher(spec.version, head.semver):
            spec = spec.model_copy(update={"version": None})
        async with writing(self._platform, self._grant) as project:
            return (await service.update(project, spec, folder=folder, message=message, if_match=[head.etag])).record

    async def restore(self, prompt_id: str) -> PromptRecord:
        """Bring an archived prompt back as it was. Raises PromptNotFound."""
        async with writing(self._platform, self._grant) as project:
            return (await service.restore(project, prompt_id)).record

    async def archive(self, head: PromptRecord) -> None:
        """Archive a prompt. Raises StaleVersion when `head` is not the newest any more, PromptNotFound."""
        async with writing(self._platform, self._grant) as project:
            await service.archive(project, head.prompt_id, if_match=[head.etag])
