"""YAML as a person would write it, from JSON values, by PyYAML's emitter.

It is the emitter written in Python, always: the C one escapes every emoji, and the text of a document must not depend
on which of the two is installed, because its hash is the prompt's identity.
"""

import io
import re
import sys
from collections.abc import Iterator

import yaml
from pydantic import JsonValue
from yaml.emitter import Emitter, ScalarAnalysis

from dakora_server.core.templates.yaml_scalars import may_be_literal, may_be_plain, number_text

_SHORT_LIST = 72  # characters up to which a list of plain members stands on one line
_SHORT_MEMBER = 40

_ESCAPED = re.compile('["\\\\\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]')


def write_yaml(fields: dict[str, JsonValue]) -> str:
    """The mapping as a YAML text that reads back as exactly these values, keys in their order."""
    stream = io.StringIO()
    emitter = _PromptEmitter(stream, allow_unicode=True, width=sys.maxsize)
    emitter.emit(yaml.StreamStartEvent())
    emitter.emit(yaml.DocumentStartEvent(explicit=False))
    for event in _events(fields):
        emitter.emit(event)
    emitter.emit(yaml.DocumentEndEvent(explicit=False))
    emitter.open_ended = False  # or a text that ends in empty lines would be followed by `...`
    emitter.emit(yaml.StreamEndEvent())
    return stream.getvalue()


def _events(value: JsonValue, *, is_key: bool = False) -> Iterator[yaml.Event]:
    if isinstance(value, str):
        yield yaml.ScalarEvent(None, None, (may_be_plain(value), True), value, style=_style(value, is_key=is_key))
    elif isinstance(value, dict):
        yield yaml.MappingStartEvent(None, None, implicit=True, flow_style=False)
        for key, member in value.items():
            yield from _events(key, is_key=True)
            yield from _events(member)
        yield yaml.MappingEndEvent()
    elif isinstance(value, list):
        yield yaml.SequenceStartEvent(None, None, implicit=True, flow_style=_fits_one_line(value))
        for member in value:
            yield from _events(member)
        yield yaml.SequenceEndEvent()
    else:
        yield yaml.ScalarEvent(None, None, (True, False), _constant(value))


def _constant(value: float | None) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return number_text(value)


def _style(text: str, *, is_key: bool) -> str | None:
    """The emitter's name for the style this text is best read in; None is plain where punctuation allows it."""
    if may_be_plain(text):
        return None
    if not is_key and may_be_literal(text):
        return "|"
    return "'" if text.isprintable() and _reads_best_single_quoted(text) else '"'


def _reads_best_single_quoted(text: str) -> bool:
    return '"' in text or "\\" in text


def _fits_one_line(members: list[JsonValue]) -> bool:
    lengths = [_length_on_one_line(member) for member in members[:_SHORT_LIST]]
    return len(members) <= len(lengths) and None not in lengths and sum(filter(None, lengths)) <= _SHORT_LIST


def _length_on_one_line(member: JsonValue) -> int | None:
    if isinstance(member, list | dict):
        return None
    text = member if isinstance(member, str) else _constant(member)
    return len(text) + 2 if len(text) <= _SHORT_MEMBER and text.isprintable() else None


class _PromptEmitter(Emitter):
    """PyYAML's emitter with lists indented below their key, and long texts written in one go."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, indentless=False)

    def analyze_scalar(self, scalar: str) -> ScalarAnalysis:
        """What styles are possible. Where the event asks for one, `_style` has made sure that it is."""
        style = self.event.style if isinstance(self.event, yaml.ScalarEvent) else None
        if style is None:
            analysis = super().analyze_scalar(scalar)
            analysis.allow_single_quoted = analysis.allow_single_quoted and _reads_best_single_quoted(scalar)
            return analysis
        return ScalarAnalysis(
            scalar=scalar,
            empty=not scalar,
            multiline="\n" in scalar,
            allow_flow_plain=False,
            allow_block_plain=False,
            allow_single_quoted=style == "'",
            allow_double_quoted=True,
            allow_block=style == "|",
        )

    def write_double_quoted(self, text: str, split: bool = True) -> None:
        """Escapes what a reader could change or refuse, and nothing else: never folds."""
        self.write_indicator('"', need_whitespace=True)
        self._write(_ESCAPED.sub(self._escape, text))
        self.write_indicator('"', need_whitespace=False)

    def write_single_quoted(self, text: str, split: bool = True) -> None:
        self.write_indicator("'", need_whitespace=True)
        self._write(text.replace("'", "''"))
        self.write_indicator("'", need_whitespace=False)

    def write_literal(self, text: str) -> None:
        self.write_indicator("|" + self.determine_block_hints(text), need_whitespace=True)
        for line in text.removesuffix("\n").split("\n"):
            self.write_line_break()
            if line:
                self.write_indent()
                self._write(line)
        self.write_line_break()

    def _write(self, text: str) -> None:
        self.column += len(text)
        self.stream.write(text)

    def _escape(self, match: re.Match[str]) -> str:
        char = match[0]
        short = self.ESCAPE_REPLACEMENTS.get(char)
        if short is not None:
            return "\\" + short
        return f"\\x{ord(char):02X}" if ord(char) <= 0xFF else f"\\u{ord(char):04X}"
