"""Draw Hessian eigenvalues and spectral densities along the training of one case.

Input: hessians, hessian-{checkpoint}.nc of all formulations, seeds and checkpoints, with the checkpoints in the order of
training. Output: pdf, png. Parameters: seed (drawn with thick lines), dpi.
"""

from pinnscape.figures import inputs, spectra, style
from runtime.figure import run


def main(input, output, params):
    """Draw the figure and save it."""
    files = inputs.by_checkpoint(input.hessians)
    style.save(spectra.draw(files, params.seed), output.pdf, output.png, params.dpi)


if __name__ == "__main__":
    run(main, snakemake)
