"""Make the archive of the study.

Input: all NetCDF files, tables and figures of the study, and the page that describes them (results/README.md). Files of
problems from outside the library are added.
Output: archive.zip.
"""

import json
from pathlib import Path

import yaml

from runtime import archive, versions
from runtime.job import log, run
from runtime.problem_files import collected


def main(input, output, params) -> None:
    files = [*input.data, *input.tables, *input.figures]
    merged = versions.of_files(input.data, params.project)
    problems, config = collected(params.config)
    texts = {
        archive.CONFIGURATION: yaml.safe_dump(config, sort_keys=False, allow_unicode=True),
        archive.VERSIONS: json.dumps(merged, indent=2, ensure_ascii=False) + "\n",
    }
    members = {name: Path(name) for name in files} | {"results/README.md": Path(input.page)} | problems
    archive.write(output[0], members | {name: text.encode() for name, text in texts.items()})
    log.info("%d files", len(files))


if __name__ == "__main__":
    run(main, snakemake)
