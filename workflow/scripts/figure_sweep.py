"""Draw planes of the cases of a sweep, and statistics as functions of the setting that is varied.

Input:
    surfaces: surface-random.nc of all cases of the sweep and all formulations for one seed.
    metrics: metrics.csv of the whole study.
Output: pdf, png.
Parameters: setting (dotted key of the varied setting), cases (pairs of a value of the setting and the name of its case), dpi.
"""

from pinnscape.figures import style, surfaces, sweep
from pinnscape.tables import reading
from runtime.figure import run


def main(input, output, params):
    """Draw the figure and save it."""
    table = reading.table(input.metrics, sweep.COLUMNS, ("value",), "collect_metrics")
    planes = surfaces.by_case(input.surfaces)
    shown = {_hashable(value): planes[case] for value, case in params.cases}
    values = {case: value for value, case in params.cases}
    metrics = table[table["case"].isin(values)].assign(swept=lambda rows: rows["case"].map(values))
    figure = sweep.draw(shown, metrics, params.setting)
    style.save(figure, output.pdf, output.png, params.dpi)


def _hashable(value):
    """A value of a setting that can be the key of a dictionary; lists are converted to text."""
    return value if isinstance(value, int | float | str) else str(value)


if __name__ == "__main__":
    run(main, snakemake)
