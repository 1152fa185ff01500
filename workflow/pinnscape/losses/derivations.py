"""What SymPy derives from a problem's energy density, kept as text: importing SymPy and deriving takes a second of every job, reading a file none.

Only problems of this package are kept, under a hash of their code and parameters; what is defined in a notebook is derived anew each time.
"""

import hashlib
import json
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from importlib import metadata
from pathlib import Path

from pinnscape.common.errors import StorageError
from pinnscape.files import atomic
from pinnscape.files.provenance import digest
from pinnscape.losses.native.generate import NotCompilable, functions
from pinnscape.problems.base import Problem
from pinnscape.problems.euler_lagrange import EulerLagrange, Source

_PACKAGE = Path(__file__).parents[1]
_MADE_BY = (_PACKAGE / "problems" / "euler_lagrange.py", _PACKAGE / "losses" / "native" / "generate.py")
Kept = dict[str, str | bool]


def operator(problem: Problem, folder: Path | None = None) -> EulerLagrange:
    """EL[e] of a problem, as ``EulerLagrange`` makes it.

    Args:
        problem: with its parameters as attributes.
        folder: in which derivations are kept, if any.
    """
    size = problem.dimension, len(problem.components)

    def make() -> Kept:
        found = EulerLagrange(problem.density, *size).source
        return {} if found is None else {"isotropic": found.isotropic, "text": found.text}

    key = _key(problem)
    if key is None:
        return EulerLagrange(problem.density, *size)
    kept = _kept(folder, f"{key}-operator", make)
    return EulerLagrange(problem.density, *size, Source(bool(kept["isotropic"]), str(kept["text"])) if kept else None)


def code(problem: Problem, made: EulerLagrange, folder: Path | None = None) -> str:
    """Energy density, residual and their derivatives as C++, as ``native.generate.functions`` writes them.

    Args:
        problem: as for ``operator``.
        made: its operator.
        folder: in which derivations are kept, if any.

    Raises:
        NotCompilable: there is no such code.
    """

    def make() -> Kept:
        if made.expressions is None:
            return {"reason": "its energy density cannot be differentiated by hand"}
        try:
            return {"code": functions(made.expressions, problem)}
        except NotCompilable as error:
            return {"reason": str(error)}

    key = _key(problem)
    kept = make() if key is None else _kept(folder, f"{key}-code", make)
    if "reason" in kept:
        raise NotCompilable(kept["reason"])
    return str(kept["code"])


def _key(problem: Problem) -> str | None:
    """A hash of all that a derivation depends on; None where that is not known."""
    file = getattr(sys.modules.get(type(problem).__module__), "__file__", None)
    if file is None or not Path(file).is_relative_to(_PACKAGE):
        return None
    made_from = type(problem).__qualname__, sorted(vars(problem).items()), metadata.version("sympy")
    return hashlib.sha256(repr((_modules(file), made_from)).encode()).hexdigest()[:24]


@lru_cache
def _modules(file: str) -> str:
    """Digest of the problem's module, of what derives, and of all that they import of this package: beside it may lie every other one."""
    return digest([Path(file), *_MADE_BY], (_PACKAGE,))


_MEMORY: dict[str, Kept] = {}


def _kept(folder: Path | None, name: str, make: Callable[[], Kept]) -> Kept:
    """What ``make`` gives, from memory or from a file if it has been made before."""
    if name not in _MEMORY:
        path = None if folder is None else folder / f"{name}.json"
        found = None if path is None else _read(path)
        if found is None:
            found = make()
            if path is not None:
                _write(path, found)
        _MEMORY[name] = found
    return _MEMORY[name]


def _read(path: Path) -> Kept | None:
    """The contents of a file; None where it is missing or damaged."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        stored = json.loads(path.read_text(encoding="utf-8"))
        if stored["sha256"] == _checksum(stored["kept"]):
            return stored["kept"]
    return None


def _write(path: Path, kept: Kept) -> None:
    """Atomically; a folder that cannot be written to costs time, no more."""
    with suppress(StorageError), atomic.replacing(path) as unfinished:
        unfinished.write_text(json.dumps({"sha256": _checksum(kept), "kept": kept}), encoding="utf-8")


def _checksum(kept: Kept) -> str:
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()
