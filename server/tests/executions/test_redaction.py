"""What is found in a text, and what is left alone."""

import pytest

from dakora_server.core.redaction import redact, redact_json

FOUND = [
    ("mail ada.lovelace+x@mail.example.co.uk now", "mail [email] now"),
    ("<ada@example.com>, bob@example.org;", "<[email]>, [email];"),
    ("J\u00fcrgen m\u00fcller@b\u00fccher.de", "J\u00fcrgen [email]"),
    ("card 4111-1111-1111-1111.", "card [card]."),
    ("378282246310005 and 5555555555554444", "[card] and [card]"),
    ("pay DE89 3704 0044 0532 0130 00 and more", "pay [iban] and more"),
    ("GB82WEST12345698765432", "[iban]"),
    ("call +49 (30) 1234 5678 or 555-123-4567", "call [phone] or [phone]"),
    ("from 192.168.1.17:8080", "from [ip]:8080"),
    ("at 2001:0db8:85a3:0000:0000:8a2e:0370:7334", "at [ip]"),
    ("at fe80:1::1 now", "at [ip] now"),
    ("key sk-proj-abcdefghijklmnop1234 end", "key [key] end"),
    ("ghp_abcdefghijklmnopqrstuvwxyz0123456789", "[key]"),
    ("AKIAIOSFODNN7EXAMPLE", "[key]"),
    ("Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.abc_def-1", "Bearer [token]"),
    ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----", "[private key]"),
]
LEFT = [
    "Order 4111111111111112 has no valid number",
    "0000 0000 0000 0000",
    "Version 1.2.3 of 2026-11-26 at 12:30:45",
    "pi is 3.14159265358979323846",
    "DE88 3704 1144 1532 1131 10",
    "a @ b, and @home",
    "12345 of 67890",
    "std::vector::begin",
    "Hello {{ name }}!",
    "",
]


@pytest.mark.parametrize(("text", "kept"), FOUND, ids=str)
def test_what_is_found_is_named_by_its_kind(text, kept):
    assert redact(text) == kept


@pytest.mark.parametrize("text", LEFT, ids=str)
def test_what_is_none_is_left_alone(text):
    assert redact(text) == text


def test_json_is_redacted_in_every_text_and_keeps_its_shape():
    value = {"a": [1, 1.5, None, True, "x@example.com"], "y@example.com": {"b": "z"}}
    assert redact_json(value) == {"a": [1, 1.5, None, True, "[email]"], "[email]": {"b": "z"}}


@pytest.mark.timeout(60)
def test_no_text_takes_longer_than_its_length():
    """A pattern that goes back and forth would take minutes for such a text; all of them take a second."""
    for piece in (
        "a@",
        "1 ",
        "sk-",
        "a.a@",
        "eyJeyJ.",
        "::",
        "12:",
        "-----BEGIN PRIVATE KEY-----",
        "DE12 ",
        "a-",
        "+1 ",
    ):
        redact((piece * 400_000)[:400_000])
