"""The checksum footer of a file: a last line with the conventions of the file and the SHA-256 of all bytes before this line.

The first bytes of an HDF5 file give its length, so programs that open NetCDF files ignore the footer. The footer is verified
without HDF5, because the checksums of HDF5 do not cover attributes and most metadata, and because damaged metadata can crash
HDF5.
"""

import hashlib
import os
import re
from pathlib import Path
from typing import BinaryIO

_FOOTER = re.compile(rb"\n(pinnscape-\d{1,9}) sha256 ([0-9a-f]{64})\n\Z")
_LONGEST = 128  # largest length of a footer in bytes
_NAMED = re.compile(rb"pinnscape-\d{1,9}")
_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_LENGTH_AT = {
    0: 40,
    1: 44,
    2: 28,
    3: 28,
}  # position of the length of the file, by version of the superblock (HDF5 file format, II.A)
_CHUNK = 1 << 20


def append(path: Path, conventions: str) -> None:
    """Append the footer to a file.

    Args:
        path: the file, complete and closed.
        conventions: name of the conventions, such as ``pinnscape-3``.

    Raises:
        OSError: the file cannot be read or written.
    """
    with path.open("r+b") as handle:
        digest = _digest(handle, path.stat().st_size)
        handle.seek(0, os.SEEK_END)
        handle.write(_line(conventions, digest))


def length(conventions: str) -> int:
    """Length of the footer in bytes."""
    return len(_line(conventions, "0" * 64))


def fault(path: Path, conventions: str) -> str | None:
    """Check a file by its bytes, without opening it as NetCDF.

    Args:
        path: the file.
        conventions: expected conventions of the file.

    Returns:
        A description of the fault, to follow the name of the file; None if the file is byte for byte as it was written.

    Raises:
        OSError: the file cannot be read.
    """
    length = path.stat().st_size
    with path.open("rb") as handle:
        handle.seek(max(0, length - _LONGEST))
        footer = _FOOTER.search(handle.read())
        handle.seek(0)
        if not footer:
            return _without(handle, length, conventions)
        if footer[1].decode() != conventions:
            return _other(footer[1].decode(), conventions)
        if _digest(handle, length - len(footer[0])) != footer[2].decode():
            return "changed since it was written (the SHA-256 of its bytes is not the one in its last line)"
    return None


def _line(conventions: str, digest: str) -> bytes:
    return f"\n{conventions} sha256 {digest}\n".encode()


def _without(handle: BinaryIO, length: int, conventions: str) -> str:
    """The likely reason why a file has no footer. The file is refused in any case; the reason is for the message only."""
    head = handle.read(64)
    if not head:
        return "an empty file"
    if head.startswith((b"CDF\x01", b"CDF\x02", b"CDF\x05")):
        return "not a file of pinnscape, but a classic NetCDF file"
    if not (head.startswith(_SIGNATURE) or _SIGNATURE.startswith(head)):
        return "not a NetCDF-4 file (written by another program, or damaged at its beginning)"
    at = _LENGTH_AT.get(head[8] if len(head) > 8 else -1, 28)
    full = int.from_bytes(head[at : at + 8], "little")
    if length < at + 8:
        return f"not a readable NetCDF file (truncated: only {length} bytes are left)"
    if length < full:
        return f"not a readable NetCDF file (truncated: {length} of {full} bytes are left)"
    handle.seek(0)
    named = _first_named(handle)
    if named is None:
        return "not a file of pinnscape, but another NetCDF-4 or HDF5 file"
    if named != conventions:
        return _other(named, conventions)
    return "has no checksum in its last line (truncated there, extended, or changed by another program)"


def _other(found: str, conventions: str) -> str:
    older = int(found.split("-")[1]) < int(conventions.split("-")[1])
    return f"has conventions {found!r} of {'an older' if older else 'a newer'} version; this one reads {conventions!r}"


def _first_named(handle: BinaryIO) -> str | None:
    """The first name of conventions among the bytes of a file."""
    before = b""
    while chunk := handle.read(_CHUNK):
        if found := _NAMED.search(before + chunk):
            return found[0].decode()
        before = chunk[-32:]
    return None


def _digest(handle: BinaryIO, length: int) -> str:
    """SHA-256 of the next ``length`` bytes."""
    digest = hashlib.sha256()
    while length > 0 and (chunk := handle.read(min(_CHUNK, length))):
        digest.update(chunk)
        length -= len(chunk)
    return digest.hexdigest()
