"""A way to a server that can be made bad: slow, down, cut off in the middle, lying, full."""

import contextlib
import re
import socket
import struct
import threading
import time
from dataclasses import dataclass, field

_REQUEST = re.compile(rb"(GET|PUT|POST|DELETE|HEAD) (\S+) HTTP/1\.[01]\r\n")
_FULL = b"HTTP/1.1 507 Insufficient Storage\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
_ALWAYS = {
    mode: f"HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".encode()
    for mode, status in {
        "forbidden": "403 Forbidden",
        "nowhere": "404 Not Found",
        "broken": "500 Internal Server Error",
    }.items()
}


@dataclass
class TcpProxy:
    """Listens on a port of its own for as long as the block lasts, and passes on what comes, as `mode` says.

    - `pass`: everything, at once; `slow`: each request `seconds` later; `hang`: nothing ever.
    - `reset`: each connection ends with a reset; `down`: nobody listens; `cut`: an answer ends after `bytes_passed`.
    - `full`: a PUT is answered 507; `forbidden`: everything 403; `nowhere`: 404; `broken`: 500.
    - `lie`: `truth` in an answer becomes `lie`, which has as many bytes.
    """

    upstream: int
    mode: str = "pass"
    seconds: float = 2.0
    bytes_passed: int = 60
    truth: bytes = b""
    lie: bytes = b""
    requests: list[str] = field(default_factory=list)

    def __enter__(self) -> "TcpProxy":
        self._open: set[socket.socket] = set()
        self._listen(0)
        self.port: int = self._listener.getsockname()[1]
        return self

    def __exit__(self, *_: object) -> None:
        self._close_all()

    def become(self, mode: str) -> None:
        """Change over, with connections that are open cut: what they would still do belongs to the mode before."""
        was, self.mode = self.mode, mode
        if mode == "down":
            self._close_all()
            return
        if was == "down":
            self._listen(self.port)
        self._drop_connections()

    def _listen(self, port: int) -> None:
        self._listener = socket.create_server(("127.0.0.1", port))
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def _close_all(self) -> None:
        # Only a shutdown wakes the thread that waits in accept.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._drop_connections()

    def _drop_connections(self) -> None:
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        if self.mode == "reset":
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.close()
            return
        with client, contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.upstream)) as server:
            for side in (client, server):
                side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._open |= {client, server}
            back = threading.Thread(target=self._answers, args=(server, client), daemon=True)
            back.start()
            try:
                self._requests(client, server)
            finally:
                with contextlib.suppress(OSError):
                    server.shutdown(socket.SHUT_RDWR)
                back.join(10)
                self._open -= {client, server}

    def _requests(self, client: socket.socket, server: socket.socket) -> None:
        while chunk := client.recv(65536):
            verbs = [(found[1].decode(), found[2].decode()) for found in _REQUEST.finditer(chunk)]
            self.requests += [" ".join(found) for found in verbs]
            refusal = self._refusal({verb for verb, _ in verbs})
            if refusal:
                client.sendall(refusal)
                client.shutdown(socket.SHUT_WR)
                while client.recv(65536):
                    pass
                return
            if self.mode == "slow":
                time.sleep(self.seconds)
            if self.mode != "hang":
                server.sendall(chunk)

    def _refusal(self, verbs: set[str]) -> bytes:
        if self.mode == "full" and "PUT" in verbs:
            return _FULL
        return _ALWAYS.get(self.mode, b"")

    def _answers(self, server: socket.socket, client: socket.socket) -> None:
        passed = 0
        with contextlib.suppress(OSError):
            while chunk := server.recv(65536):
                if self.mode == "lie":
                    chunk = chunk.replace(self.truth, self.lie)
                if self.mode == "cut" and passed + len(chunk) > self.bytes_passed:
                    client.sendall(chunk[: self.bytes_passed - passed])
                    client.shutdown(socket.SHUT_RDWR)
                    return
                passed += len(chunk)
                client.sendall(chunk)
            client.shutdown(socket.SHUT_RDWR)
