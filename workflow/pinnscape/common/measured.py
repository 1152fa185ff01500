"""Names of what can be measured at a point besides the losses."""

ERRORS = ("energy_gap", "l2_error", "h1_error")  # measured at every point; NaN where unknown
INFEASIBLE = "infeasible"  # whether a loss does not exist
L2_SQUARE, H1_SQUARE = "l2_square", "h1_square"  # squared errors, which are smooth and can be interpolated
