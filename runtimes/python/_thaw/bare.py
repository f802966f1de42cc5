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


_LIBRARY = os.path.dirname(os.__file__)

#: what Lambda's Python runtimes have installed beyond it, where this one has
PACKAGES = ("boto3", "botocore.httpsession")


def _import(names):
    """Imports what there is of them. Returns the names of all modules that it brought."""
    before = set(sys.modules)
    for name in names:
        try:
            __import__(name)
        except ImportError:
            # Newer than this Python, or left out of it.
            pass
    return [name for name in sys.modules if name not in before]


class Ground(object):
    """What a copy finds, and what it has to put right once it has variables and files of its own."""

    def __init__(self, raw):
        self._raw = raw
        self._path = _python_path()
        self._plain = frozenset(sys.modules)
        self._finders = list(sys.meta_path)

    def prepare(self):
        """Imports all that copies may want."""
        _import(MODULES)
        from . import context, log  # noqa: F401

        brought = _import(PACKAGES)
        # The packages' own modules can be forgotten without those of the standard library, but not the reverse.
        self._packages = [name for name in brought if _is_installed(name)]

    def settle(self):
        root = os.environ.get("LAMBDA_TASK_ROOT", os.getcwd())
        os.chdir(root)
        # Folders that were not there have been remembered as such.
        sys.path_importer_cache.clear()
        path = _python_path()
        if path != self._path and sys.path[1 : 1 + len(self._path)] == self._path:
            sys.path[1 : 1 + len(self._path)] = path
        preloaded = [name for name in sys.modules if name not in self._plain]
        own = _names_before_library([root] + sys.path[1:])
        if own.intersection(_top(name) for name in preloaded if name not in self._packages):
            self._forget(preloaded)
        elif own.intersection(_top(name) for name in self._packages):
            self._forget(self._packages)

    def _forget(self, preloaded):
        """The function has a module of such a name, which it would have got; and so would all that import it."""
        for name in preloaded:
            parent, _, child = name.rpartition(".")
            if parent in self._plain and child in vars(sys.modules[parent]):
                delattr(sys.modules[parent], child)
            del sys.modules[name]
        # A package (six is one) may have put a finder of its own there.
        sys.meta_path[:] = [finder for finder in sys.meta_path if finder in self._finders]
        if "subprocess" in preloaded:
            lazy.on_import("subprocess", self._raw.watch_subprocess)


def _top(name):
    return name.partition(".")[0]


def _is_installed(name):
    """Is this module none of the standard library's? One without a file that is not built in belongs to a package."""
    file = getattr(sys.modules[name], "__dict__", {}).get("__file__")
    if file is None:
        return name not in sys.builtin_module_names
    return "-packages" + os.sep in file or not file.startswith(_LIBRARY + os.sep)


def _names_before_library(path):
    """Names of all modules and packages that are found before the standard library's."""
    own = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    names = set()
    for folder in path:
        if folder == _LIBRARY:
            break
        if os.path.isdir(folder) and os.path.abspath(folder) != own:
            names.update(_top(entry) for entry in os.listdir(folder))
    return names


def _python_path():
    path = os.environ.get("PYTHONPATH")
    return path.split(os.pathsep) if path else []
