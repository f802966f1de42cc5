"""A handler's result as JSON, with the rules of Lambda's Python runtimes.

Beyond the standard library's JSON: a Decimal is a number with all its digits, bytes inside a result are UTF-8 text, and
from Python 3.12 on text stays as it is instead of being escaped to ASCII. One rule is not followed, as it would cost a
walk over every result: a named tuple is an array here, an object on Lambda.
"""
import json
import sys

_ASCII = sys.version_info < (3, 12)


class _Encoder(json.JSONEncoder):
    """Writes a Decimal as text between marks, which ``encode`` then takes away together with the quotes."""

    mark = None

    def default(self, o):
        if isinstance(o, bytes):
            return o.decode("utf-8")
        decimal = sys.modules.get("decimal")
        if decimal is not None and isinstance(o, decimal.Decimal):
            if o.is_nan():
                return float("nan")
            if self.mark is None:
                import os

                # Random, so that no text of the function's can be taken for it.
                self.mark = os.urandom(8).hex()
            return self.mark + str(o) + self.mark
        raise TypeError("Object of type %s is not JSON serializable" % type(o).__name__)

    def encode(self, o):
        text = json.JSONEncoder.encode(self, o)
        if self.mark is None:
            return text
        return text.replace('"' + self.mark, "").replace(self.mark + '"', "")


_encoder = _Encoder(ensure_ascii=_ASCII)


def to_json(value):
    """JSON text. Raises TypeError, ValueError or UnicodeError for what cannot be written."""
    return _encoder.encode(value)


def to_bytes(value):
    """The answer's bytes. A handler that returns bytes answers with just these."""
    if isinstance(value, bytes):
        return value
    return to_json(value).encode("utf-8")
