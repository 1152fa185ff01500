# What must hold before the first job starts, and what is corrected in Snakemake. docs/how-the-workflow-runs.md says why. Comes after all other rules.
import logging

from runtime import clock, slurm, workarounds
from runtime.messages import OneLine

TARGETS = {rule.name: rule.input for rule in workflow.rules if not rule.output}

logging.getLogger("snakemake.logging").addFilter(OneLine(TARGETS))
workarounds.lift_job_limit(workflow.scheduling_settings)


onstart:
    workarounds.end_on_sigterm()
    found = None if workflow.touch else clock.ahead(file for files in TARGETS.values() for file in files)
    if workflow.executor_plugin.name == "slurm":
        settings = workflow.executor_settings
        found = found or slurm.trouble(settings.status_command, settings.init_seconds_before_status_checks)
    if found:
        sys.exit(f"pinnscape: {found}")
