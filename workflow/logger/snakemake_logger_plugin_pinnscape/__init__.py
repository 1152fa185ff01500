"""A logger plugin of Snakemake (`--logger pinnscape`) that shows progress, warnings, and failed jobs with the paths of their
logs.

Jobs write their own lines (`pinnscape: ...`) to the same terminal. Snakemake still writes its complete log to .snakemake/log.
"""

import logging
import sys
import time
from typing import IO, Any

from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent

_PAUSE = 30.0  # seconds between two lines of progress if the output is not a terminal
_WIDTH = 180  # largest number of characters in a line
_LINES = 12  # largest number of lines in a message
# Beginnings of messages that only repeat that a job has failed.
_REPEATED = (
    "RuleException:\nCalledProcessError",
    "WorkflowError:\nAt least one job did not complete",
    "Exiting because a job",
    "Shutting down,",
)
_NOTHING = "Nothing to be done"


class Progress:
    """The progress of a run.

    On a terminal, the progress is a last line that the next output overwrites. Otherwise, lines of progress are written at
    intervals.

    Args:
        stream: output, usually the standard error.
        clock: clock in seconds.
    """

    def __init__(self, stream: IO[str], clock: Any = time.monotonic) -> None:
        self._stream, self._clock = stream, clock
        self._last: float | None = None
        self._shown = 0

    def show(self, done: int, total: int) -> None:
        """Show the number of finished steps."""
        text = f"{done} of {total} steps ({100 * done // total} %)"
        if self._stream.isatty():
            # The cursor returns to the start of the line, so that output of jobs overwrites it.
            self._stream.write(f"\r{text}\r" if done < total else f"\r{text}\n")
            self._shown = len(text) if done < total else 0
        elif done == total or self._last is None or self._clock() - self._last >= _PAUSE:
            self._last = self._clock()
            self._stream.write(f"{text}\n")
        self._stream.flush()

    def say(self, text: str) -> None:
        """Write lines that are not overwritten."""
        for line in text.rstrip().splitlines()[:_LINES]:
            # Lines of pinnscape are not cut, because they end with the remedy.
            cut = line if len(line) <= _WIDTH or line.startswith("pinnscape: ") else f"{line[: _WIDTH - 3]}..."
            self._stream.write(cut.ljust(self._shown) + "\n")
        self._shown = 0
        self._stream.flush()


class LogHandler(LogHandlerBase):
    """Handler that shows short forms of the records of Snakemake."""

    writes_to_stream = True
    writes_to_file = False
    has_filter = True
    has_formatter = True
    needs_rulegraph = False

    def __post_init__(self) -> None:
        self._progress = Progress(sys.stderr)
        self._messages: dict[int, str] = {}  # messages of the rules by job, which the records of failures lack

    def emit(self, record: logging.LogRecord) -> None:
        """Show a record if it is relevant."""
        try:
            self._show(record)
        except BrokenPipeError:
            raise
        except Exception:  # noqa: BLE001 (as in all logging handlers)
            self.handleError(record)

    def _show(self, record: logging.LogRecord) -> None:
        event = getattr(record, "event", None)
        if event == LogEvent.JOB_INFO:
            self._messages[record.jobid] = record.rule_msg or record.rule_name
        elif event == LogEvent.PROGRESS:
            self._progress.show(record.done, record.total)
        elif event == LogEvent.JOB_ERROR:
            self._progress.say(_failed(self._messages.get(record.jobid, record.rule_name), record.log))
        elif event == LogEvent.GROUP_ERROR:
            for job in record.job_error_info:
                self._progress.say(_failed(self._messages.get(job["jobid"], job["rule_name"]), job["log"]))
        elif record.levelno >= logging.WARNING:
            text = str(record.getMessage())
            if not text.startswith(_REPEATED):
                self._progress.say(text)
        elif str(record.msg).startswith(_NOTHING):
            self._progress.say(str(record.msg))


def _failed(job: str, logs: Any) -> str:
    return f"failed: {job}" + (f" (log: {', '.join(map(str, logs))})" if logs else "")
