"""Checks of the losses of a torch module, in the form of those of a problem."""

import json
import math

from pinnscape.common.errors import ModelError
from pinnscape.losses.module import ModuleLosses
from pinnscape.losses.module_checks import check
from pinnscape.validation.check import Finding, Report

_SAME = 1e-6  # relative deviation of a loss between two machines, which round differently


def validate_module(losses: ModuleLosses) -> Report:
    """Check that the losses are functions of the parameters with correct derivatives.

    Raises:
        ModelError: a check fails; the message names the loss and the remedy in one line.
    """
    found = check(losses)
    findings = [Finding(name, off, found.tolerances[name]) for name, off in found.deviations.items()]
    return Report(tuple(findings), found.warnings)


def values(losses: ModuleLosses) -> str:
    """The losses at the parameters of the module, as JSON, by which later jobs recognise them."""
    measured = losses.measure(losses.flat.theta, "fields")
    return json.dumps({name: float(measured[name]) for name in losses.losses})


def check_same(losses: ModuleLosses, known: str) -> None:
    """Check that the losses are those of an earlier job, because points that are drawn at random differ from job to job.

    Args:
        losses: the losses.
        known: the result of ``values`` in an earlier job.

    Raises:
        ModelError: a loss has another value.
    """
    now = json.loads(values(losses))
    for name, value in json.loads(known).items():
        if not math.isclose(now[name], value, rel_tol=_SAME):
            raise ModelError(
                f"the loss {name} is {value:.9g} in one job and {now[name]:.9g} in another, at the same parameters: its points or data "
                "are random; set the seed of the random numbers in the file of the module, before points are drawn"
            )
