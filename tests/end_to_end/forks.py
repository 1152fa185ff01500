"""Calls of Snakemake without start-up: it runs in a fork of a process that has loaded the libraries, and so do its scripts if the test says so.

Loading takes Snakemake a second and a script one to two, and tests start hundreds. Studies of many jobs run their scripts in forks, for speed alone.
Snakemake starts scripts itself in tests of faults, of interruptions and of the cluster, when an archive is verified, and in a whole study whose bytes
are compared with those from forks (test_environment.py).

As a script, this is the process that is forked: it reads a call a line, answers with the process id of the fork, and with its exit status once it has
ended.
"""

import atexit
import functools
import gc
import importlib
import json
import os
import runpy
import select
import signal
import subprocess
import sys
import tempfile
import traceback
from contextlib import nullcontext
from pathlib import Path

LOGGER = str(Path(__file__).parents[2] / "workflow/logger")  # as in the Makefile


def call(
    arguments: list[str], folder: Path, environment: dict[str, str], timeout: float, *, scripts: bool = False
) -> subprocess.CompletedProcess[str]:
    """What ``snakemake`` with these arguments ends with in a folder.

    Args:
        arguments: of the command.
        folder: where it runs.
        environment: all of its variables.
        timeout: seconds.
        scripts: whether the scripts of jobs run in forks, too.

    Raises:
        subprocess.TimeoutExpired: it did not end, and is killed.
    """
    server = _server()
    with tempfile.TemporaryDirectory() as there:
        outputs = [Path(there, name) for name in ("stdout", "stderr")]
        request = [arguments, str(folder), environment, scripts, *map(str, outputs)]
        server.stdin.write(json.dumps(request) + "\n")
        server.stdin.flush()
        pid = int(server.stdout.readline())
        if not select.select([server.stdout], [], [], timeout)[0]:
            os.kill(pid, signal.SIGKILL)
            server.stdout.readline()
            raise subprocess.TimeoutExpired(arguments, timeout)
        status = int(server.stdout.readline())
        return subprocess.CompletedProcess(arguments, status, *[path.read_text(encoding="utf-8") for path in outputs])


@functools.cache
def _server() -> subprocess.Popen[str]:
    server = subprocess.Popen(
        [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8", bufsize=1
    )
    atexit.register(server.communicate)  # it ends with its input
    return server


def _serve() -> None:
    """Answer calls; return in the forks alone, as the process that shall run Snakemake."""
    answers = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
    while line := sys.stdin.readline():
        arguments, folder, environment, scripts, *outputs = json.loads(line)
        pid = os.fork()
        if not pid:
            for number, path in ((0, os.devnull), *enumerate(outputs, 1)):
                os.dup2(os.open(path, os.O_RDWR | os.O_CREAT), number)
            os.chdir(folder)
            os.environ.clear()
            os.environ.update(environment)
            if scripts:
                snakemake.script.PythonScript._execute_cmd = _script
            sys.argv, sys.path[:1] = ["snakemake", *arguments], ["", LOGGER]
            return
        print(pid, file=answers)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), file=answers)
    sys.exit()


def _script(self: "snakemake.script.PythonScript", command: str, *, fname: str, **options: object) -> None:
    """In place of a new Python for the script of a job."""
    pid = os.fork()
    if not pid:
        _leave(fname)
    with nullcontext() if self.bench_record is None else snakemake.benchmark.benchmarked(pid, self.bench_record):
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if status:
        raise subprocess.CalledProcessError(status, command)


def _leave(script: str) -> None:
    """Run a script and end as it does, without what the parent would do at its end."""
    status: object = 1
    try:
        sys.argv = [script]
        runpy.run_path(script, run_name="__main__")
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except Exception:  # noqa: BLE001 (whatever it is, the fork must end here)
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    import snakemake.benchmark
    import snakemake.cli
    import snakemake.script

    for library in ("torch", "xarray", "netCDF4", "matplotlib.backends.backend_agg", "matplotlib.backends.backend_pdf"):
        importlib.import_module(library)
    gc.freeze()
    _serve()
    snakemake.cli.main()
