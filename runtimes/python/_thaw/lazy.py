"""Work that waits for a module to be imported: a function that never logs does not pay for the logging package."""
import sys


class OnImport(object):
    """A finder that runs ``then()`` once, right after the module ``name`` has been loaded by the finder it belongs to."""

    def __init__(self, name, then):
        self._name = name
        self._then = then

    def find_spec(self, name, path=None, target=None):
        if name != self._name:
            return None
        sys.meta_path.remove(self)
        for finder in sys.meta_path:
            find = getattr(finder, "find_spec", None)
            spec = find(name, path, target) if find else None
            if spec is not None:
                self._wrap(spec.loader)
                return spec
        return None

    def _wrap(self, loader):
        load = loader.exec_module

        def exec_module(module):
            del loader.exec_module
            load(module)
            self._then()

        loader.exec_module = exec_module


def on_import(name, then):
    """Calls ``then`` when ``name`` has been imported; at once if it is already."""
    if name in sys.modules:
        then()
    else:
        sys.meta_path.insert(0, OnImport(name, then))
