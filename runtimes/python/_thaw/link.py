"""The bootstrap's end of its link to the host: frames of agent/PROTOCOL.md over a socket, with blocking calls."""
import os
from _thread import RLock

INVOKE = 0x02
PREPARE = 0x03
RESUME = 0x08
READY = 0x82
INIT_ERROR = 0x83
RESPONSE = 0x84
ERROR = 0x88
LOG = 0x8A
PREPARED = 0x8E
RESTORE_ERROR = 0x8F
COMPILED = 0x90

#: On RESPONSE and ERROR: this runtime reads its next event at once.
READY_FLAG = 0x01
#: On those, READY, PREPARED, INIT_ERROR and RESTORE_ERROR: output that did not come over the link belongs before it.
RAW_FLAG = 0x02
HEADER_BYTES = 12
#: the most that one frame may carry
MAX_PAYLOAD_BYTES = 8 * 1024 * 1024
READ_BYTES = 64 * 1024
#: a LOG message longer than this is sent as several; CloudWatch's limit for one event
MAX_LOG_BYTES = 1024 * 1024
#: source of a LOG frame that is one whole message
FRAMED = b"\x02"


class Link(object):
    """Frames over ``fd``, a connected stream socket in blocking mode. Threads may log while the main thread answers."""

    def __init__(self, fd):
        self._fd = fd
        self._rest = b""
        # Re-entrant: a signal handler that logs may interrupt the same thread while it sends.
        self._lock = RLock()

    def send(self, kind, flags, stream, payload):
        """Sends one frame; ``payload`` is bytes."""
        header = len(payload).to_bytes(4, "little") + bytes((kind, flags, 0, 0)) + stream.to_bytes(4, "little")
        with self._lock:
            sent = os.writev(self._fd, (header, payload))
            total = HEADER_BYTES + len(payload)
            if sent == total:
                return
            rest = memoryview(header + payload)
            while sent < total:
                sent += os.write(self._fd, rest[sent:])

    def send_error(self, kind, flags, stream, error_type, document):
        """Sends INIT_ERROR, RESTORE_ERROR or ERROR: the error's type, then its JSON document (text)."""
        name = error_type.encode("utf-8", "replace")[:1024]
        body = document.encode("utf-8", "replace")[: MAX_PAYLOAD_BYTES - 2 - len(name)]
        self.send(kind, flags, stream, len(name).to_bytes(2, "little") + name + body)

    def log(self, stream, message):
        """Sends one message (text) of the log, in order with the answers."""
        data = message.encode("utf-8", "replace")
        for at in range(0, len(data), MAX_LOG_BYTES):
            self.send(LOG, 0, stream, FRAMED + data[at : at + MAX_LOG_BYTES])

    def receive(self):
        """Waits for the next frame: (type, stream, payload). None once the host has closed the link."""
        data = self._fill(self._rest, HEADER_BYTES)
        if data is None:
            return None
        length = int.from_bytes(data[:4], "little")
        if length > MAX_PAYLOAD_BYTES:
            raise ValueError("a frame of %d bytes" % length)
        end = HEADER_BYTES + length
        data = self._fill(data, end)
        if data is None:
            return None
        self._rest = data[end:]
        return data[4], int.from_bytes(data[8:12], "little"), data[HEADER_BYTES:end]

    def fileno(self):
        return self._fd

    def close(self):
        os.close(self._fd)

    def has_frame(self):
        """Is another whole frame here already, so that receive() does not wait?"""
        rest = self._rest
        return len(rest) >= HEADER_BYTES and len(rest) >= HEADER_BYTES + int.from_bytes(rest[:4], "little")

    def forward(self, frame):
        """Sends a whole frame of another's making."""
        with self._lock:
            rest = memoryview(frame)
            while rest:
                rest = rest[os.write(self._fd, rest) :]

    def _fill(self, data, wanted):
        """Reads until there are ``wanted`` bytes. None: the host has closed the link."""
        if len(data) >= wanted:
            return data
        parts = [data]
        have = len(data)
        while have < wanted:
            part = os.read(self._fd, max(READ_BYTES, wanted - have))
            if not part:
                return None
            parts.append(part)
            have += len(part)
        return b"".join(parts)
