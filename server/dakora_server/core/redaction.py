"""What must not be kept, taken out of texts before they are written: addresses, numbers of cards and accounts, keys.

Patterns find what may be one; where there is a checksum, it decides. What is found is replaced by its kind, so that a
text can still be read. Names and postal addresses are no patterns: a project with those keeps nothing instead.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

_IBANS = (
    "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DK18 DO28 "
    "EE20 EG29 ES24 FI18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26 "
    "IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MR27 MT31 MU30 "
    "NL18 NO15 PK24 PL28 PS29 PT25 QA29 RO24 RS22 SA24 SC31 SE24 SI19 SK24 SM27 ST25 SV28 TL23 "
    "TN24 TR26 UA29 VA22 VG24 XK20 "
)
_IBAN_LENGTHS = {found[:2]: int(found[2:]) for found in _IBANS.split()}
"""How long the account numbers of each country are (the registry of ISO 13616)."""


def _all(found: str) -> int:
    return len(found)


def _card(found: str) -> int:
    """Luhn's checksum over 13 to 19 digits (ISO/IEC 7812)."""
    digits = [int(sign) for sign in found if sign.isdigit()]
    if len(set(digits)) == 1:
        return 0
    doubled = [digit * 2 - 9 * (digit > 4) if place % 2 else digit for place, digit in enumerate(reversed(digits))]
    return 0 if sum(doubled) % 10 else len(found)


def _iban(found: str) -> int:
    """As long as the country's are, with the remainder 1 of 97. What follows may look like more of it."""
    length = _IBAN_LENGTHS.get(found[:2].upper(), 0)
    places = [place for place, sign in enumerate(found) if not sign.isspace()]
    if not 0 < length <= len(places):
        return 0
    end = places[length - 1] + 1
    plain = "".join(found[:end].split()).upper()
    number = "".join(str(int(sign, 36)) for sign in plain[4:] + plain[:4])
    return end if int(number) % 97 == 1 else 0


def _phone(found: str) -> int:
    return len(found) if 8 <= sum(map(str.isdigit, found)) <= 15 else 0


# In this order: what comes first takes the text. Every repetition is bounded, so that no text takes long.
_RULES: tuple[tuple[str, re.Pattern[str], Callable[[str], int]], ...] = (
    (
        "private key",
        re.compile(r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[\s\S]{0,16384}?-----END [A-Z ]{0,40}-----"),
        _all,
    ),
    ("token", re.compile(r"\beyJ[A-Za-z0-9_-]{8,4096}\.eyJ[A-Za-z0-9_-]{8,8192}\.[A-Za-z0-9_-]{0,4096}"), _all),
    (
        "key",
        re.compile(
            r"\b(?:sk-[A-Za-z0-9_-]{16,256}|dk_proj_[A-Za-z0-9_-]{16,256}|AIza[A-Za-z0-9_-]{30,60}|gh[pousr]_[A-Za-z0-9]{30,255}"
            r"|github_pat_[A-Za-z0-9_]{22,255}|xox[abprs]-[A-Za-z0-9-]{10,255}|AKIA[A-Z0-9]{16}|ASIA[A-Z0-9]{16}"
            r"|[rs]k_(?:live|test)_[A-Za-z0-9]{16,255}|whsec_[A-Za-z0-9+/=]{16,255}|glpat-[A-Za-z0-9_-]{16,64}"
            r"|hf_[A-Za-z0-9]{30,64})"
        ),
        _all,
    ),
    (
        "email",
        re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@(?:[\w-]{1,63}\.){1,8}[^\W\d_]{2,24}(?![\w-])"),
        _all,
    ),
    ("iban", re.compile(r"\b[A-Za-z]{2}\d{2}(?:[ \t]?[A-Za-z0-9]){11,30}\b"), _iban),
    ("card", re.compile(r"(?<![\d.])\d(?:[ -]?\d){12,18}(?!\d)"), _card),
    (
        "ip",
        re.compile(
            r"(?<![\d.])(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?![\d.]*\d)"
            r"|(?<![\w:])(?:[0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}(?![\w:])"
            r"|(?<![\w:])(?:[0-9A-Fa-f]{1,4}:){2,6}:(?:[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{1,4}){0,5})?(?![\w:])"
        ),
        _all,
    ),
    (
        "phone",
        re.compile(
            r"(?<![\w+.])(?:\+|00)\d{1,3}[ ./-]?(?:\(\d{1,5}\)[ ./-]?)?\d(?:[ ./-]?\d){5,12}(?![\w])"
            r"|(?<![\w+.-])\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4}(?![\w-])"
        ),
        _phone,
    ),
)
_HINTS = re.compile(r"[@:\d]|eyJ|PRIVATE KEY|sk-|_|AIza|xox|AKIA|ASIA|glpat")


def redact(text: str) -> str:
    """The text, with what was found replaced: `[email]`, `[phone]`, `[card]`, `[iban]`, `[ip]`, `[key]`, `[token]`."""
    if _HINTS.search(text) is None:
        return text
    for kind, pattern, fits in _RULES:
        text = pattern.sub(partial(_replaced, kind, fits), text)
    return text


def _replaced(kind: str, fits: Callable[[str], int], found: re.Match[str]) -> str:
    """`fits` tells how much of what was found is one, from its beginning."""
    end = fits(found[0])
    return f"[{kind}]{found[0][end:]}" if end else found[0]


def redact_json(value: Any) -> Any:
    """A JSON value, with every text in it redacted, keys included."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Mapping):
        return {redact(key): redact_json(member) for key, member in value.items()}
    if isinstance(value, Sequence):
        return [redact_json(member) for member in value]
    return value
