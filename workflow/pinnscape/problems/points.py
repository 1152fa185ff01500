"""Points at which the terms of a loss are evaluated, in the interior or on pieces of the boundary, with weights.

Products of one-dimensional rules (``gauss-legendre``, ``simpson``, ``uniform``) are for integrals of smooth functions: their size is given per axis of each
patch of a domain, and panels divide each axis. ``duffy`` is Gauss-Legendre for functions with a singularity at a reentrant corner. Sets of a given size
(``sobol``, ``latin-hypercube``, ``monte-carlo``) are what collocation methods use; they depend on a seed and, where points are drawn again during a training,
on the step.

The weights of energies sum to the measure of the set, so that a sum over the points is an integral; those of squared residuals sum to 1, so that it is a
mean. On the unit cube both are the same.
"""

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from pinnscape.problems.domains.domain import INTERIOR, Domain, Where
from pinnscape.problems.domains.patch import Patch
from pinnscape.problems.quadrature import gauss_legendre, simpson, uniform

Axis = tuple[np.ndarray, np.ndarray]  # nodes and weights on [0, 1]
PRODUCTS: dict[str, Callable[[int], Axis]] = {
    "gauss-legendre": gauss_legendre,
    "simpson": simpson,
    "uniform": uniform,
    "duffy": gauss_legendre,
}
SETS = ("sobol", "latin-hypercube", "monte-carlo")
RULES = (*PRODUCTS, *SETS)


