"""Every setting: its name, type, default and meaning. `docs/configuration.md` is compared with this by a test."""

import os
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from dakora_server.config_safety import AuthMode, UnsafeSettings, refuse_unsafe
from dakora_server.core.storage.registry.addresses import Credentials

__all__ = ["AuthMode", "Settings", "UnsafeSettings", "load_settings"]

MIB = 1024 * 1024
# Stands in where nothing has to be kept from anybody: work without login, on loopback.
LOCAL_SECRET = "dakora-local-secret-for-work-without-login"  # noqa: S105 - it is public, and refused with login
_LIST = Annotated[tuple[str, ...], NoDecode]


class Settings(BaseSettings):
    """Read once at start from the environment and `.env`; values are passed down from `main`."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", env_ignore_empty=True, frozen=True)

    database_url: str | None = Field(
        None, description="PostgreSQL to use, e.g. `postgresql://user:secret@host/dakora`. Required by `serve`."
    )
    database_owner_url: str | None = Field(
        None,
        description="The same database as the owner of its tables, used by `migrate` only; makes the role in "
        "`DATABASE_URL` if need be. Unset, `migrate` uses `DATABASE_URL`.",
    )
    database_pool_size: int = Field(16, ge=1, le=200, description="Connections kept to PostgreSQL.")
    database_pool_timeout: float = Field(
        5.0, gt=0, le=60, description="Seconds a request waits for a connection before it is answered 503."
    )
    statement_timeout: float = Field(10.0, gt=0, le=600, description="Seconds one SQL statement may take.")
    registry_url: str = Field(
        "file:.dakora/registry",
        description="Where documents lie: a folder (`file:` before it or not), `az://container/prefix`, "
        "`s3://bucket/prefix` or `gs://bucket/prefix`.",
    )
    registry_timeout: float = Field(
        5.0, gt=0, le=60, description="Seconds a call to a cloud's store may take, retries included, before it is 503."
    )
    azure_storage_connection_string: SecretStr | None = Field(
        None, description="Opens `az://`, as Azure's portal shows it; `UseDevelopmentStorage=true` is the emulator."
    )
    azure_storage_account_name: str | None = Field(
        None, description="The account of `az://` where no connection string is set: the machine's identity opens it."
    )
    azure_storage_blob_endpoint: str | None = Field(
        None, description="Where that account is, if not in Azure's public cloud, e.g. `https://a.blob.example.com`."
    )
    aws_access_key_id: str | None = Field(None, description="Opens `s3://`; unset, the machine's role does.")
    aws_secret_access_key: SecretStr | None = Field(None, description="The secret of that key.")
    aws_session_token: SecretStr | None = Field(None, description="Comes with a key that is valid for a while.")
    aws_region: str | None = Field(None, description="Region of the bucket. Required with Amazon's S3.")
    aws_endpoint_url: str | None = Field(None, description="Another service that speaks S3, e.g. `https://minio:9000`.")
    google_application_credentials: Path | None = Field(
        None, description="File with the key that opens `gs://`; unset, the machine's service account does."
    )
    storage_emulator_host: str | None = Field(None, description="An emulator of Google Cloud Storage, as an address.")
    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(54321, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    auth_mode: AuthMode | None = Field(
        None,
        description="`none`, `clerk`, `oidc` or `keys` (API keys only); unset, it follows from the settings below.",
    )
    auth_required: bool | None = Field(
        None, description="Say so to be sure: the start is refused unless callers need credentials (or, false, none)."
    )
    secret_key: SecretStr | None = Field(
        None, description="Secret of at least 32 characters that API keys are hashed with. Required with login."
    )
    secret_key_previous: SecretStr | None = Field(
        None,
        description="The `SECRET_KEY` before this one: API keys made with it go on, and move to the new one when used.",
    )
    clerk_jwt_issuer: str | None = Field(None, description="Clerk's issuer, e.g. `https://clerk.example.com`.")
    clerk_jwks_url: str | None = Field(
        None, description="Where Clerk's keys are; unset, `/.well-known/jwks.json` below the issuer."
    )
    clerk_authorized_parties: _LIST = Field(
        (), description="Origins whose session tokens count (`azp`), separated by commas. Required with Clerk."
    )
    clerk_webhook_secret: SecretStr | None = Field(
        None, description="Secret of Clerk's webhook (`whsec_…`), several separated by commas. Required with Clerk."
    )
    clerk_publishable_key: str | None = Field(
        None, description="Clerk's publishable key (`pk_…`): the Studio lets people sign in with Clerk."
    )
    oidc_issuer: str | None = Field(None, description="Issuer of session tokens, exactly as in their `iss`.")
    oidc_audience: str | None = Field(None, description="What `aud` of a token must contain. Required with OIDC.")
    oidc_jwks_url: str | None = Field(None, description="Where the issuer's keys are; unset, discovery tells.")
    oidc_client_id: str | None = Field(
        None,
        description="The Studio's client at the issuer: a public one (no secret) with PKCE, that may come back to "
        "`/login`. Unset, the Studio asks for an API key.",
    )
    oidc_scope: str = Field("openid email profile", description="What the Studio asks the issuer for.")
    oidc_resource: str | None = Field(
        None,
        description="Sent as `resource` and `audience` where an issuer needs to hear whom the token is for, as Auth0 "
        "does; usually `OIDC_AUDIENCE` once more.",
    )
    public_url: str | None = Field(None, description="Where people reach the Studio; for links in invitations.")
    smtp_host: str | None = Field(None, description="SMTP server for invitations; unset, the link is shown instead.")
    smtp_port: int = Field(587, ge=1, le=65535, description="The SMTP server's port.")
    smtp_security: Literal["starttls", "tls", "none"] = Field("starttls", description="How the connection is secured.")
    smtp_username: str | None = Field(None, description="Who we are to the SMTP server.")
    smtp_password: SecretStr | None = Field(None, description="The password for it.")
    smtp_from: str | None = Field(None, description="Sender of our mail, e.g. `Dakora <dakora@example.com>`.")
    redis_url: str | None = Field(
        None, description="Redis that processes share rate limits in; unset, each counts alone."
    )
    rate_limit_read: str = Field("1000/second", description="Reads of one API key or signed-in user; or `unlimited`.")
    rate_limit_render: str = Field("1000/second", description="Renders of one API key or signed-in user.")
    rate_limit_write: str = Field("50/second", description="Changes by one API key or signed-in user.")
    rate_limit_log: str = Field("500/second", description="Logged executions of one API key or signed-in user.")
    rate_limit_execute: str = Field("10/second", description="Prompts run by one API key or signed-in user.")
    rate_limit_workspace_factor: int = Field(
        5, ge=1, le=10_000, description="A whole workspace may do this many times what one key may."
    )
    trusted_proxies: int = Field(
        0, ge=0, le=10, description="How many proxies before the server write `X-Forwarded-For`; 0: none is believed."
    )
    allow_public_no_auth: bool = Field(
        False, description="Let a server without login listen on an address that others can reach."
    )
    render_workers: int | None = Field(
        None, ge=2, le=64, description="Confined processes that render templates; one a core unless set, 2 to 8."
    )
    template_max_bytes: int = Field(64 * 1024, ge=1, le=MIB, description="Template text of one prompt, in bytes.")
    inputs_max_bytes: int = Field(MIB, ge=1, le=16 * MIB, description="Inputs of one render, in bytes of JSON.")
    output_max_bytes: int = Field(MIB, ge=1, le=16 * MIB, description="Text that one render may produce, in bytes.")
    render_timeout: float = Field(0.2, gt=0, le=10, description="Seconds one render may take.")
    render_queue_timeout: float = Field(
        1.0, gt=0, le=60, description="Seconds a render may wait for a free worker before it is told that all are busy."
    )
    render_memory_bytes: int = Field(
        256 * MIB, ge=64 * MIB, le=4096 * MIB, description="Memory of one render worker, in bytes."
    )
    body_max_bytes: int = Field(2 * MIB, ge=1024, le=64 * MIB, description="Largest request body, in bytes.")
    executions_max_bytes: int = Field(
        16 * MIB, ge=1024, le=256 * MIB, description="Largest body of recorded executions or spans, in bytes."
    )
    prices_file: Path | None = Field(
        None, description="YAML list of `{provider, model, input, output, cached_input}`, US dollars a million tokens."
    )
    execute_timeout: float = Field(120.0, gt=0, le=3600, description="Seconds a run may take; a call may ask for less.")
    execute_connect_timeout: float = Field(10.0, gt=0, le=60, description="Seconds to connect to a provider.")
    execute_retries: int = Field(
        2, ge=0, le=5, description="How often a provider that is busy, failing or out of reach is asked again."
    )
    execute_concurrency: int = Field(
        200, ge=1, le=10_000, description="Runs at once in one process; half of them in one workspace."
    )
    provider_private_hosts: _LIST = Field(
        (),
        description="Hosts of providers that need not be public nor speak TLS, separated by commas, e.g. "
        "`ollama.internal`. Without login every host may.",
    )
    master_key_file: Path | None = Field(
        None,
        description="File with the secret that keys of providers are sealed with, at least 32 characters; "
        "unset, `SECRET_KEY` is. `dakora dev` makes one in its data folder.",
    )
    master_key_file_previous: Path | None = Field(
        None, description="The file before this one, until `rotate-keys` has run."
    )
    openai_api_key: SecretStr | None = Field(None, description="Without login: opens OpenAI to every project.")
    openai_base_url: str | None = Field(None, description="Without login: another address for OpenAI.")
    anthropic_api_key: SecretStr | None = Field(None, description="Without login: opens Anthropic.")
    google_api_key: SecretStr | None = Field(None, description="Without login: opens Google's Gemini.")
    mistral_api_key: SecretStr | None = Field(None, description="Without login: opens Mistral.")
    ollama_base_url: str | None = Field(
        None, description="Without login: an Ollama, as the provider `ollama`, e.g. `http://localhost:11434/v1`."
    )
    import_max_bytes: int = Field(
        64 * MIB, ge=MIB, le=1024 * MIB, description="Largest archive to import, in bytes; unpacked, four times that."
    )
    import_max_files: int = Field(50_000, ge=1, le=65_000, description="Most files in an archive to import.")
    cache_bytes: int = Field(64 * MIB, ge=0, description="Memory for prompts and documents kept ready, in bytes.")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least severe line to log.")
    log_format: Literal["json", "text"] = Field("json", description="One JSON object a line, or lines for people.")
    trusted_hosts: _LIST = Field(
        (),
        description="Host names answered to, separated by commas; empty answers to any (loopback only without login).",
    )

    @field_validator("trusted_hosts", "clerk_authorized_parties", "provider_private_hosts", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @property
    def worker_count(self) -> int:
        """How many render workers to run. More than cores only share them; half of them is the most one tenant gets."""
        return self.render_workers or max(2, min(8, os.cpu_count() or 2))

    @property
    def registry_credentials(self) -> Credentials:
        """What opens the registry."""
        return Credentials(
            azure_connection_string=_revealed(self.azure_storage_connection_string),
            azure_account=self.azure_storage_account_name,
            azure_endpoint=self.azure_storage_blob_endpoint,
            aws_access_key_id=self.aws_access_key_id,
            aws_secret_access_key=_revealed(self.aws_secret_access_key),
            aws_session_token=_revealed(self.aws_session_token),
            aws_region=self.aws_region,
            aws_endpoint=self.aws_endpoint_url,
            google_credentials=self.google_application_credentials,
            google_emulator=self.storage_emulator_host,
        )

    @property
    def mode(self) -> AuthMode:
        """How callers are known."""
        if self.auth_mode is not None:
            return self.auth_mode
        return "clerk" if self.clerk_jwt_issuer else "oidc" if self.oidc_issuer else "none"

    @property
    def secret(self) -> str:
        """The server's secret; a public one where there is no login."""
        return LOCAL_SECRET if self.secret_key is None else self.secret_key.get_secret_value()

    @property
    def previous_secret(self) -> str | None:
        """The secret that the server had before."""
        return None if self.secret_key_previous is None else self.secret_key_previous.get_secret_value()

    @property
    def webhook_secrets(self) -> list[str]:
        """The secrets that a webhook of Clerk's may be signed with."""
        given = "" if self.clerk_webhook_secret is None else self.clerk_webhook_secret.get_secret_value()
        return [secret.strip() for secret in given.split(",") if secret.strip()]

    @property
    def links_to(self) -> str:
        """The address in links that people open."""
        return self.public_url or f"http://localhost:{self.port}"

    @property
    def rates(self) -> dict[str, str]:
        """The rate limit of each class."""
        classes = ("read", "render", "write", "log", "execute")
        return {name: str(getattr(self, f"rate_limit_{name}")) for name in classes}


def _revealed(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()


def load_settings(**overrides: object) -> Settings:
    """Settings from the environment with `overrides` on top, or UnsafeSettings in one sentence."""
    try:
        settings = Settings(**overrides)  # type: ignore[arg-type]  # pydantic checks each value
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]).upper() if first["loc"] else "a setting"
        raise UnsafeSettings(f"{name} is not valid: {first['msg'].removeprefix('Value error, ')}.") from None
    refuse_unsafe(settings)
    return settings
