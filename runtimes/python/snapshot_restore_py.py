"""Runtime hooks of SnapStart, with the names of AWS's package of this name, which its Python runtimes carry too.

``before snapshot`` hooks run last registered first before the initialised process is copied; ``after restore`` hooks run in
every copy, in the order of registration (Lambda Developer Guide, "Lambda SnapStart runtime hooks for Python"). An
environment that starts without a snapshot runs none of them. A copy of the package among the function's own is found first.
"""

_before_snapshot = []
_after_restore = []


def register_before_snapshot(func, *args, **kwargs):
    """Has ``func(*args, **kwargs)`` called before the snapshot. Returns ``func``, to serve as a decorator."""
    _before_snapshot.append((func, args, kwargs))
    return func


def register_after_restore(func, *args, **kwargs):
    """Has ``func(*args, **kwargs)`` called after a restore. Returns ``func``, to serve as a decorator."""
    _after_restore.append((func, args, kwargs))
    return func


def get_before_snapshot():
    """The hooks registered so far, as (func, args, kwargs)."""
    return _before_snapshot


def get_after_restore():
    """The hooks registered so far, as (func, args, kwargs)."""
    return _after_restore
