# Environment of the jobs, workarounds for Snakemake (explained in docs/how-the-workflow-runs.md), and checks before the first
# job starts. This file must be included after all rules.
import logging
import os

from runtime import clock, messages, slurm, surroundings, workarounds

TARGETS = {rule.name: rule.input for rule in workflow.rules if not rule.output}

surroundings.for_jobs(WORKFLOW, Path(".cache"), os.environ)
workarounds.quote_interpreter()
workarounds.keep_braces(str(WORKFLOW.parent))
workarounds.lift_job_limit(workflow.scheduling_settings)
logging.getLogger("snakemake.logging").addFilter(messages.OneLine(TARGETS))


onstart:
    workarounds.end_on_sigterm()
    trouble = None if workflow.touch else clock.ahead(file for files in TARGETS.values() for file in files)
    if workflow.executor_plugin.name == "slurm":
        settings = workflow.executor_settings
        trouble = trouble or slurm.trouble(settings.status_command, settings.init_seconds_before_status_checks)
    if trouble:
        sys.exit(f"pinnscape: {trouble}")
