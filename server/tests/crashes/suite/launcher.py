"""Starts one real server after the other, each in a process of its own that has everything loaded already.

A line of JSON on standard input starts one: how it is set up, where it logs, and the step it dies at, if any. Two
lines answer: its process id at once, and how it ended once it has.
"""

import importlib.util
import json
import os
import random
import signal
import sys
from pathlib import Path
from typing import Any

from dakora_server import logs
from dakora_server.config import load_settings
from dakora_server.dev import run_dev
from dakora_server.main import create_app
from dakora_server.serving import bind, serve

# The step's module is loaded before the fork, too; it arms nothing by itself.
_spec = importlib.util.spec_from_file_location("crash_steps", Path(__file__).with_name("steps.py"))
assert _spec is not None
assert _spec.loader is not None
steps = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(steps)


def main() -> None:
    """Until standard input ends."""
    for line in sys.stdin:
        order = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _become_a_server(order)
        _tell({"pid": pid})
        _, status = os.waitpid(pid, 0)
        _tell({"ended": os.waitstatus_to_exitcode(status)})


def _tell(answer: dict[str, Any]) -> None:
    print(json.dumps(answer), flush=True)


def _become_a_server(order: dict[str, Any]) -> None:
    log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for descriptor, target in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(descriptor, target)
    random.seed()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.update(order["environment"])
    if order["step"] is not None:
        steps.arm(order["step"], order["hit"])
    code = 1
    try:
        code = _serve() if order["data_dir"] is None else _dev(Path(order["data_dir"]))
    finally:
        sys.stdout.flush()
        os._exit(code)


def _serve() -> int:
    settings = load_settings()
    logs.configure(level="warning", style="json")
    listener = bind("127.0.0.1", 0)
    address = f"http://localhost:{listener.getsockname()[1]}"
    ready = lambda: print(f"Dakora is ready: {address} ", flush=True)  # noqa: E731 - one line
    return serve(create_app(settings), "127.0.0.1", 0, listener=listener, on_ready=ready)


def _dev(data_dir: Path) -> int:
    return run_dev({"port": 0}, data_dir=data_dir, prompts=None)


if __name__ == "__main__":
    main()
