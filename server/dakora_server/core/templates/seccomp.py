"""The list of system calls a render worker may still make, as a Linux filter program.

After its last step of preparation a worker computes, reads and writes its one socket, asks for memory and the time,
and ends. Everything else is answered "not permitted", so that even code that broke out of the template sandbox
can open no file, no socket and no process.
"""

import platform
import struct
from typing import Final, NamedTuple


class _Machine(NamedTuple):
    """How one kind of processor names itself and numbers its system calls."""

    audit: int
    calls: tuple[int, ...]
    memory_calls: tuple[int, ...]


# In order: read write close poll rt_sigaction rt_sigprocmask rt_sigreturn sched_yield madvise munmap mremap brk getpid
# sendto recvfrom exit exit_group getrusage sigaltstack gettid futex restart_syscall clock_gettime gettimeofday
# getrandom rseq setitimer. The two that can make memory executable, mmap and mprotect, are checked for it.
_MACHINES: Final = {
    "x86_64": _Machine(
        0xC000003E,
        (
            *(0, 1, 3, 7, 13, 14, 15, 24, 28, 11, 25, 12, 39),
            *(44, 45, 60, 231, 98, 131, 186, 202, 219, 228, 96, 318, 334, 38),
        ),
        (9, 10),
    ),
    "aarch64": _Machine(
        0xC00000B7,
        (
            *(63, 64, 57, 73, 134, 135, 139, 124, 233, 215, 216, 214, 172),
            *(206, 207, 93, 94, 165, 132, 178, 98, 128, 113, 169, 278, 293, 103),
        ),
        (222, 226),
    ),
}

_LOAD, _EQUAL, _ANY_BIT, _RETURN = 0x20, 0x15, 0x45, 0x06
_ALLOW, _KILL, _NOT_PERMITTED = 0x7FFF0000, 0x80000000, 0x00050000 | 1
_CALL_AT, _MACHINE_AT, _THIRD_ARGUMENT_AT = 0, 4, 32
_EXECUTABLE = 0x4


def filter_program() -> bytes | None:
    """The filter for this machine as the kernel takes it, eight bytes an instruction; None if it is not known."""
    machine = _MACHINES.get(platform.machine())
    if machine is None:
        return None
    steps = [_step(_LOAD, _MACHINE_AT), _step(_EQUAL, machine.audit, true=1), _step(_RETURN, _KILL)]
    steps.append(_step(_LOAD, _CALL_AT))
    # Jumps are counted in steps skipped. The end is laid out as: refuse, check memory, allow.
    after = len(machine.calls) + len(machine.memory_calls)
    for place, call in enumerate(machine.calls, start=1):
        steps.append(_step(_EQUAL, call, true=after - place + 4))
    for place, call in enumerate(machine.memory_calls, start=len(machine.calls) + 1):
        steps.append(_step(_EQUAL, call, true=after - place + 1))
    steps += [
        _step(_RETURN, _NOT_PERMITTED),
        _step(_LOAD, _THIRD_ARGUMENT_AT),
        _step(_ANY_BIT, _EXECUTABLE, false=1),
        _step(_RETURN, _NOT_PERMITTED),
        _step(_RETURN, _ALLOW),
    ]
    return b"".join(steps)


def _step(code: int, operand: int, *, true: int = 0, false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, true, false, operand)
