"""What was compiled of the function's modules ahead of this start ("COMPILED", agent/PROTOCOL.md).

The task root and the layers are read-only: without this, each start compiles what has no ``__pycache__`` in the archive.
One process of a version is made to hand over what it compiled; later ones find it in a folder that they cannot write, in
few files, so that hundreds of modules cost hardly more than one. Whatever is wrong with it, a module's source is there.
"""
import marshal
import os
import sys
from importlib.machinery import (
    BYTECODE_SUFFIXES,
    EXTENSION_SUFFIXES,
    SOURCE_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    SourceFileLoader,
    SourcelessFileLoader,
)

from .link import COMPILED, MAX_PAYLOAD_BYTES

#: bytes of compiled modules in one file, about
_FILE_BYTES = 1 << 20
_CODE = type((lambda: None).__code__)


def _of_here():
    """What must be the same for this interpreter to understand it."""
    return sys.version, sys.flags.optimize


class Compiled(object):
    """``folder``: where it is, if it is anywhere. ``keep``: this process is made to hand over what it compiles."""

    def __init__(self, folder, keep):
        #: path of a module's source -> its code, marshalled
        self._modules = _read(folder) if folder else {}
        self._kept = {} if keep else None

    def watch(self, root):
        """Has modules below ``root`` and ``/opt`` loaded this way, if there is anything to gain."""
        if not self._modules and self._kept is None:
            return
        folders = tuple(os.path.join(folder, "") for folder in (os.path.abspath(root), "/opt"))
        compiled = self

        class Loader(SourceFileLoader):
            def get_code(self, fullname):
                return compiled._code(self.path) or SourceFileLoader.get_code(self, fullname)

            def source_to_code(self, *args, **options):
                # Only called for what has no ``__pycache__`` of its own that is up to date.
                return compiled._note(self.path, SourceFileLoader.source_to_code(self, *args, **options))

        Loader.__name__ = Loader.__qualname__ = SourceFileLoader.__name__
        finder = FileFinder.path_hook(
            (ExtensionFileLoader, EXTENSION_SUFFIXES),
            (Loader, SOURCE_SUFFIXES),
            (SourcelessFileLoader, BYTECODE_SUFFIXES),
        )

        def hook(path):
            if not os.path.join(path, "").startswith(folders):
                raise ImportError("not the function's")
            return finder(path)

        sys.path_hooks.insert(0, hook)
        for path in list(sys.path_importer_cache):
            if os.path.join(path, "").startswith(folders):
                del sys.path_importer_cache[path]

    def hand_over(self, link):
        """Sends what this process compiled."""
        part, size, number = {}, 0, 0
        modules = sorted(self._kept.items())
        for path, code in modules:
            part[path] = marshal.dumps(code)
            size += len(part[path])
            if size >= _FILE_BYTES:
                _send(link, number, part)
                part, size, number = {}, 0, number + 1
        if part:
            _send(link, number, part)

    def _code(self, path):
        data = self._modules.pop(path, None)
        if data is None:
            return None
        try:
            code = marshal.loads(data)
        except (EOFError, TypeError, ValueError):
            return None
        return code if isinstance(code, _CODE) else None

    def _note(self, path, code):
        if self._kept is not None:
            self._kept[path] = code
        return code


def _send(link, number, part):
    name = b"modules-%d" % number
    payload = len(name).to_bytes(2, "little") + name + marshal.dumps((_of_here(), part))
    # Of a module that does not fit in a frame a start compiles again what it needs.
    if len(payload) <= MAX_PAYLOAD_BYTES:
        link.send(COMPILED, 0, 0, payload)


def _read(folder):
    modules = {}
    try:
        for name in os.listdir(folder):
            with open(os.path.join(folder, name), "rb") as file:
                here, part = marshal.loads(file.read())
            if here == _of_here():
                modules.update(part)
    except (OSError, EOFError, TypeError, ValueError):
        # What was read before is as good as it was.
        pass
    return modules
