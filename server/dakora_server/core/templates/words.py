"""Words for values, so that no message says how the server is written."""

from types import NoneType

_WORDS: dict[type, str] = {
    bool: "a boolean",
    int: "a number",
    float: "a number",
    str: "a text",
    list: "a list",
    tuple: "a list",
    range: "a list",
    dict: "an object",
    NoneType: "null",
}
_NAMES = {kind.__name__: word for kind, word in _WORDS.items()}
_OTHER = "this kind of value"


def article(value: object) -> str:
    """What the value is: `a number`, `a text`, `null`."""
    for kind in type(value).__mro__:
        if kind in _WORDS:
            return _WORDS[kind]
    return "a function" if callable(value) else _OTHER


def named(name: str) -> str:
    """The words for a type that Python's own message calls by its name: `int` is `a number`, `NoneType` is `null`."""
    if "method" in name or "function" in name or name == "Macro":
        return "a function"
    return _NAMES.get(name, _OTHER)


def bare(words: str) -> str:
    """The words without their article: `number`, `text`, `null`."""
    return words.removeprefix("a ").removeprefix("an ")
