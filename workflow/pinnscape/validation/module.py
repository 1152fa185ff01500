"""Checks of the losses of a torch module, in the form of those of a problem."""

from pinnscape.losses.module import ModuleLosses
from pinnscape.losses.module_checks import check
from pinnscape.validation.check import Finding, Report


def validate_module(losses: ModuleLosses) -> Report:
    """Check that the losses are functions of the parameters with correct derivatives.

    Raises:
        ModelError: a check fails; the message names the loss and the remedy in one line.
    """
    found = check(losses)
    findings = [Finding(name, off, found.tolerances[name]) for name, off in found.deviations.items()]
    return Report(tuple(findings), found.warnings)
