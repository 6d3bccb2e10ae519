"""What the settings say of models: the master key, and the environment's own providers."""

import os
from pathlib import Path

from dakora_server.config import Settings, UnsafeSettings
from dakora_server.core.crypto import Secret
from dakora_server.core.executions.service import Recorder
from dakora_server.core.llm.egress import Egress
from dakora_server.core.llm.keyring import Keyring
from dakora_server.core.llm.records import Kind, OpenProvider, Origin, Provider
from dakora_server.core.llm.service import Models
from dakora_server.core.runs.service import RunLimits, Runner

_SHORTEST = 32
_READ_BY_LIBRARIES = (
    "OPENAI_",
    "ANTHROPIC_",
    "AZURE_OPENAI_",
    "AZURE_VOICELIVE_",
    "GEMINI_",
    "GOOGLE_API_",
    "GOOGLE_GENAI_",
    "MISTRAL_",
)


def runner_of(settings: Settings, recorder: Recorder) -> Runner:
    """What runs prompts. The environment's own providers, and private addresses, only where nobody logs in.

    Raises UnsafeSettings.
    """
    is_open = settings.mode == "none"
    _hide_from_libraries()
    models = Models(
        Keyring(master_secret(settings)),
        Egress(None if is_open else settings.provider_private_hosts),
        environment=environment_providers(settings) if is_open else (),
        connect_seconds=settings.execute_connect_timeout,
    )
    limits = RunLimits(
        seconds=settings.execute_timeout, retries=settings.execute_retries, at_once=settings.execute_concurrency
    )
    return Runner(models, recorder, limits)


def _hide_from_libraries() -> None:
    """Take the operator's variables for providers away from the providers' libraries, which read them by themselves.

    A tenant's call must not carry the operator's organisation, token or headers to an address that the tenant wrote.
    What is meant for us is in the settings by now.
    """
    for name in [name for name in os.environ if name.startswith(_READ_BY_LIBRARIES)]:
        del os.environ[name]


def master_secret(settings: Settings) -> Secret | None:
    """What keys of providers are sealed with; None where nothing is set, so that none can be kept.

    Raises UnsafeSettings for a file that cannot be read or holds too little.
    """
    if settings.master_key_file is not None:
        before = settings.master_key_file_previous
        return Secret(_read(settings.master_key_file), previous=None if before is None else _read(before))
    if settings.secret_key is not None:
        return Secret(settings.secret, previous=settings.previous_secret)
    return None


def _read(path: Path) -> str:
    try:
        found = path.read_text().strip()
    except (OSError, UnicodeDecodeError):
        raise UnsafeSettings(f"MASTER_KEY_FILE {path} cannot be read.") from None
    if len(found) < _SHORTEST:
        raise UnsafeSettings(
            f"MASTER_KEY_FILE {path} must hold {_SHORTEST} random characters or more, "
            "e.g. the output of `openssl rand -hex 32`."
        )
    return found


def environment_providers(settings: Settings) -> list[OpenProvider]:
    """The providers that the environment names, as their own tools read it."""
    keys = {
        Kind.openai: settings.openai_api_key,
        Kind.anthropic: settings.anthropic_api_key,
        Kind.google: settings.google_api_key,
        Kind.mistral: settings.mistral_api_key,
    }
    found = [
        OpenProvider(
            Provider(
                kind.value,
                kind,
                base_url=settings.openai_base_url if kind is Kind.openai else None,
                key_hint="…",
                origin=Origin.environment,
            ),
            key.get_secret_value(),
        )
        for kind, key in keys.items()
        if key is not None
    ]
    if settings.ollama_base_url is not None:
        ollama = Provider(
            "ollama", Kind.openai_compatible, settings.ollama_base_url.rstrip("/"), origin=Origin.environment
        )
        found.append(OpenProvider(ollama, None))
    return found
