"""The process that render workers are forked from: it has loaded everything, knows nothing and opens nothing.

It is started afresh, never forked from the server, so that no thread, socket or secret of the server comes along.
It obeys one-way commands on its control socket, and only it reaps its workers: a worker's number means that
worker and nobody else, which a process id does not. When the server goes, however it goes, the control socket ends;
then the zygote kills all workers, wherever they are, and goes too.
"""

import gc
import json
import os
import select
import signal
import socket
import sys
import warnings
from typing import Final, NoReturn

from dakora_server.core.templates import pool_wire as wire
from dakora_server.core.templates.confine import Walls
from dakora_server.core.templates.jobs import Watch, Worker, frame, rehearse
from dakora_server.core.templates.limits import Limits

_TICK_SECONDS: Final = 0.5
_NICENESS: Final = {wire.STEP_BACK: 10, wire.MAKE_WAY: 19}
_JOB_FD: Final = 3


class Zygote:
    """The fork loop."""

    def __init__(self, control: socket.socket, limits: Limits, walls: Walls) -> None:
        self._control = control
        self._limits = limits
        self._walls = walls
        self._server = os.getppid()
        self._pids: dict[int, int] = {}
        self._sockets: list[int] = []
        self._unread = b""

    def serve(self) -> None:
        """Obey until the control socket ends, then leave no worker behind."""
        try:
            while os.getppid() == self._server:
                ready, _, _ = select.select([self._control], [], [], _TICK_SECONDS)
                if ready and not self._obey():
                    break
                self._reap()
        finally:
            for number in list(self._pids):
                self._kill(number)
            for pid in self._pids.values():
                os.waitpid(pid, 0)

    def _obey(self) -> bool:
        received, sockets, _, _ = socket.recv_fds(self._control, 4096, 16)
        self._sockets += sockets
        if not received:
            return False
        self._unread += received
        while len(self._unread) >= wire.COMMAND.size:
            command, number = wire.COMMAND.unpack_from(self._unread)
            self._unread = self._unread[wire.COMMAND.size :]
            if command == wire.FORK:
                self._fork(number, self._sockets.pop(0))
            elif command == wire.KILL:
                self._kill(number)
            elif command in _NICENESS:
                self._calm(number, command)
        return True

    def _fork(self, number: int, job: int) -> None:
        zygote = os.getpid()
        try:
            pid = os.fork()
        except OSError:  # no room for a process: the server sees its socket end, and tries again later
            os.close(job)
            return
        if pid == 0:
            self._become_worker(job, zygote)
        os.close(job)
        self._pids[number] = pid

    def _become_worker(self, job: int, zygote: int) -> NoReturn:
        try:
            self._keep_only(job)
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, fileno=_JOB_FD)
            self._work(connection, zygote)
        except OSError:
            pass  # the server is gone, or gave this worker up
        finally:
            os._exit(0)

    def _keep_only(self, job: int) -> None:
        """Nothing stays open but the job socket, under a number of its own, and nowhere in place of the terminal."""
        nowhere = os.open(os.devnull, os.O_RDWR)
        for standard in (0, 1, 2):
            os.dup2(nowhere, standard)
        os.dup2(job, _JOB_FD)
        os.closerange(_JOB_FD + 1, max(job, nowhere, self._control.fileno()) + 1)

    def _work(self, connection: socket.socket, zygote: int) -> None:
        try:
            confinement = self._walls.confine(zygote=zygote)
        except Exception as error:
            connection.sendall(frame([wire.FAILED, None, f"{type(error).__name__}: {error}"]))
            raise
        watch = Watch()
        worker = Worker(connection, self._limits, watch=watch)
        watch.start()
        worker.serve(confinement.to_json())

    def _kill(self, number: int) -> None:
        pid = self._pids.get(number)
        if pid is not None:  # not reaped yet, so the pid is still its own
            with self._walls.as_worker():
                os.kill(pid, signal.SIGKILL)

    def _calm(self, number: int, command: bytes) -> None:
        pid = self._pids.get(number)
        if pid is None:
            return
        with self._walls.as_worker():
            os.setpriority(os.PRIO_PROCESS, pid, _NICENESS[command])
            if command == wire.MAKE_WAY and sys.platform == "linux":
                # Niceness alone lets a process finish its turn of some milliseconds before one that wakes up.
                os.sched_setscheduler(pid, os.SCHED_IDLE, os.sched_param(0))

    def _reap(self) -> None:
        for number, pid in list(self._pids.items()):
            if os.waitpid(pid, os.WNOHANG)[0] == pid:
                del self._pids[number]


def main() -> None:
    """Be the zygote of the server that started this process. Arguments: the control socket's number, the limits."""
    for unwanted in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # A stop meant for the whole group would take the workers from a server that is still finishing its requests.
        signal.signal(unwanted, signal.SIG_IGN)
    warnings.simplefilter("ignore")  # Python warns of odd expressions in templates, and opens files to do so
    control = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, fileno=int(sys.argv[1]))
    limits = Limits(**json.loads(sys.argv[2]))
    walls = Walls(limits.memory_bytes)
    walls.leave_network()
    rehearse(limits)
    gc.freeze()
    walls.measure()
    Zygote(control, limits, walls).serve()
