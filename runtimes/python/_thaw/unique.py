"""What copies of one process may not share.

Loaded before the function's code and only in a process that is to be copied: any other keeps Python as it is. OpenSSL's
own generator is renewed by whoever restores a copy.
"""
import os
import sys

from . import lazy
from .raw import preceded


#: where the package ``cryptography`` has OpenSSL make keys, from version 40 on and before
_RUST = "cryptography.hazmat.bindings._rust"
_BACKEND = "cryptography.hazmat.backends.openssl.backend"


class Uniqueness(object):
    def __init__(self):
        self._drew = False
        #: generators that nobody gave a seed, so that it has to be another in every copy
        self._unseeded = None

    def watch(self):
        for name in ("urandom", "getrandom"):
            if hasattr(os, name):
                setattr(os, name, preceded(getattr(os, name), self._draws))
        lazy.on_import("random", self._watch_random)
        lazy.on_import("ssl", self._watch_ssl)
        lazy.on_import(_RUST, self._watch_cryptography)
        lazy.on_import(_BACKEND, self._watch_old_cryptography)

    def drew(self):
        """Have random bytes been drawn from the system or the crypto library that all copies would share?"""
        return self._drew

    def renew(self):
        """Makes the copy that calls it differ from all others."""
        for generator in list(self._unseeded or ()):
            generator.seed()
        modules = sys.modules
        if "tempfile" in modules:
            # It starts names afresh in a new process, which it knows by the number that copies share.
            modules["tempfile"]._name_sequence = None
        if "uuid" in modules:
            # Random where the machine has no network address: uuid1() then tells machines apart by it.
            modules["uuid"]._node = None
        if "multiprocessing.process" in modules:
            modules["multiprocessing.process"].current_process().authkey = os.urandom(32)
        if "numpy.random" in modules:
            modules["numpy.random"].seed()

    def _draws(self, *_):
        self._drew = self._drew or not _renewable(sys._getframe(1))

    def _watch_random(self):
        import weakref

        random = sys.modules["random"]
        random._urandom = os.urandom
        self._unseeded = weakref.WeakSet([random._inst])
        seed = random.Random.seed

        def noted(generator, a=None, version=2):
            if a is None:
                self._unseeded.add(generator)
            else:
                self._unseeded.discard(generator)
            return seed(generator, a, version)

        noted.__name__, noted.__qualname__, noted.__doc__ = seed.__name__, seed.__qualname__, seed.__doc__
        random.Random.seed = noted
        random.seed = random._inst.seed

    def _watch_ssl(self):
        self._watch_functions(sys.modules["ssl"], "_bytes")

    def _watch_cryptography(self):
        for algorithm in list(vars(getattr(sys.modules[_RUST], "openssl", None) or object).values()):
            if isinstance(algorithm, type(sys)):
                self._watch_functions(algorithm, "generate")

    def _watch_old_cryptography(self):
        self._watch_functions(getattr(sys.modules[_BACKEND], "Backend", None), "generate")

    def _watch_functions(self, owner, part):
        """Functions of a module or class with this in their names."""
        for name in dir(owner):
            if part in name and callable(getattr(owner, name)):
                setattr(owner, name, preceded(getattr(owner, name), self._draws))


def _renewable(frame):
    """Is the module being loaded in ``frame`` one that draws for what ``renew`` draws again?"""
    while frame is not None and frame.f_code.co_name != "<module>":
        frame = frame.f_back
    name = frame.f_globals.get("__name__", "") if frame is not None else ""
    return name == "multiprocessing.process" or (name + ".").startswith("numpy.random.")
