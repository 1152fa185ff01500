# The study, checked before anything else happens: config.yaml and what the command line adds, or, in a module of another Snakefile, its `config:`.
import os
import sys
from pathlib import Path

WORKFLOW = Path(workflow.current_basedir.get_path_or_uri(secret_free=True)).parent
if not WORKFLOW.is_dir():
    sys.exit(
        f"pinnscape: {workflow.current_basedir.get_path_or_uri(secret_free=True)}: the workflow needs the files beside its Snakefile; "
        "clone the project, and let `snakefile:` be a path in the clone"
    )
IS_MODULE = not os.path.samefile(workflow.basedir, WORKFLOW.parent)
# Whatever the environment has installed, the library beside these rules is the one that runs.
sys.path.insert(0, str(WORKFLOW))

from pinnscape.study import study
from pinnscape.common.errors import PinnscapeError
from pinnscape.problems import source
from pinnscape.problems.catalog import CATALOG
from pinnscape.config.reading import read
from pinnscape.techniques.catalog import TECHNIQUES
from runtime.surroundings import put, read_as_yaml, unusable

for folder in (str(WORKFLOW.parent), os.getcwd()):
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


def checked(function, *arguments, **options):
    """What a function gives, or an end with one line about what is wrong with the configuration."""
    try:
        return function(*arguments, **options)
    except PinnscapeError as error:
        sys.exit(f"pinnscape: {error}")


if IS_MODULE:
    SOURCE = f"config of module {__name__}"
else:
    if Path("config.yaml").is_file():
        checked(read, "config.yaml")  # says which line is wrong, and refuses keys that come twice

    configfile: "config.yaml"

    GIVEN = [str(path) for path in workflow.overwrite_configfiles] + ["--config"] * bool(workflow.config_settings.config)
    SOURCE = " with ".join(["config.yaml", *GIVEN])
    put(read_as_yaml(workflow.config_settings.config), config)
    for path in workflow.configfiles:
        checked(read, path)


checked(source.check, source.named(config))
STUDY = checked(study.parse, config, CATALOG, SOURCE)
