"""Checksums at the ends of files: against the hash of the whole, whatever the sizes; how damaged files are named is in test_store.py."""

import hashlib

import pytest

from pinnscape.files.checksum import append, fault

CHUNK = 1 << 20
HEAD = b"\x89HDF\r\n\x1a\n\x02\x08\x08\x00" + bytes(16) + (44).to_bytes(8, "little") + bytes(8)  # 44 bytes, and says so


@pytest.mark.parametrize("length", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK + 5])
def test_a_checksum_is_the_hash_of_all_bytes_before_it(tmp_path, length):
    path, content = tmp_path / "x", bytes(range(256)) * (length // 256 + 1)
    path.write_bytes(content[:length])
    append(path, "pinnscape-2")
    digest = hashlib.sha256(content[:length]).hexdigest()
    assert path.read_bytes() == content[:length] + f"\npinnscape-2 sha256 {digest}\n".encode()
    assert fault(path, "pinnscape-2") is None


def test_bytes_that_look_like_a_seal_are_bytes(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(HEAD)
    for _ in range(2):
        append(path, "pinnscape-2")
        assert fault(path, "pinnscape-2") is None
    path.write_bytes(path.read_bytes()[:-1] + b"\n\n")
    assert fault(path, "pinnscape-2").startswith("has no checksum in its last line")


@pytest.mark.parametrize("before", [0, CHUNK - 60, CHUNK - 44 - 6, CHUNK - 44, 3 * CHUNK])
def test_an_older_version_is_found_by_its_name_wherever_that_is(tmp_path, before):
    (tmp_path / "x").write_bytes(HEAD + bytes(before) + b"conventions\0pinnscape-1\0" + bytes(100))
    assert fault(tmp_path / "x", "pinnscape-2").startswith("has conventions 'pinnscape-1' of an older version")


@pytest.mark.parametrize("version", [0, 1, 2, 3])
def test_a_cut_is_seen_by_the_length_in_every_kind_of_superblock(tmp_path, version):
    at = {0: 40, 1: 44, 2: 28, 3: 28}[version]
    head = HEAD[:8] + bytes([version]) + bytes(at - 9) + (1000).to_bytes(8, "little")
    (tmp_path / "x").write_bytes(head.ljust(999, b"\0"))
    assert fault(tmp_path / "x", "pinnscape-2") == "not a readable NetCDF file (truncated: 999 of 1000 bytes are left)"
    (tmp_path / "x").write_bytes(head.ljust(1000, b"\0"))
    assert fault(tmp_path / "x", "pinnscape-2") == "not a file of pinnscape, but another NetCDF-4 or HDF5 file"


def test_a_file_that_is_not_there_is_an_error_of_the_system(tmp_path):
    with pytest.raises(FileNotFoundError):
        fault(tmp_path / "x", "pinnscape-2")
