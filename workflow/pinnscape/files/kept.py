"""What SymPy derives, kept as text: importing SymPy and deriving takes a second of every job, reading a file takes none."""

import hashlib
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pinnscape.common.errors import StorageError
from pinnscape.files import atomic


@dataclass(frozen=True)
class Kept:
    """A memory of derivations, in a folder that processes may share.

    Attributes:
        folder: of the files, which is made when needed; None for a memory of this process alone.
        key: digest of all that derivations depend on besides their names, such as code and versions.
    """

    folder: Path | None
    key: str
    _memory: dict[str, Any] = field(default_factory=dict, compare=False)

    def get(self, name: str, make: Callable[[], Any]) -> Any:
        """The result of ``make``, in values of JSON; from memory or from a file if it has been made before."""
        if name not in self._memory:
            path = None if self.folder is None else self.folder / f"{_checksum([self.key, name])[:24]}.json"
            found = None if path is None else _read(path)
            if found is None:
                found = make()
                if path is not None:
                    _write(path, found)
            self._memory[name] = found
        return self._memory[name]


def made(kept: Kept | None, name: str, make: Callable[[], Any]) -> Any:
    """The result of ``make``, kept where there is a memory."""
    return make() if kept is None else kept.get(name, make)


def _read(path: Path) -> Any:
    """The contents of a file; None where it is missing or damaged."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        stored = json.loads(path.read_text(encoding="utf-8"))
        if stored["sha256"] == _checksum(stored["kept"]):
            return stored["kept"]
    return None


def _write(path: Path, kept: Any) -> None:
    """Write atomically; a folder that cannot be written to costs time and nothing else."""
    with suppress(StorageError), atomic.replacing(path) as unfinished:
        unfinished.write_text(json.dumps({"sha256": _checksum(kept), "kept": kept}), encoding="utf-8")


def _checksum(kept: Any) -> str:
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()
