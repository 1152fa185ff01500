"""Triangulations of domains in two variables, with polynomials on each triangle, and values at any points."""

from functools import partial
from typing import Any

import numpy as np
import skfem

from pinnscape.problems.domains.boxes import Box
from pinnscape.problems.domains.corners import LShape, SlitSquare
from pinnscape.problems.domains.disk import Disk
from pinnscape.problems.domains.domain import Domain

_NEWTON = 8  # steps, for maps that are close to linear


def check(domain: Domain) -> None:
    """Whether there are meshes of a domain.

    Raises:
        ValueError: there are none; one line.
    """
    is_rectangle = isinstance(domain, Box) and domain.dimension == 2 and domain.time is None
    if not is_rectangle and not isinstance(domain, (LShape, SlitSquare, Disk)):
        raise ValueError(f"the reference finite-elements is for rectangles, LShape, SlitSquare and Disk, not {domain!r}")


def triangulation(domain: Domain, refinements: int, graded: int) -> Any:
    """A mesh of triangles, whose sides follow the circle on a disk.

    Args:
        domain: a rectangle, an L-shape, a slit square or a disk.
        refinements: how often each triangle is divided into four; twice less with a reentrant corner, where the first mesh is fine already.
        graded: how often the triangles at a reentrant corner are halved first.

    """
    if isinstance(domain, Disk):
        mesh = skfem.MeshTri2.init_circle(refinements)
        return mesh.scaled(domain.radius).translated(domain.center)
    if isinstance(domain, Box):
        (a, b), (c, d) = domain.bounds
        return skfem.MeshTri().scaled((b - a, d - c)).translated((a, c)).refined(refinements)
    return _at_corner(_l_shape() if isinstance(domain, LShape) else _slit(), graded).refined(max(refinements - 2, 0))


def _l_shape() -> Any:
    points = np.array([(0, 0), (1, 0), (1, 1), (0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1)], dtype=float).T
    return skfem.MeshTri(points, np.array([(0, k, k + 1) for k in range(1, 7)]).T)


def _slit() -> Any:
    """The sides of the slit have nodes of their own."""
    around = [(1, 0), (1, 1), (0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1), (1, 0)]
    points = np.array([(0, 0), *around], dtype=float).T
    return skfem.MeshTri(points, np.array([(0, k, k + 1) for k in range(1, 9)]).T)


def _at_corner(mesh: Any, graded: int) -> Any:
    for _ in range(graded):
        at_origin = np.flatnonzero((np.abs(mesh.p).max(0) == 0.0)[mesh.t].any(0))
        mesh = mesh.refined(at_origin)
    return mesh


def piece_facets(domain: Domain, mesh: Any, piece: str) -> np.ndarray:
    """The sides of triangles on a piece of the boundary."""
    facets = mesh.boundary_facets()
    if isinstance(domain, Disk):
        return facets
    middle = mesh.p[:, mesh.facets[:, facets]].mean(1).T
    found = facets[_on(domain, piece, middle)]
    if not piece.startswith("slit"):
        return found
    # Both sides of the slit are in the same place: that above belongs to triangles above.
    centers = mesh.p[1, mesh.t].mean(0)[mesh.f2t[0, found]]
    return found[centers > 0.0] if piece == "slit_above" else found[centers < 0.0]


def _on(domain: Domain, piece: str, points: np.ndarray) -> np.ndarray:
    """Whether points lie on an axis-parallel piece."""
    inside = np.zeros(len(points), dtype=bool)
    for patch in domain.pieces[piece]:
        ends = patch.place(np.array([[0.0], [1.0]]))
        low, high = ends.min(0) - 1e-9, ends.max(0) + 1e-9
        inside |= ((points >= low) & (points <= high)).all(1)
    return inside


def element(mesh: Any) -> Any:
    """Polynomials of degree four on each triangle, or two where its sides are curved and no better than that."""
    return skfem.ElementTriP2() if isinstance(mesh, skfem.MeshTri2) else skfem.ElementTriP4()


def basis(mesh: Any, facets: np.ndarray | None = None) -> Any:
    """Functions on all triangles, or on sides."""
    if facets is None:
        return skfem.Basis(mesh, element(mesh), intorder=10)
    return skfem.FacetBasis(mesh, element(mesh), facets=facets, intorder=10)


def values(mesh: Any, coefficients: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Values (n, c) of functions with these coefficients (N, c) at points (n, 2)."""
    found = basis(mesh)
    cells = _cells(mesh, points.T)
    places = _inverse(found.mapping, points.T[:, :, None], cells)
    functions = [found.elem.gbasis(found.mapping, places, k, tind=cells)[0][:, 0] for k in range(found.Nbfun)]
    return np.einsum("kn,knc->nc", np.stack(functions), coefficients[found.element_dofs[:, cells]])


def _inverse(mapping: Any, points: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """Points on the reference triangle, by Newton's method; scikit-fem's own stops at the sides of the triangle, and points beyond a side never arrive."""
    found = np.full(points.shape, 1.0 / 3.0)
    for _ in range(_NEWTON):
        found = found + np.einsum("ijkl,jkl->ikl", mapping.invDF(found, cells), points - mapping.F(found, cells))
    return found


def _cells(mesh: Any, points: np.ndarray) -> np.ndarray:
    """The triangle of each point (2, n); for one between a circle and its polygon, that beside it."""
    find = partial(_find, skfem.MeshTri(mesh.p, mesh.t))
    if not isinstance(mesh, skfem.MeshTri2):
        return find(points)
    center = 0.5 * (mesh.p.max(1) + mesh.p.min(1))[:, None]
    corners = np.unique(np.asarray(mesh.facets)[:, mesh.boundary_facets()])
    radius = np.linalg.norm(mesh.p[:, corners] - center, axis=0).min() * np.cos(np.pi / len(corners)) * (1.0 - 1e-9)
    distance = np.linalg.norm(points - center, axis=0)
    return find(center + (points - center) * np.minimum(1.0, radius / np.maximum(distance, 1e-300)))


def _find(mesh: Any, points: np.ndarray) -> np.ndarray:
    return np.concatenate(
        [mesh.element_finder()(*block) for block in np.array_split(points, max(1, points.shape[1] // 4096), axis=1)]
    )
