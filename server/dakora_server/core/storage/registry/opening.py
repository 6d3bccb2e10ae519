"""A registry from its address: the one place that knows which kinds there are."""

import importlib.util
from pathlib import Path

from dakora_server.core.storage.registry.addresses import Credentials, Place, parse_place
from dakora_server.core.storage.registry.azure_account import AzureAccount, account_named, parse_connection_string
from dakora_server.core.storage.registry.base import Registry
from dakora_server.core.storage.registry.local import LocalRegistry

_NOTHING_SET = Credentials()
DEFAULT_TIMEOUT = 5.0


def open_registry(
    url: str, credentials: Credentials = _NOTHING_SET, *, timeout_seconds: float = DEFAULT_TIMEOUT
) -> Registry:
    """The store at `url`. Nothing is connected yet: `check` tells whether it answers.

    Raises ValueError, with a sentence, where `require_openable` does.
    """
    place = parse_place(url)
    if place.kind == "file":
        return LocalRegistry(Path(place.path))
    require_openable(place, credentials)
    # A library of 16 MB that a local folder does not need.
    from dakora_server.core.storage.registry import stores  # noqa: PLC0415 - see above
    from dakora_server.core.storage.registry.cloud import CloudRegistry  # noqa: PLC0415 - see above

    return CloudRegistry(
        stores.azure_store(place, azure_account(credentials), timeout_seconds)
        if place.kind == "az"
        else stores.s3_store(place, credentials, timeout_seconds)
        if place.kind == "s3"
        else stores.gcs_store(place, credentials, timeout_seconds),
        timeout_seconds=timeout_seconds,
    )


def require_openable(place: Place, credentials: Credentials) -> None:
    """Raises ValueError, with a sentence that names the variable, where credentials are half-set or make no sense."""
    if place.kind == "az":
        azure_account(credentials)
    elif place.kind == "s3":
        _require_s3(credentials)
    elif place.kind == "gs":
        _require_gcs(credentials)


def azure_account(credentials: Credentials) -> AzureAccount:
    """The account that the credentials open. Raises ValueError, see `require_openable`."""
    if credentials.azure_connection_string is None:
        if credentials.azure_account is None:
            raise ValueError(
                "AZURE_STORAGE_CONNECTION_STRING is not set: set it, or AZURE_STORAGE_ACCOUNT_NAME to come with "
                "the machine's own identity."
            )
        if not _has_azure_identity():
            raise ValueError(
                "AZURE_STORAGE_ACCOUNT_NAME without a connection string needs azure-identity: "
                "install dakora-server[azure], or set AZURE_STORAGE_CONNECTION_STRING."
            )
        return account_named(credentials.azure_account, credentials.azure_endpoint)
    if credentials.azure_endpoint is not None:
        raise ValueError(
            "AZURE_STORAGE_BLOB_ENDPOINT is set, and AZURE_STORAGE_CONNECTION_STRING says where the account is: "
            "unset one of them."
        )
    try:
        account = parse_connection_string(credentials.azure_connection_string)
    except ValueError as error:
        raise ValueError(f"AZURE_STORAGE_CONNECTION_STRING is not valid: {error}") from None
    if credentials.azure_account not in {None, account.name}:
        raise ValueError(
            "AZURE_STORAGE_ACCOUNT_NAME is another account than AZURE_STORAGE_CONNECTION_STRING's: unset one of them."
        )
    return account


def _has_azure_identity() -> bool:
    try:
        return importlib.util.find_spec("azure.identity") is not None
    except ModuleNotFoundError:
        return False


def _require_s3(credentials: Credentials) -> None:
    pair = (credentials.aws_access_key_id, credentials.aws_secret_access_key)
    if (pair[0] is None) != (pair[1] is None):
        lacking = "AWS_ACCESS_KEY_ID" if pair[0] is None else "AWS_SECRET_ACCESS_KEY"
        raise ValueError(f"{lacking} is not set, but its other half is: set both, or neither for the machine's role.")
    if credentials.aws_session_token is not None and pair[0] is None:
        raise ValueError("AWS_SESSION_TOKEN is set without AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.")
    endpoint = credentials.aws_endpoint
    if endpoint is not None and not endpoint.startswith(("https://", "http://")):
        raise ValueError("AWS_ENDPOINT_URL must begin with https:// or http://.")
    if endpoint is None and credentials.aws_region is None:
        raise ValueError("AWS_REGION is not set: name the bucket's region (or AWS_ENDPOINT_URL of another S3).")


def _require_gcs(credentials: Credentials) -> None:
    key_file = credentials.google_credentials
    if key_file is not None and not key_file.is_file():
        raise ValueError("GOOGLE_APPLICATION_CREDENTIALS names no file: give the path of a key in JSON.")
    emulator = credentials.google_emulator
    if emulator is not None and not emulator.startswith(("https://", "http://")):
        raise ValueError("STORAGE_EMULATOR_HOST must begin with http:// or https://.")
