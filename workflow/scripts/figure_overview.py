"""Draw the overview of one case: both physics formulations side by side, with one panel for each technique.

Input, of which each entry may be empty or absent:
    surfaces: surface-random.nc and surface-trajectory.nc of both physics formulations for one seed.
    hessians: hessian-{checkpoint}.nc of both physics formulations; the last checkpoint is drawn.
    techniques: {technique}.nc of all techniques in the study.
Output: pdf, png.
Parameters: seed (of the surfaces and Hessians), dpi.
"""

from pathlib import Path

from pinnscape.figures import inputs, overview, style, surfaces
from pinnscape.files import store
from runtime.figure import run


def main(input, output, params):
    """Draw the figure and save it."""
    fields, spectra, techniques = (_listed(getattr(input, name, ())) for name in ("surfaces", "hessians", "techniques"))
    planes = {}
    for path in fields:
        planes.setdefault("trajectory" if "trajectory" in store.read(path, "surfaces") else "random", []).append(path)
    hessians = inputs.by_checkpoint(spectra) if spectra else {}
    figure = overview.draw(
        {plane: surfaces.by_formulation(paths) for plane, paths in planes.items()},
        {formulation: data for (formulation, seed, _), data in hessians.items() if seed == params.seed},
        {path.stem: store.read(path, path.stem) for path in techniques},
        params.seed,
    )
    style.save(figure, output.pdf, output.png, params.dpi)


def _listed(paths) -> list[Path]:
    """The paths as a list, since Snakemake passes a single file as a string."""
    return [Path(paths)] if isinstance(paths, str | Path) else [Path(path) for path in paths]


if __name__ == "__main__":
    run(main, snakemake)
