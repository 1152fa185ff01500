# The study: config.yaml and what the command line adds, checked before anything else happens.
import os
import sys
from pathlib import Path

WORKFLOW = Path(workflow.basedir) / "workflow"
sys.path.insert(0, str(WORKFLOW))
sys.path.append(str(WORKFLOW / "scripts"))

from pinnscape import dates, study
from pinnscape.errors import PinnscapeError
from pinnscape.problems.catalog import CATALOG
from pinnscape.study_schema import complete, read
from pinnscape.techniques import TECHNIQUES
from workarounds import keep_braces, quote_interpreter

quote_interpreter()
keep_braces(workflow.basedir)

# Snakemake would find it out after a training, or link to a folder that is not there.
if workflow.enable_cache:
    shared = Path(os.environ.get("SNAKEMAKE_OUTPUT_CACHE", ""))
    if not (shared.is_absolute() and shared.is_dir() and os.access(shared, os.W_OK)):
        sys.exit(
            "pinnscape: --cache keeps trained networks in the folder $SNAKEMAKE_OUTPUT_CACHE, which must exist and be writable; "
            f"set it to an absolute path; it is now '{os.environ.get('SNAKEMAKE_OUTPUT_CACHE', '')}'"
        )

try:
    if Path("config.yaml").is_file():
        read("config.yaml")  # says which line is wrong, and refuses keys that come twice
except PinnscapeError as error:
    sys.exit(f"pinnscape: {error}")


configfile: "config.yaml"


GIVEN = [str(path) for path in workflow.overwrite_configfiles] + ["--config"] * bool(workflow.config_settings.config)

try:
    for path in workflow.configfiles:
        read(path)
    STUDY = study.parse(
        config,
        CATALOG,
        sizes={name: (entry.dimension, entry.components) for name, entry in CATALOG.items()},
        parameters={name: entry.parameters for name, entry in CATALOG.items()},
        source=" with ".join(["config.yaml", *GIVEN]),
    )
except PinnscapeError as error:
    nested = "--config" in GIVEN and "reads as text" in str(error)
    hint = " (--config hands numbers within {...} on as text: put them into a file for --configfile)" if nested else ""
    sys.exit(f"pinnscape: {error}{hint}")

# A clock that was wrong must not decide what is up to date. Jobs on other machines leave the dates to the process that plans.
if workflow.is_main_process and (ahead := dates.ahead(Path("results"))):
    print(
        f"pinnscape: {ahead[0]} is dated in the future, as are {len(ahead) - 1} more results: a clock was wrong. "
        "All results get new dates, so that their contents decide what runs again.",
        file=sys.stderr,
    )
    dates.leave_it_to_contents(Path("results"))
