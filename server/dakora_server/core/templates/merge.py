"""Two versions of a prompt or part that began as one: merged field by field, and texts line by line.

A side that differs from the base has changed. What one side changed is taken; what both changed alike is taken once;
what both changed differently is a conflict, and a person decides. Taking away against changing is one as well.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from dakora_server.core.exceptions import TemplateInvalid
from dakora_server.core.templates.merge_lines import marked, merge_text
from dakora_server.core.templates.merge_messages import align
from dakora_server.core.templates.model import TemplateSpec, parse_spec
from dakora_server.core.templates.serialization import update_yaml
from dakora_server.core.templates.yaml_edit import same
from dakora_server.core.templates.yaml_reader import MAX_FILE_BYTES

Path = tuple[str | int, ...]

_ABSENT: Final[Any] = object()
_BODY: Final = ("template", "messages")


class Variants(NamedTuple):
    """A value as merged. The three differ in conflicts only, where each says what its own side said."""

    ours: Any
    base: Any
    theirs: Any


class Merged(NamedTuple):
    """A merged prompt, without a version. Without conflicts `ours` is the result; with them each side is whole.

    `conflicts` are the paths of the fields in which both sides said something different.
    """

    ours: TemplateSpec
    base: TemplateSpec | None
    theirs: TemplateSpec
    conflicts: tuple[Path, ...]


def merge(base: TemplateSpec | None, ours: TemplateSpec, theirs: TemplateSpec) -> Merged:
    """Everything both sides have changed since `base`, which is None where nobody knows it.

    The result is a valid prompt: changes that fit only one by one, such as another type here and another default
    there, are conflicts too.
    """
    whole: set[Path] = set()
    for _ in range(2):
        task = _Merge(whole)
        found = task.prompt(base.content() if base else {}, ours.content(), theirs.content())
        try:
            sides = _spec(found.ours, type(ours)), _spec(found.theirs, type(ours))
        except TemplateInvalid as error:
            whole = {_field_of(fault.loc) for fault in error.errors}
        else:
            return Merged(sides[0], _base_of(found, base), sides[1], tuple(task.conflicts))
    return _apart(base, ours, theirs)


def _spec(content: Mapping[str, Any], kind: type[TemplateSpec]) -> TemplateSpec:
    # How large a template may be is for whoever saves it to say.
    return parse_spec(content, kind=kind, max_source_bytes=MAX_FILE_BYTES)


def _field_of(loc: Path) -> Path:
    return loc[:2] if loc[:1] == ("inputs",) else loc[:1]


def _base_of(found: Variants, base: TemplateSpec | None) -> TemplateSpec | None:
    """What stood in the places of the conflicts before, for the eye only: where that is no prompt, the base itself."""
    if base is None:
        return None
    try:
        return _spec(found.base, type(base))
    except TemplateInvalid:
        return base


def _apart(base: TemplateSpec | None, ours: TemplateSpec, theirs: TemplateSpec) -> Merged:
    """Both as they are: nothing of them fits together."""
    mine, other = ours.content(), theirs.content()
    names = [name for name in mine | other if not _same(mine.get(name, _ABSENT), other.get(name, _ABSENT))]
    return Merged(_unversioned(ours), base, _unversioned(theirs), tuple((name,) for name in names))


def field_path(path: Path) -> str:
    """A path as people read it: `inputs.name.type`, `messages[0].content`."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")


def _unversioned(spec: TemplateSpec) -> TemplateSpec:
    return spec.model_copy(update={"version": None})


def conflict_file(original: str, merged: Merged, *, version: str | None, theirs_name: str) -> str:
    """The file `original` with everything merged, and the conflicts marked in it the way git marks them.

    Such a file is read as a prompt by nobody until a person has taken the markers out. `version` is its version line.
    """
    ours = update_yaml(original, merged.ours, version=version)
    theirs = update_yaml(original, merged.theirs, version=version)
    base = None if merged.base is None else update_yaml(original, merged.base, version=version)
    return marked(base, ours, theirs, theirs_name=theirs_name)


