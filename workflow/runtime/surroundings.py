"""What surrounds a study and must not decide what comes of it: the folder's name, the user's home, and how --config hands on text."""

import contextlib
import os
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any

# The words for true and false of YAML 1.1, which config.yaml is read as.
_WORDS = {word: value for value, words in ((True, "true yes on"), (False, "false no off")) for word in words.split()}


def unusable(folder: str) -> str | None:
    """One line about a name of the project's folder with which nothing can work, and what to do; None for all others."""
    name = os.fsencode(folder).decode("utf-8", "surrogateescape")  # whatever the locale
    if "\\" in name:
        return f"{name}: the NetCDF library opens no file below a folder whose name holds a backslash; rename it"
    if os.pathsep in name:
        return f"{name}: Python finds no module below a folder whose name holds a colon; rename it"
    if not name.isprintable():
        return f"{name!r}: its name holds a line break, a tab or bytes that are no UTF-8, which shells and libraries take apart; rename it"
    return None


def for_jobs(workflow: Path, caches: Path, environment: MutableMapping[str, str]) -> None:
    """Set what jobs inherit: Python finds the library, names of files are UTF-8 whatever the locale, and the home need not be writable.

    Scripts of Snakemake import modules of their own folder only: https://github.com/snakemake/snakemake/issues/956; 6 to 9.27.1 at least.

    Args:
        workflow: folder of ``pinnscape`` and ``runtime``.
        caches: folder for the caches of libraries where the home has no room for them.
        environment: of this process.
    """
    there = [path for path in environment.get("PYTHONPATH", "").split(os.pathsep) if path and path != str(workflow)]
    environment["PYTHONPATH"] = os.pathsep.join([str(workflow), *there])
    environment["PYTHONUTF8"] = "1"
    home = environment.get("HOME", "")
    for name, default in (("XDG_CACHE_HOME", ".cache"), ("MPLCONFIGDIR", ".config")):
        if name not in environment and not (os.path.isabs(home) and _writable(Path(home) / default)):
            environment[name] = str(caches.absolute())


def _writable(path: Path) -> bool:
    there = next(folder for folder in (path, *path.parents) if folder.exists())
    return os.access(there, os.W_OK | os.X_OK)


def read_as_yaml(given: Any) -> Any:
    """What --config hands on, with text that is a number or a truth value in YAML as such: Snakemake knows but ``True`` and ``False``, and nothing within {...}."""
    if isinstance(given, Mapping):
        return {key: read_as_yaml(value) for key, value in given.items()}
    if isinstance(given, list):
        return [read_as_yaml(value) for value in given]
    if not isinstance(given, str) or not given.isascii():
        return given
    for number in (int, float):
        with contextlib.suppress(ValueError):
            return number(given)
    return _WORDS.get(given.lower(), given)


def put(given: Mapping[str, Any], config: MutableMapping[str, Any]) -> None:
    """Write each value of ``given`` to its place in ``config``."""
    for key, value in given.items():
        if isinstance(value, Mapping) and isinstance(config.get(key), MutableMapping):
            put(value, config[key])
        else:
            config[key] = value
