"""JSON in and out, with the rules of Lambda's Python runtimes.

Beyond the standard library's JSON: a Decimal is a number with all its digits, bytes inside a result are UTF-8 text, and
from Python 3.12 on text stays as it is instead of being escaped to ASCII. One rule is not followed, as it would cost a
walk over every result: a named tuple is an array here, an object on Lambda.

The package ``json`` imports ``re``, a third of the time a small function takes to start. Its two halves in C do the same
work without it, so they are used directly; what they do not understand is left to ``json``, which has the better words.
"""
import sys

_ASCII = sys.version_info < (3, 12)


class _ScannerOptions(object):
    """What json.JSONDecoder() would tell the scanner."""

    strict = True
    object_hook = None
    object_pairs_hook = None
    parse_float = float
    parse_int = int
    parse_constant = {"-Infinity": float("-inf"), "Infinity": float("inf"), "NaN": float("nan")}.__getitem__
    memo = {}


class _Encoder(object):
    """Writes a Decimal as text between marks, which ``encode`` then takes away together with the quotes."""

    def __init__(self):
        self._mark = None

    def encode(self, value):
        text = _write(value, self._default)
        if self._mark is None:
            return text
        return text.replace('"' + self._mark, "").replace(self._mark + '"', "")

    def _default(self, value):
        if isinstance(value, bytes):
            return value.decode("utf-8")
        decimal = sys.modules.get("decimal")
        if decimal is not None and isinstance(value, decimal.Decimal):
            if value.is_nan():
                return float("nan")
            if self._mark is None:
                import os

                # Random, so that no text of the function's can be taken for it.
                self._mark = os.urandom(8).hex()
            return self._mark + str(value) + self._mark
        raise TypeError("Object of type %s is not JSON serializable" % type(value).__name__)


try:
    import _json

    _scan = _json.make_scanner(_ScannerOptions)
    _text = _json.encode_basestring_ascii if _ASCII else _json.encode_basestring

    def _write(value, default):
        encode = _json.make_encoder({}, default, _text, None, ": ", ", ", False, False, True)
        return "".join(encode(value, 0))

    # Private to the standard library: where it has changed, the check fails and the package is used instead.
    if _scan('{"a": [1]}', 0) != ({"a": [1]}, 10) or _write({"a": [1, "b"]}, None) != '{"a": [1, "b"]}':
        raise ImportError("_json works differently")
except (ImportError, AttributeError, TypeError):
    _scan = None

    def _write(value, default):
        import json

        return json.dumps(value, default=default, ensure_ascii=_ASCII)


def from_json(text):
    """The value of JSON text. Raises ValueError."""
    if _scan is not None:
        try:
            value, end = _scan(text, 0)
            if end == len(text):
                return value
        except (StopIteration, ValueError, RecursionError):
            # Blanks around the value, or not JSON: the package knows which.
            pass
    import json

    return json.loads(text)


def to_json(value):
    """JSON text. Raises TypeError, ValueError, RecursionError or UnicodeError for what cannot be written."""
    return _Encoder().encode(value)


def to_bytes(value):
    """The answer's bytes. A handler that returns bytes answers with just these."""
    if isinstance(value, bytes):
        return value
    return to_json(value).encode("utf-8")
