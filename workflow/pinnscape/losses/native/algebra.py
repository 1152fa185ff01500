"""Algebras of streams as C++: what pass.hpp and terms.hpp call to mix the streams of networks, factors and lifts."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pinnscape.losses.native.code import Code, Elementary, Written
from pinnscape.networks.activations import ACTIVATIONS
from pinnscape.networks.arithmetic import named, running, scaled, total
from pinnscape.networks.streams import Monomial, Streams, degree, unit

Key = str  # of a derivative in x: its exponents as in "2,0", or "laplacian", or "along 3" with the number of the term that has the direction


def key(monomial: Monomial) -> Key:
    return ",".join(map(str, monomial))


def monomial(key: Key) -> Monomial | None:
    """The derivative of a key; None where it is none by the variables."""
    return tuple(map(int, key.split(","))) if key[0].isdigit() else None


@dataclass(frozen=True)
class Algebra:
    """Streams of a pass through the network, and which derivatives in x they are.

    Attributes:
        streams: for a derivative along a direction those of one variable.
        along: number of the term whose direction it is; None for derivatives by the variables themselves.
        dimension: number of variables.
    """

    streams: Streams
    along: int | None
    dimension: int

    @property
    def keys(self) -> list[Key]:
        """What each stream is."""
        if self.along is not None:
            return [key((0,) * self.dimension), f"along {self.along}"]
        return [*map(key, self.streams.monomials), *["laplacian"] * bool(self.streams.laplacian)]

    @property
    def data_keys(self) -> list[Key]:
        """Which derivatives of factor and lift a product needs: those of the streams, and all that a Laplacian sums one by one."""
        squares = [key(unit(self.dimension, i, i)) for i in self.streams.laplacian]
        return [found for found in self.keys if found != "laplacian"] + squares


@dataclass(frozen=True)
class Slots:
    """Where the derivatives are in the data of a site.

    Attributes:
        inputs: those of each input of the network.
        ansatz: those of each factor and lift.
        factors: number of factors: none, one, or one for each component.
        lifted: whether there is a lift.
    """

    inputs: tuple[Key, ...]
    ansatz: tuple[Key, ...]
    factors: int
    lifted: bool


def activation(name: str, orders: set[int]) -> str:
    """The function ``activation<COUNT>``: s(z) and its first COUNT derivatives."""
    branches = []
    for count in sorted(orders):
        code = Code()
        found = ACTIVATIONS[name].derivatives(code.value("z"), count, Elementary(code))
        code.store("s", found)
        branches.append(f"    if constexpr (COUNT == {count}) {{\n{code.body()}\n    }}")
    return "template <int COUNT, class T>\nINLINE void activation(const T& z, T* s) {\n" + "\n".join(branches) + "\n}\n"


def struct(name: str, algebra: Algebra, slots: Slots, identity: bool) -> str:
    """The type of an algebra.

    Args:
        name: of the type.
        algebra: which streams there are.
        slots: of the data.
        identity: whether the network sees x itself.
    """
    streams, count = algebra.streams, algebra.streams.count
    identity = identity and algebra.along is None
    variables = [m.index(1) if degree(m) == 1 else -1 for m in streams.monomials] + [-1] * bool(streams.laplacian)
    first = [variables.index(i) if i in variables else -1 for i in range(algebra.dimension)]
    inputs = [slots.inputs.index(found) if found in slots.inputs else 0 for found in algebra.keys]
    return "\n".join(
        [
            f"struct {name} {{",
            f"    static constexpr int S = {count}, ORDER = {streams.order}, SLOTS = {len(slots.inputs)};",
            f"    static constexpr bool IDENTITY = {str(identity).lower()};",
            f"    static constexpr int VARIABLE[S] = {_list(variables)}, FIRST[D] = {_list(first)}, INPUT_SLOT[S] = {_list(inputs)};",
            _method("compose", "const T* s, const T* z, T* y", lambda c: _compose(c, streams)),
            _method("compose_back", "const T* s, const T* z, const T* o, T* b", lambda c: _compose_back(c, streams)),
            _method("product", "const T* a, const T* b, T* y", lambda c: _product(c, streams)),
            _method("product_back", "const T* b, const T* o, T* a", lambda c: _product_back(c, streams)),
            _method("solution", "const Vec* data, int c, const T* n, T* u", lambda c: _solution(c, algebra, slots)),
            _method("solution_back", "const Vec* data, int c, const T* o, T* n", lambda c: _solution_back(c, algebra, slots)),
            "};",
            "",
        ]
    )


def _list(numbers: list[int]) -> str:
    return "{" + ", ".join(map(str, numbers)) + "}"


def _method(name: str, arguments: str, write: Callable[[Code], None]) -> str:
    code = Code()
    write(code)
    return f"    template <class T>\n    static INLINE void {name}({arguments}) {{\n{code.body()}\n    }}"


def _compose(code: Code, streams: Streams) -> None:
    found = streams.compose(code.array("s", streams.order + 1), code.array("z", streams.count))
    code.store("y", found)


def _compose_back(code: Code, streams: Streams) -> None:
    slopes, count = code.array("s", streams.order + 2), streams.count
    code.store("b", streams.compose_back(slopes, code.array("z", count), code.array("o", count), code.value("T{}")))


def _product(code: Code, streams: Streams) -> None:
    code.store("y", streams.product(code.array("a", streams.count), code.array("b", streams.count)))


def _product_back(code: Code, streams: Streams) -> None:
    code.store("a", streams.product_back(code.array("b", streams.count), code.array("o", streams.count)))


def _ansatz(code: Code, slots: Slots) -> tuple[dict[Key, Written], dict[Key, Written]]:
    """Streams of the factor and of the lift of component c."""
    size = len(slots.ansatz)
    factor: dict[Key, Written] = {}
    if slots.factors:
        code.lines.append("const Vec* a = data + FACTOR" + (f" + c * {size};" if slots.factors > 1 else ";"))
        factor = {found: code.value(f"a[{i}]") for i, found in enumerate(slots.ansatz)}
    if slots.lifted:
        code.lines.append(f"const Vec* lift = data + LIFT + c * {size};")
    lift = {found: code.value(f"lift[{i}]") for i, found in enumerate(slots.ansatz)} if slots.lifted else {}
    return factor, lift


def _solution(code: Code, algebra: Algebra, slots: Slots) -> None:
    """Streams u of lift + factor · network, from those n of the network."""
    factor, lift = _ansatz(code, slots)
    streams, n = algebra.streams, code.array("n", algebra.streams.count)
    keys = algebra.data_keys
    for k in range(len(streams.monomials)):
        value = total(n[i] * scaled(factor[keys[j]], c) for i, j, c in streams.products[k]) if factor else n[k]
        code.lines.append(f"u[{k}] = {value + lift[keys[k]] if lift else value};")
    if streams.laplacian:
        code.lines.append(f"u[{streams.count - 1}] = {_laplacian(algebra, n, factor, lift)};")


def _laplacian(algebra: Algebra, n: list[Written], factor: dict[Key, Written], lift: dict[Key, Written]) -> Any:
    """The Laplacian of the solution, variable by variable."""
    streams, zero = algebra.streams, algebra.keys[0]
    found: Any = named(n[-1] * factor[zero] if factor else n[-1])
    for i in streams.laplacian:
        one, two = unit(algebra.dimension, i), unit(algebra.dimension, i, i)
        if factor:
            found = found + n[streams.position[one]] * (2.0 * factor[key(one)]) + n[0] * factor[key(two)]
        found = named(found + lift[key(two)] if lift else found)
    return found


def _solution_back(code: Code, algebra: Algebra, slots: Slots) -> None:
    """Adjoints of n from those of u: the transposed map."""
    factor, _ = _ansatz(code, slots)
    streams, o = algebra.streams, code.array("o", algebra.streams.count)
    if not factor:
        code.store("n", o)
        return
    keys, zero = algebra.data_keys, algebra.keys[0]
    shares: list[list[Any]] = [[] for _ in range(streams.count)]
    for k in range(len(streams.monomials)):
        for i, j, c in streams.products[k]:
            shares[i].append(o[k] * scaled(factor[keys[j]], c))
    if streams.laplacian:
        shares[-1].append(o[-1] * factor[zero])
        for i in streams.laplacian:
            one, two = unit(algebra.dimension, i), unit(algebra.dimension, i, i)
            shares[streams.position[one]].append(o[-1] * (2.0 * factor[key(one)]))
            shares[0].append(o[-1] * factor[key(two)])
    code.store("n", [running(first, rest) for first, *rest in shares])
