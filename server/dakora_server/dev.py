"""`dakora dev`: the whole platform in the foreground, with a PostgreSQL of its own and a folder kept in step."""

import asyncio
import contextlib
import os
import secrets
import signal
import sys
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from dakora_server import logs
from dakora_server.config import Settings, UnsafeSettings, load_settings
from dakora_server.core.scope import Platform
from dakora_server.core.storage.embedded import EmbeddedPostgres
from dakora_server.core.storage.schema import APP_ROLE
from dakora_server.core.sync.folder import FolderSync
from dakora_server.core.tenancy.provisioning import local_grant
from dakora_server.main import create_app
from dakora_server.promptvault import read_project_file
from dakora_server.serving import bind, serve

# How long the first answer waits for the folder to be loaded; a larger folder goes on loading behind it.
_LOAD_SECONDS = 2.0


@contextmanager
def embedded_postgres(data_dir: Path) -> Iterator[EmbeddedPostgres]:
    """The data folder's own PostgreSQL, for as long as the block lasts. Raises EmbeddedError."""
    with EmbeddedPostgres(data_dir.absolute() / "postgres") as postgres:
        yield postgres


def registry_below(data_dir: Path) -> str:
    """Where documents lie unless `REGISTRY_URL` says otherwise."""
    return f"file:{data_dir.absolute() / 'registry'}"


def master_key_below(data_dir: Path) -> Path:
    """The data folder's own master key; made with the first start."""
    path = data_dir.absolute() / "master.key"
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(32) + "\n")
            file.flush()
            os.fsync(file.fileno())
    return path


def run_dev(given: dict[str, Any], *, data_dir: Path, prompts: Path | None) -> int:
    """Run until Ctrl-C. `given` are settings from the command line, which win over the environment.

    The environment wins over `promptvault.yaml` in the working directory. Raises ProjectFileInvalid, UnsafeSettings.
    """
    project_file = read_project_file(Path.cwd())
    prompts = prompts or project_file.prompt_dir
    is_set = load_settings(**given).model_fields_set
    given = {name: value for name, value in project_file.settings.items() if name not in is_set} | given
    probe = load_settings(**given)
    if prompts is not None and not prompts.is_dir():
        raise UnsafeSettings(f"The folder {prompts} does not exist: `dakora init` makes one with an example.")
    if prompts is not None and probe.mode in {"clerk", "oidc"}:
        raise UnsafeSettings("A folder is kept in step with the local project, which a server with login has not.")
    # The port first: nothing slow is started for a server that could not listen.
    listener = bind(probe.host, probe.port)
    port = listener.getsockname()[1]
    defaults = {
        "log_format": "text" if sys.stdout.isatty() else "json",
        "log_level": "warning",
        "registry_url": registry_below(data_dir),
    }
    if probe.secret_key is None and probe.master_key_file is None:
        defaults["master_key_file"] = str(master_key_below(data_dir))
    unset = {name: value for name, value in defaults.items() if name not in probe.model_fields_set}
    chosen = {**given, **unset, "port": port}

    def run(settings: Settings, postgres: EmbeddedPostgres | None) -> int:
        logs.configure(level=settings.log_level, style=settings.log_format)
        companions = _Companions(postgres, prompts, data_dir / "sync")
        app = create_app(settings, migrate_first=True, beside=companions.run)
        return serve(app, settings.host, port, listener=listener, on_ready=lambda: _greet(settings, data_dir))

    if probe.database_url is not None:
        return run(load_settings(**chosen), None)
    with embedded_postgres(data_dir) as postgres:
        urls = {"database_url": postgres.url(user=APP_ROLE), "database_owner_url": postgres.url()}
        return run(load_settings(**chosen, **urls), postgres)


def _greet(settings: Settings, data_dir: Path) -> None:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    shown = "localhost" if host in {"127.0.0.1", "[::1]"} else host
    print(f"Dakora is ready: http://{shown}:{settings.port}  (data in {data_dir}, Ctrl-C stops)", flush=True)


class _Companions:
    """What runs beside the server in development."""

    def __init__(self, postgres: EmbeddedPostgres | None, prompts: Path | None, state_dir: Path) -> None:
        self._postgres = postgres
        self._prompts = prompts
        self._state_dir = state_dir

    @asynccontextmanager
    async def run(self, platform: Platform) -> AsyncIterator[None]:
        """Start them, and stop them when the block ends."""
        stopping = asyncio.Event()
        work: list[Coroutine[Any, Any, None]] = []
        if self._postgres is not None:
            work.append(self._postgres.keep_alive(stopping))
        loaded = asyncio.Event()
        if self._prompts is not None:
            sync = FolderSync(
                platform,
                grant=local_grant(),
                folder=self._prompts,
                state_dir=self._state_dir.absolute(),
                say=lambda line: print(line, flush=True),
            )
            work.append(sync.run(stopping, loaded=loaded))
        else:
            loaded.set()
        tasks = [asyncio.create_task(job) for job in work]
        for task in tasks:
            task.add_done_callback(_stop_if_failed)
        try:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(loaded.wait(), _LOAD_SECONDS)
            yield
        finally:
            stopping.set()
            await asyncio.gather(*tasks, return_exceptions=True)


def _stop_if_failed(task: "asyncio.Task[None]") -> None:
    """Half a platform must not look like a whole one: what runs beside the server takes it along when it fails."""
    error = None if task.cancelled() else task.exception()
    if error is not None:
        print(f"dakora: stopping, because {error}", file=sys.stderr, flush=True)
        signal.raise_signal(signal.SIGTERM)
