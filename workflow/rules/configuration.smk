# The study: config.yaml and what the command line adds, checked before anything else happens.
import os
import sys
from pathlib import Path

WORKFLOW = Path(workflow.basedir) / "workflow"
sys.path.insert(0, str(WORKFLOW))

from pinnscape.study import study
from pinnscape.common.errors import PinnscapeError
from pinnscape.problems import source
from pinnscape.problems.catalog import CATALOG
from pinnscape.config.reading import read
from pinnscape.techniques.catalog import TECHNIQUES
from runtime.surroundings import for_jobs, put, read_as_yaml, unusable
from runtime.workarounds import keep_braces, quote_interpreter

quote_interpreter()
keep_braces(workflow.basedir)
for_jobs(WORKFLOW, Path(".cache"), os.environ)
for folder in (workflow.basedir, os.getcwd()):
    if reason := unusable(folder):
        sys.exit(f"pinnscape: {reason}")

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
put(read_as_yaml(workflow.config_settings.config), config)

try:
    for path in workflow.configfiles:
        read(path)
    STUDY = study.parse(config, CATALOG, " with ".join(["config.yaml", *GIVEN]))
    source.check(STUDY.problems)
except PinnscapeError as error:
    sys.exit(f"pinnscape: {error}")
