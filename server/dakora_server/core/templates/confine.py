"""What the zygote and its workers give up, so that a template that escapes the sandbox finds nothing to hold.

The zygote leaves the network; each worker then bounds its memory, files and processes, becomes nobody if it was root,
ties its life to the zygote's, and has the kernel refuse all system calls but the few it needs. Each step is taken as
far as the system allows; what was achieved is reported, never assumed.
"""

import ctypes
import os
import pwd
import resource
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass

from dakora_server.core.templates.seccomp import filter_program

_CLONE_NEWUSER, _CLONE_NEWNET, _CLONE_NEWIPC = 0x10000000, 0x40000000, 0x08000000
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 1, 4, 22, 38
_SECCOMP_MODE_FILTER = 2
_CAPABILITY_VERSION_3 = 0x20080522
_SIGKILL = 9


@dataclass(frozen=True, slots=True)
class Confinement:
    """Which walls stand round a worker on this system."""

    memory: bool = False
    user: bool = False
    network: bool = False
    privileges: bool = False
    system_calls: bool = False
    dies_with_zygote: bool = False

    def to_json(self) -> dict[str, bool]:
        """As plain values for the wire."""
        return asdict(self)


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("steps", ctypes.c_void_p))


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


class Walls:
    """Everything prepared before the first fork, so that a worker needs no look-up to confine itself."""

    def __init__(self, memory_bytes: int) -> None:
        self._libc = _libc()
        self._was_root = os.geteuid() == 0
        self._nobody = _nobody() if self._was_root else None
        self._memory_bytes = memory_bytes
        self._filter = filter_program() if sys.platform == "linux" else None
        self._network = False
        self._address_space: int | None = None

    def leave_network(self) -> None:
        """In the zygote: an empty network namespace, inherited by every worker."""
        if sys.platform != "linux":
            return
        spaces = _CLONE_NEWNET | _CLONE_NEWIPC | (0 if self._was_root else _CLONE_NEWUSER)
        self._network = self._libc.unshare(spaces) == 0

    def measure(self) -> None:
        """In the zygote, once everything is loaded: how much address space a worker may come to.

        The limit counts reserved memory, most of which is never touched. What is resident already is taken off, so
        that a worker stays below `memory_bytes` in all.
        """
        if sys.platform != "linux":
            return
        with open("/proc/self/statm", encoding="ascii") as statm:  # noqa: PTH123 -- pathlib is not loaded here
            size, resident, *_ = (int(word) * resource.getpagesize() for word in statm.read().split())
        self._address_space = size + max(self._memory_bytes - resident, 16 * 1024 * 1024)

    def confine(self, *, zygote: int) -> Confinement:
        """In a worker whose only open files are 0 to 3: give up everything. `zygote` is the pid to live with.

        The user comes first, because a change of user cancels the tie to the zygote; the filter comes last, because
        it forbids the other steps.
        """
        user = self._was_root and self._became_nobody()
        self._set_limits()
        memory = _done(self._limit_memory)
        privileges = self._drop_privileges()
        tied = self._die_with(zygote)
        filtered = self._install_filter()
        return Confinement(
            memory=memory,
            user=user,
            network=self._network,
            privileges=privileges,
            system_calls=filtered,
            dies_with_zygote=tied,
        )

    @contextmanager
    def as_worker(self) -> Iterator[None]:
        """In the zygote: act as the workers' user, so that signals and priorities need no privilege over others."""
        if self._nobody is None:
            yield
            return
        with suppress(OSError):  # then workers could not change their user either
            os.seteuid(self._nobody[0])
        try:
            yield
        finally:
            os.seteuid(0)

    def _became_nobody(self) -> bool:
        def become() -> None:
            if self._nobody is None:
                raise OSError("there is no user to become")
            user, group = self._nobody
            os.setgroups([])
            os.setgid(group)
            os.setuid(user)

        return _done(become)

    @staticmethod
    def _set_limits() -> None:
        for kind, bound in (
            (resource.RLIMIT_CORE, 0),
            (resource.RLIMIT_FSIZE, 0),
            (resource.RLIMIT_NPROC, 0),
            (resource.RLIMIT_NOFILE, 4),
        ):
            resource.setrlimit(kind, (bound, bound))

    def _limit_memory(self) -> None:
        if self._address_space is None:
            raise OSError("this system does not enforce a limit on address space")
        resource.setrlimit(resource.RLIMIT_AS, (self._address_space, self._address_space))

    def _drop_privileges(self) -> bool:
        if sys.platform != "linux":
            return False
        # Capabilities come back with the user namespace; a process that cannot be dumped cannot be traced either.
        nothing = (ctypes.c_uint32 * 6)()
        self._libc.capset(ctypes.byref(_Header(_CAPABILITY_VERSION_3, 0)), ctypes.byref(nothing))
        self._libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
        return bool(self._libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0)

    def _die_with(self, zygote: int) -> bool:
        if sys.platform != "linux":
            return False
        tied = self._libc.prctl(_PR_SET_PDEATHSIG, _SIGKILL, 0, 0, 0) == 0
        if os.getppid() != zygote:
            os._exit(0)  # it died before the tie was made
        return bool(tied)

    def _install_filter(self) -> bool:
        if sys.platform != "linux" or self._filter is None:
            return False
        steps = ctypes.create_string_buffer(self._filter, len(self._filter))
        program = _Program(len(self._filter) // 8, ctypes.addressof(steps))
        return bool(self._libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0) == 0)


def _nobody() -> tuple[int, int] | None:
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError:
        return None
    return entry.pw_uid, entry.pw_gid


def _done(step: Callable[[], None]) -> bool:
    try:
        step()
    except (OSError, ValueError):
        return False
    return True
