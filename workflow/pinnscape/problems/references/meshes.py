"""Triangulations of two-dimensional domains, finite element spaces on them, and evaluation at arbitrary points."""

from functools import partial
from typing import Any

import numpy as np
import skfem

from pinnscape.problems.domains.boxes import Box
from pinnscape.problems.domains.corners import LShape, SlitSquare
from pinnscape.problems.domains.disk import Disk
from pinnscape.problems.domains.domain import Domain

_NEWTON = 8  # number of Newton steps for the inversion of the maps of elements, which are nearly affine


def check(domain: Domain) -> None:
    """Check that ``triangulation`` supports a domain.

    Raises:
        ValueError: the domain is not a rectangle, an L-shape, a slit square or a disk.
    """
    is_rectangle = isinstance(domain, Box) and domain.dimension == 2 and domain.time is None
    if not is_rectangle and not isinstance(domain, (LShape, SlitSquare, Disk)):
        raise ValueError(f"the reference finite-elements is for rectangles, LShape, SlitSquare and Disk, not {domain!r}")


def triangulation(domain: Domain, refinements: int, graded: int) -> Any:
    """A mesh of triangles; on a disk, the sides of the boundary triangles are curved.

    Args:
        domain: a rectangle, an L-shape, a slit square or a disk.
        refinements: number of uniform refinements, each of which divides a triangle into four. If there is a reentrant corner,
            there are two fewer refinements, because the initial mesh is finer.
        graded: number of preceding refinements of the triangles at a reentrant corner.
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
    """The initial mesh of the slit square; the two sides of the slit have separate nodes."""
    around = [(1, 0), (1, 1), (0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1), (1, 0)]
    points = np.array([(0, 0), *around], dtype=float).T
    return skfem.MeshTri(points, np.array([(0, k, k + 1) for k in range(1, 9)]).T)


def _at_corner(mesh: Any, graded: int) -> Any:
    for _ in range(graded):
        at_origin = np.flatnonzero((np.abs(mesh.p).max(0) == 0.0)[mesh.t].any(0))
        mesh = mesh.refined(at_origin)
    return mesh


def piece_facets(domain: Domain, mesh: Any, piece: str) -> np.ndarray:
    """Indices of the facets (sides of triangles) on a piece of the boundary."""
    facets = mesh.boundary_facets()
    if isinstance(domain, Disk):
        return facets
    middle = mesh.p[:, mesh.facets[:, facets]].mean(1).T
    found = facets[_on(domain, piece, middle)]
    if not piece.startswith("slit"):
        return found
    # Facets on the two sides of the slit coincide; the triangles to which they belong distinguish them.
    centers = mesh.p[1, mesh.t].mean(0)[mesh.f2t[0, found]]
    return found[centers > 0.0] if piece == "slit_above" else found[centers < 0.0]


def _on(domain: Domain, piece: str, points: np.ndarray) -> np.ndarray:
    """Whether each of the points (n, 2) lies on an axis-parallel piece of the boundary."""
    inside = np.zeros(len(points), dtype=bool)
    for patch in domain.pieces[piece]:
        ends = patch.place(np.array([[0.0], [1.0]]))
        low, high = ends.min(0) - 1e-9, ends.max(0) + 1e-9
        inside |= ((points >= low) & (points <= high)).all(1)
    return inside


def element(mesh: Any) -> Any:
    """The finite element: polynomials of degree 4, or of degree 2 if sides of triangles are curved (quadratic)."""
    return skfem.ElementTriP2() if isinstance(mesh, skfem.MeshTri2) else skfem.ElementTriP4()


def basis(mesh: Any, facets: np.ndarray | None = None) -> Any:
    """The finite element basis on the triangles of a mesh or, if facets are given, on these facets."""
    if facets is None:
        return skfem.Basis(mesh, element(mesh), intorder=10)
    return skfem.FacetBasis(mesh, element(mesh), facets=facets, intorder=10)


def values(mesh: Any, coefficients: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Values (n, c) of finite element functions at points (n, 2).

    Args:
        mesh: the mesh.
        coefficients: coefficients (N, c) of c functions.
        points: (n, 2).
    """
    found = basis(mesh)
    cells = _cells(mesh, points.T)
    places = _inverse(found.mapping, points.T[:, :, None], cells)
    functions = [found.elem.gbasis(found.mapping, places, k, tind=cells)[0][:, 0] for k in range(found.Nbfun)]
    return np.einsum("kn,knc->nc", np.stack(functions), coefficients[found.element_dofs[:, cells]])


def _inverse(mapping: Any, points: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """Map points to the reference triangle by Newton's method.

    The method of scikit-fem does not leave the reference triangle, and therefore does not converge for points beyond a side.
    """
    found = np.full(points.shape, 1.0 / 3.0)
    for _ in range(_NEWTON):
        found = found + np.einsum("ijkl,jkl->ikl", mapping.invDF(found, cells), points - mapping.F(found, cells))
    return found


def _cells(mesh: Any, points: np.ndarray) -> np.ndarray:
    """Index of the triangle of each of the points (2, n).

    A point of a disk that is outside the polygon of the corners is moved towards the centre first.
    """
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
