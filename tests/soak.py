"""Kill a study many times at random moments, take it up again as a user would, and compare every result with an undisturbed one.

`make soak`, or `python tests/soak.py --kills 20 --seed 3`. Prints what was hit and what went wrong; exits with 1 if anything did. A study that is
finished before all kills are spent begins again from nothing.
"""

import argparse
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "workflow")]

from end_to_end.faults import jobs_of
from end_to_end.workspace import Workspace, merged

KINDS = (".nc", ".png", ".pdf", ".csv")
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
TARGETS = ("snakemake", "group", "job")
_STUDY = {"cases": {"poisson1d": {"quadrature": {"points": 12}}}}
_LATEST = 12.0  # seconds after the start at which a run is hit
_PATIENCE = 120.0  # seconds in which a run that was hit must end


@dataclass
class Count:
    """What was hit and what went wrong."""

    kills: Counter = field(default_factory=Counter)
    faults: Counter = field(default_factory=Counter)
    messages: Counter = field(default_factory=Counter)
    studies: int = 0

    def fault(self, what: str, detail: object = "") -> None:
        self.faults[what] += 1
        print(f"FAULT: {what}: {detail}", flush=True)


class Soak:
    """A study that is hit and taken up again.

    Args:
        folder: for the undisturbed study and the one that is hit.
        seed: of the moments and the kinds of kills.
    """

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.random, self.count = folder, random.Random(seed), Count()
        self.undisturbed = self._workspace("undisturbed")
        self.undisturbed.run()
        self.expected = results(self.undisturbed)
        self.workspace = self._workspace("hit")
        self.flags: list[str] = []

    def _workspace(self, name: str) -> Workspace:
        root = self.folder / name
        shutil.rmtree(root, ignore_errors=True)
        root.mkdir()
        workspace = Workspace(root, fresh=True)
        workspace.config(merged(workspace.settings, _STUDY))
        return workspace

    def hit(self) -> None:
        """Start a run, hit it at a random moment, and wait for its end."""
        moment, number, target = self.random.uniform(0.5, _LATEST), self.random.choice(SIGNALS), self.random.choice(TARGETS)
        process = self._start()
        try:
            output, _ = process.communicate(timeout=moment)
        except subprocess.TimeoutExpired:
            self._strike(process, number, target)
        else:
            self._ended(process.returncode, output)
        self._compare()

    def _strike(self, process: subprocess.Popen, number: signal.Signals, target: str) -> None:
        """Hit a run and wait for its end; without a job there is none to hit, so Snakemake is. A run that is done all the same does not count."""
        jobs = jobs_of(self.workspace)
        if target == "job" and not jobs:
            target = "snakemake"
        try:
            if target == "group":
                os.killpg(process.pid, number)
            else:
                os.kill(self.random.choice(jobs) if target == "job" else process.pid, number)
        except ProcessLookupError:
            pass  # it was faster
        try:
            output = process.communicate(timeout=_PATIENCE)[0]
        except subprocess.TimeoutExpired:
            process.kill()
            output = process.communicate()[0]
            self.count.fault("a run does not end", f"{number.name} of {target}: {output[-2000:]}")
        if process.returncode == 0:  # it was faster
            self._ended(0, output)
            return
        self._watched()
        self.count.kills[f"{number.name} of {target}"] += 1
        print(f"kill {sum(self.count.kills.values())}: {number.name} of {target}", flush=True)

    def _watched(self) -> None:
        """Tell of jobs that did not end by themselves after Ctrl-C."""
        for log in (self.workspace.root / "results/logs").rglob("*.log"):
            if "Timeout (" in (text := log.read_text(encoding="utf-8", errors="replace")):
                self.count.messages["ended ten seconds after Ctrl-C"] += 1
                print(f"{log.name}: {text}", flush=True)
                log.unlink()

    def _start(self) -> subprocess.Popen:
        arguments = self.workspace.command("-c2", *self.flags)
        self.flags = []
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "encoding": "utf-8"}
        return subprocess.Popen(
            arguments, cwd=self.workspace.root, env=self.workspace.environment, start_new_session=True, **pipes
        )

    def _ended(self, code: int, output: str) -> None:
        """A run that was not hit is done, or says what it wants."""
        if code == 0:
            self._finished()
        elif "--unlock" in output:
            self.count.messages["--unlock"] += 1
            unlocked = self.workspace.snakemake("--unlock")
            if unlocked.returncode:
                self.count.fault("a lock that --unlock does not remove", unlocked.stdout + unlocked.stderr)
        elif "--rerun-incomplete" in output:
            self.count.messages["--rerun-incomplete"] += 1
            self.flags = ["--rerun-incomplete"]
        elif re.search("lock", output, re.IGNORECASE):
            self.count.fault("a lock without a message that says what to do", output)
        else:
            self.count.fault("a run fails that nobody hit", output)

    def _finished(self) -> None:
        """Check a finished study, and begin another."""
        self.count.studies += 1
        found = results(self.workspace)
        for name in sorted(set(self.expected) - set(found)):
            self.count.fault("a result is missing", name)
        for path in (self.workspace.root / "results").rglob("*.part"):
            self.count.fault("something half done is left", path.name)
        if self.workspace.planned():
            self.count.fault("a finished study is not finished", self.workspace.planned())
        self._compare()
        self.workspace = self._workspace("hit")

    def _compare(self) -> None:
        """Whatever has its name has its bytes, also while the study is not finished."""
        for name, content in results(self.workspace).items():
            if content != self.expected.get(name):
                self.count.fault("a corrupted or wrong file", name)

    def finish(self) -> None:
        """Run undisturbed to the end of the study."""
        before = self.count.studies
        for _ in range(4):  # plainly, after --unlock, after --rerun-incomplete, and once more
            process = self._start()
            output, _ = process.communicate(timeout=600)
            self._ended(process.returncode, output)
            if self.count.studies > before:
                return
        self.count.fault("a study cannot be finished", output)


def results(workspace: Workspace) -> dict[str, bytes]:
    """Every result under its own name."""
    root = workspace.root / "results"
    paths = (path for path in root.rglob("*") if path.suffix in KINDS and not path.name.startswith("."))
    found = {}
    for path in paths:
        try:
            found[str(path.relative_to(root))] = path.read_bytes()
        except FileNotFoundError:
            pass  # an orphan's last second
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=60.0, help="stop earlier than after all kills")
    options = parser.parse_args()
    begin = time.monotonic()
    # A shell ignores it for what it starts in the background, and so would all that is started here.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with tempfile.TemporaryDirectory() as folder:
        soak = Soak(Path(folder), options.seed)
        while sum(soak.count.kills.values()) < options.kills and time.monotonic() - begin < 60.0 * options.minutes:
            soak.hit()
            if sum(soak.count.faults.values()) > 20:
                break
        soak.finish()
    count = soak.count
    for what, number in sorted(count.kills.items()):
        print(f"{number:4d}  {what}")
    print(f"{sum(count.kills.values())} kills, {count.studies} finished studies of {len(soak.expected)} files each", end=", ")
    print(f"messages followed: {dict(count.messages)}, {time.monotonic() - begin:.0f} s")
    print(f"faults: {dict(count.faults) or 'none'}")
    sys.exit(bool(count.faults))


if __name__ == "__main__":
    main()
