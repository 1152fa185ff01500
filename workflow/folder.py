"""Whether the folder of the project has a name that an environment, a shell and NetCDF can take: the first thing that `make` asks, with any Python."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from runtime.surroundings import unusable


def main(folder: str) -> str | None:
    """One line if it does not."""
    reason = unusable(folder)
    return reason and f"pinnscape: {reason}"


if __name__ == "__main__":
    sys.exit(main(os.getcwd()))
