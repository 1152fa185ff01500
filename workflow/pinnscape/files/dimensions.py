"""Dimensions that many files share, and their coordinates."""

from pinnscape.files.description import Variable

RUN = ("formulation", "seed")  # of a file that holds all runs of a problem
OF_RUNS = {
    "formulation": Variable("formulation", "loss that trained the points"),
    "seed": Variable("seed", "seed of the training"),
}
LOSS = {"loss": Variable("loss", "loss that is evaluated")}
CHECKPOINT = {"checkpoint": Variable("checkpoint", "checkpoint of the training")}
PARAMETER = {"parameter": Variable("parameter", "index of the parameter in theta")}
