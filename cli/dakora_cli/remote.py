"""Prompts and parts on their way between the server and a file, and nothing lost on it.

What has a slash in its id is a part. Everything else about a folder is the same for both.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from dakora_cli.planning import Head
from dakora_cli.reach import at_once
from dakora_cli.refusals import Refusal
from dakora_client import Dakora, NotFoundError, Part, PartVersion, Prompt, PromptSummary
from dakora_client import PromptVersion as Version
from dakora_server.core.exceptions import DakoraError
from dakora_server.core.sync.names import is_part, part_folder
from dakora_server.core.templates.model import TemplateSpec, parse_spec
from dakora_server.core.templates.part_model import PartSpec
from dakora_server.core.templates.serialization import Document
from dakora_server.core.templates.yaml_reader import MAX_FILE_BYTES

_FIELDS = ("id", "description", "template", "messages", "inputs", "model", "tools", "response_schema", "metadata")
# Up to here single questions are quicker than reading the whole list of a large project.
_ONE_BY_ONE = 64

Whole = Prompt | Part
"""A version with its text."""


def folder_on_server(head: Head) -> str:
    """The sub-folder that the server has the prompt in; a part's follows from its name."""
    return head.folder if isinstance(head, Prompt | PromptSummary) else part_folder(head.id)


def spec_of(whole: Whole) -> TemplateSpec:
    """What a prompt or part on the server says, ready to be written.

    Raises Refusal when that is not all of it: a newer server may store what this release does not know, and a file
    without it would look complete.
    """
    if isinstance(whole, Part):
        fields: dict[str, Any] = {"id": whole.id, **whole.content()}
        read: Callable[..., TemplateSpec] = partial(parse_spec, kind=PartSpec, max_source_bytes=MAX_FILE_BYTES)
    else:
        fields, read = {name: getattr(whole, name) for name in _FIELDS}, parse_spec
    # Through JSON, because the client's values refuse to be changed and the model wants plain ones.
    plain = json.loads(json.dumps({name: value for name, value in fields.items() if value is not None}))
    try:
        spec = read(plain)
    except DakoraError as error:
        raise _strange(whole) from error
    if Document.of(spec).hash != whole.content_hash:
        raise _strange(whole)
    return spec


async def fetch(dakora: Dakora, item_id: str, version: int | str | None = None) -> Whole:
    """One version, the newest unless said. Raises NotFoundError."""
    if is_part(item_id):
        return await dakora.parts.get(item_id, version=version)
    return await dakora.prompts.get(item_id, version=version)


async def whole(dakora: Dakora, head: Head) -> Whole:
    """The newest version with its text, which may be at hand already."""
    return head if isinstance(head, Prompt | Part) else await fetch(dakora, head.id)


async def history(dakora: Dakora, item_id: str) -> Sequence[Version | PartVersion]:
    """All versions, newest first. Raises NotFoundError."""
    return await (dakora.parts if is_part(item_id) else dakora.prompts).versions(item_id)


async def everything(dakora: Dakora) -> dict[str, Head]:
    """What the server has newest of everything, parts first. Raises Refusal for a prompt with the id of a part."""
    heads: dict[str, Head] = {one.id: one async for one in dakora.parts.iter()}
    async for prompt in dakora.prompts.iter():
        if is_part(prompt.id):  # the names come from the server, which may be anybody's
            raise Refusal(f"The server's {prompt.id} has an id that no prompt can have.")
        heads[prompt.id] = prompt
    return heads


async def heads_of(dakora: Dakora, *, ids: Sequence[str]) -> dict[str, Head]:
    """What the server has newest of these; those it does not have are left out."""
    if len(ids) > _ONE_BY_ONE:
        wanted = set(ids)
        return {item_id: head for item_id, head in (await everything(dakora)).items() if item_id in wanted}

    async def head(item_id: str) -> Whole | None:
        try:
            return await fetch(dakora, item_id)
        except NotFoundError as error:
            if error.code not in {"prompt_not_found", "part_not_found"}:
                raise
            return None

    found = await at_once([partial(head, item_id) for item_id in ids])
    return {one.id: one for one in found if one is not None}


def fields_of(spec: TemplateSpec) -> dict[str, Any]:
    """The content as keyword arguments of the client's `create` and `update`."""
    return {name: value for name, value in spec.content().items() if name != "id"}


@dataclass(frozen=True, slots=True)
class Shelf:
    """Where changes are made; `message` says why, for the history."""

    dakora: Dakora
    message: str | None = None

    async def create(self, spec: TemplateSpec, *, folder: str) -> Whole:
        """The first version. Raises ConflictError."""
        said: dict[str, Any] = {**fields_of(spec), "version": spec.version, "message": self.message}
        if is_part(spec.id):
            return await self.dakora.parts.create(spec.id, **said)
        return await self.dakora.prompts.create(spec.id, **said, folder=folder)

    async def update(self, spec: TemplateSpec, *, on: Whole, version: str | None, folder: str | None) -> Whole:
        """A new version, on top of this one only. Raises PreconditionFailed."""
        said: dict[str, Any] = {**fields_of(spec), "version": version, "message": self.message}
        if isinstance(on, Part):
            return await self.dakora.parts.update(spec.id, **said, if_match=on)
        return await self.dakora.prompts.update(spec.id, **said, folder=folder, if_match=on)

    async def restore(self, item_id: str) -> Whole:
        """Bring back what was archived. Raises NotFoundError."""
        return await (self.dakora.parts if is_part(item_id) else self.dakora.prompts).restore(item_id)

    async def delete(self, head: Whole) -> None:
        """Archive it. Raises PreconditionFailed, ConflictError for a part in use."""
        if isinstance(head, Part):
            await self.dakora.parts.delete(head.id)
        else:
            await self.dakora.prompts.delete(head.id, if_match=head)


def parts_named(whole: Whole) -> tuple[str, ...]:
    """The exact versions of parts that a prompt or part is made with: `tone/polite@2`."""
    return tuple(sorted(f"{part.id}@{part.version_number}" for part in whole.parts))


def by_kind(entries: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Entries by id, sorted into `parts` and `prompts`."""
    found: dict[str, dict[str, Any]] = {"parts": {}, "prompts": {}}
    for item_id, entry in sorted(entries.items()):
        found["parts" if is_part(item_id) else "prompts"][item_id] = entry
    return found


def _strange(whole: Whole) -> Refusal:
    return Refusal(f"The server's {whole.id} holds something that this release does not know: update dakora.")
