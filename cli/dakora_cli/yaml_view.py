"""A YAML file on a terminal. Apart from `screen`, because loading the colours takes a while."""

from rich.syntax import Syntax

from dakora_cli.options import Invocation
from dakora_cli.output import printable
from dakora_cli.screen import console


def show_yaml(call: Invocation, text: str) -> None:
    """A YAML file, in colours where there are any."""
    if not call.out.paints:
        call.out.write(text)
        return
    highlighted = Syntax("", "yaml", theme="ansi_dark", background_color="default").highlight(printable(text))
    # Neither cut nor padded at the terminal's width, so that what is copied from it is right.
    console(call).print(highlighted, soft_wrap=True, end="")
