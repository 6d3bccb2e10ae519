"""Becomes PostgreSQL: gives up root, asks to be stopped when the parent dies, then executes the command.

Run as a script, with the standard library only; the server imports no more of it than REFUSED. The usual place for
this, `preexec_fn`, can deadlock in a process that has threads. Arguments: PARENT_PID UID:GID:GROUP,…|- FOLDER… --
COMMAND…; the process must be able to write in each FOLDER. Exits with REFUSED, after a line on stderr, when the system
does not let it become what it must.
"""

import ctypes
import os
import signal
import sys

REFUSED = 126

# From <linux/prctl.h>, <linux/capability.h> and <linux/securebits.h>.
PR_SET_PDEATHSIG, PR_SET_KEEPCAPS, PR_SET_SECUREBITS, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE = 1, 8, 28, 47, 2
CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_SETPCAP = 1 << 1, 1 << 2, 1 << 8
SECBIT_NO_SETUID_FIXUP = 1 << 2
CAPABILITY_VERSION_3 = 0x20080522
LIBC = ctypes.CDLL(None, use_errno=True)


def main(parent: int, identity: str, folders: list[str], command: list[str]) -> None:
    """Never returns: executes `command` or exits."""
    linux = sys.platform == "linux"
    try:
        if identity != "-":
            if linux:
                _prctl(PR_SET_KEEPCAPS, 1)
            _become(identity)
            if linux:
                _raise_what_is_needed(command[0], folders)
        if linux:
            # Last, because changing credentials clears it. A parent that died before this line is seen by the next.
            _prctl(PR_SET_PDEATHSIG, signal.SIGINT)
            if os.getppid() != parent:
                sys.exit(1)
        os.execv(command[0], command)  # noqa: S606 - no shell is wanted; the command is our caller's own
    except OSError as error:
        sys.stderr.write(f"cannot become PostgreSQL: {error}\n")
        sys.exit(REFUSED)


def _become(identity: str) -> None:
    uid, gid, groups = identity.split(":")
    os.setgroups([int(group) for group in groups.split(",") if group])
    os.setgid(int(gid))
    os.setuid(int(uid))


def _raise_what_is_needed(program: str, folders: list[str]) -> None:
    """Keep the least capability that lets the new user reach `program` and `folders`; mostly that is none.

    Both may lie below a folder that only root may enter, such as /root. CAP_DAC_READ_SEARCH opens folders;
    CAP_DAC_OVERRIDE is for programs that only root may execute, and for containers that lack the former.
    """
    for capability in (0, CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE):
        try:
            _hold(capability)
        except OSError:  # the system does not grant this one; perhaps the next
            continue
        if _reaches(program, os.X_OK) and all(_reaches(folder, os.W_OK | os.X_OK) for folder in folders):
            if not os.access(program, os.X_OK):
                # PostgreSQL looks for its programs with access(2), which disregards capabilities unless told not to.
                _hold(capability, meanwhile=CAP_SETPCAP)
                _prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP)
                _hold(capability)
            return
    raise PermissionError(f"uid {os.getuid()} cannot reach {program} and {', '.join(folders)}")


def _reaches(path: str, mode: int) -> bool:
    return os.access(path, mode, effective_ids=os.access in os.supports_effective_ids)


def _hold(capability: int, *, meanwhile: int = 0) -> None:
    """Have `capability` in force, here and after execve, and `meanwhile` here only."""
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    effective_permitted_inheritable = (ctypes.c_uint32 * 6)()
    _check(LIBC.capget(header, effective_permitted_inheritable))
    permitted = effective_permitted_inheritable[1] & (CAP_DAC_OVERRIDE | CAP_DAC_READ_SEARCH | CAP_SETPCAP)
    # What leaves the inheritable set leaves the ambient set too, and execve takes the ambient set alone.
    _check(LIBC.capset(header, (ctypes.c_uint32 * 6)(capability | meanwhile, permitted, capability, 0, 0, 0)))
    if capability:
        _prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability.bit_length() - 1)


def _prctl(option: int, *arguments: int) -> None:
    padded = [ctypes.c_ulong(argument) for argument in (*arguments, 0, 0, 0, 0)[:4]]
    _check(LIBC.prctl(option, *padded))


def _check(result: int) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


if __name__ == "__main__":
    split = sys.argv.index("--")
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3:split], sys.argv[split + 1 :])
