"""`dakora export`."""

from typing import BinaryIO

import click

from dakora_cli.files import write_bytes_atomically
from dakora_cli.options import REACHING, SPEAKING, Invocation, command
from dakora_cli.progress import waiting
from dakora_cli.reach import ask
from dakora_cli.refusals import WrongUse
from dakora_client import Dakora

DEFAULT_FILE = "dakora-export.zip"


@command("export", *REACHING, *SPEAKING)
@click.argument("file", default=DEFAULT_FILE)
@click.option("--history", is_flag=True, help="Every version, so that the project can be rebuilt elsewhere.")
def export(call: Invocation, *, file: str, history: bool) -> None:
    """Write the whole project into one archive.

    FILE is a zip of YAML files (default: dakora-export.zip); `-` writes it to standard output. The same content is
    always the same bytes. `dakora import` takes it, here or on another server.
    """
    stream = _stream(call) if file == "-" else None

    async def fetch(dakora: Dakora) -> bytes:
        return await dakora.projects.export(history=history)

    with waiting(call, "Exporting"):
        archive = ask(call, fetch)
    if stream is not None:
        stream.write(archive)
        stream.flush()
        return
    path = call.world.cwd / file
    write_bytes_atomically(path, archive)
    if call.out.as_json:
        call.out.json({"file": str(path), "bytes": len(archive)})
    else:
        call.out.say(f"Wrote {call.world.shown(path)} ({len(archive):,} bytes).")


def _stream(call: Invocation) -> BinaryIO:
    """Standard output for bytes. Raises WrongUse for a terminal, which they would confuse."""
    found: BinaryIO | None = getattr(call.world.stdout, "buffer", None)
    if call.out.to_terminal or found is None:
        raise WrongUse("An archive is not for a terminal: name a file, or pipe it on.")
    return found
