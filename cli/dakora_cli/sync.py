"""`dakora sync`."""

from pathlib import Path

import click

from dakora_cli.folder import Reading, check_options, folder_at, folder_option, read_folder
from dakora_cli.options import REACHING, SPEAKING, Invocation, command
from dakora_cli.pull import pull_folder, pulled_json, show_pulled
from dakora_cli.pulling import Fate
from dakora_cli.push import Push, changes, push_folder, saved_json, show_saved
from dakora_cli.push import refuse as refuse_saved
from dakora_cli.refusals import Exit


@command("sync", *REACHING, *SPEAKING)
@folder_option
@check_options
@click.option("--delete", is_flag=True, help="Archive the prompts whose files were deleted.")
@click.option("--message", "-m", metavar="TEXT", help="Why, for the history.")
def sync(call: Invocation, *, folder: Path, check_only: bool, dry_run: bool, delete: bool, message: str | None) -> int:
    """Bring a folder and the server in step: pull, then push.

    Where both changed the same, the file gets git's markers and is not pushed; everything else is, and the exit code
    is 1.
    """
    rehearse = check_only or dry_run
    pulled = pull_folder(call, folder, ids=(), rehearse=rehearse, force=False)
    if not call.out.as_json:
        show_pulled(call, pulled.results, rehearse=rehearse)
    # A rehearsed pull makes no folder.
    reading = read_folder(call.world, folder) if folder_at(call.world, folder).is_dir() else Reading()
    left = [one for one in pulled.results if one.fate in {Fate.CONFLICT, Fate.REFUSED}]
    order = Push(folder, message=message, delete=delete, rehearse=rehearse, spared=frozenset(one.id for one in left))
    saved = push_folder(call, order, reading.without({one.path for one in left}))
    if call.out.as_json:
        call.out.json({"pull": pulled_json(pulled.results), "push": saved_json(saved)})
    else:
        show_saved(call, saved, rehearse=rehearse)
    pulled.refuse()
    refuse_saved(saved)
    return Exit.NO if check_only and (pulled.changes or changes(saved)) else Exit.DONE
