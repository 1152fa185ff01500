"""Names of what can be measured at a point besides the losses."""

from typing import Literal

ERRORS = ("energy_gap", "l2_error", "h1_error")  # measured at every point; NaN where unknown
NOT_MEASURED = "error() of the module does not measure it"  # why an error is withheld
INFEASIBLE = "infeasible"  # whether a loss does not exist
L2_SQUARE, H1_SQUARE = "l2_square", "h1_square"  # squared errors, which are smooth and can be interpolated
Measurement = Literal["all", "fields", "measures"]  # what a call measures: smooth fields, further measures, or both
