"""Draw the terms of each loss on a random plane through the trained point, and their largest Hessian eigenvalues, for one case.

Input:
    surfaces: surface-random.nc of all formulations for one seed.
    hessians: hessian-final.nc of all formulations for the same seed; may be empty or absent.
Output: pdf, png.
Parameters: dpi.
"""

from pinnscape.figures import inputs, style, surfaces, terms
from runtime.figure import run


def main(input, output, params):
    """Draw the figure and save it."""
    files = surfaces.by_formulation(input.surfaces)
    spectra = inputs.by_formulation(input.hessians, "hessian") if getattr(input, "hessians", ()) else {}
    style.save(terms.draw(files, spectra), output.pdf, output.png, params.dpi)


if __name__ == "__main__":
    run(main, snakemake)
