"""Azure's connection string, as its portal gives it, read into what the store is opened with."""

import base64
import binascii
from dataclasses import dataclass, field

# Microsoft's emulator has one account for everybody; its key is printed in Microsoft's documentation.
_EMULATOR_ACCOUNT = "devstoreaccount1"
_EMULATOR_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
_EMULATOR_ENDPOINT = f"http://127.0.0.1:10000/{_EMULATOR_ACCOUNT}"


@dataclass(frozen=True, slots=True)
class AzureAccount:
    """An account: a key or a signature (SAS) opens it; with neither, an identity has to."""

    name: str
    endpoint: str
    key: str | None = field(default=None, repr=False)
    signature: str | None = field(default=None, repr=False)


def account_named(name: str, endpoint: str | None = None) -> AzureAccount:
    """The account with this name, in Azure's public cloud or at `endpoint`, for an identity to open.

    Raises ValueError where whoever listens on the way would learn the identity's token.
    """
    endpoint = endpoint or f"https://{name}.blob.core.windows.net"
    if not endpoint.startswith("https://"):
        raise ValueError("AZURE_STORAGE_BLOB_ENDPOINT must begin with https://.")
    return AzureAccount(name, endpoint.rstrip("/"))


def parse_connection_string(text: str) -> AzureAccount:
    """The account that a connection string describes.

    Raises ValueError, with a sentence that shows nothing of the string, when it does not describe one.
    """
    parts: dict[str, str] = {}
    for part in filter(None, (piece.strip() for piece in text.split(";"))):
        word, separator, value = part.partition("=")
        if not separator:
            raise ValueError("It must be of parts like Name=value, with semicolons between them.")
        parts[word.strip().lower()] = value.strip()
    if parts.get("usedevelopmentstorage", "").lower() == "true":
        return AzureAccount(_EMULATOR_ACCOUNT, parts.get("blobendpoint", _EMULATOR_ENDPOINT), _EMULATOR_KEY)
    key, signature = parts.get("accountkey"), parts.get("sharedaccesssignature")
    if (key is None) == (signature is None):
        raise ValueError("It must have either AccountKey or SharedAccessSignature.")
    if key is not None:
        _require_key(key)
    name, endpoint = parts.get("accountname"), parts.get("blobendpoint")
    if endpoint is None:
        if name is None:
            raise ValueError("It must have AccountName or BlobEndpoint.")
        suffix = parts.get("endpointsuffix", "core.windows.net")
        endpoint = f"{parts.get('defaultendpointsprotocol', 'https')}://{name}.blob.{suffix}"
    if not endpoint.startswith(("https://", "http://")):
        raise ValueError("Its BlobEndpoint must begin with https:// or http://.")
    if name is None:
        if key is not None:
            raise ValueError("With AccountKey it must have AccountName.")
        name = endpoint.partition("://")[2].partition(".")[0]
    return AzureAccount(name, endpoint.rstrip("/"), key, None if signature is None else signature.lstrip("?"))


def _require_key(key: str) -> None:
    try:
        base64.b64decode(key, validate=True)
    except binascii.Error:
        raise ValueError("Its AccountKey is not whole: it must be base64.") from None
