"""How a command speaks: data on stdout, everything else on stderr."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, TextIO

from dakora_cli.refusals import Problem, Refusal
from dakora_cli.world import World

_AGES = ((60, "second", 1), (3600, "minute", 60), (86_400, "hour", 3600), (30 * 86_400, "day", 86_400))
_STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}
_STYLES |= {"red mark": "31;7", "green mark": "32;7"}
# Control characters except tab and newline, and the marks that turn the direction of text round: somebody else's text
# must not move the cursor, name the window or hide a line.
_UNSEEN: dict[int, int | str] = {
    **{code: 0x2400 + code for code in range(32) if code not in (9, 10)},
    **dict.fromkeys(
        (0x7F, *range(0x80, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A)), "\N{REPLACEMENT CHARACTER}"
    ),
}


def printable(text: str) -> str:
    """The text as it is safe to show on a terminal."""
    return text.translate(_UNSEEN)


def one_line(text: str) -> str:
    """The text as one line of a table."""
    return printable(" ".join(text.split()))


def age(then: datetime | None, now: datetime) -> str:
    """How long ago, in the largest unit that fits; a date where that is more than a month."""
    if then is None:
        return ""
    seconds = max((now - then).total_seconds(), 0)
    for below, unit, size in _AGES:
        if seconds < below:
            count = int(seconds // size)
            return f"{count} {unit}{'' if count == 1 else 's'} ago"
    return then.date().isoformat()


def counted(number: int, noun: str) -> str:
    """`1 prompt`, `2 prompts`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


class Output:
    """Both streams of one command. With `as_json` stdout is JSON only; with `quiet` stderr has errors only."""

    def __init__(self, world: World, *, as_json: bool = False, quiet: bool = False, colour: bool = True) -> None:
        self.as_json = as_json
        self.quiet = quiet
        self._stdout, self._stderr = world.stdout, world.stderr
        may_paint = colour and not world.env.get("NO_COLOR") and world.env.get("TERM") != "dumb"
        self.to_terminal = world.stdout.isatty()
        self.talks_to_terminal = world.stderr.isatty()
        self.paints = may_paint and self.to_terminal
        self.paints_talk = may_paint and self.talks_to_terminal

    def write(self, text: str) -> None:
        """Data, exactly; made safe to look at where it goes to a terminal."""
        self._stdout.write(printable(text) if self.to_terminal else text)

    def line(self, text: str, style: str | None = None) -> None:
        """A line of data."""
        self._put(self._stdout, text, style if self.paints else None, safe=self.to_terminal)

    def pieces(self, pieces: Sequence[tuple[str, str | None]]) -> None:
        """A line of data of several styles; only on a terminal with colours are they seen."""
        if not self.paints:
            self.line("".join(text for text, _ in pieces))
            return
        shown = ((printable(text), style) for text, style in pieces)
        self._stdout.write("".join(f"\x1b[{_STYLES[style]}m{text}\x1b[0m" if style else text for text, style in shown))
        self._stdout.write("\n")

    def json(self, value: Any) -> None:
        """Data for programs."""
        self.write(json.dumps(value, ensure_ascii=False, indent=2, default=str) + "\n")

    def json_line(self, value: Any) -> None:
        """Data for programs that read while it comes: one value a line."""
        self.write(json.dumps(value, ensure_ascii=False, default=str) + "\n")

    def say(self, text: str, style: str | None = None) -> None:
        """Talk: what was done and what may come next."""
        if not self.quiet:
            self._put(self._stderr, text, style if self.paints_talk else None, safe=True)

    def warn(self, text: str) -> None:
        """Something the user should know, though the command goes on."""
        self.say(f"Warning: {text}", "yellow")

    def problem(self, problem: Problem) -> None:
        """One fault, on a line of its own."""
        self._put(self._stderr, str(problem), None, safe=True)

    def refuse(self, refusal: Refusal) -> None:
        """Why the command failed."""
        if self.as_json:
            entry: dict[str, Any] = {"message": refusal.message, "exit_code": int(refusal.exit_code), **refusal.facts}
            if refusal.problems:
                entry["errors"] = [problem.to_json() for problem in refusal.problems]
            self._put(self._stderr, json.dumps({"error": entry}, ensure_ascii=False, default=str), None, safe=True)
            return
        # A single one may be in the message already.
        said = len(refusal.problems) == 1 and str(refusal.problems[0]) in refusal.message
        for problem in () if said else refusal.problems:
            self.problem(problem)
        self._put(self._stderr, f"Error: {refusal.message}", "red" if self.paints_talk else None, safe=True)

    def flush(self) -> None:
        """Hand everything over, so that a reader that went away is noticed here."""
        self._stdout.flush()

    @staticmethod
    def _put(stream: TextIO, text: str, style: str | None, *, safe: bool) -> None:
        shown = printable(text) if safe else text
        stream.write(f"\x1b[{_STYLES[style]}m{shown}\x1b[0m\n" if style else f"{shown}\n")
