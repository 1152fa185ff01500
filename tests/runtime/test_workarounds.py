"""Bugs of Snakemake that are worked around. A signal under the scheduler's lock is tested in end_to_end/test_interruptions.py."""

import shlex
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from snakemake.cli import get_argument_parser
from snakemake.script import PythonScript
from snakemake.settings.types import MaxJobsPerTimespan
from snakemake.sourcecache import LocalSourceFile
from snakemake.utils import format as shell_format
from snakemake_interface_executor_plugins.executors.real import RealExecutor

from runtime import workarounds


class Executor:
    """What the base class of executors needs to make the command of a job."""

    def get_python_executable(self):
        return sys.executable


@pytest.fixture
def commands(monkeypatch):
    """What Snakemake would hand to a shell for a script and for a job on a cluster."""
    monkeypatch.setattr(PythonScript, "_execute_cmd", lambda self, command, **values: shell_format(command, **values))
    monkeypatch.setattr(RealExecutor, "format_job_exec", lambda self, job: f"{self.get_python_executable()} -m snakemake")
    monkeypatch.setattr(PythonScript, "quoted", True, raising=False)
    monkeypatch.delattr(PythonScript, "quoted")

    def made():
        for _ in range(2):  # Snakemake may read the rules twice
            workarounds.quote_interpreter()
        script = PythonScript._execute_cmd(None, "{py_exec} {fname:q}", py_exec=sys.executable, fname="a b")
        return script, RealExecutor.format_job_exec(Executor(), None)

    return made


def test_shells_find_an_interpreter_whose_path_they_would_take_apart(tmp_path, monkeypatch, commands):
    folder = tmp_path / "My 'study' & $x"
    folder.mkdir()
    python = str(folder / "python")
    monkeypatch.setattr(sys, "executable", python)
    assert [shlex.split(command) for command in commands()] == [[python, "a b"], [python, "-m", "snakemake"]]
    assert sys.executable == python, "this process starts it without a shell"


def test_an_interpreter_with_a_plain_path_is_left_alone(monkeypatch, commands):
    monkeypatch.setattr(sys, "executable", "/bin/sh")
    assert commands() == ("/bin/sh 'a b'", "/bin/sh -m snakemake")
    assert not hasattr(PythonScript, "quoted")


@pytest.mark.parametrize("folder", ["/home/{y} {", "/home/plain"])
def test_braces_in_the_folder_are_no_wildcards_and_below_it_they_are(monkeypatch, folder):
    monkeypatch.setattr(LocalSourceFile, "format", LocalSourceFile.format)
    for _ in range(2):
        workarounds.keep_braces(folder)
    file = LocalSourceFile(f"{folder}/scripts/figure_{{name}}.py").format(name="planes")
    assert file.path == f"{folder}/scripts/figure_planes.py"
    assert Path(LocalSourceFile("x/{name}.py").format(name="a").path) == Path("x/a.py")


DEFAULT = get_argument_parser().get_default("max_jobs_per_timespan")


@pytest.mark.parametrize(("limit", "stays"), [(DEFAULT, False), ("100/1m", True), ("10/1s", True)])
def test_the_default_limit_of_jobs_is_lifted_and_one_that_is_asked_for_stays(limit, stays):
    given = MaxJobsPerTimespan.parse_choice(limit)
    settings = SimpleNamespace(max_jobs_per_timespan=given)
    workarounds.lift_job_limit(settings)
    assert settings.max_jobs_per_timespan is (given if stays else None)


def test_where_there_is_no_limit_none_is_lifted():
    settings = SimpleNamespace(max_jobs_per_timespan=None)
    workarounds.lift_job_limit(settings)
    assert settings.max_jobs_per_timespan is None
    workarounds.lift_job_limit(None)
