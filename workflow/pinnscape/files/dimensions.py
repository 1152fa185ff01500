"""Dimensions that several kinds of files share, and their coordinates."""

from pinnscape.files.description import Variable

RUN = ("trained_on", "seed")  # dimensions of a file with all runs of a problem
OF_RUNS = {
    "trained_on": Variable("trained_on", "loss that was minimised"),
    "seed": Variable("seed", "seed of the training"),
}
LOSS = {"loss": Variable("loss", "loss that is evaluated")}
CHECKPOINT = {"checkpoint": Variable("checkpoint", "checkpoint of the training")}
PARAMETER = {"parameter": Variable("parameter", "index of the parameter in theta")}
