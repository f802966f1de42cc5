"""One invocation after another over the link."""
import os
import sys
import time

from . import lazy, loader, result
from .fault import Fault, current, document, log_text
from .link import ERROR, INIT_ERROR, INVOKE, RAW_FLAG, READY, READY_FLAG, RESPONSE, Link
from .raw import RawOutput

#: most bytes of an answer (Lambda quotas, "Invocation payload": 6 MB, and 100 bytes on top)
MAX_RESPONSE_BYTES = 6291556


class Session(object):
    """What belongs to the current invocation, and its log."""

    def __init__(self, link, raw):
        self._link = link
        self._raw = raw
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
        timeout = fields.get("Lambda-Runtime-Timeout-Ms")
        if timeout is None:
            self.deadline_ms = int(fields.get("Lambda-Runtime-Deadline-Ms", 0))
        else:
            # A copy had this event before it was ready: its time begins now.
            self.deadline_ms = int(time.time() * 1000) + int(timeout)
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
        """The stream is closed as soon as the answer is on its way."""
        stream, self.stream = self.stream, 0
        send(kind, READY_FLAG | self.raw_flag(), stream, *payload)

    def raw_flag(self):
        """Writes out what was printed, and says whether there was anything."""
        flush()
        return RAW_FLAG if self._raw.take() else 0


def flush():
    for output in (sys.stdout, sys.stderr):
        try:
            output.flush()
        except Exception:
            # Closed or replaced by the function: nothing of ours to flush.
            pass


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
    """Answers invocations until the host closes the link."""
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
            if len(answer) > MAX_RESPONSE_BYTES:
                refuse(session, link)
            else:
                session.answer(RESPONSE, link.send, answer)


def refuse(session, link):
    """Lambda's error for an answer over the limit."""
    name = "Function.ResponseSizeTooLarge"
    message = "Response payload size exceeded maximum allowed payload size (%d bytes)." % MAX_RESPONSE_BYTES
    session.answer(ERROR, link.send_error, name, result.to_json({"errorType": name, "errorMessage": message}))


def init(session, link, boot):
    """Loads the handler and says that it is ready. Returns it, and whether logs are JSON. A failure ends the process."""
    as_json = os.environ.get("AWS_LAMBDA_LOG_FORMAT", "").upper() == "JSON"
    level = os.environ.get("AWS_LAMBDA_LOG_LEVEL", "")

    def configure_logging():
        from . import log

        log.configure(session, as_json, level)

    lazy.on_import("logging", configure_logging)
    root = os.environ.get("LAMBDA_TASK_ROOT", os.getcwd())
    loader.search_path(root)
    folder = os.environ.pop("_THAW_COMPILE_CACHE", None)
    keeps = os.environ.pop("_THAW_COMPILE", None) == "1"
    compiled = None
    if folder or keeps:
        from .compiled import Compiled

        compiled = Compiled(folder, keeps)
        compiled.watch(root)
    load = time.monotonic() * 1000.0
    try:
        handler = loader.load(os.environ.get("_HANDLER", ""))
    except Exception:
        failure = document(current(), None)
        session.log(log_text(failure, as_json))
        link.send_error(INIT_ERROR, session.raw_flag(), 0, failure["errorType"], result.to_json(failure))
        sys.exit(1)
    if keeps:
        compiled.hand_over(link)
    ready(session, link, boot, load)
    return handler, as_json


def ready(session, link, boot, load):
    """Says READY with its marks: milliseconds of CLOCK_MONOTONIC."""
    marks = {"boot": boot, "load": load, "loaded": time.monotonic() * 1000.0}
    link.send(READY, session.raw_flag(), 0, result.to_json(marks).encode("utf-8"))


def work(link_fd):
    """The life of one of several processes that serve events at the same time. Never returns."""
    code = 1
    try:
        boot = time.monotonic() * 1000.0
        link = Link(link_fd)
        raw = RawOutput()
        session = Session(link, raw)
        raw.watch()
        serve(session, link, *init(session, link, boot))
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        flush()
        os._exit(code)


def run(boot):
    """The life of a runtime. ``boot``: its first instruction, milliseconds of CLOCK_MONOTONIC."""
    link_fd = int(os.environ.pop("_THAW_LINK_FD"))
    is_template = os.environ.pop("_THAW_TEMPLATE", None) == "1"
    is_bare = os.environ.pop("_THAW_BARE", None) == "1"
    os.set_inheritable(link_fd, False)
    link = Link(link_fd)
    most = os.environ.get("AWS_LAMBDA_MAX_CONCURRENCY")
    if most:
        from .workers import Host

        Host(link, int(most), work).serve()
        return
    raw = RawOutput()
    session = Session(link, raw)
    raw.watch()
    if is_template:
        from .template import Template
        from .unique import Uniqueness

        uniqueness = Uniqueness()
        uniqueness.watch()
    if is_bare:
        from . import bare

        load = time.monotonic() * 1000.0
        ground = bare.Ground(raw)
        ground.prepare()
        ready(session, link, boot, load)
        template = Template(session, link, uniqueness, False, bare=True)
        if not template.live():
            return
        ground.settle()
        handler, as_json = init(session, link, template.boot)
    else:
        handler, as_json = init(session, link, boot)
        if is_template and not Template(session, link, uniqueness, as_json).live():
            return
    serve(session, link, handler, as_json)
