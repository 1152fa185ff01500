"""Workarounds for bugs of Snakemake. Each function is for one bug and can be removed when the bug is fixed."""

import shlex
import signal
import sys
import threading
from typing import Any

from snakemake.script import PythonScript
from snakemake.sourcecache import LocalSourceFile
from snakemake_interface_executor_plugins.executors.real import RealExecutor


def quote_interpreter() -> None:
    """Quote the path of Python in shell commands.

    Snakemake inserts ``sys.executable`` unquoted, for scripts and for jobs on a cluster.
    https://github.com/snakemake/snakemake/issues/2645 and 2981; at least Snakemake 8 to 9.27.1.
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
    """Allow braces in the name of the workflow folder, which Snakemake would interpret as wildcards.

    ``LocalSourceFile.format`` of at least Snakemake 8 to 9.27.1; not reported upstream.
    """
    if "{" not in folder and "}" not in folder:
        return

    def below(self: LocalSourceFile, **values: object) -> LocalSourceFile:
        start = folder if self.path.startswith(folder) else ""
        return LocalSourceFile(start + original(LocalSourceFile(self.path[len(start) :]), **values).path)

    original = LocalSourceFile.format
    LocalSourceFile.format = below


def lift_job_limit(settings: Any) -> None:
    """Remove the default limit of Snakemake of 100 jobs a second, which no study reaches.

    With a limit, each scheduling step of Snakemake triggers a further step after the time span. The steps become more and more
    frequent, until they use a quarter of a core, and one step follows the end of the last job.
    https://github.com/snakemake/snakemake/pull/3744; at least Snakemake 9 to 9.27.1.

    Args:
        settings: settings of the scheduler; None if nothing is scheduled.
    """
    limit = settings and settings.max_jobs_per_timespan
    if limit and (limit.max_jobs, limit.timespan) == (100, 1):
        settings.max_jobs_per_timespan = None


def end_on_sigterm() -> None:
    """Run the SIGTERM handler of Snakemake in a separate thread.

    The handler acquires a lock that the main thread, which the signal interrupts, may hold; this is a deadlock.
    ``JobScheduler.exit_gracefully`` of at least Snakemake 9 to 9.27.1; not reported upstream.
    """
    handler: Any = signal.getsignal(signal.SIGTERM)
    if callable(handler):
        signal.signal(signal.SIGTERM, lambda *arguments: threading.Thread(target=handler, args=arguments, daemon=True).start())
