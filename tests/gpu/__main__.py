"""`make test-gpu`: the tests of this folder and the benchmark on a GPU, with a table of times.

It takes torch, numpy, scipy, xarray, netCDF4, pydantic and pytest. Without a GPU it says so, and nothing fails.
"""

import os
import sys
import time
from importlib.util import find_spec
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
NEEDED = ("torch", "numpy", "scipy", "xarray", "netCDF4", "pydantic", "pytest")
_AGREEMENT = 1e-6  # of results on both devices


def main() -> int:
    """The exit status."""
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        print(f"make test-gpu: {sys.executable} has no {', '.join(missing)}; install what is missing, or set PYTHON=...")
        return 1
    import torch

    if not torch.cuda.is_available():
        print(f"make test-gpu: torch {torch.__version__} finds no GPU here, so there is nothing to test")
        return 0
    began = time.monotonic()
    import pytest

    failed = int(pytest.main([str(FOLDER), "-c", str(FOLDER / "pytest.ini"), "-q", "-p", "no:cacheprovider"]))
    off = _benchmark()
    print(f"tests and benchmark took {time.monotonic() - began:.0f} s")
    return failed or int(off)


def _benchmark() -> bool:
    """Print the table; whether some results do not agree."""
    import torch
    from gpu import benchmark

    threads = len(os.sched_getaffinity(0))
    versions = f"torch {torch.__version__}, CUDA {torch.version.cuda}"
    print(f"\n{torch.cuda.get_device_name()}, {versions}, {threads} cores, double precision\n")
    found = list(benchmark.rows(torch.device("cuda", 0), benchmark.networks(threads), benchmark.FULL))
    print(benchmark.table(found), end="\n\n")
    wrong = [f"{row.name}, {row.parameters:,} parameters" for row in found if not row.agreement <= _AGREEMENT]
    for each in wrong:
        print(f"results of CPU and GPU disagree: {each}")
    return bool(wrong)


if __name__ == "__main__":
    sys.path[:0] = [str(FOLDER.parent), str(FOLDER.parents[1] / "workflow")]
    sys.exit(main())
