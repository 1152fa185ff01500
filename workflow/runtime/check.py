"""Checks of problems and modules as jobs."""

import sys
from collections.abc import Mapping
from typing import Any

from pinnscape.files import store
from pinnscape.validation.check import Report, dataset
from runtime.job import log


def write(output: str, report: Report, case: str, title: str, model: Mapping[str, Any], device: str, **attributes: str) -> None:
    """Log the findings, print the warnings, and write check.nc.

    Args:
        output: path of the file.
        report: results of the checks.
        case: name of the case.
        title: title of the file.
        model: settings that define the losses.
        device: device of the computations.
        **attributes: further attributes of the file.
    """
    for finding in report.findings:
        log.info("%-24s deviation %.1e, tolerance %.0e", finding.check, finding.deviation, finding.tolerance)
    for warning in report.warnings:
        log.warning("%s: %s", case, warning)
        print(f"pinnscape: warning: {case}: {warning}", file=sys.stderr)
    owner = {"case": case, "trained_on": store.ALL, "seed": store.NO_SEED, "device": device, "stage": "check"}
    store.write(output, dataset(report).assign_attrs(attributes), title=title, configuration={"model": model}, **owner)
