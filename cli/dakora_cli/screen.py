"""What terminals get, drawn by rich; and rows, which pipes get too."""

from collections.abc import Sequence
from datetime import datetime

from rich.console import Console
from rich.table import Table
from rich.text import Text

from dakora_cli.options import Invocation
from dakora_cli.output import age, one_line


def console(call: Invocation) -> Console:
    """Draws on stdout. Texts are taken as they are, and nothing is guessed from the environment."""
    return Console(
        file=call.world.stdout, markup=False, highlight=False, emoji=False, no_color=not call.out.paints, _environ={}
    )


def show_rows(call: Invocation, columns: Sequence[str], rows: Sequence[Sequence[str]], *, gives_way: str) -> None:
    """A table on a terminal; in a pipe one row a line, columns parted by tabs, without a heading.

    Where the terminal is narrow the column `gives_way` is cut, and the others only when that is not enough.
    """
    if not call.out.to_terminal:
        for row in rows:
            call.out.line("\t".join(map(one_line, row)))
        return
    if not rows:
        return
    table = Table(box=None, pad_edge=False, header_style="bold" if call.out.paints else "")
    for name in columns:
        table.add_column(name.upper(), no_wrap=name != gives_way, overflow="ellipsis")
    for row in rows:
        table.add_row(*(Text(one_line(cell), no_wrap=True, overflow="ellipsis") for cell in row))
    console(call).print(table)


def ago(call: Invocation, then: datetime | None) -> str:
    """How long ago, for people; the time itself in a pipe."""
    if call.out.to_terminal:
        return age(then, call.world.now())
    return exactly(then)


def day(call: Invocation, then: datetime | None) -> str:
    """The date, for people; the time itself in a pipe."""
    return then.date().isoformat() if call.out.to_terminal and then is not None else exactly(then)


def exactly(then: datetime | None) -> str:
    """A point in time in full; nothing for none."""
    return "" if then is None else then.isoformat()
