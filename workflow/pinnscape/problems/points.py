"""Points and weights for the terms of a loss, in the interior of a domain or on pieces of its boundary.

Product rules (``gauss-legendre``, ``simpson``, ``uniform``) integrate smooth functions. They have a number of points along each
axis of each patch of the domain, and panels divide each axis into equal parts. ``duffy`` is a Gauss-Legendre rule for functions
that are singular at a reentrant corner. Point sets (``sobol``, ``latin-hypercube``, ``monte-carlo``) have a total number of
points, as in collocation methods. They depend on a seed and, if points are resampled during the training, on the step.

The weights of this module sum to the measure of the domain or piece. Energies use these weights, so that weighted sums are
integrals. Mean squares use the weights divided by their sum (see ``terms``). On the unit cube there is no difference.
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
    """Points with weights and given data; terms of a loss that share a ``PointSet`` object are evaluated together.

    Attributes:
        points: (sites, n, d). There are two sites if an expression combines the field at two points, as for periodicity, where
            these are opposite points; otherwise there is one site.
        weights: (n,).
        data: arrays (n,) by name, such as values of a load or of an exact solution.

    Raises:
        ValueError: an array is empty, is not float64 or has a wrong shape, or a name is not an identifier.
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
        """Number of points that an expression combines."""
        return self.points.shape[0]

    @property
    def count(self) -> int:
        """Number of points n."""
        return self.points.shape[1]

    def with_data(self, data: Mapping[str, np.ndarray]) -> "PointSet":
        """The same points and weights with other data."""
        return PointSet(self.points, self.weights, dict(data))

    def first(self, count: int) -> "PointSet":
        """The first ``count`` points, or all points if there are fewer."""
        data = {name: column[:count] for name, column in self.data.items()}
        return PointSet(self.points[:, :count], self.weights[:count], data)


@dataclass(frozen=True)
class Rule:
    """A rule for the choice of points.

    Attributes:
        name: one of ``RULES``.
        points: for product rules, the number of points along each axis in each panel (one number, or one for each axis); for
            point sets, the total number of points.
        panels: for product rules, the number of equal parts of each axis (one number, or one for each axis).
        seed: seed of point sets.
        step: step of the training at which point sets are drawn; each step has different points.

    Raises:
        ValueError: the name is unknown, or a number is not a positive integer.
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
    """Points in the interior or on the boundary of a domain, with weights that sum to the measure of the interior or piece.

    Args:
        domain: the domain.
        where: ``interior``, or names of pieces of the boundary or groups of pieces. If there are several sites, there is one
            piece for each site, and corresponding points are opposite to each other.
        rule: how points are chosen; by default the Gauss-Legendre rule with 20 points along each axis.
        sites: number of points that an expression combines.

    Returns:
        Points (sites, n, d) and weights (n,). On the boundary, ``data`` contains the outward unit normals at the first site,
        ``normal_x``, ...

    Raises:
        ValueError: the rule does not exist on this domain, a name is unknown, or the number of pieces differs from that of sites.
    """
    rule, names = rule or Rule(), (INTERIOR,) if where in (INTERIOR, (INTERIOR,)) else domain.resolve(where)
    # The interior and each piece of the boundary have their own random numbers.
    stream = 0 if names == (INTERIOR,) else 1 + list(domain.pieces).index(names[0])
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
    """Points (n, d) on a patch and their weights (n,)."""

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
    """A product rule on a patch; the last coordinate of the unit cube varies fastest."""
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
    """One number for each axis: the given number, or the first ``axes`` of several given numbers."""
    if isinstance(given, int):
        return [given] * axes
    if len(given) < axes:
        raise ValueError(f"`{key}` has {len(given)} numbers for {axes} axes; give one for each")
    return given


def _of_set(patches: Sequence[Patch], rule: Rule, stream: int) -> list[_Image]:
    """A point set that is uniform on the union of the patches. Patches that are single points are taken once each."""
    if patches[0].dimension == 0:
        return [_product(patch, rule) for patch in patches]
    unit = _unit_set(rule, patches[0].dimension, stream)
    measures = np.array([patch.measure for patch in patches])
    share = float(measures.sum() / len(unit))
    # The first coordinate chooses a patch, with probability proportional to its measure, and is then rescaled within the patch.
    ends = np.concatenate([[0.0], np.cumsum(measures)]) / measures.sum()
    index = np.clip(np.searchsorted(ends, unit[:, 0], side="right") - 1, 0, len(patches) - 1)
    if len(patches) > 1:
        unit[:, 0] = (unit[:, 0] - ends[index]) / (ends[index + 1] - ends[index])
    return [
        _Image(patch, patch.spread(unit[index == i]), np.full(int((index == i).sum()), share))
        for i, patch in enumerate(patches)
    ]


def _unit_set(rule: Rule, dimension: int, stream: int) -> np.ndarray:
    """A point set (n, k) in the k-dimensional unit cube."""
    generator, number = np.random.default_rng([rule.seed, rule.step, stream]), rule.points
    assert isinstance(number, int)
    if rule.name == "monte-carlo":
        return generator.random((number, dimension))
    from scipy.stats import qmc  # imported here, because it takes a second

    if rule.name == "latin-hypercube":
        return qmc.LatinHypercube(dimension, rng=generator).random(number)
    with warnings.catch_warnings():
        # SciPy warns if the number of points is not a power of 2.
        warnings.filterwarnings("ignore", "The balance properties of Sobol' points")
        return qmc.Sobol(dimension, rng=generator).random(number)
