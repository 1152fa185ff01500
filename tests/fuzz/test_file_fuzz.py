"""A thousand damaged NetCDF files: each is refused in one line, or nothing is wrong with it; nothing crashes, nothing hangs."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

WORKER = Path(__file__).with_name("file_worker.py")
NUMBER = 1000


@pytest.fixture(scope="module")
def rows(tmp_path_factory) -> tuple[Path, list]:
    folder = tmp_path_factory.mktemp("fuzz") / "results" / "poisson1d" / "deep-ritz" / "seed-0"
    folder.mkdir(parents=True)
    command = [sys.executable, "-X", "faulthandler", str(WORKER), str(folder), "0", str(NUMBER)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    return folder, [json.loads(line) for line in done.stdout.splitlines()]


def test_damaged_files_are_refused_in_one_line_with_file_and_rule(rows):
    folder, found = rows
    assert len(found) == NUMBER
    for kind, unchanged, said, _ in found:
        if unchanged:
            assert said == "same", kind
            continue
        assert said.startswith(f"{folder / 'checkpoints.nc'}: "), (kind, said)
        assert said.endswith("; delete it and run `snakemake` again (rule `checkpoints` makes it)"), (kind, said)
        assert said.isprintable()
        assert len(said) < len(str(folder)) + 300


def test_no_file_keeps_the_reader_busy(rows):
    assert max(seconds for *_, seconds in rows[1]) < 1.0


def test_all_kinds_of_damage_happened_and_each_has_words_of_its_own(rows):
    kinds = Counter(kind for kind, *_ in rows[1])
    assert len(kinds) == 18
    assert min(kinds.values()) > 20
    said = Counter(message.split(": ", 1)[1].split(" (")[0].split(";")[0] for *_, message, _ in rows[1] if message != "same")
    expected = ["changed since it was written", "not a readable NetCDF file", "has no checksum in its last line"]
    expected += [
        "not a NetCDF-4 file",
        "comes from rule `train`, expected a file of rule `checkpoints`",
        "its seed is 1, not 0 as its path says",
    ]
    assert set(expected) <= set(said), said
