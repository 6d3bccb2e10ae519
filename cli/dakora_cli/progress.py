"""A bar for work that takes a while: only on a terminal, only on stderr, gone when the work is done."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from dakora_cli.options import Invocation

_WORTH_A_BAR = 20


@contextmanager
def progress(call: Invocation, label: str, total: int) -> Iterator[Callable[[], None]]:
    """Shows a bar while the block runs; what it gives is called after each step."""
    if call.out.quiet or not call.out.talks_to_terminal or total < _WORTH_A_BAR:
        yield lambda: None
        return
    console = Console(file=call.world.stderr, no_color=not call.out.paints_talk)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(label, total=total)
        yield lambda: bar.advance(task)


@contextmanager
def waiting(call: Invocation, label: str) -> Iterator[None]:
    """Shows a bar that moves and a clock while the block waits for one long answer."""
    if call.out.quiet or not call.out.talks_to_terminal:
        yield
        return
    console = Console(file=call.world.stderr, no_color=not call.out.paints_talk)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        bar.add_task(label, total=None)
        yield
