"""What is known of a module before the first job. The result is kept, so that later runs do not import torch."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from pinnscape.common.errors import StorageError
from pinnscape.config.sections import Module
from pinnscape.files import atomic
from pinnscape.files.provenance import digest, hashed
from pinnscape.models.known import Known
from pinnscape.models.registry import file_of

_FOLDER = Path(".cache/models")  # relative to the folder of the study
_PACKAGE = Path(__file__).parents[1]


Weights = Mapping[tuple[str, int], Sequence[Path]]


def inspect(settings: Module, seeds: Sequence[int], weights: Weights) -> Known:
    """What is known of a module, after a check that all trained weights fit it.

    Args:
        settings: the settings of the case.
        seeds: seeds of the study.
        weights: files of trained weights by run.

    Raises:
        ModelError: the file of the module or trained weights cannot be used.
    """
    file = file_of(settings.module)
    kept = _FOLDER / f"{hashed(_about(settings, file, seeds, weights))}.json" if file.is_file() else None
    return _read(kept) or _inspected(settings, seeds, kept)


def _about(settings: Module, file: Path, seeds: Sequence[int], weights: Weights) -> list[Any]:
    """Everything on which the result depends."""
    own, path = _PACKAGE / "losses/model_file.py", file.resolve()
    code = digest([own, path], (_PACKAGE, path.parent))
    files = [[str(path), path.stat().st_size, path.stat().st_mtime_ns] for paths in weights.values() for path in paths]
    content = hashlib.sha256(path.read_bytes()).hexdigest()  # the digest is not computed again within a process
    return [code, content, settings.plain(), list(seeds), files]


def _read(kept: Path | None) -> Known | None:
    try:
        return None if kept is None else Known.of(json.loads(kept.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def _inspected(settings: Module, seeds: Sequence[int], kept: Path | None) -> Known:
    from pinnscape.losses.model_file import inspected  # here, because it imports torch

    found = inspected(settings, seeds)
    if kept is not None:
        with suppress(OSError, StorageError):  # the next run inspects the module again
            kept.parent.mkdir(parents=True, exist_ok=True)
            with atomic.replacing(kept) as unfinished:
                unfinished.write_text(json.dumps(found.plain()), encoding="utf-8")
    return found
