"""`dakora dev`."""

from pathlib import Path

import click

from dakora_cli.options import Invocation, command


@command("dev")
@click.option(
    "--prompts", type=click.Path(path_type=Path), metavar="DIR", help="Keep this folder and the project in step."
)
@click.option("--host", metavar="ADDRESS", help="Address to listen on (default: 127.0.0.1).")
@click.option(
    "--port", type=click.IntRange(0, 65535), metavar="PORT", help="Port (default: 54321); 0 takes a free one."
)
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path),
    default=".dakora",
    metavar="DIR",
    help="Where everything is kept (default: .dakora).",
)
def dev(call: Invocation, *, prompts: Path | None, host: str | None, port: int | None, data_dir: Path) -> int:
    """Run the whole platform on this machine, in the foreground.

    API and Studio are served on http://localhost:54321 with a PostgreSQL of their own; nothing else has to be
    installed. Ctrl-C stops it, and the data is there the next time. HOST and PORT in the environment or in .env
    change the defaults, and so does promptvault.yaml.
    """
    options = {"--prompts": prompts, "--host": host, "--port": port, "--data-dir": data_dir}
    given = [word for name, value in options.items() if value is not None for word in (name, str(value))]
    # One process owns the terminal and gets its signals: this one turns into the server. -P: a file of the user's that
    # happens to be named like a module must not be imported.
    return call.world.become(["-P", "-m", "dakora_server", "dev", *given])
