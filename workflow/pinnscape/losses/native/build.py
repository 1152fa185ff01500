"""Compilation of native code, once for each group of terms, network and type of machine.

Compiled files are cached in a folder that several processes may share.
"""

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
# -ffast-math is not used because it would change the order of sums and the treatment of NaN. -w suppresses warnings about
# unused variables in generated code. -fvisibility=hidden: constants of generated types have the same names in all libraries; if
# they were visible, all libraries would use those of the library that was loaded first.
_FLAGS = ("-std=c++17", "-O3", "-ffp-contract=fast", "-fPIC", "-shared", "-fvisibility=hidden", "-w")
# Measured times in seconds: a compilation; an evaluation by torch regardless of its size; and its additional time per weight,
# point and stream.
_COMPILE_SECONDS, _EVALUATION_SECONDS, _WEIGHT_SECONDS = 3.0, 1.5e-3, 2e-9


class Compiler:
    """Compiler of terms, with a cache folder.

    Args:
        folder: folder of the compiled files; created when needed.
        evaluations: expected number of evaluations of losses or derivatives. Terms for which torch would need less time for all
            of them than a compilation takes are not compiled. If None, all terms are compiled.
    """

    def __init__(self, folder: Path, evaluations: float | None = None) -> None:
        self.folder, self._evaluations = folder, evaluations

    def pays(self, weights: int) -> bool:
        """Whether compiling saves time, estimated from sizes only, so that the answer is the same in every run.

        Args:
            weights: size of an evaluation: number of parameters times number of points times number of streams.
        """
        if self._evaluations is None:
            return True
        return self._evaluations * (_EVALUATION_SECONDS + _WEIGHT_SECONDS * weights) > _COMPILE_SECONDS

    def library(self, source: str, names: str, check: Check) -> ctypes.CDLL | None:
        """The compiled code of a group of terms, from the cache or newly compiled.

        Args:
            source: C++ source code.
            names: names of the terms, for the log.
            check: function that is called with newly compiled code and raises a ProblemError if its results differ from
                torch's.

        Returns:
            The loaded library; None, with a warning in the log, if the code cannot be compiled.

        Raises:
            ProblemError: ``check`` has failed.
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
    """Raise an error if the compilation failed because the disk is full or memory was exhausted.

    Falling back to torch would make results irreproducible: their last digits differ from those of native code, which may be
    available in the next run.

    Args:
        code: exit code of the compiler.
        text: message of the compiler or of the system.
        folder: folder of the compiled files.

    Raises:
        StorageError: the disk is full.
        MemoryError: the compiler was killed.
    """
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
    """Path of the C++ compiler: the environment variable ``CXX`` or the first of c++, g++ and clang++.

    Raises:
        NotCompilable: no compiler is found.
    """
    candidates = [os.environ.get("CXX") or "c++", "g++", "clang++"]
    found = next((path for path in map(shutil.which, candidates) if path), None)
    if found is None:
        raise NotCompilable("no C++ compiler found; g++ or clang++ would do")
    return found


@cache
def _machine(compiler: str, architecture: str) -> str:
    """The predefined macros of the compiler, which identify its version and the instruction set."""
    macros = [compiler, f"-march={architecture}", "-dM", "-E", "-x", "c++", "-"]
    return subprocess.run(
        macros, input="", capture_output=True, text=True, encoding="utf-8", errors="replace", check=True
    ).stdout


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Lock a file, so that only one process compiles it; the system releases the lock when the process ends in any way."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_suffix(".lock").open("w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def load(path: Path) -> ctypes.CDLL:
    """Load a compiled file and declare the return types of its functions."""
    found = ctypes.CDLL(str(path.resolve()))
    found.lanes.restype = ctypes.c_long
    for name in ("measure", "loss", "gradients", "products"):
        getattr(found, name).restype = None
    return found
