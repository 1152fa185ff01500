"""Install the library of this folder in editable form into the environment of the Python that runs this file; `make` runs it in
.venv.

The link is relative, so that the folder of the project can be moved or copied together with an environment in it.
"""

import os
import sysconfig
from pathlib import Path


def main() -> None:
    """Write the link to the library and to the logger plugin of Snakemake."""
    library, packages = os.path.dirname(os.path.abspath(__file__)), sysconfig.get_path("purelib")
    folders = [os.path.relpath(folder, packages) for folder in (library, os.path.join(library, "logger"))]
    Path(packages, "pinnscape.pth").write_text("".join(f"{folder}\n" for folder in folders), encoding="utf-8")


if __name__ == "__main__":
    main()
