"""Compiled groups of terms: made once for each group, network and machine, kept in a folder that processes may share."""

import ctypes
import hashlib
import logging
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

from pinnscape.files.machine import architecture
from pinnscape.losses.native import build
from pinnscape.losses.native.build import Compiler
from pinnscape.losses.native.generate import NotCompilable

log = logging.getLogger(__name__)
Check = Callable[[ctypes.CDLL], None]

_FOLDER = Path(__file__).parent
_HEADERS = ("vector.hpp", "elementary.hpp", "linear.hpp", "pass.hpp", "terms.hpp")


def library(compiler: Compiler, source: str, names: str, check: Check) -> ctypes.CDLL | None:
    """The code of a group, compiled if it is not there; None, and a warning in the log, where it cannot be compiled.

    Args:
        compiler: with the folder in which code is kept.
        source: complete.
        names: of the terms, for the log.
        check: raises a ProblemError if fresh code gives other numbers than torch.

    Raises:
        ProblemError: it does.
        StorageError: the disk is full.
        MemoryError: the compiler was killed.
    """
    try:
        return _library(compiler, source, names, check)
    except subprocess.CalledProcessError as error:
        build._blame_the_machine(error.returncode, error.stderr, compiler.folder)
        reason = next((line for line in error.stderr.splitlines() if "error" in line), f"{error.cmd[0]} fails")
    except (NotCompilable, OSError) as error:
        build._blame_the_machine(0, str(error), compiler.folder)
        reason = str(error)
    log.warning("the terms %s are not compiled (%s): they run slower", names, reason[:200])
    return None


def _library(compiler: Compiler, source: str, names: str, check: Check) -> ctypes.CDLL:
    program = build._compiler()
    made_by = [(_FOLDER / header).read_text(encoding="utf-8") for header in _HEADERS]
    made_from = [source, *build._FLAGS, build._machine(program, architecture())]
    name = hashlib.sha256("\0".join(made_by + made_from).encode()).hexdigest()[:24]
    path = compiler.folder / f"{name}.so"
    with build._locked(path):
        if not path.exists():
            log.info("compiling the terms %s; the code is kept in %s", names, compiler.folder)
            _build(program, source, path, check)
    return load(path)


def _build(program: str, source: str, path: Path, check: Check) -> None:
    temporary = path.with_name(f"{path.stem}.{os.getpid()}.so")
    try:
        command = [program, *build._FLAGS, f"-march={architecture()}", f"-I{_FOLDER}", "-x", "c++", "-", "-o", str(temporary)]
        subprocess.run(command, input=source, capture_output=True, text=True, encoding="utf-8", errors="replace", check=True)
        check(load(temporary))
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def load(path: Path) -> ctypes.CDLL:
    """The functions of a compiled file."""
    found = ctypes.CDLL(str(path.resolve()))
    found.lanes.restype = ctypes.c_long
    for name in ("measure", "loss", "gradients", "products"):
        getattr(found, name).restype = None
    return found
