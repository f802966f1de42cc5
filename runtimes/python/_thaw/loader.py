"""Finds the function: ``_HANDLER`` is ``folder/module.function``."""
import importlib
import os
import sys

from .fault import Fault


def search_path(root):
    """Puts the task root first on ``sys.path``, in place of the bootstrap's folder, and layers' folders behind it."""
    layer = "/opt/python/lib/python%d.%d/site-packages" % sys.version_info[:2]
    layers = [path for path in (layer, "/opt/python") if path not in sys.path and os.path.isdir(path)]
    sys.path[0:1] = [root] + layers


def load(handler):
    """The handler function. Raises Fault in Lambda's words, or whatever the function's own code raises."""
    try:
        name, function = handler.rsplit(".", 1)
    except ValueError as error:
        raise Fault("Runtime.MalformedHandlerName", "Bad handler '%s': %s" % (handler, error))
    if name.split(".")[0] in sys.builtin_module_names:
        message = "Cannot use built-in module %s as a handler module" % name
        raise Fault("Runtime.BuiltInModuleConflict", message)
    try:
        module = importlib.import_module(name.replace("/", "."))
    except ImportError as error:
        raise Fault("Runtime.ImportModuleError", "Unable to import module '%s': %s" % (name, error))
    except SyntaxError as error:
        trace = ['  File "%s" Line %s\n    %s' % (error.filename, error.lineno, error.text)]
        raise Fault("Runtime.UserCodeSyntaxError", "Syntax error in module '%s': %s" % (name, error), trace)
    try:
        return getattr(module, function)
    except AttributeError:
        raise Fault("Runtime.HandlerNotFound", "Handler '%s' missing on module '%s'" % (function, name))
