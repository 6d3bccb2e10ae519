"""What only terminals get, drawn by rich."""

from rich.console import Console

from dakora_cli.options import Invocation


def console(call: Invocation) -> Console:
    """Draws on stdout. Texts are taken as they are, and nothing is guessed from the environment."""
    return Console(
        file=call.world.stdout, markup=False, highlight=False, emoji=False, no_color=not call.out.paints, _environ={}
    )
