"""A TCP proxy before a broker that swallows replies and cuts the connection, as a failing network does."""

import contextlib
import socket
import threading


class CuttingProxy:
    """Forwards to `port`; drops the first `cuts` replies that contain `marker`, with their connection."""

    def __init__(self, port: int, marker: bytes, cuts: int) -> None:
        self._target = ("127.0.0.1", port)
        self._marker = marker
        self._left = cuts
        self._lock = threading.Lock()
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._server.getsockname()[1])
        self.dropped = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Accept nobody any more."""
        self._server.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._server.accept()
                try:
                    server = socket.create_connection(self._target)
                except OSError:
                    client.close()
                    continue
                for source, sink, is_reply in ((client, server, False), (server, client, True)):
                    threading.Thread(target=self._pump, args=(source, sink, is_reply), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, is_reply: bool) -> None:
        with contextlib.suppress(OSError):
            while chunk := source.recv(65_536):
                if is_reply and self._cuts(chunk):
                    break
                sink.sendall(chunk)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _cuts(self, chunk: bytes) -> bool:
        with self._lock:
            if self._left == 0 or self._marker not in chunk:
                return False
            self._left -= 1
            self.dropped += 1
            return True
