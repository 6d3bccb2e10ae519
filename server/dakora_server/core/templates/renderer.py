"""From texts to compiled templates, and from inputs to text.

The meaning of a template is what Jinja2 3.1 makes of it: a single line end at the end of a text is dropped, `\\r\\n`
becomes `\\n`, null prints `None`. Only what `analysis` found no fault in may come here; and only what is plain, or what
a worker process runs, since nothing here bounds time or memory.
"""

import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass
from functools import lru_cache
from types import GeneratorType
from typing import Literal

from jinja2 import Template, nodes
from jinja2.exceptions import TemplateRuntimeError, UndefinedError

from dakora_server.core.templates.environment import PromptEnvironment
from dakora_server.core.templates.explain import Explained, explain
from dakora_server.core.templates.faults import TemplateFault
from dakora_server.core.templates.limits import Limits
from dakora_server.core.templates.parsing import TokenBudget, parse
from dakora_server.core.templates.plain import NotPlain, PlainCost, plain_cost
from dakora_server.core.templates.printing import printable, printable_inside
from dakora_server.core.templates.scopes import GLOBALS, find_names
from dakora_server.core.templates.words import article

RefusalCode = Literal["render_failed", "render_limit_exceeded"]

# What a plain render may take in the server process, by the bound that its proof gives.
IN_PROCESS_NANOSECONDS = 4_000_000

# The compiler recurses about five frames for each operator in a row.
_COMPILER_STACK = 6_000

_DEFAULT = Limits()


class RenderRefused(Exception):
    """The template could not be compiled or rendered; `faults` say why in words fit for anyone."""

    def __init__(self, faults: Sequence[TemplateFault], *, code: RefusalCode = "render_failed") -> None:
        super().__init__("; ".join(fault.message for fault in faults))
        self.faults = tuple(faults)
        self.code: RefusalCode = code


@dataclass(frozen=True, slots=True)
class Program:
    """The compiled templates of one prompt, in the order of its texts; `cost` is None unless all are plain."""

    sources: tuple[str, ...]
    templates: tuple[Template, ...]
    cost: PlainCost | None


@lru_cache(maxsize=4)
def _environment(*, plain: bool, longest_range: int) -> PromptEnvironment:
    # In a plain template a list is an input, which holds nothing that could not be printed.
    return PromptEnvironment(finalize=printable if plain else printable_inside, longest_range=longest_range)


def compile_program(
    sources: Sequence[str],
    includes: Mapping[str, str],
    limits: Limits = _DEFAULT,
    *,
    links: Mapping[str, Mapping[str, str]] | None = None,
) -> Program:
    """The prompt's texts, compiled; `includes` gives the text of each part under its name.

    `links` say what the names in each part stand for, and those in the prompt's own texts under ""; without them a
    part's name is the one it is included by.

    Nothing is evaluated. Raises RenderRefused for the rare text that CPython cannot compile.
    """
    trees = [_parse(source) for source in sources]
    cost = _cost(trees) if not includes else None
    env = _environment(plain=cost is not None, longest_range=limits.range)
    if cost is not None:
        return Program(tuple(sources), tuple(_compile(env, tree, index) for index, tree in enumerate(trees)), cost)
    with _room_to_compile():
        if includes:
            env = copy(env)
            env.links = links
            env.parts = {name: _compile(env, _parse(text), name) for name, text in includes.items()}
        templates = tuple(_compile(env, tree, index) for index, tree in enumerate(trees))
    return Program(tuple(sources), templates, None)


def _parse(source: str) -> nodes.Template:
    env = _environment(plain=True, longest_range=_DEFAULT.range)
    return parse(env, source, budget=TokenBudget(), nesting=sys.maxsize)


def _cost(trees: Sequence[nodes.Template]) -> PlainCost | None:
    try:
        costs = [plain_cost(tree) for tree in trees]
    except NotPlain:
        return None
    return PlainCost(
        sum(cost.text for cost in costs),
        sum(cost.value for cost in costs),
        sum(cost.fixed for cost in costs),
        tuple(loop for cost in costs for loop in cost.loops),
    )


