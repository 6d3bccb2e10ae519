"""The chain's signed end, kept in the document store once an hour: out of reach of whoever changes the database."""

import json
from dataclasses import dataclass, field

from dakora_server.core.audit import service
from dakora_server.core.audit.service import Head
from dakora_server.core.crypto import Secret
from dakora_server.core.storage.database import Database
from dakora_server.core.storage.registry.base import AUDIT_FOLDER, Registry

KEEP_SECONDS = 3600.0


@dataclass
class KeptHeads:
    """The hash under each number that was kept; `unsigned` counts records that this server did not sign."""

    hashes: dict[int, bytes] = field(default_factory=dict)
    unsigned: int = 0


async def keep_head(database: Database, secret: Secret, registry: Registry) -> None:
    """Keep the chain's present end; what is kept under its number already stays as it is.

    Raises DatabaseUnavailable, RegistryUnavailable, RegistryFull.
    """
    found = await service.head(database, secret)
    if found.seq > 0:
        record = json.dumps({"seq": found.seq, "hash": found.hash, "signature": found.signature})
        await registry.keep(f"{AUDIT_FOLDER}/{found.seq:020}.json", record.encode())


async def kept_heads(registry: Registry, secret: Secret) -> KeptHeads:
    """Every head in the store. Raises RegistryUnavailable."""
    kept = KeptHeads()
    async for _, record in registry.kept(AUDIT_FOLDER):
        found = _read(record)
        if found is not None and service.is_signed(found, secret):
            kept.hashes[found.seq] = bytes.fromhex(found.hash)
        else:
            kept.unsigned += 1
    return kept


def _read(record: bytes) -> Head | None:
    try:
        fields = json.loads(record)
        return Head(int(fields["seq"]), str(fields["hash"]), str(fields["signature"]))
    except (ValueError, KeyError, TypeError):
        return None
