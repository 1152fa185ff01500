"""Collect every number of the study. Input: checkpoints, trainings, hessians and surfaces of all runs. Output: metrics.csv."""

from job import run
from pinnscape import storage
from pinnscape.tables import metrics


def main(input, output, params) -> None:
    files = []
    for points, history in zip(input.checkpoints, input.training, strict=True):
        checkpoints = storage.read(points, "checkpoints")
        files.append((checkpoints, metrics.of_checkpoints(checkpoints, storage.read(history, "train"))))
    for path in input.hessians:
        hessian = storage.read(path, "hessian")
        files.append((hessian, metrics.of_hessian(hessian, **params.spectra)))
    for path in input.surfaces:
        surface = storage.read(path, "surfaces")
        lines = surface.attrs["kind"] == "lines"
        files.append((surface, metrics.of_lines(surface, params.radius) if lines else metrics.of_plane(surface)))
    metrics.table(files).to_csv(output[0], index=False)


if __name__ == "__main__":
    run(main, snakemake)  # noqa: F821
