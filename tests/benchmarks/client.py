"""The other end of ``worker``: a process of another environment as an object."""

import json
import os
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

FOLDER = Path(__file__).resolve().parents[1]  # from which ``benchmarks`` is imported
ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


class WorkerError(RuntimeError):
    """The worker could not do what it was asked for; the message is its traceback or its last words."""


class Client:
    """A worker process, to be used as a context manager.

    Args:
        python: interpreter of its environment.
        module: with the ``JOBS`` that it offers.
        path: further folders from which it imports.
    """

    def __init__(self, python: str | Path, module: str, path: tuple[Path, ...] = ()) -> None:
        self._command = [str(python), "-m", "benchmarks.worker", module]
        self._environment = {**os.environ, **ONE_THREAD, "PYTHONPATH": os.pathsep.join(map(str, (FOLDER, *path)))}

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory()
        self._log = (Path(self._folder.name) / "log").open("w+")
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(
            self._command, stdin=pipe, stdout=pipe, stderr=self._log, text=True, env=self._environment
        )
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.close()
        except BrokenPipeError:
            pass  # it has died already, which `_ask` has told
        self._process.wait()
        self._process.stdout.close()
        self._log.close()
        self._folder.cleanup()

    def prepare(self, name: str, settings: dict[str, Any], **arrays: np.ndarray) -> None:
        """Make a job ready."""
        path = Path(self._folder.name) / "arguments.npz"
        np.savez(path, **arrays)
        self._ask({"prepare": name, "settings": settings, "arrays": str(path)})

    def seconds(self) -> float:
        """Do the job once more and tell how long that took."""
        return self._ask({"time": True})["seconds"]

    def result(self) -> dict[str, np.ndarray]:
        """What the job gave the latest time."""
        path = Path(self._folder.name) / "result.npz"
        self._ask({"fetch": str(path)})
        with np.load(path) as arrays:
            return dict(arrays)

    def version(self, package: str) -> str:
        """Version of an installed package."""
        return self._ask({"version": package})["version"]

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            self._log.seek(0)
            raise WorkerError(f"the worker has ended: {self._log.read()[-2000:]}")
        reply = json.loads(line)
        if "error" in reply:
            raise WorkerError(reply["error"])
        return reply
