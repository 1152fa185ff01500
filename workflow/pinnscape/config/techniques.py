"""Which techniques there are beyond surfaces and spectra. This list names them without importing torch, so that a study can be checked in no time.

To add a technique: a module with a function ``dataset``, a script and a figure of its name, its settings in the schema, and one line here.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Technique:
    """What the workflow has to know of a technique.

    Attributes:
        title: of its file and figure.
        costly: whether it belongs to the extended study alone.
        surfaces: planes whose surface-{plane}.nc it reads instead of trainings.
        directions: whether its random directions are normalised as ``directions`` says.
        splits: whether its work, or most of it, is done for each run alone, by ``Runs.collect``, and can be divided among jobs.
    """

    title: str
    costly: bool = False
    surfaces: tuple[str, ...] = ()
    directions: bool = False
    splits: bool = True


TECHNIQUES: dict[str, Technique] = {
    "interpolation": Technique("Linear interpolation"),
    "barriers": Technique("Barriers between seeds", splits=False),
    "curves": Technique("Curved paths between seeds", splits=False),
    "three_points": Technique("Planes through three points", splits=False),
    "trajectory_geometry": Technique("Geometry of the trajectory"),
    "gradient_subspace": Technique("Gradient in the top eigenspace"),
    "stability": Technique("Edge of stability", costly=True),
    "sharpness": Technique("Sharpness"),
    "basin": Technique("Basin along random rays"),
    "goldilocks": Technique("Goldilocks scan"),
    "curvature_map": Technique("Curvature map", costly=True, directions=True),
    "zoom": Technique("Zoom series", directions=True),
    "intrinsic_dimension": Technique("Intrinsic dimension", costly=True),
    "learning_coefficient": Technique("Local learning coefficient", costly=True),
    "critical_points": Technique("Critical points", costly=True),
    "ntk": Technique("Neural tangent kernel and Gauss-Newton part"),
    "vicinity": Technique("Vicinity of the minimiser"),
    "formulations": Technique("Similarity of formulations"),
    "roughness_rules": Technique("Roughness under several quadrature rules", directions=True),
    "topology": Technique("Topology of surfaces", surfaces=("random", "trajectory"), splits=False),
}
