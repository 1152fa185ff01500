"""Check an archive of `snakemake archive`, run its study afresh and compare: `make verify ARCHIVE=path.zip`.

Exit status: 0 if the archive is whole and every data file is reproduced, 1 if one is not, 2 if the archive is damaged or its study does not run.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from pinnscape.common.errors import PinnscapeError, StorageError
from pinnscape.files.provenance import project
from runtime import archive, versions
from runtime.reproduction import TOLERANCE, Comparison, Verdict, compare, verdicts

CHECKOUT = Path(__file__).resolve().parents[1]
_TARGETS = ("train", "checkpoints", "directions", "surfaces", "hessian", "techniques", "tables")  # figures are drawn from these
_DATA = (".nc", ".csv")
_CLAIMS = "results/tables/claims.csv"
_PROGRESS = re.compile(r"\d+ of \d+ steps \((\d+)%\) done")


def main(arguments: Sequence[str]) -> int:
    """Check, run and compare; returns the exit status."""
    options = _options(arguments)
    try:
        names = checked(options.archive)
        if options.check_only:
            return 0
        archived = versions.read(archive.text(options.archive, archive.VERSIONS), options.archive)
        report_versions(archived)
        with ExitStack() as stack:
            folder = options.folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pinnscape-verify-")))
            run_again(options.archive, new_folder(folder), options.cores, settings(archived))
            return compared(options.archive, [name for name in names if is_data(name)], folder, options.tolerance)
    except PinnscapeError as error:
        print(f"pinnscape: {error}", file=sys.stderr)
        return 2


def checked(path: Path) -> tuple[str, ...]:
    """Names of the members of an archive that is as its manifest says.

    Raises:
        StorageError: it is not, or no archive at all; what is wrong is printed file by file.
    """
    contents = archive.check(path)
    for text in ("missing", "changed", "extra"):
        for name in getattr(contents, text):
            print(f"{text}: {name}")
    if not contents.sound:
        counts = ", ".join(f"{len(getattr(contents, text))} {text}" for text in ("missing", "changed", "extra"))
        raise StorageError(f"{path}: not as its manifest says: {counts} of {len(contents.names)} files")
    print(f"{path}: all {len(contents.names)} files are as its manifest says")
    return contents.names


def report_versions(archived: Mapping[str, Any]) -> None:
    """Say what differs between what made the archive and what is here."""
    lines = versions.differences(archived, versions.here(project(CHECKOUT)))
    print("versions, code and machine: the same as in the archive" if not lines else "versions, code and machine:")
    for line in lines:
        print(f"  {line}")


def settings(archived: Mapping[str, Any]) -> list[str]:
    """What of the study is set for this machine: the type of device, which shapes the last digits, and which this machine may lack."""
    if versions.CUDA not in archived["devices"]:
        return ["device=cpu"]
    import torch  # late: takes seconds

    if torch.cuda.is_available():
        return ["device=cuda"]
    print("  device: cuda in the archive, none here: it runs on the CPU, and last digits will differ")
    return ["device=cpu"]


def new_folder(path: Path) -> Path:
    """An empty folder: results that are there already would count as reproduced.

    Raises:
        StorageError: it holds something, or cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        if any(path.iterdir()):
            raise StorageError(f"{path}: must be a new or empty folder: what is in it would count as computed afresh")
    except OSError as error:
        raise StorageError(f"{path}: cannot be made ({error.strerror})") from error
    return path


def run_again(path: Path, folder: Path, cores: str, config: Sequence[str]) -> None:
    """Run the study of an archive with the code of this checkout.

    Raises:
        StorageError: it fails; the end of what Snakemake says is printed.
    """
    archive.extract(path, archive.CONFIGURATION, folder / "config.yaml")
    print(f"running the study afresh on {cores} cores in {folder}")
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(CHECKOUT / "Snakefile"), "--cores", cores]
    # No profile of the user's: it might take results from a cache, or leave this machine.
    command += ["--profile", "none", "--workflow-profile", str(CHECKOUT / "profiles" / "default")]
    command += ["--config", *config, "--", *_TARGETS]
    environment = {
        key: value for key, value in os.environ.items() if key not in ("SNAKEMAKE_PROFILE", "SNAKEMAKE_OUTPUT_CACHE")
    }
    last, shown = deque(maxlen=30), 0
    with subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
    ) as process:
        for line in process.stdout or ():
            last.append(line)
            found = _PROGRESS.search(line)
            if found and int(found[1]) >= shown + 10:
                shown = int(found[1])
                print(f"  {shown}%", flush=True)
    if process.returncode:
        print("".join(last), end="", file=sys.stderr)
        raise StorageError(f"{path}: its study does not run here; the lines above say why")


def compared(path: Path, names: Sequence[str], folder: Path, tolerance: float) -> int:
    """Say of each data file of the archive whether it is reproduced in ``folder``; returns the exit status."""
    counts: Counter[Verdict] = Counter()
    with tempfile.TemporaryDirectory(prefix="pinnscape-archived-") as temporary:
        for name in names:
            known = Path(temporary) / f"file{Path(name).suffix}"
            archive.extract(path, name, known)
            found = compare(known, folder / name, tolerance)
            counts[found.verdict] += 1
            print(line(name, found))
            if name == _CLAIMS:  # numbers may differ where conclusions do not
                print("claims: {} of {} verdicts are the same".format(*verdicts(known, folder / name)))
    reproduced = not counts[Verdict.DIFFERENT]
    shares = ", ".join(f"{counts[verdict]} {verdict.value}" for verdict in Verdict)
    print(f"{'reproduced' if reproduced else 'NOT reproduced'}: {len(names)} data files, {shares} (tolerance {tolerance:g})")
    return 0 if reproduced else 1


def line(name: str, found: Comparison) -> str:
    """What is said of a file."""
    if found.verdict is Verdict.IDENTICAL:
        return f"{name}: {found.verdict.value}"
    if not found.where:
        where = ", all numbers equal"
    elif found.where.startswith(("variable ", "line ")):
        where = f", largest difference {found.largest:.2g} in {found.where}"
    else:
        where = f", {found.where}"
    notes = f"; attributes that differ: {', '.join(found.notes)}" if found.notes else ""
    return f"{name}: {found.verdict.value}{where}{notes}"


def is_data(name: str) -> bool:
    """Whether a member is computed: figures are drawn from these files, and are not compared."""
    return name.startswith("results/") and Path(name).suffix in _DATA


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="make verify ARCHIVE=", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "archive", type=Path, nargs="?", default=Path("results/archive.zip"), help="default results/archive.zip"
    )
    parser.add_argument("--check-only", action="store_true", help="hold the archive against its manifest, and run nothing")
    parser.add_argument("--cores", default="all", help="jobs that run at a time (default: all cores); no result depends on it")
    parser.add_argument("--tolerance", type=float, default=TOLERANCE, help=f"default {TOLERANCE:g}")
    parser.add_argument("--folder", type=Path, help="run in this new folder and keep it (default: a temporary one)")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
