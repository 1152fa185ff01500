"""The frame of scripts that draw figures."""

from collections.abc import Callable
from typing import Any

from pinnscape.figures import style
from runtime import job


def run(main: Callable[..., None], snakemake: Any) -> None:
    """Run ``main`` as ``job.run`` does, with colours for the losses ``params.losses``."""
    style.register(snakemake.params.get("losses", ()))
    job.run(main, snakemake)
