# How Snakemake's scheduler is used, and what must hold on a cluster before the first job is submitted.
import signal

from runtime.scheduler import aside, costs_too_much, trouble

if workflow.scheduling_settings and costs_too_much(workflow.scheduling_settings.max_jobs_per_timespan):
    workflow.scheduling_settings.max_jobs_per_timespan = None


onstart:
    if AHEAD and not workflow.touch and any(job.rule.name != "dates" for job in workflow.dag.needrun_jobs()):
        sys.exit("pinnscape: no job starts while results are dated in the future")
    terminate = signal.getsignal(signal.SIGTERM)
    if callable(terminate):
        signal.signal(signal.SIGTERM, aside(terminate))
    if workflow.executor_plugin.name == "slurm":
        settings = workflow.executor_settings
        found = trouble(settings.status_command, settings.init_seconds_before_status_checks)
        if found:
            sys.exit(f"pinnscape: {found}")
