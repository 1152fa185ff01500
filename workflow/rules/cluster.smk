# What must hold on a cluster before the first job is submitted.
sys.path.append(str(WORKFLOW / "scripts"))

from scheduler import trouble


onstart:
    if workflow.executor_plugin.name == "slurm":
        settings = workflow.executor_settings
        found = trouble(settings.status_command, settings.init_seconds_before_status_checks)
        if found:
            sys.exit(f"pinnscape: {found}")
