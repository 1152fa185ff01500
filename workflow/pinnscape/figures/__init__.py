"""Figures from the files of the study: xarray in, matplotlib out. Nothing here imports torch."""
