"""Every setting: its name, type, default and meaning. `docs/configuration.md` is compared with this by a test."""

import ipaddress
import os
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

MIB = 1024 * 1024


class UnsafeSettings(Exception):
    """The settings do not make sense together; the message is one sentence that says what to set."""


class Settings(BaseSettings):
    """Read once at start from the environment and `.env`; values are passed down from `main`."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", env_ignore_empty=True, frozen=True)

    database_url: str | None = Field(
        None, description="PostgreSQL to use, e.g. `postgresql://user:secret@host/dakora`. Required by `serve`."
    )
    database_pool_size: int = Field(16, ge=1, le=200, description="Connections kept to PostgreSQL.")
    database_pool_timeout: float = Field(
        5.0, gt=0, le=60, description="Seconds a request waits for a connection before it is answered 503."
    )
    statement_timeout: float = Field(10.0, gt=0, le=600, description="Seconds one SQL statement may take.")
    registry_url: str = Field(
        "file:.dakora/registry", description="Where documents lie: `file:` and a folder (others come later)."
    )
    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(54321, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    auth_required: bool = Field(False, description="Refuse callers without credentials. No way to log in exists yet.")
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
    render_memory_bytes: int = Field(
        256 * MIB, ge=64 * MIB, le=4096 * MIB, description="Memory of one render worker, in bytes."
    )
    body_max_bytes: int = Field(2 * MIB, ge=1024, le=64 * MIB, description="Largest request body, in bytes.")
    cache_bytes: int = Field(64 * MIB, ge=0, description="Memory for prompts and documents kept ready, in bytes.")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least severe line to log.")
    log_format: Literal["json", "text"] = Field("json", description="One JSON object a line, or lines for people.")
    trusted_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Host names answered to, separated by commas; empty answers to any (loopback only without login).",
    )

    @field_validator("trusted_hosts", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @property
    def worker_count(self) -> int:
        """How many render workers to run. More than cores only share them; half of them is the most one tenant gets."""
        return self.render_workers or max(2, min(8, os.cpu_count() or 2))

    @property
    def registry_root(self) -> Path:
        """The folder that `REGISTRY_URL` names."""
        return Path(self.registry_url.removeprefix("file://").removeprefix("file:"))

    def refuse_unsafe(self) -> None:
        """Raise UnsafeSettings where starting would be a mistake."""
        if self.auth_required:
            raise UnsafeSettings(
                "AUTH_REQUIRED is set, but this version has no way to log in yet: unset it, or keep the server private."
            )
        if not self.allow_public_no_auth and not _is_loopback(self.host):
            raise UnsafeSettings(
                f"Without login the server listens on loopback only, and HOST is {self.host}: "
                "set HOST=127.0.0.1, or ALLOW_PUBLIC_NO_AUTH=true if the network is yours alone."
            )
        if not self.registry_url.startswith("file:"):
            raise UnsafeSettings("REGISTRY_URL must begin with file: followed by a folder.")
        if self.database_url is not None and not self.database_url.startswith(
            ("postgresql://", "postgresql+psycopg://", "postgres://")
        ):
            raise UnsafeSettings("DATABASE_URL must begin with postgresql:// (PostgreSQL is the only database).")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def load_settings(**overrides: object) -> Settings:
    """Settings from the environment with `overrides` on top, or UnsafeSettings in one sentence."""
    try:
        settings = Settings(**overrides)  # type: ignore[arg-type]  # pydantic checks each value
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]).upper() if first["loc"] else "a setting"
        raise UnsafeSettings(f"{name} is not valid: {first['msg'].removeprefix('Value error, ')}.") from None
    settings.refuse_unsafe()
    return settings
