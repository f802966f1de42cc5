"""Notices what is written to stdout and stderr past the link.

It travels through the agent's pipes, and the answer has to say so (flag 0x02 of agent/PROTOCOL.md) or could arrive first.
What nothing here notices (an extension that writes by itself) is logged all the same, only perhaps behind its
invocation's END.
"""
import io
import os
import sys

from . import lazy


class RawOutput(object):
    def __init__(self):
        self._seen = False
        self._children = False

    def take(self):
        """Has anything been written since the last call, or may children be writing?"""
        seen, self._seen = self._seen, False
        return seen or self._children

    def mark(self):
        self._seen = True

    def adopt(self):
        self._children = True

    def watch(self):
        for name in ("stdout", "stderr"):
            self._watch_stream(name)
        os.write = preceded(os.write, lambda fd, *_: fd in (1, 2) and self.mark())
        os.writev = preceded(os.writev, lambda fd, *_: fd in (1, 2) and self.mark())
        os.system = preceded(os.system, lambda *_: self.mark())
        for name in ("posix_spawn", "posix_spawnp"):
            if hasattr(os, name):
                setattr(os, name, preceded(getattr(os, name), lambda *_: self.adopt()))
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(before=self.adopt)
        else:  # Python 3.6
            os.fork = preceded(os.fork, lambda *_: self.adopt())
        lazy.on_import("subprocess", self.watch_subprocess)

    def watch_subprocess(self):
        """The module has been imported, perhaps anew."""
        popen = sys.modules["subprocess"].Popen
        popen.__init__ = preceded(popen.__init__, lambda *_: self.adopt())

    def _watch_stream(self, name):
        """Every printed line leaves the process at once, even if it is killed later; and it is noticed."""
        output = getattr(sys, name)
        if output is None:
            return
        raw = _Noticed(output.fileno(), "w", closefd=False)
        raw.name = output.name
        raw.notice = self.mark
        options = {"encoding": output.encoding, "errors": output.errors, "line_buffering": True}
        watched = io.TextIOWrapper(io.BufferedWriter(raw), **options)
        watched.mode = "w"
        setattr(sys, name, watched)
        setattr(sys, "__%s__" % name, watched)


class _Noticed(io.FileIO):
    def write(self, data):
        self.notice()
        return io.FileIO.write(self, data)


def preceded(function, before):
    """A function that runs ``before`` with its arguments first and is else the same."""

    def followed(*args, **options):
        before(*args)
        return function(*args, **options)

    for name in ("__name__", "__qualname__", "__doc__", "__module__"):
        setattr(followed, name, getattr(function, name, None))
    followed.__wrapped__ = function
    return followed
