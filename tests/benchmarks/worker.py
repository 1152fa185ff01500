"""Runs the jobs of a module at the request of another process: `python -m benchmarks.worker MODULE`.

One line of JSON a request on standard input, one a reply on standard output; arrays travel as .npz files. The module has a dictionary ``JOBS``
of functions that take settings and arrays and return a function without arguments, whose arrays are the result. Requests, in this order:

    {"prepare": NAME, "settings": {...}, "arrays": PATH}  ->  {}
    {"time": true}                                        ->  {"seconds": SECONDS}, of one more call
    {"fetch": PATH}                                       ->  {}, with the result of the latest call in the file
    {"version": PACKAGE}                                  ->  {"version": VERSION}, at any time

A request that fails is answered by {"error": TRACEBACK}; the worker goes on until its standard input ends.
"""

import gc
import importlib
import importlib.metadata
import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TextIO

import numpy as np

Result = Mapping[str, np.ndarray]
Job = Callable[[], Result]
Jobs = Mapping[str, Callable[..., Job]]


class Worker:
    """The state between requests: a job, and the result of its latest call."""

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs
        self._job: Job | None = None
        self._result: Result | None = None

    def answer(self, request: Mapping[str, Any]) -> dict[str, Any]:
        if "version" in request:
            return {"version": importlib.metadata.version(request["version"])}
        if "prepare" in request:
            with np.load(request["arrays"]) as arrays:
                self._job = self._jobs[request["prepare"]](**request["settings"], **arrays)
            self._result = None
        elif "time" in request:
            seconds, self._result = timed(self._job)
            return {"seconds": seconds}
        else:
            np.savez(request["fetch"], **self._result)
        return {}


def timed(job: Job) -> tuple[float, Result]:
    """Seconds of one call, and its result; garbage of earlier calls is collected before the clock starts."""
    gc.collect()
    begin = time.perf_counter()
    result = job()
    return time.perf_counter() - begin, result


def serve(jobs: Jobs, requests: Iterable[str], replies: TextIO) -> None:
    worker = Worker(jobs)
    for line in requests:
        try:
            reply = worker.answer(json.loads(line))
        except Exception:  # noqa: BLE001 - whatever it is, the other side must hear of it
            reply = {"error": traceback.format_exc()}
        replies.write(json.dumps(reply) + "\n")
        replies.flush()


def main() -> None:
    # Packages print what they like; it must not come between the replies.
    with os.fdopen(os.dup(1), "w") as replies:
        os.dup2(2, 1)
        serve(importlib.import_module(sys.argv[1]).JOBS, sys.stdin, replies)


if __name__ == "__main__":
    main()
