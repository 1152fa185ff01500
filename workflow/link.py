"""Install the library of this folder in editable form into the environment of the Python that runs this file; `make` does it in .venv.

The link is relative, so that the folder of the project and an environment within it may be moved or copied together, whatever their names.
"""

import os
import sysconfig
from pathlib import Path


def main() -> None:
    """Write the link: where Python finds the library, and Snakemake what `make` shows of a run."""
    library, packages = os.path.dirname(os.path.abspath(__file__)), sysconfig.get_path("purelib")
    folders = [os.path.relpath(folder, packages) for folder in (library, os.path.join(library, "logger"))]
    Path(packages, "pinnscape.pth").write_text("".join(f"{folder}\n" for folder in folders), encoding="utf-8")


if __name__ == "__main__":
    main()
