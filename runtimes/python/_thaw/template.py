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
    def __init__(self, session, link, uniqueness, as_json):
        self._session = session
        self._link = link
        self._uniqueness = uniqueness
        self._as_json = as_json

    def live(self):
        """Returns true in a copy that is ready to serve; false when the host has closed the link."""
        if self._receive(PREPARE) is None:
            return False
        try:
            run_before_snapshot()
        except Exception:
            self._fail(INIT_ERROR, "Runtime.BeforeSnapshotError", 64)
        drew = self._uniqueness.drew()
        gc.collect()
        prewarm(self._as_json)
        self._wake(b'{"env":{}}')
        # What lives now is left alone by collections to come: they would touch, and so copy, every page of it.
        if hasattr(gc, "freeze"):
            gc.freeze()
        self._send(PREPARED, {"drew": drew})
        payload = self._receive(RESUME)
        if payload is None:
            return False
        boot = _now()
        self._wake(payload)
        load = _now()
        try:
            run_after_restore()
        except Exception:
            self._fail(RESTORE_ERROR, "Runtime.AfterRestoreError", 65)
        self._send(READY, {"boot": boot, "load": load, "loaded": _now()})
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

    def _wake(self, payload):
        """Makes this copy itself: its variables, and what it may not share."""
        for name, value in result.from_json(payload.decode("utf-8"))["env"].items():
            # Bytes: os.environ shows them as it would had they been there from the start, whatever the locale.
            key = name.encode("utf-8")
            if value is None:
                os.environb.pop(key, None)
            else:
                os.environb[key] = value.encode("utf-8")
        self._uniqueness.renew()

    def _fail(self, kind, name, code):
        failure = document(current(), None)
        self._session.log(log_text(failure, self._as_json))
        self._link.send_error(kind, self._session.raw_flag(), 0, name, result.to_json(failure))
        sys.exit(code)


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
