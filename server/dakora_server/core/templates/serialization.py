"""A prompt as a YAML document: reading and writing lose nothing, and the same content is always the same text."""

import hashlib
from dataclasses import dataclass, replace
from typing import cast

from pydantic import JsonValue

from dakora_server.core.exceptions import DocumentCorrupt, Fault, TemplateInvalid
from dakora_server.core.templates.input_types import kind_of
from dakora_server.core.templates.merge_lines import has_markers
from dakora_server.core.templates.model import MAX_SOURCE_BYTES, TemplateSpec, parse_spec
from dakora_server.core.templates.part_model import PartSpec
from dakora_server.core.templates.spec_faults import and_more, invalid, shown
from dakora_server.core.templates.yaml_edit import edit_yaml, same
from dakora_server.core.templates.yaml_reader import MAX_FILE_BYTES, Node, UnreadableError, decode, read
from dakora_server.core.templates.yaml_writer import write_yaml

FORMAT_LINE = "# dakora prompt, format 1\n"
"""The first line of every stored document. Another way of writing them is another number, and another hash."""
PART_LINE = "# dakora part, format 1\n"
"""The same of a part's."""

MAX_DOCUMENT_BYTES = MAX_FILE_BYTES - 256  # so that the document with a version is still a file we read

_FAULTS_OF_KEYS = frozenset(("unknown_field", "invalid_input_name", "reserved_input_name"))


def parse_yaml(
    text: str | bytes,
    *,
    filename: str = "prompt.yaml",
    kind: type[TemplateSpec] = TemplateSpec,
    default_id: str | None = None,
    max_source_bytes: int = MAX_SOURCE_BYTES,
) -> TemplateSpec:
    """The prompt in a file, or the part, as `kind` says; a file without an id has the `default_id`, where there is one.

    Unquoted scalars in the `default` and `enum` of a text input are text as written: `1.10` stays `1.10`.

    Raises:
        TemplateInvalid: with every fault, its line and its column; the detail names the file.
    """
    try:
        decoded = decode(text)
        _refuse_markers(decoded)
        return spec_of(read(decoded), kind=kind, default_id=default_id, max_source_bytes=max_source_bytes)
    except UnreadableError as error:
        faults = error.faults
    except TemplateInvalid as error:
        faults = list(error.errors)
    first = faults[0]
    where = f"{filename}, line {first.line}, column {first.column}: "
    raise TemplateInvalid(where + and_more(faults), errors=faults)


def _refuse_markers(text: str) -> None:
    begun = has_markers(text)
    if begun is not None:
        message = "A conflict is not solved here: make it what it should be, and take out the lines with the markers."
        raise UnreadableError([Fault(message, line=begun, column=1, type="unsolved_conflict")])


def spec_of(
    root: Node,
    *,
    kind: type[TemplateSpec] = TemplateSpec,
    default_id: str | None = None,
    max_source_bytes: int = MAX_SOURCE_BYTES,
) -> TemplateSpec:
    """The prompt a document describes, or the part, called `default_id` where it does not say how.

    Raises:
        TemplateInvalid: with every fault and its position.
    """
    _take_text_as_written(root)
    if root.entries is None:
        message = "The file must hold a mapping with the fields of a prompt, such as `id` and `template`."
        raise invalid([_located(Fault(message, type="wrong_type"), root)])
    try:
        fields = cast("dict[str, JsonValue]", root.plain())
        if default_id is not None and "id" not in fields:
            fields = {"id": default_id, **fields}
        return parse_spec(fields, kind=kind, max_source_bytes=max_source_bytes)
    except TemplateInvalid as error:
        located = (_located(fault, root) for fault in error.errors)
        raise invalid(sorted(located, key=lambda fault: (fault.line or 0, fault.column or 0))) from None


def _take_text_as_written(root: Node) -> None:
    inputs = root.get("inputs")
    for entry in ((inputs and inputs.entries) or {}).values():
        declared = entry.node.get("type")
        if declared is None or declared.value not in ("string", "array<string>"):
            continue
        for field in ("default", "enum"):
            _take_raw(entry.node.get(field))


def _take_raw(node: Node | None) -> None:
    if node is None:
        return
    if node.raw is not None and node.value is not None:
        node.value = node.raw
    for member in node.members or ():
        _take_raw(member)


def _located(fault: Fault, root: Node) -> Fault:
    """The fault with its position: the value's, or the key's where that is at fault or a field in it is missing."""
    key, node, is_there = None, root, True
    for step in fault.loc:
        entry = node.step(step)
        if entry is None:
            is_there = False
            break
        key, node = entry, entry.node
    at = key if key is not None and (fault.type in _FAULTS_OF_KEYS or not is_there) else node
    message = fault.message
    if is_there and fault.type == "not_text" and node.raw:
        raw = shown(node.raw)
        advice = "write three numbers, such as 1.0.0" if fault.loc == ("version",) else f'write "{raw}", in quotes'
        message = f"{message} YAML reads {raw} as {kind_of(node.value)}: {advice}."
    return replace(fault, message=message, line=at.line + 1, column=at.column + 1)


