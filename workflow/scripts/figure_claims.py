"""Draw the verdicts on all claims.

Input: claims, the table claims.csv of the whole study.
Output: pdf, png.
Parameters: dpi.
"""

from pinnscape.figures import claims, style
from pinnscape.tables import reading
from runtime.figure import run


def main(input, output, params):
    """Draw the figure and save it."""
    table = reading.table(input.claims, claims.COLUMNS, claims.NUMBERS, "judge_claims")
    style.save(claims.draw(table), output.pdf, output.png, params.dpi)


if __name__ == "__main__":
    run(main, snakemake)
