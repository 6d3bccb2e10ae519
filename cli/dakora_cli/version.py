"""`dakora version`."""

from dakora_cli import __version__
from dakora_cli.options import REACHING, SPEAKING, Invocation, command
from dakora_cli.reach import ask
from dakora_cli.refusals import Refusal, WrongUse
from dakora_client import Dakora

# Somebody who asks for a version does not wait for a server that is not there.
_SECONDS = 2.0


@command("version", *REACHING, *SPEAKING)
def version(call: Invocation) -> None:
    """Print this command's version and the server's.

    A server that cannot be reached is no error here.
    """
    url, out = call.connection.url, call.out

    async def server(dakora: Dakora) -> str | None:
        return (await dakora.health()).version

    try:
        found, trouble = ask(call, server, timeout=_SECONDS, max_retries=0), None
    except WrongUse:
        raise
    except Refusal as refusal:
        found, trouble = None, refusal.message
    if out.as_json:
        out.json({"cli": __version__, "server": found, "url": url})
        return
    out.line(f"dakora {__version__}")
    if trouble is None:
        out.line(f"server {found or 'of unknown version'} at {url}")
    else:
        out.say(f"No server: {trouble}")
