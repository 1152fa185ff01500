"""Draw roughness by quadrature rule of one problem. Input: roughness_rules.nc. Output: pdf, png. Parameters: dpi."""

from pinnscape.figures import roughness_rules, style
from pinnscape.files import storage
from runtime.job import run


def main(input, output, params):
    """Draw the figure and save it."""
    style.save(roughness_rules.draw(storage.read(input[0], "roughness_rules")), output.pdf, output.png, params.dpi)


if __name__ == "__main__":
    run(main, snakemake)  # noqa: F821