class _Merge:
    """One merge; `whole` are the fields not to be looked into."""

    def __init__(self, whole: set[Path]) -> None:
        self._whole = whole
        self.conflicts: list[Path] = []

    def prompt(self, base: dict[str, Any], ours: dict[str, Any], theirs: dict[str, Any]) -> Variants:
        """The prompt's content. A text and a list of messages are never mixed."""
        contents = ours, base, theirs
        bodies = [{name: content[name] for name in _BODY if name in content} for content in contents]
        kinds = [list(body) for body in bodies]
        if kinds[0] == kinds[2] and kinds[1] in (kinds[0], []):
            return self._mapping((), base, ours, theirs)
        mine, old, other = (
            {name: value for name, value in content.items() if name not in _BODY} for content in contents
        )
        merged = self._mapping((), old, mine, other)
        body = self._opaque(("messages",), bodies[1], bodies[0], bodies[2])
        return Variants(*(rest | part for rest, part in zip(merged, body, strict=True)))

    def _value(self, path: Path, base: Any, ours: Any, theirs: Any) -> Variants:
        if path not in self._whole and not _is_one_sided(base, ours, theirs):
            if isinstance(ours, dict) and isinstance(theirs, dict) and (base is _ABSENT or isinstance(base, dict)):
                return self._mapping(path, {} if base is _ABSENT else base, ours, theirs)
            if isinstance(base, str) and isinstance(ours, str) and isinstance(theirs, str):
                return self._text(path, base, ours, theirs)
            if isinstance(ours, list) and isinstance(theirs, list) and (base is _ABSENT or isinstance(base, list)):
                known = [] if base is _ABSENT else base
                if path == ("metadata", "tags"):
                    return _settled(_merged_tags(known, ours, theirs))
                if path == ("messages",) and base is not _ABSENT:
                    return self._messages(base, ours, theirs)
        return self._opaque(path, base, ours, theirs)

    def _opaque(self, path: Path, base: Any, ours: Any, theirs: Any) -> Variants:
        """A value that is one thing: somebody's, or a conflict."""
        if _same(ours, theirs) or _same(base, theirs):
            return _settled(ours)
        if _same(base, ours):
            return _settled(theirs)
        self.conflicts.append(path)
        return Variants(ours, base, theirs)

    def _text(self, path: Path, base: str, ours: str, theirs: str) -> Variants:
        merged = merge_text(base, ours, theirs)
        if not merged.is_clean:
            self.conflicts.append(path)
        return Variants(merged.ours, merged.base, merged.theirs)

    def _mapping(self, path: Path, base: dict[str, Any], ours: dict[str, Any], theirs: dict[str, Any]) -> Variants:
        sides: tuple[dict[str, Any], dict[str, Any], dict[str, Any]] = {}, {}, {}
        for key in _ordered(base, ours, theirs):
            values = (content.get(key, _ABSENT) for content in (base, ours, theirs))
            for side, value in zip(sides, self._value((*path, key), *values), strict=True):
                if value is not _ABSENT:
                    side[key] = value
        return Variants(*sides)

    def _messages(self, base: list[Any], ours: list[Any], theirs: list[Any]) -> Variants:
        mine, other = align(base, ours), align(base, theirs)
        sides: tuple[list[Any], list[Any], list[Any]] = [], [], []
        for place in range(len(base) + 1):
            at = ("messages", place)
            for side, added in zip(sides, self._opaque(at, [], mine.added[place], other.added[place]), strict=True):
                side.extend(added)
            if place == len(base):
                break
            kept = (_ABSENT if content is None else content for content in (mine.kept[place], other.kept[place]))
            for side, message in zip(sides, self._value(at, base[place], *kept), strict=True):
                if message is not _ABSENT:
                    side.append(message)
        return Variants(*sides)


def _settled(value: Any) -> Variants:
    return Variants(value, value, value)


def _is_one_sided(base: Any, ours: Any, theirs: Any) -> bool:
    return _same(ours, theirs) or _same(base, theirs) or _same(base, ours)


def _same(left: Any, right: Any) -> bool:
    """Equal as JSON, the order of keys included: that order is part of the content."""
    if left is _ABSENT or right is _ABSENT:
        return left is right
    return same(left, right)


def _merged_tags(base: list[Any], ours: list[Any], theirs: list[Any]) -> list[Any]:
    """Tags are a set: what either side added is there, what either side took away is not."""
    kept = [tag for tag in ours if tag in theirs or tag not in base]
    return kept + [tag for tag in theirs if tag not in ours and tag not in base]


def _ordered(base: dict[str, Any], ours: dict[str, Any], theirs: dict[str, Any]) -> list[str]:
    """All keys: in the order of the side that changed it, each new key of the other behind the one it followed."""
    common = [key for key in base if key in ours and key in theirs]
    is_ours = [key for key in ours if key in common] != common
    lead, other = (ours, theirs) if is_ours or list(ours) == list(theirs) else (theirs, ours)
    order = list(lead)
    at = 0
    for key in other:
        if key in lead:
            at = order.index(key) + 1
        else:
            order.insert(at, key)
            at += 1
    return order + [key for key in base if key not in order]
