"""A process that is copied before it has a function ("bare", agent/PROTOCOL.md).

All that can be done without a function is done once, so that a copy has only the function's own code to load.
"""
import os
import sys

from . import lazy

#: modules that the AWS SDK and most functions import, and what they import in turn
MODULES = (
    "json",
    "logging",
    "datetime",
    "decimal",
    "random",
    "re",
    "uuid",
    "base64",
    "hashlib",
    "hmac",
    "typing",
    "dataclasses",
    "functools",
    "pathlib",
    "tempfile",
    "traceback",
    "threading",
    "urllib.request",
    "http.client",
    "email.message",
    "ssl",
    "_strptime",
)


def preload():
    """Imports them. Returns the names of the modules that a plain start would have, too."""
    plain = frozenset(sys.modules)
    for name in MODULES:
        try:
            __import__(name)
        except ImportError:
            # Newer than this Python, or left out of it.
            pass
    from . import context, log  # noqa: F401

    return plain


class Ground(object):
    """What a copy finds, and what it has to put right once it has variables and files of its own."""

    def __init__(self, plain, raw):
        self._plain = plain
        self._raw = raw
        self._path = _python_path()

    def settle(self):
        root = os.environ.get("LAMBDA_TASK_ROOT", os.getcwd())
        os.chdir(root)
        # Folders that were not there have been remembered as such.
        sys.path_importer_cache.clear()
        path = _python_path()
        if path != self._path and sys.path[1 : 1 + len(self._path)] == self._path:
            sys.path[1 : 1 + len(self._path)] = path
        preloaded = [name for name in sys.modules if name not in self._plain]
        if _are_hidden(preloaded, [root] + sys.path[1:]):
            self._forget(preloaded)

    def _forget(self, preloaded):
        """The function has a module of that name, which it would have got; and so would all that import it."""
        for name in preloaded:
            parent, _, child = name.rpartition(".")
            if parent in self._plain and child in vars(sys.modules[parent]):
                delattr(sys.modules[parent], child)
            del sys.modules[name]
        if "subprocess" in preloaded:
            lazy.on_import("subprocess", self._raw.watch_subprocess)


def _are_hidden(modules, path):
    """Does anything that lies before the standard library bear one of these names?"""
    names = {name.partition(".")[0] for name in modules}
    library = os.path.dirname(os.__file__)
    own = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    for folder in path:
        if folder == library:
            return False
        if os.path.isdir(folder) and os.path.abspath(folder) != own:
            if any(entry.partition(".")[0] in names for entry in os.listdir(folder)):
                return True
    return False


def _python_path():
    path = os.environ.get("PYTHONPATH")
    return path.split(os.pathsep) if path else []
