"""Bugs of Snakemake, and what is done about each until it is gone there. Each function is for one bug and can go with it."""

import shlex
import signal
import sys
import threading
from typing import Any

from snakemake.script import PythonScript
from snakemake.sourcecache import LocalSourceFile
from snakemake_interface_executor_plugins.executors.real import RealExecutor


def quote_interpreter() -> None:
    """Let shells find this Python: Snakemake puts ``sys.executable`` into commands as it stands, for scripts and for jobs on a cluster.

    https://github.com/snakemake/snakemake/issues/2645 and 2981; Snakemake 8 to 9.27.1 at least.
    """
    if shlex.quote(sys.executable) == sys.executable or hasattr(PythonScript, "quoted"):
        return

    def execute(self: PythonScript, command: str, **values: Any) -> Any:
        quoted = {name: shlex.quote(value) for name, value in values.items() if name == "py_exec"}
        return run(self, command, **(values | quoted))

    def formatted(self: RealExecutor, job: Any) -> str:
        python = shlex.quote(str(type(self).get_python_executable(self)))
        executor: Any = self
        executor.get_python_executable = lambda: python
        return command_of(self, job)

    script: Any = PythonScript
    run, command_of = script._execute_cmd, RealExecutor.format_job_exec
    script._execute_cmd, RealExecutor.format_job_exec = execute, formatted
    script.quoted = True


def keep_braces(folder: str) -> None:
    """Let Snakemake take braces in the name of the workflow's folder for what they are: it looks for wildcards there too.

    ``LocalSourceFile.format`` of Snakemake 8 to 9.27.1 at least; not reported there.
    """
    if "{" not in folder and "}" not in folder:
        return

    def below(self: LocalSourceFile, **values: object) -> LocalSourceFile:
        start = folder if self.path.startswith(folder) else ""
        return LocalSourceFile(start + original(LocalSourceFile(self.path[len(start) :]), **values).path)

    original = LocalSourceFile.format
    LocalSourceFile.format = below


def lift_job_limit(settings: Any) -> None:
    """Take away Snakemake's default limit of 100 jobs in a second, which no study reaches.

    With a limit Snakemake looks for jobs again after each time span, once for every time that it has looked before: more and more often, until that
    takes a quarter of a core, and once after the last job has ended. https://github.com/snakemake/snakemake/pull/3744; Snakemake 9 to 9.27.1 at least.

    Args:
        settings: of the scheduler; None where nothing is scheduled.
    """
    limit = settings and settings.max_jobs_per_timespan
    if limit and (limit.max_jobs, limit.timespan) == (100, 1):
        settings.max_jobs_per_timespan = None


def end_on_sigterm() -> None:
    """Let Snakemake's handler of SIGTERM do its work in a thread of its own.

    It takes a lock that the main thread, which it interrupts, may hold, and then both wait forever. ``JobScheduler.exit_gracefully`` of Snakemake 9 to
    9.27.1 at least; not reported there.
    """
    handler: Any = signal.getsignal(signal.SIGTERM)
    if callable(handler):
        signal.signal(signal.SIGTERM, lambda *arguments: threading.Thread(target=handler, args=arguments, daemon=True).start())