@dataclass(frozen=True, eq=False)
class PointSet:
    """Points with weights, and what is known at them; terms of a loss on the same object are evaluated together.

    Attributes:
        points: (sites, n, d). A local expression sees all sites of a point at once: two of them for a periodic condition, else one.
        weights: (n,).
        data: columns (n,) by name, such as values of a load or of an exact solution.

    Raises:
        ValueError: an array has another shape than it should have, no entry, or another type than float64, or a name is no identifier.
    """

    points: np.ndarray
    weights: np.ndarray
    data: Mapping[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in self.data:
            if not name.isidentifier():
                raise ValueError(f"`data` must have columns whose names are identifiers, not {name!r}")
        if self.points.ndim != 3 or not self.points.size:
            raise ValueError(f"`points` must be (sites, n, d) with at least one point, not {self.points.shape}")
        for name, array in (("weights", self.weights), *((f"data[{name!r}]", column) for name, column in self.data.items())):
            if array.shape != self.points.shape[1:2]:
                raise ValueError(f"`{name}` must be (n,), here ({self.points.shape[1]},), not {array.shape}")
        for name, array in (("points", self.points), ("weights", self.weights), *self.data.items()):
            if array.dtype != np.float64:
                raise ValueError(f"`{name}` must be float64, not {array.dtype}")

    @property
    def sites(self) -> int:
        return self.points.shape[0]

    @property
    def count(self) -> int:
        """Number of points n."""
        return self.points.shape[1]

    def with_data(self, data: Mapping[str, np.ndarray]) -> "PointSet":
        """The same points with other columns."""
        return PointSet(self.points, self.weights, dict(data))

    def first(self, count: int) -> "PointSet":
        """The first points, as many as there are up to ``count``."""
        data = {name: column[:count] for name, column in self.data.items()}
        return PointSet(self.points[:, :count], self.weights[:count], data)


@dataclass(frozen=True)
class Rule:
    """How points are chosen.

    Attributes:
        name: one of ``RULES``.
        points: for products, the number per axis and panel, or one for each axis; for sets, the number altogether.
        panels: for products, the number of equal parts of each axis, or one number for each axis.
        seed: of sets.
        step: of the training at which they are drawn; other points for each step.

    Raises:
        ValueError: the name is unknown or a number is not positive; one line.
    """

    name: str = "gauss-legendre"
    points: int | Sequence[int] = 20
    panels: int | Sequence[int] = 1
    seed: int = 0
    step: int = 0

    def __post_init__(self) -> None:
        if self.name not in RULES:
            raise ValueError(f"`rule` must be one of {', '.join(RULES)}, not {self.name!r}")
        for key, value in (("points", self.points), ("panels", self.panels)):
            numbers = [value] if isinstance(value, int) else list(value)
            if not numbers or not all(isinstance(n, int) and not isinstance(n, bool) and n >= 1 for n in numbers):
                raise ValueError(
                    f"`{key}` of the rule {self.name} must be a number from 1 on, or one for each axis, not {value!r}"
                )
        if self.name in SETS and not isinstance(self.points, int):
            raise ValueError(f"`points` of the rule {self.name} is the number of points altogether, not {self.points!r}")


def place(domain: Domain, where: Where = INTERIOR, rule: Rule | None = None, sites: int = 1) -> PointSet:
    """Points in a domain, with weights that sum to the measure of the set.

    Args:
        domain: the domain.
        where: ``interior``, or pieces of the boundary or groups of them. With several sites, one piece for each: the points of the others are opposite to
            those on the first.
        rule: how points are chosen.
        sites: number of places that belong together.

    Returns:
        Points (sites, n, d) and weights (n,). On the boundary, ``data`` has the outward unit normal at the first site: ``normal_x``, ...

    Raises:
        ValueError: the rule does not exist on this domain, or a name is unknown; one line.
    """
    rule, names = rule or Rule(), (INTERIOR,) if where in (INTERIOR, (INTERIOR,)) else domain.resolve(where)
    stream = 0 if names == (INTERIOR,) else 1 + list(domain.pieces).index(names[0])  # no two places share their random numbers
    if sites == 1:
        images = _images(_patches(domain, names, rule), rule, stream)
        return PointSet(_joined(images).points[None], _joined(images).weights, _normals(domain, images))
    if len(names) != sites:
        raise ValueError(f"{sites} sites need {sites} pieces of the boundary, not {', '.join(names)}")
    all_images = [_images(domain.pieces[name], rule, stream) for name in names]
    found = [_joined(images) for images in all_images]
    return PointSet(np.stack([image.points for image in found]), found[0].weights, _normals(domain, all_images[0]))


def _patches(domain: Domain, names: tuple[str, ...], rule: Rule) -> tuple[Patch, ...]:
    if rule.name == "duffy" and names == (INTERIOR,):
        if not domain.singular:
            raise ValueError(
                f"the rule duffy is for domains with a reentrant corner, which {domain!r} does not have; take gauss-legendre"
            )
        return domain.singular
    return domain.patches(names)


@dataclass(frozen=True)
class _Image:
    """Points (n, d) on a patch, and their weights (n,)."""

    patch: Patch
    points: np.ndarray
    weights: np.ndarray


def _joined(images: Sequence[_Image]) -> _Image:
    points, weights = (np.concatenate([getattr(image, name) for image in images]) for name in ("points", "weights"))
    return _Image(images[0].patch, points, weights)


def _normals(domain: Domain, images: Sequence[_Image]) -> dict[str, np.ndarray]:
    found = [image.patch.normal(image.points) for image in images if image.patch.normal is not None]
    return (
        {f"normal_{name}": column for name, column in zip(domain.names, np.concatenate(found).T, strict=True)} if found else {}
    )


def _images(patches: Sequence[Patch], rule: Rule, stream: int) -> list[_Image]:
    return _of_set(patches, rule, stream) if rule.name in SETS else [_product(patch, rule) for patch in patches]


def _product(patch: Patch, rule: Rule) -> _Image:
    """A product rule; the last coordinate of the unit cube varies fastest."""
    k = patch.dimension
    points, panels = _per_axis("points", rule.points, k), _per_axis("panels", rule.panels, k)
    axes = [_axis("uniform" if i in patch.periodic else rule.name, points[i], panels[i]) for i in range(k)]
    if not axes:
        return _Image(patch, patch.place(np.empty((1, 0))), np.ones(1))
    nodes = np.meshgrid(*[nodes for nodes, _ in axes], indexing="ij")
    products = np.meshgrid(*[weights for _, weights in axes], indexing="ij")
    unit = np.stack([n.ravel() for n in nodes], axis=1)
    return _Image(patch, patch.place(unit), np.prod([w.ravel() for w in products], axis=0) * patch.weights(unit))


def _axis(name: str, points: int, panels: int) -> Axis:
    nodes, weights = PRODUCTS[name](points)
    if panels == 1:
        return nodes, weights
    return ((np.arange(panels)[:, None] + nodes) / panels).ravel(), np.tile(weights / panels, panels)


def _per_axis(key: str, given: int | Sequence[int], axes: int) -> Sequence[int]:
    """One number for each axis; of those that are given, the first ones."""
    if isinstance(given, int):
        return [given] * axes
    if len(given) < axes:
        raise ValueError(f"`{key}` has {len(given)} numbers for {axes} axes; give one for each")
    return given


def _of_set(patches: Sequence[Patch], rule: Rule, stream: int) -> list[_Image]:
    """A set of points, spread over patches by their measures; a patch that is a single point is taken once, whatever the number."""
    if patches[0].dimension == 0:
        return [_product(patch, rule) for patch in patches]
    unit = _unit_set(rule, patches[0].dimension, stream)
    measures = np.array([patch.measure for patch in patches])
    share = float(measures.sum() / len(unit))
    # The first coordinate chooses the patch, and what is left of it is a coordinate there.
    ends = np.concatenate([[0.0], np.cumsum(measures)]) / measures.sum()
    index = np.clip(np.searchsorted(ends, unit[:, 0], side="right") - 1, 0, len(patches) - 1)
    if len(patches) > 1:
        unit[:, 0] = (unit[:, 0] - ends[index]) / (ends[index + 1] - ends[index])
    return [
        _Image(patch, patch.spread(unit[index == i]), np.full(int((index == i).sum()), share))
        for i, patch in enumerate(patches)
    ]


def _unit_set(rule: Rule, dimension: int, stream: int) -> np.ndarray:
    """Points (n, k) in the unit cube."""
    generator, number = np.random.default_rng([rule.seed, rule.step, stream]), rule.points
    assert isinstance(number, int)
    if rule.name == "monte-carlo":
        return generator.random((number, dimension))
    from scipy.stats import qmc  # late: takes a second

    if rule.name == "latin-hypercube":
        return qmc.LatinHypercube(dimension, rng=generator).random(number)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The balance properties of Sobol' points")  # of numbers that are no power of 2
        return qmc.Sobol(dimension, rng=generator).random(number)
