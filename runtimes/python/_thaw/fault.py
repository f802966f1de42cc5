"""Failures as Lambda's Python runtimes report them: the document the caller gets and the text of the log."""
import sys

from . import result


class Fault(Exception):
    """A failure the runtime itself names (``Runtime.ImportModuleError`` and the like)."""

    def __init__(self, error_type, message, trace=None):
        Exception.__init__(self, message)
        self.error_type = error_type
        self.message = message
        self.trace = trace


def _frames(tb):
    """Formatted stack, without the frames of the bootstrap itself at its top."""
    import os
    import traceback

    own = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
    frames = traceback.extract_tb(tb)
    while frames and os.path.abspath(frames[0].filename).startswith(own):
        frames = frames[1:]
    # Plain tuples: positions within a line, which newer versions underline, are not part of Lambda's answer.
    return traceback.format_list([(f.filename, f.lineno, f.name, f.line) for f in frames])


def document(error, request_id):
    """``errorMessage``, ``errorType``, ``requestId``, ``stackTrace`` of an exception."""
    if isinstance(error, Fault):
        message, name, trace = error.message, error.error_type, error.trace or []
    else:
        message, name, trace = str(error), type(error).__name__, _frames(error.__traceback__)
    return {"errorMessage": message, "errorType": name, "requestId": request_id or "", "stackTrace": trace}


def _indented(line):
    """Leading blanks become no-break spaces, which consoles do not swallow."""
    text = line.lstrip(" ")
    return "\u00a0" * (len(line) - len(text)) + text


def log_text(failure, as_json):
    """The log message of a failure's document."""
    if as_json:
        import time

        logged = {"timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "level": "ERROR"}
        logged.update(failure)
        return result.to_json(logged) + "\n"
    head = "[ERROR]"
    if failure["errorType"]:
        head += " " + failure["errorType"]
    if failure["errorMessage"]:
        head += (": " if failure["errorType"] else " ") + failure["errorMessage"]
    lines = [head, "Traceback (most recent call last):"]
    for entry in failure["stackTrace"]:
        lines.extend(_indented(line) for line in entry.splitlines() or [""])
    return "\n".join(lines) + "\n"


def current():
    """The exception being handled."""
    return sys.exc_info()[1]
