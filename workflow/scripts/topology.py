"""Persistence diagrams of the losses on stored planes. Input: surface-{plane}.nc of all runs of a problem. Output: topology.nc."""

from pinnscape.files import storage
from pinnscape.landscape import topology_file
from runtime.job import run
from runtime.technique import write


def main(input, output, params, wildcards) -> None:
    """Read the surfaces and write the file."""
    surfaces = {}
    for path in input.surfaces:
        surface = storage.read(path, "surfaces")
        surfaces[surface.attrs["formulation"], int(surface.attrs["seed"]), surface.attrs["kind"]] = surface
    grid = storage.configuration(next(iter(surfaces.values())))["grid"]
    found = topology_file.dataset(surfaces, params.settings)
    configuration = {"grid": grid, "topology": params.settings}
    write(output[0], found, "topology", "Topology of surfaces", wildcards.problem, configuration)


if __name__ == "__main__":
    run(main, snakemake)  # noqa: F821
