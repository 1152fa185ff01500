"""Compiled code of terms: made once for each group of terms, network and machine, and kept in a folder that processes may share."""

import ctypes
import fcntl
import hashlib
import logging
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from pinnscape.common.errors import StorageError
from pinnscape.files import atomic
from pinnscape.files.machine import architecture
from pinnscape.losses.native.printing import NotCompilable

log = logging.getLogger(__name__)
Check = Callable[[ctypes.CDLL], None]

_FOLDER = Path(__file__).parent
# No -ffast-math: sums keep their order and NaN its meaning. -w: what is generated has variables that are not used. -fvisibility=hidden: constants of
# generated types have the same names in all libraries; if they were visible, all would share those of the library that was loaded first.
_FLAGS = ("-std=c++17", "-O3", "-ffp-contract=fast", "-fPIC", "-shared", "-fvisibility=hidden", "-w")
# Measured: what the compiler takes, and one eager evaluation for each operation and for each weight at each point and stream.
_COMPILE_SECONDS, _EVALUATION_SECONDS, _WEIGHT_SECONDS = 3.0, 1.5e-3, 2e-9


class Compiler:
    """Compiles losses and keeps the code in a folder.

    Args:
        folder: of the compiled files; made when needed.
        evaluations: number of losses or derivatives that will be computed; work that is done before the compiler would be stays eager. Without it,
            everything is compiled.
    """

    def __init__(self, folder: Path, evaluations: float | None = None) -> None:
        self.folder, self._evaluations = folder, evaluations

    def pays(self, weights: int) -> bool:
        """Whether the work is worth the compilation, judged by sizes alone, so that the answer is the same in every run.

        Args:
            weights: parameters times quadrature points times streams that an evaluation works through.
        """
        if self._evaluations is None:
            return True
        return self._evaluations * (_EVALUATION_SECONDS + _WEIGHT_SECONDS * weights) > _COMPILE_SECONDS

    def library(self, source: str, names: str, check: Check) -> ctypes.CDLL | None:
        """The code of a group of terms, compiled if it is not kept; None, and a warning in the log, where it cannot be compiled.

        Args:
            source: complete.
            names: of the terms, for the log.
            check: raises a ProblemError if fresh code gives other numbers than torch.

        Raises:
            ProblemError: it does.
            StorageError: the disk is full.
            MemoryError: the compiler was killed.
        """
        try:
            return self._library(source, names, check)
        except subprocess.CalledProcessError as error:
            _blame_the_machine(error.returncode, error.stderr, self.folder)
            reason = next((line for line in error.stderr.splitlines() if "error" in line), f"{error.cmd[0]} fails")
        except (NotCompilable, OSError, StorageError) as error:
            _blame_the_machine(0, str(error), self.folder)
            reason = str(error)
        log.warning("the terms %s are not compiled (%s): they run slower", names, reason[:200])
        return None

    def _library(self, source: str, names: str, check: Check) -> ctypes.CDLL:
        compiler = _compiler()
        made_by = [path.read_text(encoding="utf-8") for path in sorted(_FOLDER.glob("*.hpp"))]
        made_from = [source, *_FLAGS, _machine(compiler, architecture())]
        name = hashlib.sha256("\0".join(made_by + made_from).encode()).hexdigest()[:24]
        path = self.folder / f"{name}.so"
        with _locked(path):
            if not path.exists():
                log.info("compiling the terms %s; the code is kept in %s", names, self.folder)
                _build(compiler, source, path, check)
        return load(path)


def _blame_the_machine(code: int, text: str, folder: Path) -> None:
    """Raise where code is missing for want of space or memory: what runs without it has other last digits than what runs next time with it."""
    if "No space left" in text:
        raise StorageError(
            f"{folder}: the losses cannot be compiled (No space left on device); free space, there and in TMPDIR"
        )
    if code < 0 or "Killed signal" in text:
        raise MemoryError("the compiler was killed; `engine.compile: never` does without it")


def _build(compiler: str, source: str, path: Path, check: Check) -> None:
    with atomic.replacing(path) as unfinished:
        command = [compiler, *_FLAGS, f"-march={architecture()}", f"-I{_FOLDER}", "-x", "c++", "-", "-o", str(unfinished)]
        subprocess.run(command, input=source, capture_output=True, text=True, encoding="utf-8", errors="replace", check=True)
        check(load(unfinished))


def _compiler() -> str:
    """The C++ compiler: the environment's ``CXX``, or the first of the usual ones.

    Raises:
        NotCompilable: there is none.
    """
    candidates = [os.environ.get("CXX") or "c++", "g++", "clang++"]
    found = next((path for path in map(shutil.which, candidates) if path), None)
    if found is None:
        raise NotCompilable("no C++ compiler found; g++ or clang++ would do")
    return found


@cache
def _machine(compiler: str, architecture: str) -> str:
    """The compiler's version and what it knows of the instruction set."""
    macros = [compiler, f"-march={architecture}", "-dM", "-E", "-x", "c++", "-"]
    return subprocess.run(
        macros, input="", capture_output=True, text=True, encoding="utf-8", errors="replace", check=True
    ).stdout


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """One process at a time makes a file; the lock goes with the process, however that ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_suffix(".lock").open("w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def load(path: Path) -> ctypes.CDLL:
    """The functions of a compiled file."""
    found = ctypes.CDLL(str(path.resolve()))
    found.lanes.restype = ctypes.c_long
    for name in ("measure", "loss", "gradients", "products"):
        getattr(found, name).restype = None
    return found
