# The study: config.yaml and what the command line adds, checked before anything else happens.
import sys
from pathlib import Path

WORKFLOW = Path(workflow.basedir) / "workflow"
sys.path.insert(0, str(WORKFLOW))

from pinnscape import study
from pinnscape.errors import PinnscapeError
from pinnscape.problems.catalog import CATALOG
from pinnscape.study_schema import read
from pinnscape.techniques import TECHNIQUES

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
