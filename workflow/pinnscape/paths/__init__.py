"""Paths through parameter space: interpolation, alignment, connectivity, geometry of trajectories."""
