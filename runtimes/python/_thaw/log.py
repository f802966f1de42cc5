"""The logging module as Lambda sets it up: one handler at the root logger, text or JSON, each record one log event."""
import json
import logging
import time

#: members every record has; what else stands in it came from the caller's ``extra``
_OWN = set(logging.LogRecord("", 0, "", 0, "", (), None).__dict__) | {"message", "asctime", "aws_request_id", "tenant_id"}
_TIME = "%Y-%m-%dT%H:%M:%S"
_LEVELS = ("CRITICAL", "ERROR", "WARNING", "INFO", "DEBUG", "NOTSET", "FATAL", "WARN")


class LambdaLoggerHandler(logging.Handler):
    def __init__(self, session):
        logging.Handler.__init__(self)
        self._session = session

    def emit(self, record):
        try:
            self._session.log(self.format(record))
        except Exception:
            self.handleError(record)


class LambdaLoggerFilter(logging.Filter):
    """Gives records ``aws_request_id`` and ``tenant_id``, for formats of the function's own too."""

    def __init__(self, session):
        logging.Filter.__init__(self)
        self._session = session

    def filter(self, record):
        record.aws_request_id = self._session.request_id or ""
        record.tenant_id = self._session.tenant_id
        return True


class JsonFormatter(logging.Formatter):
    def format(self, record):
        level = min(50, max(0, record.levelno)) // 10 * 10
        plain = isinstance(record.msg, dict) and not record.args
        event = {
            "timestamp": self.formatTime(record, _TIME + "Z"),
            "level": logging.getLevelName(level),
            "message": record.msg if plain else record.getMessage(),
            "logger": record.name,
        }
        if record.exc_info and record.exc_info[0] is not None:
            import traceback

            kind, error, tb = record.exc_info
            event["stackTrace"] = traceback.format_tb(tb)
            event["errorType"] = kind.__name__
            event["errorMessage"] = str(error)
            event["location"] = "%s:%s:%s" % (record.pathname, record.funcName, record.lineno)
        event["requestId"] = getattr(record, "aws_request_id", None)
        event["tenantId"] = getattr(record, "tenant_id", None)
        for name, value in record.__dict__.items():
            if name not in _OWN and name not in event:
                event[name] = value
        event = {name: value for name, value in event.items() if value is not None}
        return json.dumps(event, ensure_ascii=False, default=str) + "\n"


def configure(session, as_json, level):
    """Adds the handler. ``level``: AWS_LAMBDA_LOG_LEVEL or an empty text."""
    logging.Formatter.converter = time.gmtime
    handler = LambdaLoggerHandler(session)
    if as_json:
        handler.setFormatter(JsonFormatter())
    else:
        line = "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s\n"
        handler.setFormatter(logging.Formatter(line, _TIME))
    handler.addFilter(LambdaLoggerFilter(session))
    root = logging.getLogger()
    level = {"TRACE": "DEBUG"}.get(level.upper(), level.upper())
    if level in _LEVELS:
        root.setLevel(level)
    root.addHandler(handler)
