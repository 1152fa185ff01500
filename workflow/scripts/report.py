"""Put all figures and tables into one self-contained page. Output: report.html."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from pinnscape.common.errors import PinnscapeError
from pinnscape.files import atomic
from runtime.job import log, run

SNAKEFILE = Path(__file__).resolve().parents[2] / "Snakefile"


def main(input, output, params) -> None:
    """Let Snakemake make its report: a second call that reads what is there and runs no job."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Path(folder) / "config.json"
        settings.write_text(json.dumps(params.config), encoding="utf-8")
        page = Path(folder) / "report.html"
        command = [
            sys.executable,
            "-m",
            "snakemake",
            "--snakefile",
            str(SNAKEFILE),
            "--nolock",
            "--configfile",
            str(settings),
        ]
        done = subprocess.run(
            [*command, "--report", str(page), "--", *input],
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
        log.info("%s%s", done.stdout, done.stderr)
        if done.returncode or not page.is_file():
            raise PinnscapeError("the report could not be made; its log says why")
        with atomic.replacing(output[0]) as unfinished:
            unfinished.write_bytes(page.read_bytes())


if __name__ == "__main__":
    run(main, snakemake)
