"""The life of a process that is to be copied (agent/PROTOCOL.md, PREPARE and RESUME).

Its init is over, it makes itself ready, says so, and reads. That read returns in its copies only; everything they need has
run once before it. Names and exit codes of failed hooks are those of awslambdaric, Lambda's published client.
"""
import gc
import os
import sys
import time

from . import result
from .fault import current, document, log_text
from .link import INIT_ERROR, PREPARE, PREPARED, READY, RESTORE_ERROR, RESUME
from .prewarm import prewarm


class Template(object):
    """``bare``: it has no function yet, its copies get one with RESUME."""

    def __init__(self, session, link, uniqueness, as_json, bare=False):
        self._session = session
        self._link = link
        self._uniqueness = uniqueness
        self._as_json = as_json
        self._bare = bare
        #: when this copy woke, milliseconds of CLOCK_MONOTONIC
        self.boot = 0.0

    def live(self):
        """Returns true in a copy that is ready to serve, or to load its function; false when the host has closed the link."""
        if self._receive(PREPARE) is None:
            return False
        try:
            run_before_snapshot()
        except Exception:
            self._fail(INIT_ERROR, "Runtime.BeforeSnapshotError", 64)
        drew = self._uniqueness.drew()
        gc.collect()
        prewarm(self._as_json)
        self._wake(self._rehearsal())
        # What lives now is left alone by collections to come: they would touch, and so copy, every page of it.
        if hasattr(gc, "freeze"):
            gc.freeze()
        self._send(PREPARED, {"drew": drew})
        payload = self._receive(RESUME)
        if payload is None:
            return False
        self.boot = _now()
        document = result.from_json(payload.decode("utf-8"))
        self._wake(document)
        if document.get("rehearse") is True:
            # It has time before its first event: brings into memory what serving one touches.
            prewarm(self._as_json)
        if self._bare:
            return True
        load = _now()
        try:
            run_after_restore()
        except Exception:
            self._fail(RESTORE_ERROR, "Runtime.AfterRestoreError", 65)
        self._send(READY, {"boot": self.boot, "load": load, "loaded": _now()})
        return True

    def _receive(self, wanted):
        """The payload of the next frame. None once the host has closed the link."""
        frame = self._link.receive()
        if frame is None:
            return None
        kind, _, payload = frame
        if kind != wanted:
            raise ValueError("unexpected frame of type %d" % kind)
        return payload

    def _send(self, kind, value):
        self._link.send(kind, self._session.raw_flag(), 0, result.to_json(value).encode("utf-8"))

    def _rehearsal(self):
        """A RESUME that changes nothing."""
        result.from_json('{"env":{"NONE":null}}')
        return {"env": environment() if self._bare else {}, "load": self._bare}

    def _wake(self, document):
        """Makes this copy itself: its variables, and what it may not share."""
        if self._bare:
            if document.get("load") is not True:
                raise ValueError("a copy without a function is to load none")
            replace_environment(document["env"])
        else:
            adopt_environment(document["env"])
        self._uniqueness.renew()

    def _fail(self, kind, name, code):
        failure = document(current(), None)
        self._session.log(log_text(failure, self._as_json))
        self._link.send_error(kind, self._session.raw_flag(), 0, name, result.to_json(failure))
        sys.exit(code)


#: variables that do not come from the host: the agent's, and the interpreter's own choice in the "C" locale (PEP 538)
_GIVEN = ("AWS_LAMBDA_RUNTIME_API", "LC_CTYPE")


def environment():
    """All variables, as RESUME has them."""
    return {_text(name): _text(value) for name, value in os.environb.items()}


def adopt_environment(env):
    """Takes over the variables of RESUME; None deletes one."""
    for name, value in env.items():
        # Bytes: os.environ shows them as it would had they been there from the start, whatever the locale.
        if value is None:
            os.environb.pop(_bytes(name), None)
        else:
            os.environb[_bytes(name)] = _bytes(value)


def replace_environment(env):
    """Makes the variables those of RESUME and no others, but for what every runtime is given."""
    for name in environment():
        if name not in env and name not in _GIVEN:
            del os.environb[_bytes(name)]
    adopt_environment(env)
    # The C library keeps the zone that it has read.
    time.tzset()


def _text(value):
    return value.decode("utf-8", "surrogateescape")


def _bytes(text):
    return text.encode("utf-8", "surrogateescape")


def run_before_snapshot():
    """Last registered first. A module of that name that the function never imported has no hooks."""
    module = sys.modules.get("snapshot_restore_py")
    hooks = module.get_before_snapshot() if module else ()
    while hooks:
        func, args, kwargs = hooks.pop()
        func(*args, **kwargs)


def run_after_restore():
    module = sys.modules.get("snapshot_restore_py")
    for func, args, kwargs in module.get_after_restore() if module else ():
        func(*args, **kwargs)


def _now():
    return time.monotonic() * 1000.0
