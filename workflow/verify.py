"""Check an archive of `snakemake archive`, run its study again and compare the results: `make verify ARCHIVE=path.zip`.

Exit status: 0 if the archive is complete and all data files are reproduced, 1 if a data file is not reproduced,
2 if the archive is damaged or its study fails.
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
# All targets except the figures, which are drawn from the other results.
_TARGETS = ("train", "checkpoints", "directions", "surfaces", "hessian", "techniques", "tables")
_DATA = (".nc", ".csv")
_CLAIMS = "results/tables/claims.csv"
_PROGRESS = re.compile(r"\d+ of \d+ steps \((\d+)%\) done")


def main(arguments: Sequence[str]) -> int:
    """Check the archive, run its study and compare the results. Returns the exit status."""
    options = _options(arguments)
    try:
        names = checked(options.archive)
        if options.check_only:
            return 0
        archived = versions.read(archive.text(options.archive, archive.VERSIONS), options.archive)
        report_versions(archived)
        with ExitStack() as stack:
            folder = options.folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pinnscape-verify-")))
            unpack(options.archive, [name for name in names if name.endswith(".py")], new_folder(folder))
            run_again(options.archive, folder, options.cores, settings(archived))
            return compared(options.archive, [name for name in names if is_data(name)], folder, options.tolerance)
    except PinnscapeError as error:
        print(f"pinnscape: {error}", file=sys.stderr)
        return 2


def checked(path: Path) -> tuple[str, ...]:
    """Names of the members of an archive that matches its manifest.

    Raises:
        StorageError: the archive does not match its manifest or is not an archive. Differences are printed file by file.
    """
    contents = archive.check(path)
    for text in ("missing", "changed", "extra"):
        for name in getattr(contents, text):
            print(f"{text}: {name}")
    if not contents.sound:
        counts = ", ".join(f"{len(getattr(contents, text))} {text}" for text in ("missing", "changed", "extra"))
        raise StorageError(f"{path}: does not match its manifest: {counts} of {len(contents.names)} files")
    print(f"{path}: all {len(contents.names)} files match the manifest")
    return contents.names


def report_versions(archived: Mapping[str, Any]) -> None:
    """Print the differences between the versions in the archive and the current ones."""
    lines = versions.differences(archived, versions.here(project(CHECKOUT)))
    print("versions, code and machine: the same as in the archive" if not lines else "versions, code and machine:")
    for line in lines:
        print(f"  {line}")


def settings(archived: Mapping[str, Any]) -> list[str]:
    """Settings for this machine: the type of device of the archive if available, since it affects the last digits."""
    if versions.CUDA not in archived["devices"]:
        return ["device=cpu"]
    import torch  # here, because the import takes seconds

    if torch.cuda.is_available():
        return ["device=cuda"]
    print("  device: cuda in the archive, none here; the study runs on the CPU, and last digits will differ")
    return ["device=cpu"]


def new_folder(path: Path) -> Path:
    """Make an empty folder, since existing results would count as reproduced.

    Raises:
        StorageError: the folder is not empty or cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        if any(path.iterdir()):
            raise StorageError(f"{path}: must be a new or empty folder, because existing files would count as recomputed")
    except OSError as error:
        raise StorageError(f"{path}: cannot be made ({error.strerror})") from error
    return path


def unpack(path: Path, names: Sequence[str], folder: Path) -> None:
    """Copy files of problems to the folder of the study, and say which code of the archive will run."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        archive.extract(path, name, folder / name)
    if names:
        print(f"runs code of the archive: {', '.join(names)}")


def run_again(path: Path, folder: Path, cores: str, config: Sequence[str]) -> None:
    """Run the study of an archive with the code of this checkout.

    Raises:
        StorageError: the study fails. The last lines of the output of Snakemake are printed.
    """
    archive.extract(path, archive.CONFIGURATION, folder / "config.yaml")
    print(f"running the study again on {cores} cores in {folder}")
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(CHECKOUT / "Snakefile"), "--cores", cores]
    # A profile of the user is not used, because it might take results from a cache or run jobs on other machines.
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
            progress = _PROGRESS.search(line)
            if progress and int(progress[1]) >= shown + 10:
                shown = int(progress[1])
                print(f"  {shown}%", flush=True)
    if process.returncode:
        print("".join(last), end="", file=sys.stderr)
        raise StorageError(f"{path}: its study fails; the lines above give the reason")


def compared(path: Path, names: Sequence[str], folder: Path, tolerance: float) -> int:
    """Print for each data file of the archive whether it is reproduced in ``folder``. Returns the exit status."""
    counts: Counter[Verdict] = Counter()
    with tempfile.TemporaryDirectory(prefix="pinnscape-archived-") as temporary:
        for name in names:
            known = Path(temporary) / f"file{Path(name).suffix}"
            archive.extract(path, name, known)
            comparison = compare(known, folder / name, tolerance)
            counts[comparison.verdict] += 1
            print(line(name, comparison))
            if name == _CLAIMS:  # numbers may differ although the conclusions agree
                print("claims: {} of {} verdicts are the same".format(*verdicts(known, folder / name)))
    reproduced = not counts[Verdict.DIFFERENT]
    shares = ", ".join(f"{counts[verdict]} {verdict.value}" for verdict in Verdict)
    print(f"{'reproduced' if reproduced else 'NOT reproduced'}: {len(names)} data files, {shares} (tolerance {tolerance:g})")
    return 0 if reproduced else 1


def line(name: str, comparison: Comparison) -> str:
    """One line about the comparison of a file."""
    if comparison.verdict is Verdict.IDENTICAL:
        return f"{name}: {comparison.verdict.value}"
    if not comparison.where:
        where = ", all numbers equal"
    elif comparison.where.startswith(("variable ", "line ")):
        where = f", largest difference {comparison.largest:.2g} in {comparison.where}"
    else:
        where = f", {comparison.where}"
    notes = f"; attributes that differ: {', '.join(comparison.notes)}" if comparison.notes else ""
    return f"{name}: {comparison.verdict.value}{where}{notes}"


def is_data(name: str) -> bool:
    """Whether a member is a data file. Figures, which are drawn from data files, are not compared."""
    return name.startswith("results/") and Path(name).suffix in _DATA


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="make verify ARCHIVE=", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "archive", type=Path, nargs="?", default=Path("results/archive.zip"), help="archive (default: results/archive.zip)"
    )
    parser.add_argument("--check-only", action="store_true", help="only compare the archive with its manifest")
    parser.add_argument(
        "--cores", default="all", help="number of jobs that run in parallel (default: all cores); does not affect results"
    )
    parser.add_argument(
        "--tolerance", type=float, default=TOLERANCE, help=f"tolerance for differences of numbers (default: {TOLERANCE:g})"
    )
    parser.add_argument(
        "--folder", type=Path, help="new folder in which the study runs and which is kept (default: a temporary folder)"
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
