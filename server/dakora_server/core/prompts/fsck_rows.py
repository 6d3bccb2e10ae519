"""Does a version's row say what its document says? And do the semvers of a prompt rise?"""

from collections.abc import Iterator
from dataclasses import replace

from dakora_server.core.parts.records import PartFacts
from dakora_server.core.prompts.queries import VersionFacts
from dakora_server.core.templates.analysis import analyse
from dakora_server.core.templates.limits import Limits
from dakora_server.core.templates.serialization import MAX_DOCUMENT_BYTES, Document
from dakora_server.core.templates.versioning import is_higher, semver_problem

# Whatever may be saved somewhere: an operator's check has no settings of its own.
_ANY_SIZE = replace(Limits(), source_bytes=MAX_DOCUMENT_BYTES)


def contradictions(row: VersionFacts | PartFacts, document: Document | None) -> Iterator[str]:
    """Every field in which the row says something else than the document, as a phrase; none without a document."""
    if document is None:
        return
    spec, found = document.spec, analyse(document.spec.sources, _ANY_SIZE)
    tags = spec.metadata.get("tags")
    said: dict[str, tuple[object, object]] = {
        "id": (row.id, spec.id),
        "description": (row.description, spec.description),
        "tags": (row.tags, [str(tag) for tag in tags] if isinstance(tags, list) else []),
    }
    if isinstance(row, PartFacts):
        said["variables"] = (row.variables, list(found.variables))
        said["size"] = (row.size, len((spec.template or "").encode()))
    else:
        said["inputs"] = (row.inputs, {name: declared.content() for name, declared in spec.inputs.items()})
        # Rendered in the server itself or not: a row must not say so of a template that is not proved harmless.
        said["portable"] = (row.portable, found.plain)
    for name, (in_row, in_document) in said.items():
        if in_row != in_document:
            yield f"{name} is {_short(in_row)} in the row and {_short(in_document)} in the document"


def unsteady(row: VersionFacts | PartFacts, before: VersionFacts | PartFacts | None) -> str | None:
    """What is wrong with the place of a version behind the one before it, if anything; semvers only ever rise."""
    if semver_problem(row.semver) is not None:
        return f"{_short(row.semver)} is no semver"
    if before is None or before.id != row.id or semver_problem(before.semver) is not None:
        return None
    if not is_higher(row.semver, before.semver):
        return f"{row.semver} is not higher than {before.semver} of version {before.number}"
    return None


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
