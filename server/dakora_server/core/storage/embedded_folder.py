"""The folder of an embedded PostgreSQL: whose it is, who may use it now, and what lies in it.

data/          PostgreSQL's own
run            its socket: a folder, or a link to one below /tmp where this path is unfit for a socket
lock           held by the process that uses the folder
postgres.log
"""

import contextlib
import fcntl
import os
import pwd
import re
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from dakora_server.core.storage.embedded_binaries import EmbeddedError

LOG_LIMIT = 10_000_000
# sockaddr_un holds 104 bytes on macOS and 108 on Linux.
SOCKET_PATH_LIMIT = 100
SOCKET = ".s.PGSQL.5432"
SHORT_FOLDERS = Path("/tmp")  # noqa: S108 - only for folders with a random name that we create with mode 0700
SHORT_PREFIX = "dakora-"


class AlreadyRunning(EmbeddedError):
    """Another process uses this folder; the message names it."""


@dataclass(frozen=True)
class Identity:
    """The user PostgreSQL runs as in place of root, which it refuses."""

    uid: int
    gid: int
    groups: tuple[int, ...] = ()

    @classmethod
    def of(cls, user: pwd.struct_passwd) -> Self:
        return cls(user.pw_uid, user.pw_gid, tuple(os.getgrouplist(user.pw_name, user.pw_gid)))

    def __str__(self) -> str:
        return f"{self.uid}:{self.gid}:{','.join(map(str, self.groups))}"


