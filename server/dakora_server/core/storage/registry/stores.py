"""The three clouds' stores, opened with what was set and with bounds of our own."""

from datetime import timedelta
from typing import TYPE_CHECKING

from obstore.store import AzureStore, GCSStore, S3Store

from dakora_server.core.storage.registry.addresses import Credentials, Place
from dakora_server.core.storage.registry.azure_account import AzureAccount

if TYPE_CHECKING:
    from obstore.store import AzureConfig, ClientConfig, GCSConfig, RetryConfig, S3Config

# Enough for a connection that was closed while idle, and for one busy answer. The caller's patience is the real bound.
_RETRIES = 2
_FIRST_PAUSE = timedelta(milliseconds=50)
_LONGEST_PAUSE = timedelta(milliseconds=400)
# A region has to be named to sign with, also where the service has none.
_ANY_REGION = "us-east-1"
_EMULATOR_TOKEN = "emulator"  # noqa: S105 - an emulator takes any


def azure_store(place: Place, account: AzureAccount, timeout_seconds: float) -> AzureStore:
    """Azure Blob Storage, with the account's key or signature, or else with the machine's identity."""
    config: AzureConfig = {"account_name": account.name, "endpoint": account.endpoint}
    if account.key is not None:
        config["account_key"] = account.key
    elif account.signature is not None:
        config["sas_key"] = account.signature
    else:
        return _azure_store_by_identity(place, config, timeout_seconds)
    return AzureStore(
        place.container,
        prefix=place.path or None,
        config=config,
        client_options=_client(timeout_seconds, account.endpoint),
        retry_config=_retries(timeout_seconds),
    )


def _azure_store_by_identity(place: Place, config: "AzureConfig", timeout_seconds: float) -> AzureStore:
    # Comes with dakora-server[azure].
    from obstore.auth.azure import AzureCredentialProvider  # noqa: PLC0415 - see above

    return AzureStore(
        place.container,
        prefix=place.path or None,
        config=config,
        client_options=_client(timeout_seconds, config["endpoint"]),
        retry_config=_retries(timeout_seconds),
        credential_provider=AzureCredentialProvider(),
    )


def s3_store(place: Place, credentials: Credentials, timeout_seconds: float) -> S3Store:
    """S3, or another service that speaks it at `aws_endpoint`; without a key, with the machine's role."""
    config: S3Config = {"region": credentials.aws_region or _ANY_REGION}
    if credentials.aws_access_key_id is not None and credentials.aws_secret_access_key is not None:
        config["access_key_id"] = credentials.aws_access_key_id
        config["secret_access_key"] = credentials.aws_secret_access_key
    if credentials.aws_session_token is not None:
        config["session_token"] = credentials.aws_session_token
    if credentials.aws_endpoint is not None:
        config["endpoint"] = credentials.aws_endpoint.rstrip("/")
    return S3Store(
        place.container,
        prefix=place.path or None,
        config=config,
        client_options=_client(timeout_seconds, credentials.aws_endpoint),
        retry_config=_retries(timeout_seconds),
    )


def gcs_store(place: Place, credentials: Credentials, timeout_seconds: float) -> GCSStore:
    """Google Cloud Storage; without a key's file, with the machine's service account."""
    config: GCSConfig = {}
    if credentials.google_emulator is not None:
        config["base_url"] = credentials.google_emulator.rstrip("/")
        config["bearer_token"] = _EMULATOR_TOKEN
    elif credentials.google_credentials is not None:
        config["application_credentials"] = str(credentials.google_credentials)
    return GCSStore(
        place.container,
        prefix=place.path or None,
        config=config,
        client_options=_client(timeout_seconds, credentials.google_emulator),
        retry_config=_retries(timeout_seconds),
    )


def _client(timeout_seconds: float, endpoint: str | None) -> "ClientConfig":
    """Without TLS only where the endpoint was written so."""
    return {
        "timeout": timedelta(seconds=timeout_seconds),
        "connect_timeout": timedelta(seconds=min(2.0, timeout_seconds)),
        "allow_http": endpoint is not None and endpoint.startswith("http://"),
    }


def _retries(timeout_seconds: float) -> "RetryConfig":
    return {
        "max_retries": _RETRIES,
        "retry_timeout": timedelta(seconds=timeout_seconds),
        "backoff": {"init_backoff": _FIRST_PAUSE, "max_backoff": _LONGEST_PAUSE, "base": 2},
    }
