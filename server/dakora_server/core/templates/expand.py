"""Includes replaced by the parts' texts, every other tag left as it stood."""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

from jinja2.exceptions import TemplateSyntaxError

from dakora_server.core.templates.environment import PromptEnvironment
from dakora_server.core.templates.faults import TemplateFault
from dakora_server.core.templates.printing import printable
from dakora_server.core.templates.renderer import RenderRefused

Links = Mapping[str, Mapping[str, str]]


@lru_cache(maxsize=1)
def _lexing() -> PromptEnvironment:
    return PromptEnvironment(finalize=printable, longest_range=0)


def expand(sources: Sequence[str], parts: Mapping[str, str], links: Links, *, limit: int) -> list[str]:
    """The sources with each include replaced. Line ends are `\\n`, as in a render.

    Raises RenderRefused when the texts would have more than `limit` bytes together.
    """
    expansion = _Expansion(parts, links, limit)
    return [expansion.of(_lines(source), "") for source in sources]


def _lines(source: str) -> str:
    return source.replace("\r\n", "\n").replace("\r", "\n")


class _Expansion:
    """The parts expanded so far: each once, however often it is included."""

    def __init__(self, parts: Mapping[str, str], links: Links, limit: int) -> None:
        self._parts, self._links, self._limit = parts, links, limit
        self._done: dict[str, str] = {}
        self._spent = 0

    def of(self, source: str, place: str) -> str:
        """The text of a source (`place` is "") or a part, with its includes replaced."""
        pieces = []
        size = 0
        for written, text in _pieces(source):
            name = None if written is None else self._links[place].get(written)
            piece = text if name is None else self._part(name)
            size += len(piece.encode())
            if self._spent + size > self._limit:
                fault = TemplateFault("The expanded text is too large.", "output_too_large")
                raise RenderRefused([fault], code="render_limit_exceeded")
            pieces.append(piece)
        if not place:
            self._spent += size
        return "".join(pieces)

    def _part(self, name: str) -> str:
        if name not in self._done:
            # A part's last line end is dropped when it is included, as Jinja2 does.
            self._done[name] = self.of(_lines(self._parts[name]).removesuffix("\n"), name)
        return self._done[name]


def _pieces(source: str) -> Iterator[tuple[str | None, str]]:
    """The text piece by piece: what an include names, or None and what stays as it is."""
    done = end = 0
    tag_begin = cut = 0
    words: list[tuple[str, str]] = []
    try:
        for _, kind, text in _lexing().lexer.tokeniter(source, None):
            begin = end if source.startswith(text, end) else source.index(text, end)
            if kind == "block_begin":
                # White space that a `-` strips lies between the end of the last piece and here.
                tag_begin, cut, words = begin, end, []
            elif kind == "block_end" and words[:1] == [("name", "include")] and words[1:] and words[1][0] == "string":
                yield None, source[done : cut if source.startswith("{%-", tag_begin) else tag_begin]
                yield words[1][1][1:-1], source[tag_begin : begin + len(text)]
                done = begin + len(text)
            elif kind != "whitespace":
                words.append((kind, text))
            end = begin + len(text)
    except TemplateSyntaxError:
        pass  # a text that was saved has none; what cannot be read further stays as it is
    yield None, source[done:]
