"""Files of problems and modules that do not belong to the library, and trained weights, as members of the archive of a study."""

import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from pinnscape.common.user_files import located
from pinnscape.files.provenance import imports
from pinnscape.models.patterns import find
from pinnscape.problems.loader import file_of
from runtime.archive import is_safe


def collected(config: Mapping[str, Any]) -> tuple[dict[str, Path], dict[str, Any]]:
    """The files, with the modules beside them that they import, by their names in an archive.

    A path within the folder of the study is kept. Any other path of a case becomes ``problems/{number}/{file}``, and any other
    pattern of trained weights becomes ``weights/{case}/``, followed by the part of the pattern that begins with the first placeholder.

    Args:
        config: a complete configuration.

    Returns:
        The files by name, and the configuration in which the names take the place of the paths.
    """
    members: dict[str, Path] = {}
    cases: dict[str, Any] = {}
    numbers: dict[str, int] = {}
    for case, settings in config["cases"].items():
        key = "module" if "module" in settings else "problem"
        path, colon, wanted = str(settings.get(key, "")).partition(":")
        cases[case] = settings
        if path.endswith(".py"):
            name = path if is_safe(path) else _outside(path, numbers)
            cases[case] = {**settings, key: f"{name}{colon}{wanted}"}
            members |= _with_imports(name, located(path))
        if pattern := settings.get("checkpoints"):
            found, own = _weights(pattern, case)
            cases[case] = {**cases[case], "checkpoints": own}
            members |= found
    for sweep in config.get("sweeps", {}).values():  # whose values are parts of names of cases, and cannot change
        for path in (str(value).partition(":")[0] for value in sweep["values"] if sweep["vary"] == "problem"):
            if path.endswith(".py") and is_safe(path):
                members |= _with_imports(path, file_of(path))
    return members, {**config, "cases": cases}


def _weights(pattern: str, case: str) -> tuple[dict[str, Path], str]:
    """The trained weights of a case by their names in an archive, and the pattern that matches these names."""
    saved = find(pattern)
    if all(is_safe(str(each.path)) for each in saved):
        return {str(each.path): each.path for each in saved}, pattern
    # The folders before the first placeholder are replaced, because they may lie outside that of the study.
    start = re.split(r"[*{]", pattern, maxsplit=1)[0].rpartition("/")[0]
    cut = len(str(Path(start))) + 1 if start else 0
    return {
        f"weights/{case}/{str(each.path)[cut:]}": each.path for each in saved
    }, f"weights/{case}/{pattern[len(start) + bool(start) :]}"


def _outside(path: str, numbers: dict[str, int]) -> str:
    number = numbers.setdefault(path, len(numbers) + 1)
    return f"problems/{number}/{re.sub(r'[^A-Za-z0-9_]', '_', Path(path).stem)}.py"


def _with_imports(name: str, file: Path) -> dict[str, Path]:
    """A file, and the modules in its folder that it imports, directly or indirectly."""
    file = file.resolve()
    found, queue = {file}, [file]
    while queue:
        new = imports(queue.pop(), (file.parent,)) - found
        found |= new
        queue += new
    folder = PurePosixPath(name).parent
    return {name: file} | {(folder / path.relative_to(file.parent)).as_posix(): path for path in found - {file}}
