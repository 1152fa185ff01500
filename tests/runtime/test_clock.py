"""Results with modification times in the future."""

import os
import time

import pytest

from runtime import clock

NOW = 1_800_000_000.0  # 2027-01-15 08:00 UTC


@pytest.fixture
def dated(tmp_path, monkeypatch):
    """Make a file with a date."""
    monkeypatch.chdir(tmp_path)

    def made(name: str, date: float) -> str:
        (tmp_path / name).touch()
        os.utime(name, (NOW, date))
        return name

    return made


def test_present_and_past_are_fine_and_clocks_of_two_machines_may_differ(dated):
    files = [dated("a.nc", NOW - 1e9), dated("b.nc", NOW), dated("c.nc", NOW + 5.0)]
    assert clock.ahead([*files, "missing.nc"], NOW) is None
    assert clock.ahead([dated("d.nc", time.time())]) is None


def test_a_date_in_the_future_is_one_line_with_the_file_and_the_remedy(dated):
    assert clock.ahead([dated("b.nc", NOW), dated("a.nc", NOW + 86400.0)], NOW) == (
        "a.nc has a modification time in the future (2027-01-16 08:00 UTC): correct the clock if it is wrong now; "
        "if it was wrong before, delete these files, or, if nothing has changed since, run `snakemake -c1 --touch --forceall`"
    )


def test_several_are_counted_once_each(dated):
    files = [dated(name, NOW + 1e5) for name in ("c.nc", "a.nc", "b.nc")]
    assert clock.ahead([*files, *files], NOW).startswith(
        "a.nc has a modification time in the future (2027-01-16 11:46 UTC), as well as 2 more: "
    )


def test_links_lead_to_files_of_others(dated):
    os.symlink(dated("shared.nc", NOW + 1e5), "link.nc")
    assert clock.ahead(["link.nc"], NOW) is None
