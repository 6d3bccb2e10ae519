"""Ids that are made here: UUIDs of version 7 (RFC 9562), which sort by the time they were made at."""

import os
from uuid import UUID

from dakora_server.core import clock


def uuid7() -> UUID:
    """A new one."""
    milliseconds = int(clock.now().timestamp() * 1000)
    chance = int.from_bytes(os.urandom(10))
    value = milliseconds << 80 | 0x7 << 76 | (chance >> 68) << 64 | 0b10 << 62 | chance & (1 << 62) - 1
    return UUID(int=value)
