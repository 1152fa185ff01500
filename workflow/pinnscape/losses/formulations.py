"""The formulations of a boundary value problem as a loss; those that need no exact solution are the physics."""

PHYSICS = ("deep-ritz", "strong-form")
FORMULATIONS = (*PHYSICS, "supervised")
