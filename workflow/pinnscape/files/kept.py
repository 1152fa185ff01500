"""A cache of symbolic derivations in files, because the import of SymPy and the derivations would take a second in each job."""

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
    """A cache of derivations in memory and in a folder, which several processes may share.

    Attributes:
        folder: folder of the files, which is created if necessary; None for a cache in memory only.
        key: digest of everything on which the derivations depend besides their names, such as code and versions.
    """

    folder: Path | None
    key: str
    _memory: dict[str, Any] = field(default_factory=dict, compare=False)

    def get(self, name: str, make: Callable[[], Any]) -> Any:
        """The result of a derivation, from the cache or, if it is not there, by calling ``make``.

        Args:
            name: name of the derivation.
            make: the derivation; its result must consist of JSON values.
        """
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
    """The result of a derivation, cached if there is a cache; see ``Kept.get``."""
    return make() if kept is None else kept.get(name, make)


def _read(path: Path) -> Any:
    """The content of a file; None if it is missing or damaged."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        stored = json.loads(path.read_text(encoding="utf-8"))
        if stored["sha256"] == _checksum(stored["kept"]):
            return stored["kept"]
    return None


def _write(path: Path, kept: Any) -> None:
    """Write a file atomically. If that is impossible, nothing is cached, which only costs time."""
    with suppress(StorageError), atomic.replacing(path) as unfinished:
        unfinished.write_text(json.dumps({"sha256": _checksum(kept), "kept": kept}), encoding="utf-8")


def _checksum(kept: Any) -> str:
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()
