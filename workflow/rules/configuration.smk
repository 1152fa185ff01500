# Reads and checks the configuration: config.yaml and additions on the command line or, if another Snakefile uses this one as a
# module, its `config:`.
import os
import sys
from pathlib import Path

WORKFLOW = Path(workflow.current_basedir.get_path_or_uri(secret_free=True)).parent
if not WORKFLOW.is_dir():
    sys.exit(
        f"pinnscape: {workflow.current_basedir.get_path_or_uri(secret_free=True)}: the workflow requires "
        "the files in the folder of its Snakefile; clone the project, and set `snakefile:` to a path in the clone"
    )
IS_MODULE = not os.path.samefile(workflow.basedir, WORKFLOW.parent)
# The library in the folder of these rules takes precedence over an installed one.
sys.path.insert(0, str(WORKFLOW))

from pinnscape.study import study
from pinnscape.common.errors import PinnscapeError
from pinnscape.config.reading import read
from pinnscape.techniques.catalog import TECHNIQUES
from runtime.surroundings import put, read_as_yaml, unusable

for folder in (str(WORKFLOW.parent), os.getcwd()):
    if reason := unusable(folder):
        sys.exit(f"pinnscape: {reason}")

# Without this check, Snakemake would fail after the first training, or link to a folder that does not exist.
if workflow.enable_cache:
    shared = Path(os.environ.get("SNAKEMAKE_OUTPUT_CACHE", ""))
    if not (shared.is_absolute() and shared.is_dir() and os.access(shared, os.W_OK)):
        sys.exit(
            "pinnscape: --cache stores trained networks in the folder $SNAKEMAKE_OUTPUT_CACHE, which must exist and be "
            f"writable; set it to an absolute path; it is now '{os.environ.get('SNAKEMAKE_OUTPUT_CACHE', '')}'"
        )


def checked(function, *arguments, **options):
    """The result of a function. An error in the configuration ends Snakemake with one line."""
    try:
        return function(*arguments, **options)
    except PinnscapeError as error:
        sys.exit(f"pinnscape: {error}")


if IS_MODULE:
    SOURCE = f"config of module {__name__}"
else:
    if Path("config.yaml").is_file():
        checked(read, "config.yaml")  # reports the line of an error and refuses duplicate keys

    configfile: "config.yaml"

    GIVEN = [str(path) for path in workflow.overwrite_configfiles] + ["--config"] * bool(workflow.config_settings.config)
    SOURCE = " with ".join(["config.yaml", *GIVEN] if Path("config.yaml").is_file() else GIVEN)
    put(read_as_yaml(workflow.config_settings.config), config)
    for path in workflow.configfiles:
        checked(read, path)


STUDY = checked(study.parse, config, SOURCE)
