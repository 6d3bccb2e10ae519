"""`rotate-keys`: keys of providers under another master key, or sealed with fresh data keys."""

import argparse
import asyncio
from dataclasses import asdict

from dakora_server.config import Settings
from dakora_server.core.llm.keyring import Keyring
from dakora_server.core.llm.rotation import Rotated, rotate
from dakora_server.core.storage.walls import check_walls
from dakora_server.dev import master_key_below
from dakora_server.model_settings import master_secret
from dakora_server.operator_access import answer, answer_json, data_dir_option, open_database, reachable, remark


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """`rotate-keys`."""
    command = commands.add_parser(
        "rotate-keys", help="bring the keys of providers under today's SECRET_KEY or MASTER_KEY_FILE"
    )
    command.add_argument("--data-keys", action="store_true", help="seal them with fresh data keys too")
    command.add_argument("--json", action="store_true", help="print JSON")
    data_dir_option(command)
    command.set_defaults(run=_rotate)


def _rotate(options: argparse.Namespace) -> int:
    with reachable(options.data_dir) as settings:
        is_dev = settings.secret_key is None and settings.master_key_file is None and options.data_dir.is_dir()
        own = {"master_key_file": master_key_below(options.data_dir)} if is_dev else {}
        done = asyncio.run(_rotated(settings.model_copy(update=own), data_keys=options.data_keys))
    if options.json:
        answer_json(asdict(done))
    else:
        anew = f", {done.provider_keys} keys of providers sealed anew" if options.data_keys else ""
        answer(f"{done.data_keys} data keys of {done.workspaces} workspaces are under today's master key{anew}.")
        if done.unreadable:
            remark(f"{done.unreadable} were left as they are: no master key that is set opens them.")
    return 1 if done.unreadable else 0


async def _rotated(settings: Settings, *, data_keys: bool) -> Rotated:
    async with open_database(settings) as database:
        await check_walls(database)
        return await rotate(database, Keyring(master_secret(settings)), data_keys=data_keys)
