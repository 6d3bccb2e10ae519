"""Everything that can be said of a template without running it.

`analyse` reads, it never evaluates: it costs time in proportion to the text, whatever the text says, and may run
anywhere. Only what it found no fault in may be compiled.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from jinja2.exceptions import TemplateSyntaxError

from dakora_server.core.templates.environment import PromptEnvironment
from dakora_server.core.templates.faults import TemplateFault, unpack
from dakora_server.core.templates.limits import Limits
from dakora_server.core.templates.parsing import TokenBudget, TooComplex, parse
from dakora_server.core.templates.plain import PLAIN_SOURCE_BYTES, is_plain
from dakora_server.core.templates.printing import printable
from dakora_server.core.templates.scopes import find_names
from dakora_server.core.templates.shape import ShapeCheck

__all__ = ["Analysis", "TemplateFault", "analyse"]

_MOST_FAULTS = 50

# Reading a token takes about 7 microseconds, so this is what bounds the time of an analysis, to about 0.1 s. Ordinary
# templates have 1.5 tokens for each node; more than 2.5 have those made of empty tags.
_TOKENS_PER_NODE = 2.5


@dataclass(frozen=True, slots=True)
class Analysis:
    """What was found. With faults, the rest holds for the texts that could be read.

    `variables` are the names read from outside, sorted; `includes` the parts named, in order; `bare` the variables
    printed as they are (name and line), which would read `None` for null; `plain` says that the proof of `plain` holds.
    """

    faults: tuple[TemplateFault, ...] = ()
    variables: tuple[str, ...] = ()
    includes: tuple[str, ...] = ()
    bare: tuple[tuple[str, int], ...] = ()
    plain: bool = False

    def to_json(self) -> dict[str, object]:
        """The analysis as JSON values."""
        return {
            "faults": [fault.to_json() for fault in self.faults],
            "variables": list(self.variables),
            "includes": list(self.includes),
            "bare": [[name, line] for name, line in self.bare],
            "plain": self.plain,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, object]) -> "Analysis":
        """What `to_json` wrote."""
        return cls(
            faults=tuple(TemplateFault.from_json(fault) for fault in _list(value["faults"])),
            variables=tuple(_list(value["variables"])),
            includes=tuple(_list(value["includes"])),
            bare=tuple((name, line) for name, line in _list(value["bare"])),
            plain=value["plain"] is True,
        )


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


@lru_cache(maxsize=1)
def _reader() -> PromptEnvironment:
    return PromptEnvironment(finalize=printable, longest_range=0)


def analyse(sources: Sequence[str], limits: Limits) -> Analysis:
    """Every fault of a prompt's texts, and what is needed to fill them."""
    size_fault = _size_fault(sources, limits)
    if size_fault is not None:
        return Analysis(faults=(size_fault,))
    gathered = _Gathered(limits)
    for index, source in enumerate(sources):
        gathered.read(source, index)
    return gathered.analysis(sum(len(source) for source in sources))


def _size_fault(sources: Sequence[str], limits: Limits) -> TemplateFault | None:
    size = 0
    for index, source in enumerate(sources):
        try:
            size += len(source.encode())
        except UnicodeEncodeError as error:
            message = "The text holds half of a surrogate pair, which is no character."
            line = source.count("\n", 0, error.start) + 1
            column = error.start - source.rfind("\n", 0, error.start)
            return TemplateFault(message, "invalid_text", line, column, index)
        if size > limits.source_bytes:
            message = f"The template is larger than {limits.source_bytes:,} bytes."
            return TemplateFault(message, "template_too_large", None, None, index)
    return None


class _Gathered:
    """What has been found in the texts so far; they share the bounds on nodes and tokens."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._nodes = limits.nodes
        self._budget = TokenBudget(int(limits.nodes * _TOKENS_PER_NODE))
        self._faults: list[TemplateFault] = []
        self._variables: set[str] = set()
        self._includes: list[str] = []
        self._bare: list[tuple[str, int]] = []
        self._plain = True

    def read(self, source: str, index: int) -> None:
        """Add what one text holds."""
        env = _reader()
        try:
            tree = parse(env, source, budget=self._budget, nesting=self._limits.nesting)
        except TemplateSyntaxError as error:
            message = (error.message or "The template cannot be read.").rstrip(".")
            self._fault(TemplateFault.at(error.lineno, f"{_sentence(message)}.", type="syntax_error", source=index))
            return
        except TooComplex as error:
            self._fault(TemplateFault.at(error.position, error.message, type=error.type, source=index))
            return
        shape = ShapeCheck(self._limits, filters=env.filters, tests=env.tests)
        shape.walk(tree, most_nodes=self._nodes)
        self._nodes -= min(shape.nodes, self._nodes)
        for fault in shape.faults:
            self._fault(TemplateFault(fault.message, fault.type, fault.line, fault.column, index))
        self._includes += shape.includes
        if shape.too_deep:
            return
        names = find_names(tree)
        for name, position in names.functions:
            message = f"There is no function '{name}'."
            self._fault(TemplateFault.at(position, message, type="unknown_function", source=index))
        self._variables |= names.free.keys()
        self._bare += [(name, unpack(position)[0]) for name, position in names.bare]
        self._plain = self._plain and not self._faults and is_plain(tree)

    def _fault(self, fault: TemplateFault) -> None:
        if len(self._faults) < _MOST_FAULTS:
            self._faults.append(fault)
        self._plain = False

    def analysis(self, size: int) -> Analysis:
        """All of it."""
        return Analysis(
            faults=tuple(sorted(self._faults, key=lambda fault: (fault.source, fault.line or 0, fault.column or 0))),
            variables=tuple(sorted(self._variables)),
            includes=tuple(dict.fromkeys(self._includes)),
            bare=tuple(self._bare),
            plain=self._plain and size <= PLAIN_SOURCE_BYTES,
        )


def _sentence(message: str) -> str:
    return message[:1].upper() + message[1:]
