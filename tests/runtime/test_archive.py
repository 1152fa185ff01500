"""Archives: equal contents give equal bytes, and whatever is not as the manifest says is named."""

import hashlib
import os
import tracemalloc
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pinnscape.common.errors import StorageError
from runtime import archive

MEMBERS = {
    archive.CONFIGURATION: b"study: {seeds: [0]}\n",
    archive.VERSIONS: b"{}\n",
    "results/README.md": b"# Files\n",
    "results/tables/metrics.csv": b"problem,value\npoisson1d,1.5\n",
    "results/poisson1d/deep-ritz/seed-0/training.nc": bytes(range(256)) * 40,
}
TRAINING = "results/poisson1d/deep-ritz/seed-0/training.nc"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    archive.write(tmp_path / "archive.zip", MEMBERS)
    return tmp_path / "archive.zip"


def contents(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as file:
        return {name: file.read(name) for name in file.namelist()}


def rezip(path: Path, members: dict[str, bytes] | list[tuple[str, bytes]]) -> Path:
    """A zip by other means, with names as they are given."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items() if isinstance(members, dict) else members:
            file.writestr(zipfile.ZipInfo(name), content)
    return path


def refused(path: Path) -> str:
    with pytest.raises(StorageError) as caught:
        archive.check(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert len(message.splitlines()) == 1
    return message


# ---- writing ----


def test_an_archive_holds_its_members_and_a_manifest_that_sha256sum_would_write(path):
    found = contents(path)
    manifest = found.pop(archive.MANIFEST).decode()
    assert found == MEMBERS
    expected = [f"{hashlib.sha256(content).hexdigest()}  {name}" for name, content in sorted(MEMBERS.items())]
    assert manifest == "\n".join(expected) + "\n"


def test_bytes_depend_on_names_and_contents_alone(path, tmp_path):
    files, folder = {}, tmp_path / "elsewhere"
    for name, content in reversed(MEMBERS.items()):
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        os.utime(file, (10**9, 10**9))
        file.chmod(0o600)
        files[name] = file
    link = folder / "link.nc"  # what is taken from a cache is a link
    link.symlink_to(files[TRAINING])
    files[TRAINING] = link
    archive.write(folder / "again.zip", files)
    assert (folder / "again.zip").read_bytes() == path.read_bytes()


def test_members_are_sorted_plain_files_of_one_date(path):
    with zipfile.ZipFile(path) as file:
        infos = file.infolist()
    assert [info.filename for info in infos] == [*sorted(MEMBERS), archive.MANIFEST]
    assert {info.date_time for info in infos} == {(1980, 1, 1, 0, 0, 0)}
    assert {(info.create_system, info.external_attr >> 16) for info in infos} == {(3, 0o100644)}


@pytest.mark.parametrize(
    "name", ["../x", "/x", "a/../x", "a//x", "a\\x", "C:x", ".x", "a/.x", "", "a/", "a\nb", "ä", archive.MANIFEST]
)
def test_names_that_would_lead_elsewhere_are_never_written(tmp_path, name):
    with pytest.raises(StorageError, match="cannot be a member of an archive"):
        archive.write(tmp_path / "archive.zip", {name: b""})
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_read_is_named_and_the_archive_before_stays(path, tmp_path):
    before = path.read_bytes()
    with pytest.raises(StorageError, match=r"gone\.nc: cannot be read \(No such file"):
        archive.write(path, MEMBERS | {TRAINING: tmp_path / "gone.nc"})
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_takes_no_file_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match=r"archive\.zip: cannot be written"):
        archive.write(tmp_path / "file" / "archive.zip", MEMBERS)


def test_a_large_file_passes_through_in_blocks(tmp_path):
    large = tmp_path / "large.nc"
    with large.open("wb") as file:
        file.truncate(1 << 26)
    tracemalloc.start()
    archive.write(tmp_path / "archive.zip", MEMBERS | {TRAINING: large})
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 23


NAMES = st.from_regex(r"[a-z0-9_-][a-z0-9_.+-]{0,8}(/[a-z0-9_-][a-z0-9_.+-]{0,8}){0,3}", fullmatch=True)


@settings(max_examples=30)  # each writes to the disk and waits for it
@given(st.dictionaries(NAMES, st.binary(max_size=300), max_size=8))
def test_what_goes_in_comes_out(tmp_path_factory, members):
    path = tmp_path_factory.mktemp("archive") / "archive.zip"
    members = {name: content for name, content in members.items() if name != archive.MANIFEST} | MEMBERS
    archive.write(path, members)
    found = archive.check(path)
    assert found.sound
    assert found.names == tuple(sorted(members))
    for name, content in members.items():
        archive.extract(path, name, path.with_name("one"))
        assert path.with_name("one").read_bytes() == content


# ---- checking ----


def test_an_archive_is_as_its_manifest_says_however_it_is_zipped(path, tmp_path):
    assert archive.check(path) == archive.Contents(tuple(sorted(MEMBERS)), (), (), ())
    other = rezip(tmp_path / "other.zip", {"results/": b"", **contents(path)})  # other tools compress, and add folders
    assert archive.check(other).sound


def test_missing_changed_and_extra_members_are_named(path, tmp_path):
    members = contents(path)
    del members["results/README.md"]
    members[TRAINING] = members[TRAINING][:-1] + b"x"
    members["results/new.nc"] = b""
    found = archive.check(rezip(tmp_path / "other.zip", members))
    assert (found.missing, found.changed, found.extra) == (("results/README.md",), (TRAINING,), ("results/new.nc",))
    assert not found.sound


@pytest.mark.parametrize("kind", ["missing", "changed", "extra"])
def test_each_kind_alone_makes_an_archive_unsound(kind):
    assert not archive.Contents((), **{"missing": (), "changed": (), "extra": (), kind: ("a",)}).sound


def test_a_damaged_byte_is_a_changed_member(path):
    content = bytearray(path.read_bytes())
    content[content.index(MEMBERS[TRAINING]) + 1000] ^= 1
    path.write_bytes(content)
    assert archive.check(path).changed == (TRAINING,)


def test_a_damaged_header_is_a_changed_member(path):
    content = bytearray(path.read_bytes())
    content[content.index(TRAINING.encode())] ^= 1
    path.write_bytes(content)
    assert archive.check(path).changed == (TRAINING,)


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_a_truncated_archive_is_one_line(path, share):
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    assert "not a readable zip file" in refused(path)


def test_what_is_no_archive_is_one_line(tmp_path):
    assert "no such file" in refused(tmp_path / "none.zip")
    (tmp_path / "text.zip").write_text("PK, but no zip")
    assert "not a readable zip file" in refused(tmp_path / "text.zip")
    assert "not a readable zip file" in refused(tmp_path)
    assert "has no manifest.sha256" in refused(rezip(tmp_path / "foreign.zip", {"word/document.xml": b"<xml/>"}))


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "results/../../evil", "results\\evil", "C:evil", ".ssh/evil", "a\nb"])
def test_a_member_that_would_be_unpacked_elsewhere_is_refused(path, tmp_path, name):
    other = rezip(tmp_path / "other.zip", contents(path) | {name: b"evil"})
    assert "do not unpack it" in refused(other)


def test_a_name_that_comes_twice_is_refused(path, tmp_path):
    with pytest.warns(UserWarning, match="Duplicate name"):
        other = rezip(tmp_path / "other.zip", [*contents(path).items(), (TRAINING, b"another")])
    assert "two members" in refused(other)


@pytest.mark.parametrize(
    "manifest",
    [
        b"",
        b"no digest\n",
        b"\xff\n",
        b"".join(b"%064d  %s\n" % (0, name) for name in (b"config.yaml", b"versions.json", b"../evil")),
        b"%064d  config.yaml\n" % 0,
    ],
)
def test_a_manifest_that_is_none_is_refused(path, tmp_path, manifest):
    other = rezip(tmp_path / "other.zip", contents(path) | {archive.MANIFEST: manifest})
    assert "manifest.sha256" in refused(other)


def test_short_members_are_read_as_text(path):
    assert archive.text(path, archive.CONFIGURATION) == MEMBERS[archive.CONFIGURATION].decode()
    with pytest.raises(StorageError, match=r"training\.nc cannot be read"):
        archive.text(path, TRAINING)


def test_a_member_that_cannot_be_unpacked_is_one_line(path, tmp_path):
    with pytest.raises(StorageError, match="cannot be unpacked"):
        archive.extract(path, TRAINING, tmp_path / "no" / "folder")
