"""Draw planes and statistics of the cases of a sweep against the setting that it varies.

Input:
    surfaces: surface-random.nc of all cases of the sweep and all formulations for one seed.
    metrics: metrics.csv of the whole study.
Output: pdf, png.
Parameters: sweep (its name), setting (the dotted key that it varies), cases (value of the setting for each case), dpi.
"""

from pinnscape.figures import style, surfaces, sweep
from pinnscape.tables import reading
from runtime.job import run


def main(input, output, params):
    """Draw the figure and save it."""
    table = reading.table(input.metrics, sweep.COLUMNS, ("value",), "collect_metrics")
    planes = surfaces.by_case(input.surfaces)
    shown = {_hashable(value): planes[case] for case, value in params.cases.items() if case in planes}
    figure = sweep.draw(shown, table.loc[table["sweep"] == params.sweep], params.setting)
    style.save(figure, output.pdf, output.png, params.dpi)


def _hashable(value):
    """A value of a setting as a key; lists become text."""
    return value if isinstance(value, int | float | str) else str(value)


if __name__ == "__main__":
    run(main, snakemake)
