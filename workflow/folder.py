"""Check that Python, shells and NetCDF support the name of the project folder. `make` runs this first, with any Python."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from runtime.surroundings import unusable


def main(folder: str) -> str | None:
    """One line if they do not support it, else None."""
    reason = unusable(folder)
    return reason and f"pinnscape: {reason}"


if __name__ == "__main__":
    sys.exit(main(os.getcwd()))
