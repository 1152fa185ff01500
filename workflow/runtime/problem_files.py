"""The files of problems that do not belong to the library, as members of the archive of a study."""

import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from pinnscape.files.provenance import imports
from pinnscape.problems.loader import file_of
from runtime.archive import is_safe


def collected(config: Mapping[str, Any]) -> tuple[dict[str, Path], dict[str, Any]]:
    """The files, with the modules beside them that they import, by their names in an archive.

    A path within the folder of the study is kept. Any other path of a case becomes ``problems/{number}/{file}``.

    Args:
        config: a complete configuration.

    Returns:
        The files by name, and the configuration in which the names take the place of the paths.
    """
    members: dict[str, Path] = {}
    cases: dict[str, Any] = {}
    numbers: dict[str, int] = {}
    for case, settings in config["cases"].items():
        path, colon, wanted = str(settings.get("problem", "")).partition(":")
        cases[case] = settings
        if path.endswith(".py"):
            name = path if is_safe(path) else _outside(path, numbers)
            cases[case] = {**settings, "problem": f"{name}{colon}{wanted}"}
            members |= _with_imports(name, file_of(path))
    for sweep in config.get("sweeps", {}).values():  # whose values are parts of names of cases, and cannot change
        for path in (str(value).partition(":")[0] for value in sweep["values"] if sweep["vary"] == "problem"):
            if path.endswith(".py") and is_safe(path):
                members |= _with_imports(path, file_of(path))
    return members, {**config, "cases": cases}


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
