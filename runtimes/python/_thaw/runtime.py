"""One invocation after another over the link."""
import os
import sys
import time

from . import lazy, loader, result
from .fault import Fault, current, document, log_text
from .link import ERROR, INIT_ERROR, INVOKE, READY, READY_FLAG, RESPONSE, Link


class Session(object):
    """What belongs to the current invocation, and its log."""

    def __init__(self, link):
        self._link = link
        self._pid = os.getpid()
        #: stream of the invocation that still needs its answer; 0: none
        self.stream = 0
        self.request_id = None
        self.tenant_id = None
        self.invoked_arn = None
        self.deadline_ms = 0

    def begin(self, stream, fields):
        self.stream = stream
        self.request_id = fields.get("Lambda-Runtime-Aws-Request-Id")
        self.tenant_id = fields.get("Lambda-Runtime-Aws-Tenant-Id")
        self.invoked_arn = fields.get("Lambda-Runtime-Invoked-Function-Arn")
        self.deadline_ms = int(fields.get("Lambda-Runtime-Deadline-Ms", 0))
        trace_id = fields.get("Lambda-Runtime-Trace-Id")
        if trace_id is not None:
            os.environ["_X_AMZN_TRACE_ID"] = trace_id
        else:
            os.environ.pop("_X_AMZN_TRACE_ID", None)

    def log(self, message):
        # A forked child cannot know whether the invocation has been answered meanwhile: its messages belong to none.
        stream = self.stream if os.getpid() == self._pid else 0
        self._link.log(stream, message)

    def answer(self, kind, send, *payload):
        """What was printed goes first; the stream is closed as soon as the answer is on its way."""
        flush()
        stream, self.stream = self.stream, 0
        send(kind, READY_FLAG, stream, *payload)


def flush():
    for output in (sys.stdout, sys.stderr):
        try:
            output.flush()
        except Exception:
            # Closed or replaced by the function: nothing of ours to flush.
            pass


def line_buffered():
    """Every printed line leaves the process at once, even if it is killed later."""
    for name in ("stdout", "stderr"):
        output = getattr(sys, name)
        if hasattr(output, "reconfigure"):
            output.reconfigure(line_buffering=True)
        elif output is not None:  # Python 3.6
            import io

            options = {"encoding": output.encoding, "errors": output.errors, "line_buffering": True}
            setattr(sys, name, io.TextIOWrapper(output.detach(), **options))


def parse_head(head):
    """``Name: value`` lines, each ended by CRLF, as a dict."""
    return dict(line.split(": ", 1) for line in head.split("\r\n") if line)


def parse_json(text, name):
    if text is None:
        return None
    try:
        return result.from_json(text)
    except Exception as error:
        raise Fault("Runtime.LambdaContextUnmarshalError", "Unable to parse %s JSON: %s" % (name, error))


def call(session, handler, fields, event_bytes):
    """Runs the handler and returns the answer's bytes. Raises whatever the function raises, or Fault."""
    from .context import LambdaContext

    client = parse_json(fields.get("Lambda-Runtime-Client-Context"), "Client Context")
    identity = parse_json(fields.get("Lambda-Runtime-Cognito-Identity"), "Cognito Identity")
    context = LambdaContext(session, client, identity)
    try:
        event = result.from_json(event_bytes.decode("utf-8"))
    except Exception as error:
        raise Fault("Runtime.UnmarshalError", "Unable to unmarshal input: %s" % error)
    response = handler(event, context)
    try:
        return result.to_bytes(response)
    except Exception as error:
        raise Fault("Runtime.MarshalError", "Unable to marshal response: %s" % error)


def serve(session, link, handler, as_json):
    """Answers invocations until the agent closes the link."""
    while True:
        frame = link.receive()
        if frame is None:
            return
        kind, stream, payload = frame
        if kind != INVOKE:
            raise ValueError("unexpected frame of type %d" % kind)
        end = 2 + int.from_bytes(payload[:2], "little")
        fields = parse_head(payload[2:end].decode("utf-8"))
        session.begin(stream, fields)
        try:
            answer = call(session, handler, fields, payload[end:])
        except Exception:
            failure = document(current(), session.request_id)
            session.log(log_text(failure, as_json))
            session.answer(ERROR, link.send_error, failure["errorType"], result.to_json(failure))
        else:
            # However long it is: the agent refuses an answer over the limit.
            session.answer(RESPONSE, link.send, answer)


def run(boot):
    """The life of a runtime. ``boot``: its first instruction, milliseconds of CLOCK_MONOTONIC."""
    link_fd = int(os.environ.pop("_THAW_LINK_FD"))
    os.set_inheritable(link_fd, False)
    link = Link(link_fd)
    session = Session(link)
    as_json = os.environ.get("AWS_LAMBDA_LOG_FORMAT", "").upper() == "JSON"
    level = os.environ.get("AWS_LAMBDA_LOG_LEVEL", "")

    def configure_logging():
        from . import log

        log.configure(session, as_json, level)

    line_buffered()
    lazy.on_import("logging", configure_logging)
    loader.search_path(os.environ.get("LAMBDA_TASK_ROOT", os.getcwd()))
    load = time.monotonic() * 1000.0
    try:
        handler = loader.load(os.environ.get("_HANDLER", ""))
    except Exception:
        failure = document(current(), None)
        session.log(log_text(failure, as_json))
        flush()
        link.send_error(INIT_ERROR, 0, 0, failure["errorType"], result.to_json(failure))
        sys.exit(1)
    marks = {"boot": boot, "load": load, "loaded": time.monotonic() * 1000.0}
    link.send(READY, 0, 0, result.to_json(marks).encode("utf-8"))
    serve(session, link, handler, as_json)
