# Dates of results that say nothing: a clock was wrong, or results were copied by what gives files dates of its own. Comes after all other rules.
import logging

from runtime.messages import OneLine
from runtime import dates

TARGETS = {rule.name: rule.input for rule in workflow.rules if not rule.output}
RESULTS = {str(file): file for inputs in TARGETS.values() for file in inputs}
AHEAD = dates.ahead(RESULTS) if workflow.is_main_process else []

logging.getLogger("snakemake.logging").addFilter(OneLine({*TARGETS, "dates"}))
if AHEAD:
    print(
        f"pinnscape: {AHEAD[0]} is dated in the future{f', as are {len(AHEAD) - 1} more results' if AHEAD[1:] else ''}: a clock was wrong; "
        "no job starts before `make dates` (`snakemake -c1 dates`) has given new dates",
        file=sys.stderr,
    )


rule dates:
    log:
        "results/logs/dates.log",
    conda:
        ENVIRONMENT
    params:
        files=list(RESULTS),
        recorded=lambda wildcards: [name for name, file in RESULTS.items() if workflow.persistence.metadata(file)],
    message:
        "New dates"
    script:
        "../scripts/dates.py"