def file_fields(spec: TemplateSpec, version: str | None) -> dict[str, JsonValue]:
    """The fields of the prompt's file, in their order."""
    content = spec.content()
    head: dict[str, JsonValue] = {"id": content.pop("id")}
    if version is not None:
        head["version"] = version
    return head | content


def to_yaml(spec: TemplateSpec, *, version: str | None = None) -> str:
    """The prompt as a file a person would write, with this version, or else with `spec`'s, if it has one."""
    return write_yaml(file_fields(spec, version or spec.version))


def file_text(document: str, version: str) -> str:
    """A stored document as `to_yaml` would write it with this version, without reading it."""
    head, line_end, rest = document.removeprefix(FORMAT_LINE).removeprefix(PART_LINE).partition("\n")
    return head + line_end + write_yaml({"version": version}) + rest


def canonical_text(spec: TemplateSpec) -> str:
    """The one text of this content, whatever its version."""
    line = PART_LINE if isinstance(spec, PartSpec) else FORMAT_LINE
    return line + write_yaml(spec.content())


def content_hash(text: str | bytes) -> str:
    """The SHA-256 of a document, in hexadecimal."""
    return hashlib.sha256(text.encode() if isinstance(text, str) else text).hexdigest()


@dataclass(frozen=True, slots=True)
class Document:
    """A prompt's or a part's content as it is stored: the canonical text, its hash, and what it says."""

    hash: str
    text: str
    spec: TemplateSpec

    @classmethod
    def of(cls, spec: TemplateSpec) -> "Document":
        """The document of a prompt; its own `spec` has no version.

        Raises:
            TemplateInvalid: the document would be larger than 1 MiB.
        """
        text = canonical_text(spec)
        if len(text.encode()) > MAX_DOCUMENT_BYTES:
            raise invalid([Fault("The prompt has more than 1 MiB as YAML.", type="document_too_large")])
        return cls(content_hash(text), text, spec.model_copy(update={"version": None}))

    @classmethod
    def load(cls, text: str | bytes) -> "Document":
        """The document with this text, which one of ours wrote.

        Raises:
            DocumentCorrupt: it is none.
        """
        try:
            decoded = decode(text)
            kind = PartSpec if decoded.startswith(PART_LINE) else TemplateSpec
            spec = spec_of(read(decoded), kind=kind, max_source_bytes=MAX_FILE_BYTES)
        except (UnreadableError, TemplateInvalid) as error:
            raise DocumentCorrupt("A stored document cannot be read.") from error
        return cls(content_hash(text), decoded, spec)

    @classmethod
    def load_verified(cls, digest: str, text: str | bytes) -> "Document":
        """The document with this text, if it is the text with this digest.

        Raises:
            DocumentCorrupt: it is not, or it is no document.
        """
        if content_hash(text) != digest:
            raise DocumentCorrupt("A stored document does not have the bytes its hash promises.")
        return cls.load(text)


def _fields_in(text: str, like: TemplateSpec) -> tuple[dict[str, JsonValue], bool]:
    """What a file says, of any size, and whether it says its id: a part's file need not."""
    root, is_part = read(decode(text)), isinstance(like, PartSpec)
    spec = spec_of(root, kind=type(like), default_id=like.id if is_part else None, max_source_bytes=MAX_FILE_BYTES)
    fields, is_named = file_fields(spec, spec.version), root.get("id") is not None
    return (fields if is_named else _unnamed(fields)), is_named


def _unnamed(fields: dict[str, JsonValue]) -> dict[str, JsonValue]:
    return {name: value for name, value in fields.items() if name != "id"}


def _differing(left: dict[str, JsonValue], right: dict[str, JsonValue]) -> set[str]:
    return {
        key
        for key in left.keys() | right.keys()
        if key not in left or key not in right or not same(left[key], right[key])
    }


def update_yaml(original: str, spec: TemplateSpec, *, version: str | None) -> str:
    """A person's file, changed so that it reads as `spec` with `version`.

    Comments, order and spelling stay wherever the content does. A file that cannot be changed in place (flow style at
    the top, no valid prompt before) is written anew, without them.
    """
    new = file_fields(spec, version)
    try:
        old, is_named = _fields_in(original, spec)
        new = new if is_named else _unnamed(new)
        rewrite: set[str] = set()
        while (text := edit_yaml(original, old, new, rewrite=rewrite)) is not None:
            changed, _ = _fields_in(text, spec)
            wrong = _differing(new, changed)
            if not wrong:
                return text
            if wrong <= rewrite:
                break
            rewrite |= wrong
    except (TemplateInvalid, UnreadableError):
        pass  # what was there, or what came of it, is no prompt: nothing to keep
    return write_yaml(new)


def replace_version(original: str, version: str) -> str:
    """A person's file with another version, and nothing else changed.

    Raises:
        TemplateInvalid: the file holds no valid prompt.
    """
    return update_yaml(original, parse_yaml(original), version=version)
