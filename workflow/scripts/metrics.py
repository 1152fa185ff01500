"""Collect all metrics of the study.

Input: checkpoints, training, hessians and surfaces of all runs, and techniques of all cases.
Output: metrics.csv.
"""

from pathlib import Path

from pinnscape.files import atomic, store
from pinnscape.tables import metrics
from pinnscape.techniques import catalog
from runtime.job import run


def main(input, output, params) -> None:
    files = []
    for points, history in zip(input.checkpoints, input.training, strict=True):
        checkpoints = store.read(points, "checkpoints")
        files.append((checkpoints, metrics.of_checkpoints(checkpoints, store.read(history, "train"))))
    for path in input.hessians:
        hessian = store.read(path, "hessian")
        files.append((hessian, metrics.of_hessian(hessian, **params.spectra, compared=params.compared[hessian.attrs["case"]])))
    for path in input.surfaces:
        surface = store.read(path, "surfaces")
        lines, compared = surface.attrs["kind"] == "lines", params.compared[surface.attrs["case"]]
        files.append((surface, metrics.of_lines(surface, params.radius) if lines else metrics.of_plane(surface, compared)))
    several = []
    for path in input.techniques:
        name = Path(path).stem
        dataset = store.read(path, name)
        several.append((dataset, catalog.module(name).metrics(dataset)))
    with atomic.replacing(output[0]) as unfinished:
        metrics.table(files, several, params.sweeps, params.losses).to_csv(unfinished, index=False)


if __name__ == "__main__":
    run(main, snakemake)
