"""What can become of one thing among many that are saved together."""

from enum import StrEnum


class Outcome(StrEnum):
    """What became of a prompt or a part."""

    created = "created"
    updated = "updated"
    restored = "restored"
    unchanged = "unchanged"
    refused = "refused"
