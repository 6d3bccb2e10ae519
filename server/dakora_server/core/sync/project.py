"""The project's side: its prompts and parts as the folder's engine needs them, each change a transaction of its own."""

from collections.abc import Iterable, Mapping

from dakora_server.core.parts import queries as part_queries
from dakora_server.core.parts import service as parts
from dakora_server.core.prompts import part_changes, queries, service
from dakora_server.core.prompts.records import PromptFilter, Selector
from dakora_server.core.scope import Grant, Platform, ProjectReader, reading, writing
from dakora_server.core.sync.names import is_part
from dakora_server.core.sync.records import Head, PartHead
from dakora_server.core.templates.model import TemplateSpec
from dakora_server.core.templates.part_model import PartSpec
from dakora_server.core.templates.serialization import Document
from dakora_server.core.templates.versioning import is_higher

_PAGE = 1_000
_EVERYTHING = PromptFilter()


class Project:
    """One project, on behalf of one actor. Keys are ids in lower case: ids are unique whatever their case."""

    def __init__(self, platform: Platform, grant: Grant) -> None:
        self._platform = platform
        self._grant = grant

    async def heads(self) -> dict[str, Head]:
        """Every live part and prompt at its newest version, without the texts; parts first."""
        found: dict[str, Head] = {}
        async with reading(self._platform, self._grant) as project:
            for list_page in (_page_of_parts, _page_of_prompts):
                page, after = await list_page(project, None), ""
                found |= page
                while len(page) == _PAGE:
                    after = next(reversed(page))
                    page = await list_page(project, after)
                    found |= page
        return found

    async def heads_of(self, spellings: Mapping[str, Iterable[str]]) -> dict[str, Head | None]:
        """The newest version of each of these, by key; `spellings` are the ids that each may have."""
        found: dict[str, Head | None] = {}
        async with reading(self._platform, self._grant) as project:
            for key, ids in spellings.items():
                found[key] = None
                for item_id in ids:
                    found[key] = found[key] or await _head(project, item_id)
        return found

    async def version(self, item_id: str, number: int) -> Head:
        """One version of a live prompt or part. Raises PromptNotFound, PartNotFound, VersionNotFound."""
        which = Selector(number=number)
        async with reading(self._platform, self._grant) as project:
            if is_part(item_id):
                return PartHead.of(await parts.find(project, item_id, which))
            return (await service.get(project, item_id, which)).record

    async def document(self, record: Head) -> Document:
        """The text of a version."""
        async with reading(self._platform, self._grant) as project:
            return await project.vault.get(record.content_hash)

    async def is_archived(self, item_id: str) -> bool:
        """Whether this prompt or part was archived; one that never existed was not."""
        async with writing(self._platform, self._grant) as project:
            if is_part(item_id):
                return await part_queries.holder_of(project, item_id) == (item_id, True)
            archived = await queries.find_archived(project, item_id)
        return archived is not None and archived[0] == item_id

    async def has(self, item_id: str, number: int, content_hash: str) -> bool:
        """Whether this text is that version, live or archived: then a file with it may go."""
        list_versions = part_queries.list_versions if is_part(item_id) else queries.list_versions
        async with reading(self._platform, self._grant) as project:
            found = await list_versions(project, item_id, before=number + 1, limit=1)
        return bool(found) and (found[0].number, found[0].content_hash) == (number, content_hash)

    async def create(self, spec: TemplateSpec, *, folder: str, message: str) -> Head:
        """A new prompt or part. Raises PromptExists, PromptArchived, PartExists, PartArchived, TemplateInvalid."""
        async with writing(self._platform, self._grant) as project:
            if isinstance(spec, PartSpec):
                return PartHead.of((await part_changes.create(project, spec, message=message)).record)
            return (await service.create(project, spec, folder=folder, message=message)).record

    async def save(self, spec: TemplateSpec, head: Head, *, folder: str | None, message: str | None = None) -> Head:
        """A new version on top of `head`, unless the text is the same; with `folder`, moved there too.

        A version number in `spec` that is not higher than the newest is left out: who edits a file need not touch it.
        Raises StaleVersion when `head` is not the newest any more, PromptNotFound, PartNotFound, TemplateInvalid.
        """
        if spec.version is not None and not is_higher(spec.version, head.semver):
            spec = spec.model_copy(update={"version": None})
        tags = [head.etag]
        async with writing(self._platform, self._grant) as project:
            if isinstance(spec, PartSpec):
                return PartHead.of((await part_changes.update(project, spec, message=message, if_match=tags)).record)
            return (await service.update(project, spec, folder=folder, message=message, if_match=tags)).record

    async def restore(self, item_id: str) -> Head:
        """Bring back as it was what was archived. Raises PromptNotFound, PartNotFound."""
        async with writing(self._platform, self._grant) as project:
            if is_part(item_id):
                return PartHead.of((await parts.restore(project, item_id)).record)
            return (await service.restore(project, item_id)).record

    async def archive(self, head: Head) -> None:
        """Archive it. Raises StaleVersion when `head` is not the newest any more, PromptNotFound, PartNotFound.

        Also PartInUse, which names who uses the part.
        """
        async with writing(self._platform, self._grant) as project:
            if isinstance(head, PartHead):
                await part_changes.delete(project, head.prompt_id, if_match=[head.etag])
            else:
                await service.archive(project, head.prompt_id, if_match=[head.etag])


async def _head(project: ProjectReader, item_id: str) -> Head | None:
    if not is_part(item_id):
        return await queries.find_version(project, item_id, Selector())
    record = await part_queries.find_version(project, item_id, Selector())
    return None if record is None else PartHead.of(record)


async def _page_of_parts(project: ProjectReader, after: str | None) -> dict[str, Head]:
    page = await parts.list_parts(project, category=None, search=None, after=after, limit=_PAGE)
    return {record.part_id.lower(): PartHead.of(record) for record in page}


async def _page_of_prompts(project: ProjectReader, after: str | None) -> dict[str, Head]:
    page = await service.list_prompts(project, _EVERYTHING, after=after, limit=_PAGE)
    return {record.prompt_id.lower(): record for record in page}
