"""JSON that cannot be changed: what a cached answer needs, because many callers share one object."""

from collections.abc import Callable
from typing import Any, NoReturn


def _refuse(self: object, *_args: object, **_kwargs: object) -> NoReturn:
    kind = "dict" if isinstance(self, dict) else "list"
    raise TypeError(f"This is part of an answer and cannot be changed; make a copy first: {kind}(value).")


class FrozenDict(dict[str, Any]):
    """A dict that refuses every change. Still a dict, so `json.dumps` and other people's SDKs take it."""

    __slots__ = ()

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        # pickle and deepcopy would otherwise fill an empty one item by item.
        return type(self), (dict(self),)


class FrozenList(list[Any]):
    """A list that refuses every change."""

    __slots__ = ()

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return type(self), (list(self),)


_CHANGES = {
    FrozenDict: "clear pop popitem setdefault update __setitem__ __delitem__ __ior__",
    FrozenList: "append clear extend insert pop remove reverse sort __setitem__ __delitem__ __iadd__ __imul__",
}
for _kind, _names in _CHANGES.items():
    for _name in _names.split():
        setattr(_kind, _name, _refuse)


def freeze(value: Any) -> Any:
    """The same JSON value, unchangeable at every depth."""
    if type(value) is dict:
        return FrozenDict({key: freeze(item) for key, item in value.items()})
    if type(value) is list:
        return FrozenList([freeze(item) for item in value])
    return value
