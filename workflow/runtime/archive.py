"""Archives of a study: zip files with the results, the files that produced them, and a manifest.

Equal contents give bitwise equal archives.
"""

import hashlib
import os
import re
import stat
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import IO

from pinnscape.common.errors import StorageError
from pinnscape.files import atomic

MANIFEST = "manifest.sha256"  # in the format of `sha256sum`
CONFIGURATION = "config.yaml"
VERSIONS = "versions.json"

_DATE = (1980, 1, 1, 0, 0, 0)  # the earliest date in the zip format
_BLOCK = 1 << 20
_LARGEST_TEXT = 1 << 26  # largest size in bytes of a manifest, configuration or list of versions; far above that of any study
# Relative paths without backslashes, drives, or components that begin with a dot.
_SAFE = re.compile(r"(?:[A-Za-z0-9_-][\w.+-]*/)*[A-Za-z0-9_-][\w.+-]*", re.ASCII)
_LINE = re.compile(r"([0-9a-f]{64})  (.+)")
# Exceptions that `zipfile` raises for damaged members.
_DAMAGES = (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, NotImplementedError, ValueError)


@dataclass(frozen=True)
class Contents:
    """The result of comparing an archive with its manifest.

    Attributes:
        names: members that the manifest lists, in its order.
        missing: listed members that the archive does not contain.
        changed: listed members with different content or that cannot be read.
        extra: members that the manifest does not list.
    """

    names: tuple[str, ...]
    missing: tuple[str, ...]
    changed: tuple[str, ...]
    extra: tuple[str, ...]

    @property
    def sound(self) -> bool:
        """Whether the archive contains exactly the members that its manifest lists, unchanged."""
        return not (self.missing or self.changed or self.extra)


def write(path: str | Path, members: Mapping[str, Path | bytes]) -> None:
    """Write an archive with a manifest of its members, atomically and block by block.

    Members are stored without compression, because NetCDF files and figures are already compressed and because the archive must
    not depend on the version of a compression library.

    Args:
        path: path of the archive.
        members: path or content of each member, by its name in the archive.

    Raises:
        StorageError: a member cannot be read, or the archive cannot be written or does not read back as it was written.
    """
    path = Path(path)
    for name in members:
        if not is_safe(name) or name == MANIFEST:
            raise StorageError(
                f"{name}: cannot be a member of an archive; use letters, digits, hyphens and underscores in its name"
            )
    with atomic.replacing(path) as unfinished:
        with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_STORED) as archive:
            digests = {name: _add(archive, name, members[name]) for name in sorted(members)}
            _add(archive, MANIFEST, "".join(f"{digest}  {name}\n" for name, digest in digests.items()).encode())
        if not check(unfinished).sound:
            raise StorageError(f"{path}: the archive does not read back as it was written; check the disk and its free space")


def is_safe(name: str) -> bool:
    """Whether a name is that of a member: a relative path without special characters that leads nowhere else."""
    return bool(_SAFE.fullmatch(name))


def check(path: str | Path) -> Contents:
    """Compare an archive with its manifest, without unpacking it.

    Raises:
        StorageError: the file is not an archive of pinnscape, is truncated, or has members that would be unpacked outside the
            folder.
    """
    with _opened(path) as archive:
        present = _names(archive, path)
        listed = _manifest(archive, present, path)
        missing = tuple(name for name in listed if name not in present)
        changed = tuple(name for name in listed if name in present and _digest(archive, name) != listed[name])
        extra = tuple(sorted(present - set(listed) - {MANIFEST}))
    return Contents(tuple(listed), missing, changed, extra)


def text(path: str | Path, name: str) -> str:
    """The text of a short member of an archive that passed ``check``."""
    with _opened(path) as archive:
        return _short(archive, name, path)


def extract(path: str | Path, name: str, target: Path) -> None:
    """Copy a member of an archive that passed ``check`` to the file ``target``."""
    try:
        with _opened(path) as archive, archive.open(name) as source, target.open("wb") as file:
            for block in _blocks(source):
                file.write(block)
    except _DAMAGES as error:
        raise StorageError(f"{path}: {name} cannot be unpacked to {target} ({error})") from error


def _add(archive: zipfile.ZipFile, name: str, content: Path | bytes) -> str:
    """Add a member and return its digest. Only the content of the file is stored, no metadata."""
    try:
        source: IO[bytes] = BytesIO(content) if isinstance(content, bytes) else content.open("rb")
    except OSError as error:
        raise StorageError(f"{content}: cannot be read ({error.strerror}); delete it and run `snakemake` again") from error
    with source:
        info = zipfile.ZipInfo(name, _DATE)
        info.create_system, info.external_attr = 3, (stat.S_IFREG | 0o644) << 16  # the same on every system
        info.file_size = len(content) if isinstance(content, bytes) else os.fstat(source.fileno()).st_size
        digest = hashlib.sha256()
        with archive.open(info, "w") as target:
            for block in _blocks(source):
                digest.update(block)
                target.write(block)
    return digest.hexdigest()


def _blocks(source: IO[bytes]) -> Iterator[bytes]:
    while block := source.read(_BLOCK):
        yield block


def _opened(path: str | Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except FileNotFoundError:
        raise StorageError(f"{path}: no such file; `snakemake archive` makes results/archive.zip") from None
    except _DAMAGES as error:
        raise StorageError(f"{path}: not a readable zip file (truncated or of another format)") from error


def _names(archive: zipfile.ZipFile, path: str | Path) -> set[str]:
    """Names of the members without folders, which other programs add."""
    names = [info.filename for info in archive.infolist() if not (info.is_dir() and _SAFE.fullmatch(info.filename[:-1]))]
    unsafe = next((name for name in names if not _SAFE.fullmatch(name)), None)
    if unsafe is not None:
        raise StorageError(f"{path}: has a member named {unsafe[:80]!r}, unlike archives of pinnscape; do not unpack it")
    twice = next((name for name, following in zip(sorted(names), sorted(names)[1:], strict=False) if name == following), None)
    if twice is not None:
        raise StorageError(f"{path}: has two members named {twice!r}; do not unpack it")
    return set(names)


def _manifest(archive: zipfile.ZipFile, present: set[str], path: str | Path) -> dict[str, str]:
    """Digests of the listed members by name."""
    if MANIFEST not in present:
        raise StorageError(f"{path}: a zip file, but not an archive of pinnscape (it has no {MANIFEST})")
    matches = [_LINE.fullmatch(line) for line in _short(archive, MANIFEST, path).splitlines()]
    listed = {match[2]: match[1] for match in matches if match}
    if len(listed) < len(matches) or not {CONFIGURATION, VERSIONS} <= listed.keys() or not all(map(_SAFE.fullmatch, listed)):
        raise StorageError(f"{path}: its {MANIFEST} is damaged or from another program")
    return listed


def _short(archive: zipfile.ZipFile, name: str, path: str | Path) -> str:
    try:
        if archive.getinfo(name).file_size > _LARGEST_TEXT:
            raise ValueError("it is too large")
        return archive.read(name).decode()
    except (*_DAMAGES, KeyError) as error:
        raise StorageError(f"{path}: its {name} cannot be read ({error})") from error


def _digest(archive: zipfile.ZipFile, name: str) -> str | None:
    """SHA-256 of a member; None if it cannot be read."""
    digest = hashlib.sha256()
    try:
        with archive.open(name) as source:
            for block in _blocks(source):
                digest.update(block)
    except _DAMAGES:
        return None
    return digest.hexdigest()
