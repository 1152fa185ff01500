"""Figures from the files of a study: functions from xarray datasets to matplotlib figures. No module here imports torch."""
