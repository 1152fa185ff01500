# The object that Snakemake provides to scripts.
from typing import Any

snakemake: Any
