"""Installed packages without the ``.pth`` files beside them.

The interpreter starts with ``-S``: whatever the machine's site-packages run at start (``.pth`` files may hold code, and
cost 20 ms on a busy machine) is no part of a function's environment. What ``site`` gives every program otherwise is given here.
"""
import os
import sys


def add():
    """Appends the interpreter's own package directories to ``sys.path``, and the builtins ``exit``, ``quit`` and ``help``."""
    import site

    sys.path.extend(path for path in site.getsitepackages() if path not in sys.path and os.path.isdir(path))
    site.setquit()
    site.setcopyright()
    site.sethelper()