class PostgresFolder:
    """One folder, between `acquire` and `release`. As root, all that we create in it belongs to `identity`."""

    def __init__(self, path: Path) -> None:
        # Resolved, to be comparable with the working folder of a running process.
        self.path = path.expanduser().resolve()
        self.data = self.path / "data"
        self.log_path = self.path / "postgres.log"
        self._run = self.path / "run"
        self.identity: Identity | None = None
        self._lock: int | None = None

    @property
    def held(self) -> bool:
        return self._lock is not None

    def major(self) -> int | None:
        """The PostgreSQL major the data was made by; None when there is no data yet."""
        if not self.data.exists():
            return None
        try:
            return int((self.data / "PG_VERSION").read_text())
        except (FileNotFoundError, NotADirectoryError, ValueError):
            raise EmbeddedError(
                f"{self.data} is not PostgreSQL's: move it away, or choose another folder with --data-dir."
            ) from None

    def acquire(self) -> None:
        """Make the folder if need be, and take its lock. Raises AlreadyRunning."""
        self.identity = self._choose_identity()
        self._make_folders()
        lock = self._open("lock", os.O_RDWR)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(lock, 20).decode(errors="replace").strip()
            os.close(lock)
            who = f"process {holder}" if holder else "another process"
            raise AlreadyRunning(
                f"The data folder {self.path} is in use by {who}: stop that one, or choose another with --data-dir."
            ) from None
        except BaseException:
            os.close(lock)
            raise
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
        self._lock = lock

    def release(self) -> None:
        """Give the lock back. The file stays: removing it would let two processes lock two files of one name."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def open_log(self) -> int:
        """The log, to append to; emptied first when it has grown too large."""
        log = self._open("postgres.log", os.O_WRONLY | os.O_APPEND)
        if os.fstat(log).st_size > LOG_LIMIT:
            os.ftruncate(log, 0)
        return log

    def new_data(self) -> Path:
        """An empty folder to initialise and then give to `keep_data`; what an interrupted attempt left is removed."""
        for unfinished in self.path.glob("data.new-*"):
            shutil.rmtree(unfinished, ignore_errors=True)
        return self._own(self.path / f"data.new-{secrets.token_hex(4)}")

    def keep_data(self, fresh: Path) -> None:
        """Let `fresh` be the data. Renamed only when complete, so that `data` is never half of one."""
        fresh.rename(self.data)
        folder = os.open(self.path, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def new_sockets(self) -> Path:
        """An empty private folder for the socket, here or, when this path would not do, a short one below /tmp."""
        self.remove_sockets()
        # Commas and colons mean something else in a connection URL, spaces and quotes in PostgreSQL's settings.
        if re.fullmatch(r"[\w./-]+", str(self._run), re.ASCII) and len(f"{self._run}/{SOCKET}") <= SOCKET_PATH_LIMIT:
            return self._own(self._run)
        short = SHORT_FOLDERS / f"{SHORT_PREFIX}{secrets.token_hex(8)}"
        self._run.symlink_to(short)  # before the folder, so that the next start finds and removes whatever there is
        return self._own(short)

    def renew_sockets(self, folder: Path) -> None:
        """Make the folder of an earlier `new_sockets` fit for another start at the same place."""
        _empty(self._own(folder))

    def remove_sockets(self) -> None:
        """Remove the socket's folder and what PostgreSQL put into it; never anything else."""
        folder = self._run
        if folder.is_symlink():
            folder = folder.readlink()
            self._run.unlink()
            if folder.parent != SHORT_FOLDERS or not folder.name.startswith(SHORT_PREFIX) or not self._used(folder):
                return
        with contextlib.suppress(OSError):
            _empty(folder)
            folder.rmdir()

    def _used(self, folder: Path) -> bool:
        """Whether the socket there is ours: a copy of our folder has a copy of the link, to the original's socket."""
        try:
            lines = (folder / f"{SOCKET}.lock").read_text(errors="surrogateescape").splitlines()
        except OSError:
            return True  # nobody's; an empty folder can go
        return lines[1:2] == [str(self.data)]

    def _choose_identity(self) -> Identity | None:
        """Whom PostgreSQL is to run as: None is ourselves; instead of root whoever owns the place, or a system user."""
        if os.geteuid() != 0:
            return None
        if self.data.exists():
            owner = self.data.stat()
            if owner.st_uid == 0:
                raise EmbeddedError(
                    f"{self.data} belongs to root, as whom PostgreSQL does not run: "
                    "give it to another user with chown -R, or choose another folder with --data-dir."
                )
            return _identity_of(owner.st_uid) or Identity(owner.st_uid, owner.st_gid)
        owner_uid = _nearest(self.path).stat().st_uid
        for user in (owner_uid, "postgres", "nobody"):
            if user != 0 and (identity := _identity_of(user)):
                return identity
        raise EmbeddedError("PostgreSQL does not run as root: start as an ordinary user, or set DATABASE_URL.")

    def _make_folders(self) -> None:
        missing = [folder for folder in (self.path, *self.path.parents) if not folder.exists()]
        for folder in reversed(missing[1:]):
            folder.mkdir(exist_ok=True)
            if self.identity is not None:  # as if whom the place belongs to had made it
                above = folder.parent.stat()
                os.chown(folder, above.st_uid, above.st_gid, follow_symlinks=False)
        if missing:
            self._own(self.path)

    def _own(self, folder: Path) -> Path:
        """Make a folder that only PostgreSQL's user may enter. One that is there already stays as it is."""
        try:
            folder.mkdir(mode=0o700)
        except FileExistsError:
            return folder
        if self.identity is not None:
            os.chown(folder, self.identity.uid, self.identity.gid, follow_symlinks=False)
        return folder

    def _open(self, name: str, flags: int) -> int:
        """Open a file of ours, made if need be. Only a file we make is given away: no link can hand out another's."""
        path, flags = self.path / name, flags | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            made = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return os.open(path, flags)
        if self.identity is not None:
            os.fchown(made, self.identity.uid, self.identity.gid)
        return made


def _empty(sockets: Path) -> None:
    for name in (SOCKET, f"{SOCKET}.lock"):
        (sockets / name).unlink(missing_ok=True)


def _nearest(path: Path) -> Path:
    return next(folder for folder in (path, *path.parents) if folder.exists())


def _identity_of(user: int | str) -> Identity | None:
    try:
        return Identity.of(pwd.getpwnam(user) if isinstance(user, str) else pwd.getpwuid(user))
    except KeyError:
        return None
