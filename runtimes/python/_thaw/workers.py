"""Several invocations at once (AWS_LAMBDA_MAX_CONCURRENCY): each runs in a process of its own, which loads the function itself.

This process speaks with the host, and with each worker over a socket in the same frames. A worker serves one event after
another; one that dies takes its event along and nothing else. Workers are made when events come that no other has time for.
"""
import collections
import os
import select
import signal
import socket

from .link import ERROR, HEADER_BYTES, INIT_ERROR, INVOKE, MAX_PAYLOAD_BYTES, READY, READY_FLAG, Link

READ_BYTES = 64 * 1024


class Worker(object):
    def __init__(self, pid, end):
        self.pid = pid
        self.end = end
        self.link = Link(end.fileno())
        self.buffer = b""
        self.ready = False
        #: stream of the event that it has; 0: none
        self.stream = 0


class Host(object):
    """The events between the host and the workers."""

    def __init__(self, link, most, run):
        self._link = link
        self._most = most
        #: runs a worker in a process of its own, with the descriptor of its link; never returns
        self._run = run
        self._workers = {}
        self._waiting = collections.deque()
        self._poll = select.poll()
        #: the environment has been told of to be ready, or that it cannot be
        self._told = False

    def serve(self):
        """Until the host closes the link, or the first worker cannot begin."""
        fd = self._link.fileno()
        self._poll.register(fd, select.POLLIN)
        self._add()
        while True:
            for ready, _ in self._poll.poll():
                if ready == fd:
                    if not self._from_host():
                        return
                elif ready in self._workers and not self._from_worker(self._workers[ready]):
                    return

    def _add(self):
        own, others = socket.socketpair()
        pid = os.fork()
        if pid == 0:
            own.close()
            for worker in self._workers.values():
                worker.end.close()
            self._link.close()
            self._run(others.detach())
        others.close()
        worker = Worker(pid, own)
        self._workers[own.fileno()] = worker
        self._poll.register(own.fileno(), select.POLLIN)

    def _from_host(self):
        frame = self._link.receive()
        while frame is not None:
            kind, stream, payload = frame
            if kind != INVOKE:
                raise ValueError("unexpected frame of type %d" % kind)
            self._waiting.append((stream, payload))
            if not self._link.has_frame():
                self._hand_out()
                return True
            frame = self._link.receive()
        return False

    def _hand_out(self):
        for worker in self._workers.values():
            if not self._waiting:
                return
            if worker.ready and worker.stream == 0:
                stream, payload = self._waiting.popleft()
                worker.stream = stream
                worker.link.send(INVOKE, 0, stream, payload)
        beginning = sum(1 for worker in self._workers.values() if not worker.ready)
        for _ in range(min(len(self._waiting) - beginning, self._most - len(self._workers))):
            self._add()

    def _from_worker(self, worker):
        """False: the environment is over."""
        try:
            data = os.read(worker.end.fileno(), READ_BYTES)
        except OSError:
            data = b""
        if not data:
            return self._ended(worker)
        worker.buffer += data
        while len(worker.buffer) >= HEADER_BYTES:
            length = int.from_bytes(worker.buffer[:4], "little")
            end = HEADER_BYTES + length
            if length > MAX_PAYLOAD_BYTES:
                raise ValueError("a frame of %d bytes" % length)
            if len(worker.buffer) < end:
                break
            frame, worker.buffer = worker.buffer[:end], worker.buffer[end:]
            if not self._said(worker, frame):
                return False
        return True

    def _said(self, worker, frame):
        kind, flags = frame[4], frame[5]
        if kind == READY:
            worker.ready = True
            first, self._told = not self._told, True
            if first:
                self._link.forward(frame)
            self._hand_out()
            return True
        if kind == INIT_ERROR:
            if self._told:
                return True
            self._told = True
            self._link.forward(frame)
            return False
        self._link.forward(frame)
        if flags & READY_FLAG and int.from_bytes(frame[8:12], "little") == worker.stream:
            worker.stream = 0
            self._hand_out()
        return True

    def _ended(self, worker):
        """Its event fails as it would with the environment; another process takes its place when it is wanted."""
        fd = worker.end.fileno()
        self._poll.unregister(fd)
        del self._workers[fd]
        worker.end.close()
        _, status = os.waitpid(worker.pid, 0)
        if not self._told:
            # It says nothing of why it could not begin: the environment ends as it did.
            os._exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))
        if worker.stream:
            how = "exit status %d" % os.WEXITSTATUS(status) if os.WIFEXITED(status) else signal_name(os.WTERMSIG(status))
            document = '{"errorType":"Runtime.ExitError","errorMessage":"Runtime exited with error: %s"}' % how
            self._link.send_error(ERROR, READY_FLAG, worker.stream, "Runtime.ExitError", document)
        elif not worker.ready and self._waiting and not self._workers:
            # The function does not begin any more, though it did once: nobody else would answer.
            stream, _ = self._waiting.popleft()
            document = '{"errorType":"Runtime.ExitError","errorMessage":"Runtime exited without providing a reason"}'
            self._link.send_error(ERROR, READY_FLAG, stream, "Runtime.ExitError", document)
        self._hand_out()
        return True


def signal_name(number):
    return "signal: %s" % signal.Signals(number).name.lower()
