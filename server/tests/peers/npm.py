"""What the tests talk to and npm brings: installed once a machine, as the lock file says."""

import fcntl
import hashlib
import subprocess
import tempfile
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
MODULES = FOLDER / "node_modules"


def install() -> None:
    """Bring node_modules to what the lock file says; test runs side by side wait for the one that does."""
    wanted = hashlib.sha256((FOLDER / "package-lock.json").read_bytes()).hexdigest()
    stamp = MODULES / ".installed"
    place = hashlib.sha256(str(FOLDER).encode()).hexdigest()[:16]
    with (Path(tempfile.gettempdir()) / f"dakora-peers-{place}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if stamp.is_file() and stamp.read_text(encoding="ascii") == wanted:
            return
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        installed = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, check=False)
        assert installed.returncode == 0, f"npm could not install what the tests talk to:\n{installed.stderr}"
        stamp.write_text(wanted, encoding="ascii")
