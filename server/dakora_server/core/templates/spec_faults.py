"""From what Pydantic found to faults a person can act on: where, and one plain sentence each."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from dakora_server.core.exceptions import Fault, TemplateInvalid
from dakora_server.core.templates.input_types import kind_of
from dakora_server.core.templates.json_rules import Problem

MAX_FAULTS = 100
"""Nobody reads more, and an answer must not grow with the attack."""

_MAX_SHOWN = 64


class RefusedError(ValueError):
    """Raised by the validators of the model; `problems` say where inside the validated value, and why."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("; ".join(problem.message for problem in problems))
        self.problems = problems


def shown(text: str) -> str:
    """A user's text, short and printable enough to be quoted in a sentence."""
    printable = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text[:_MAX_SHOWN])
    return printable if len(text) <= _MAX_SHOWN else printable + "…"


def path_of(loc: Sequence[str | int]) -> str:
    """`inputs.name.type` or `messages[0].role`."""
    steps = (f"[{step}]" if isinstance(step, int) else f".{shown(step)}" for step in loc)
    return "".join(steps).removeprefix(".")


def sentence(loc: Sequence[str | int], predicate: str) -> str:
    """The predicate with its subject: the field's path, or the prompt itself."""
    subject = f"`{path_of(loc)}`" if loc else "The prompt"
    return f"{subject} {predicate}."


def and_more(faults: Sequence[Fault]) -> str:
    """The first fault's sentence, and how many there are besides: what fits into a detail."""
    others = len(faults) - 1
    if others == 0:
        return faults[0].message
    return f"{faults[0].message} " + ("There is one more fault." if others == 1 else f"There are {others} more faults.")


def invalid(faults: Sequence[Fault]) -> TemplateInvalid:
    """The refusal of a prompt for these faults."""
    return TemplateInvalid(and_more(faults), errors=faults)


def faults_of(error: ValidationError) -> list[Fault]:
    """Every fault of a prompt, in the order of the fields, at most 100."""
    return _first(error.errors(include_url=False), hint=_known_fields)


def request_faults(errors: Sequence[ErrorDetails]) -> list[Fault]:
    """Every fault of a request, at most 100; paths into the body begin in the body."""
    return _first(({**error, "loc": _inside(error["loc"])} for error in errors), hint=None)


def _inside(loc: tuple[str | int, ...]) -> tuple[str | int, ...]:
    return loc[1:] if loc[:1] == ("body",) else loc


def _first(errors: Iterable[ErrorDetails], *, hint: Callable[[Sequence[str | int]], str] | None) -> list[Fault]:
    return list(islice((fault for error in errors for fault in _faults(error, hint)), MAX_FAULTS))


def _faults(details: ErrorDetails, hint: Callable[[Sequence[str | int]], str] | None) -> Iterator[Fault]:
    loc = tuple(step for step in details["loc"] if step != "[key]")
    cause = details.get("ctx", {}).get("error")
    if isinstance(cause, RefusedError):
        for problem in cause.problems:
            where = (*loc, *problem.loc)
            yield Fault(sentence(where, problem.message), loc=where, type=problem.type)
        return
    kind, predicate = _REWORDED.get(details["type"], ("invalid_value", "is not valid"))
    if kind == "unknown_field" and hint is not None:
        predicate = f"{predicate}; known here are {hint(loc)}"
    facts = {**details.get("ctx", {}), "given": kind_of(details.get("input"))}
    yield Fault(sentence(loc, predicate.format_map(facts)), loc=loc, type=kind)


def _known_fields(loc: Sequence[str | int]) -> str:
    by_parent: Mapping[str | int, str] = {
        "inputs": "type, required, default, description, enum, schema",
        "messages": "role, content",
        "model": "provider, name, parameters",
    }
    rest = "id, version, description, template, messages, inputs, model, tools, response_schema, metadata"
    return by_parent.get(loc[0], rest) if len(loc) > 1 else rest


# Pydantic's types of error, each with ours and a predicate, which is filled with the facts Pydantic gives.
_REWORDED: dict[str, tuple[str, str]] = {
    "missing": ("missing_field", "is missing"),
    "extra_forbidden": ("unknown_field", "is not a known field"),
    "json_invalid": ("invalid_syntax", "is not valid JSON"),
    "string_type": ("not_text", "must be text, not {given}"),
    "string_unicode": ("lone_surrogate", "contains half of a surrogate pair, which is not a character"),
    "string_too_short": ("too_short", "must have at least {min_length} characters"),
    "string_too_long": ("too_long", "must have at most {max_length} characters"),
    "string_pattern_mismatch": ("invalid_form", "does not have the form it must have"),
    "literal_error": ("not_allowed", "must be {expected}"),
    "bool_type": ("wrong_type", "must be true or false, not {given}"),
    "bool_parsing": ("wrong_type", "must be true or false"),
    "int_type": ("wrong_type", "must be a whole number, not {given}"),
    "int_parsing": ("wrong_type", "must be a whole number"),
    "int_parsing_size": ("too_large", "is too large"),
    "int_from_float": ("wrong_type", "must be a whole number"),
    "greater_than_equal": ("too_small", "must be at least {ge}"),
    "less_than_equal": ("too_large", "must be at most {le}"),
    "uuid_type": ("wrong_type", "must be a UUID"),
    "uuid_parsing": ("wrong_type", "must be a UUID"),
    "dict_type": ("wrong_type", "must be an object, not {given}"),
    "model_type": ("wrong_type", "must be an object, not {given}"),
    "model_attributes_type": ("wrong_type", "must be an object, not {given}"),
    "list_type": ("wrong_type", "must be a list, not {given}"),
    "tuple_type": ("wrong_type", "must be a list, not {given}"),
    "too_short": ("too_short", "must not be empty"),
    "too_long": ("too_long", "must have at most {max_length} entries"),
}
