"""The text of an API key: `dk_proj_<project id>_<26 random characters><6 of CRC-32>`, base 62.

The checksum is over all that stands before it, so that a typing mistake, or a scanner's false hit, is told apart
without asking anybody. `docs/api-keys.md` has vectors for scanners.
"""

import re
import secrets
import string
import zlib
from uuid import UUID

from dakora_server.core.exceptions import ApiKeyInvalid
from dakora_server.core.scope import ProjectId

PREFIX = "dk_proj_"
ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
RANDOM_CHARACTERS = 26
CHECK_CHARACTERS = 6
_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_KEY = re.compile(rf"{PREFIX}({_UUID})_[0-9A-Za-z]{{{RANDOM_CHARACTERS + CHECK_CHARACTERS}}}\Z")


def new_key(project_id: UUID) -> str:
    """A fresh key of a project, about 155 random bits."""
    body = f"{PREFIX}{project_id}_" + "".join(secrets.choice(ALPHABET) for _ in range(RANDOM_CHARACTERS))
    return body + checksum(body)


def checksum(body: str) -> str:
    """The six characters that follow `body`."""
    rest, characters = zlib.crc32(body.encode()), []
    for _ in range(CHECK_CHARACTERS):
        rest, digit = divmod(rest, len(ALPHABET))
        characters.append(ALPHABET[digit])
    return "".join(reversed(characters))


def project_of(key: str) -> ProjectId:
    """The project that a key says it belongs to. Raises ApiKeyInvalid when it cannot be a key."""
    found = _KEY.match(key)
    if found is None or checksum(key[:-CHECK_CHARACTERS]) != key[-CHECK_CHARACTERS:]:
        raise ApiKeyInvalid
    return ProjectId(UUID(found[1]))
