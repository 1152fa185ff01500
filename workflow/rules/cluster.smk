# How Snakemake's scheduler is used, and what must hold on a cluster before the first job is submitted.
sys.path.append(str(WORKFLOW / "scripts"))

from scheduler import trouble

# With a limit of jobs in a time span, Snakemake 9 looks for jobs again after each such span, once for every time that it has looked before: more and
# more often, until that takes a quarter of a core, and once after the last job has ended. So its default, 100 in a second, is none here.
limits = workflow.scheduling_settings
if limits and limits.max_jobs_per_timespan:
    if (limits.max_jobs_per_timespan.max_jobs, limits.max_jobs_per_timespan.timespan) == (100, 1):
        limits.max_jobs_per_timespan = None


onstart:
    if workflow.executor_plugin.name == "slurm":
        settings = workflow.executor_settings
        found = trouble(settings.status_command, settings.init_seconds_before_status_checks)
        if found:
            sys.exit(f"pinnscape: {found}")
