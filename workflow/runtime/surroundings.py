"""Surroundings that must not affect a study: the name of its folder, the home of the user, and the parsing of --config."""

import contextlib
import os
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any

# The words for true and false in YAML 1.1, the format of config.yaml.
_WORDS = {word: value for value, words in ((True, "true yes on"), (False, "false no off")) for word in words.split()}


def unusable(folder: str) -> str | None:
    """One line about an unusable name of the project folder, with a remedy; None for a usable name."""
    name = os.fsencode(folder).decode("utf-8", "surrogateescape")  # independently of the locale
    if "\\" in name:
        return f"{name}: the NetCDF library cannot open files below a folder with a backslash in its name; rename it"
    if os.pathsep in name:
        return f"{name}: Python cannot find modules below a folder with a colon in its name; rename it"
    if not name.isprintable():
        return f"{name!r}: control characters or invalid UTF-8 in a name break shells and libraries; rename it"
    return None


def for_jobs(workflow: Path, caches: Path, environment: MutableMapping[str, str]) -> None:
    """Set environment variables of the jobs: the module path, UTF-8 in all locales, and writable folders for caches.

    Scripts of Snakemake can import modules only from their own folder (https://github.com/snakemake/snakemake/issues/956; at
    least Snakemake 6 to 9.27.1).

    Args:
        workflow: folder of ``pinnscape`` and ``runtime``.
        caches: folder for the caches of libraries if the home is not writable.
        environment: environment variables of this process.
    """
    others = [path for path in environment.get("PYTHONPATH", "").split(os.pathsep) if path and path != str(workflow)]
    environment["PYTHONPATH"] = os.pathsep.join([str(workflow), *others])
    environment["PYTHONUTF8"] = "1"
    home = environment.get("HOME", "")
    for name, default in (("XDG_CACHE_HOME", ".cache"), ("MPLCONFIGDIR", ".config")):
        if name not in environment and not (os.path.isabs(home) and _writable(Path(home) / default)):
            environment[name] = str(caches.absolute())


def _writable(path: Path) -> bool:
    existing = next(folder for folder in (path, *path.parents) if folder.exists())
    return os.access(existing, os.W_OK | os.X_OK)


def read_as_yaml(given: Any) -> Any:
    """The values of --config, with texts converted to numbers and truth values as in YAML.

    Snakemake itself converts only ``True`` and ``False``, and nothing within {...}.
    """
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
