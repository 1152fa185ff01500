"""What Snakemake 9 does not manage in folders whose names hold spaces, quotes, braces and the like. Each function can go when its bug does."""

import shlex
import sys
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

    ``LocalSourceFile.format`` of Snakemake 8 to 9.27.1 at least.
    """
    if "{" not in folder and "}" not in folder:
        return

    def below(self: LocalSourceFile, **values: object) -> LocalSourceFile:
        start = folder if self.path.startswith(folder) else ""
        return LocalSourceFile(start + original(LocalSourceFile(self.path[len(start) :]), **values).path)

    original = LocalSourceFile.format
    LocalSourceFile.format = below
