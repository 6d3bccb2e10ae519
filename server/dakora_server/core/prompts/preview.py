"""A text that nobody has saved yet, filled in as its next version would be."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dakora_server.core.exceptions import Fault, InvalidInputs, RenderFailed, RenderLimitExceeded
from dakora_server.core.prompts.rendering import coerced, part_texts
from dakora_server.core.scope import ProjectReader
from dakora_server.core.templates.includes import Includes
from dakora_server.core.templates.model import TemplateSpec
from dakora_server.core.templates.serialization import Document


@dataclass(frozen=True, slots=True)
class Preview:
    """One text for each source, or every reason why there is none."""

    texts: list[str] | None
    faults: tuple[Fault, ...] = ()


async def preview(project: ProjectReader, spec: TemplateSpec, includes: Includes, inputs: Mapping[str, Any]) -> Preview:
    """What `spec` comes to with these inputs; `includes` are the parts that it stands on, already found.

    Raises Busy, RendererUnavailable, RegistryUnavailable, DocumentCorrupt; TemplateInvalid past the size of a document.
    """
    documents = await asyncio.gather(*(project.vault.get(part.content_hash) for part in includes.parts))
    parts = part_texts(includes, documents) if documents else None
    try:
        used = await coerced(project, spec.inputs, inputs)
        return Preview(await project.renderer.render(Document.of(spec), used, portable=False, parts=parts))
    except (InvalidInputs, RenderFailed, RenderLimitExceeded) as error:
        return Preview(None, tuple(error.errors) or (Fault(error.detail, type=error.code),))