@contextmanager
def _room_to_compile() -> Iterator[None]:
    """More stack for the compiler, and silence about odd code such as `1[0:1]`. In a worker, which has one thread."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, _COMPILER_STACK))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            yield
    finally:
        sys.setrecursionlimit(before)


def _compile(env: PromptEnvironment, tree: nodes.Template, name: int | str) -> Template:
    """One template; a part's name is its own, a text's is its index."""
    label = name if isinstance(name, str) else f"#{name}"
    try:
        code = env.compile(tree, name=label)
    except (SyntaxError, RecursionError, MemoryError, ValueError, OverflowError):
        source = name if isinstance(name, int) else 0
        fault = TemplateFault("The template is too deeply nested to be compiled.", "template_too_deep", source=source)
        raise RenderRefused([fault]) from None
    return Template.from_code(env, code, env.globals)


def affordable(program: Program, inputs_bytes: int, inputs: Mapping[str, object]) -> bool:
    """Whether a render with these inputs, so many bytes of JSON, surely takes a few milliseconds at most."""
    return program.cost is not None and program.cost.nanoseconds(inputs, inputs_bytes) <= IN_PROCESS_NANOSECONDS


def render(program: Program, inputs: Mapping[str, object], limits: Limits) -> list[str]:
    """The text of each template, filled with the same inputs.

    Raises RenderRefused with every variable that is missing, or with the one thing that went wrong.
    """
    values = dict(inputs)
    texts: list[str] = []
    left = limits.output_bytes
    for index, template in enumerate(program.templates):
        pieces = template.root_render_func(template.new_context(values))
        try:
            text, left = _joined(pieces, left)
        except Exception as error:  # noqa: BLE001 -- a template can raise anything; the caller gets a sentence
            explained = explain(error, source=index, reached=_reached(pieces, template))
            raise _refusal(error, explained, program, values) from None
        if left < 0:
            message = f"The output is larger than {limits.output_bytes:,} bytes."
            fault = TemplateFault.at(_reached(pieces, template), message, type="output_too_large", source=index)
            raise RenderRefused([fault], code="render_limit_exceeded")
        texts.append(text)
    return texts


def _joined(pieces: Iterator[object], left: int) -> tuple[str, int]:
    """The pieces as one text, and how many bytes may still follow it; below 0 it stopped there.

    Raises UnicodeEncodeError for half a surrogate pair, which a string in a template can hold, besides what they raise.
    """
    kept: list[str] = []
    for piece in pieces:
        if not isinstance(piece, str):  # Jinja2 passes on whatever the filter of a block or a called function gave
            raise TemplateRuntimeError(f"a block has to become a text here, not {article(piece)}")
        left -= _size(piece)
        if left < 0:
            break
        kept.append(piece)
    return "".join(kept), left


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


def _reached(pieces: Iterator[object], template: Template) -> int | None:
    """The position of the expression that a template was printing when its output was cut."""
    frame = pieces.gi_frame if isinstance(pieces, GeneratorType) else None
    return template.get_corresponding_lineno(frame.f_lineno) if frame is not None else None


def _refusal(error: Exception, explained: Explained, program: Program, values: Mapping[str, object]) -> RenderRefused:
    """The error as a refusal; where a variable is missing, every other one that is missing too is named."""
    missing = _missing(program, values) if isinstance(error, UndefinedError) else []
    faults = [explained.fault, *missing]
    if any(fault.message == explained.fault.message for fault in missing):
        faults = missing
    return RenderRefused(faults, code="render_limit_exceeded" if explained.is_limit else "render_failed")


def _missing(program: Program, values: Mapping[str, object]) -> list[TemplateFault]:
    """Every variable that the prompt cannot do without and the inputs do not have."""
    faults: dict[str, TemplateFault] = {}
    for index, source in enumerate(program.sources):
        for name, position in find_names(_parse(source)).certain.items():
            if name not in values and name not in GLOBALS:
                faults.setdefault(
                    name, TemplateFault.at(position, f"'{name}' is undefined.", type="undefined_variable", source=index)
                )
    return list(faults.values())
