"""Entry of the managed Python runtimes: ``python -S bootstrap.py``, with its link to the host at fd ``_THAW_LINK_FD``.

Written for CPython 3.6 to 3.15 and the standard library alone. Everything else lies in the package ``_thaw``, so that
the interpreter may keep it compiled. Behaves as awslambdaric 4, Lambda's published client, does.
"""
import time

boot = time.monotonic() * 1000.0

from _thaw import packages, runtime  # noqa: E402

packages.add()
runtime.run(boot)
