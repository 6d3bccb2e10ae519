"""What an unquoted YAML scalar means, and which text may go unquoted: reader and writer share one understanding.

Reading follows the core schema of YAML 1.2, except that what YAML 1.1 and 1.2 understand differently stays text:
`yes`, `010`, `0o17`, `1_000`, `12:30:00`, `2024-01-01`. Writing quotes whatever any reader could take for no text.
"""

import math
import re
from itertools import islice

from pydantic import JsonValue

from dakora_server.core.templates.json_rules import MAX_INT

_WORDS: dict[str, JsonValue] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
}
_NUMBER_STARTS = frozenset("0123456789+-.")
_INT = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_HEX = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_LONGEST_INT = 32  # characters; `int()` takes quadratic time, and 64 bits need 20

# Words some reader somewhere takes for null, a boolean or a number, in lower case.
_TAKEN_WORDS = frozenset(
    ("y", "n", "yes", "no", "on", "off", "true", "false", "null", "none", "nan", "inf", "infinity")
)
_SEMVER_LIKE = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+(?:[-+][0-9A-Za-z.+-]+)?")
_LONGEST_PLAIN = 200

# Line breaks to YAML 1.1, plain characters to YAML 1.2; a byte order mark may vanish. Readers differ, so: escaped.
READ_DIFFERENTLY = "\x85\u2028\u2029\ufeff"
_UNFIT_FOR_BLOCK = re.compile("[^\t\n\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")


def resolve(raw: str) -> JsonValue:
    """The value of an unquoted scalar: null, a boolean, a number (perhaps not finite), or the text itself."""
    if raw in _WORDS:
        return _WORDS[raw]
    if raw[0] not in _NUMBER_STARTS:
        return raw
    if _INT.fullmatch(raw):
        # The stand-in is refused like the number itself would be.
        return int(raw) if len(raw) <= _LONGEST_INT else MAX_INT + 1
    if _FLOAT.fullmatch(raw):
        return float(raw)
    if _HEX.fullmatch(raw):
        return int(raw, 16) if len(raw) <= _LONGEST_INT else MAX_INT + 1
    return raw


def number_text(number: float) -> str:
    """A number as every YAML reader takes it for one, and for the same one: YAML 1.1 wants a dot in a float."""
    if isinstance(number, int):
        return str(number)
    text = repr(number)
    return text if "." in text else text.replace("e", ".0e")


def may_be_plain(text: str) -> bool:
    """Whether no reader takes this text, unquoted, for anything but text.

    Whether its punctuation allows it to go unquoted is the emitter's to say.
    """
    if not 1 <= len(text) <= _LONGEST_PLAIN or not text.isprintable():
        return False
    if text[0].isalpha():
        return text.lower() not in _TAKEN_WORDS
    return _SEMVER_LIKE.fullmatch(text) is not None


def may_be_literal(text: str) -> bool:
    """Whether a literal block (`|`) carries this text exactly, in every reader."""
    return (
        "\n" in text
        and text[0] != "\t"  # libyaml takes a tab before the first letter for indentation
        and not text.isspace()
        and _UNFIT_FOR_BLOCK.search(text) is None
    )


def stand_ins(text: str) -> dict[str, str]:
    """For each character in `text` that readers treat differently, one that `text` does not contain."""
    present = [char for char in READ_DIFFERENTLY if char in text]
    free = islice((char for char in map(chr, range(0xE000, 0xF8FF)) if char not in text), len(present))
    return dict(zip(present, free, strict=False))
