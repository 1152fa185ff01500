"""What `make` shows of a run, as a logger plugin of Snakemake (`--logger pinnscape`): progress, warnings, and what failed with the paths of its logs.

Jobs write their own lines (`pinnscape: ...`) to the same terminal. Snakemake's complete log is kept in .snakemake/log all the same.
"""

import logging
import sys
import time
from typing import IO, Any

from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent

_PAUSE = 30.0  # seconds between two lines of progress where there is no terminal
_WIDTH = 180  # characters of a line at most
_LINES = 12  # of a message at most
# What Snakemake says once more, or only says after a job failed that has been told of.
_SAID = (
    "RuleException:\nCalledProcessError",
    "WorkflowError:\nAt least one job did not complete",
    "Exiting because a job",
    "Shutting down,",
)
_NOTHING = "Nothing to be done"


class Progress:
    """How far a run is, on a line of its own that the next text takes the place of, or now and then a line where there is no terminal.

    Args:
        stream: usually the standard error.
        clock: seconds.
    """

    def __init__(self, stream: IO[str], clock: Any = time.monotonic) -> None:
        self._stream, self._clock = stream, clock
        self._last: float | None = None
        self._shown = 0

    def show(self, done: int, total: int) -> None:
        """Tell of the steps that are done."""
        text = f"{done} of {total} steps ({100 * done // total} %)"
        if self._stream.isatty():
            # Back to the start of the line at once: what a job writes takes its place.
            self._stream.write(f"\r{text}\r" if done < total else f"\r{text}\n")
            self._shown = len(text) if done < total else 0
        elif done == total or self._last is None or self._clock() - self._last >= _PAUSE:
            self._last = self._clock()
            self._stream.write(f"{text}\n")
        self._stream.flush()

    def say(self, text: str) -> None:
        """Write lines that stay."""
        for line in text.rstrip().splitlines()[:_LINES]:
            # The project's own lines end with the remedy.
            cut = line if len(line) <= _WIDTH or line.startswith("pinnscape: ") else f"{line[: _WIDTH - 3]}..."
            self._stream.write(cut.ljust(self._shown) + "\n")
        self._shown = 0
        self._stream.flush()


class LogHandler(LogHandlerBase):
    """Snakemake's records, in short."""

    writes_to_stream = True
    writes_to_file = False
    has_filter = True
    has_formatter = True
    needs_rulegraph = False

    def __post_init__(self) -> None:
        self._progress = Progress(sys.stderr)
        self._messages: dict[int, str] = {}  # of rules, by job: records of failures lack them

    def emit(self, record: logging.LogRecord) -> None:
        """Show a record, or not."""
        try:
            self._show(record)
        except BrokenPipeError:
            raise
        except Exception:  # noqa: BLE001 (as all handlers do)
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
            if not text.startswith(_SAID):
                self._progress.say(text)
        elif str(record.msg).startswith(_NOTHING):
            self._progress.say(str(record.msg))


def _failed(job: str, logs: Any) -> str:
    return f"failed: {job}" + (f" (log: {', '.join(map(str, logs))})" if logs else "")
