# Goes into a copy of a function in the handler's place: imports the handler's module, notes how long each module took, and
# answers with that instead of calling it. Runs in the function's sandbox.
import os
import socket
import sys
import time
import traceback

root = os.environ.get("LAMBDA_TASK_ROOT", os.path.dirname(__file__))
modules, stack, connections = [], [], []


class Timed:
    """Loads as the loader it stands for, and takes the time of it."""

    def __init__(self, loader):
        self.loader = loader

    def create_module(self, spec):
        return self.loader.create_module(spec)

    def exec_module(self, module):
        name = module.__name__
        origin = getattr(module.__spec__, "origin", None) or name
        entry = {"file": origin, "by": stack[-1]["file"] if stack else None, "inner": 0.0}
        module.__spec__.loader = module.__loader__ = self.loader
        stack.append(entry)
        began = time.perf_counter()
        try:
            self.loader.exec_module(module)
        finally:
            stack.pop()
            total = (time.perf_counter() - began) * 1000
            if stack:
                stack[-1]["inner"] += total
            modules.append({"file": origin, "by": entry["by"], "self": total - entry["inner"], "total": total})


class Finder:
    def find_spec(self, name, path=None, target=None):
        for finder in sys.meta_path:
            if finder is self or not hasattr(finder, "find_spec"):
                continue
            spec = finder.find_spec(name, path, target)
            if spec is not None:
                if spec.loader is not None and hasattr(spec.loader, "exec_module"):
                    spec.loader = Timed(spec.loader)
                return spec
        return None


def relative(file):
    return os.path.relpath(file, root) if file and file.startswith(root + os.sep) else file


connect = socket.socket.connect


def noted(self, address):
    connections.append({"to": str(address), "at": ""})
    return connect(self, address)


named = os.environ["THAW_ADVISE_HANDLER"].rpartition(".")[0].replace("/", ".")
socket.socket.connect = noted
finder = Finder()
sys.meta_path.insert(0, finder)
failure = None
began = time.perf_counter()
try:
    import importlib

    importlib.import_module(named)
except BaseException:
    failure = traceback.format_exc()
whole = (time.perf_counter() - began) * 1000
sys.meta_path.remove(finder)
socket.socket.connect = connect


def handler(event, context):
    told = [
        {**each, "file": relative(each["file"]), "by": relative(each["by"])} for each in modules if each["total"] >= 0.02
    ]
    return {"whole": whole, "failure": failure, "connections": connections, "modules": told}
