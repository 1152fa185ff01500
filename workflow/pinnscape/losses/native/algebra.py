"""Generation of C++ code for the rules of derivatives: compositions, products, and the ansatz lift + factor · network.

pass.hpp and terms.hpp call this code. A set of streams with its rules is called an *algebra*; see ``networks.streams``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pinnscape.losses.native.code import Code, Elementary, Written
from pinnscape.networks.activations import ACTIVATIONS
from pinnscape.networks.arithmetic import named, running, scaled, total
from pinnscape.networks.streams import Monomial, Streams, degree, unit

# Name of a derivative in x: its exponents as in "2,0"; "laplacian"; or "along 3", the derivative along the direction of term 3.
Key = str


def key(monomial: Monomial) -> Key:
    return ",".join(map(str, monomial))


def monomial(key: Key) -> Monomial | None:
    """The partial derivative that a key stands for; None for a Laplacian or a derivative along a direction."""
    return tuple(map(int, key.split(","))) if key[0].isdigit() else None


@dataclass(frozen=True)
class Algebra:
    """The streams of a pass through the network, and the derivatives in x that they stand for.

    Attributes:
        streams: the streams; with a direction, the value and first derivative in a single variable.
        along: number of the term along whose direction derivatives are taken; None for partial derivatives.
        dimension: number of variables d.
    """

    streams: Streams
    along: int | None
    dimension: int

    @property
    def keys(self) -> list[Key]:
        """The derivative that each stream stands for."""
        if self.along is not None:
            return [key((0,) * self.dimension), f"along {self.along}"]
        return [*map(key, self.streams.monomials), *["laplacian"] * bool(self.streams.laplacian)]

    @property
    def data_keys(self) -> list[Key]:
        """Derivatives of factor and lift that a product needs: those of the streams, and the summands of a Laplacian."""
        squares = [key(unit(self.dimension, i, i)) for i in self.streams.laplacian]
        return [found for found in self.keys if found != "laplacian"] + squares


@dataclass(frozen=True)
class Slots:
    """Order of the derivatives in the data of a site.

    Attributes:
        inputs: derivatives that are stored of each input of the network.
        ansatz: derivatives that are stored of each factor and lift.
        factors: number of factors of the ansatz: 0, 1, or one for each component.
        lifted: whether the ansatz has a lift.
    """

    inputs: tuple[Key, ...]
    ansatz: tuple[Key, ...]
    factors: int
    lifted: bool


def activation(name: str, orders: set[int]) -> str:
    """C++ code of the function ``activation<COUNT>``: s(z) and its first COUNT derivatives, for each COUNT in ``orders``."""
    branches = []
    for count in sorted(orders):
        code = Code()
        found = ACTIVATIONS[name].derivatives(code.value("z"), count, Elementary(code))
        code.store("s", found)
        branches.append(f"    if constexpr (COUNT == {count}) {{\n{code.body()}\n    }}")
    return "template <int COUNT, class T>\nINLINE void activation(const T& z, T* s) {\n" + "\n".join(branches) + "\n}\n"


def struct(name: str, algebra: Algebra, slots: Slots, identity: bool) -> str:
    """C++ code of the type of an algebra.

    Args:
        name: name of the type.
        algebra: the streams.
        slots: order of the derivatives in the data.
        identity: whether the inputs of the network are x itself, without embeddings.
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
    """Streams of the factor and of the lift of component c, by key; empty if there is none."""
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
    """Write streams u of lift + factor · network, from the streams n of the network."""
    factor, lift = _ansatz(code, slots)
    streams, n = algebra.streams, code.array("n", algebra.streams.count)
    keys = algebra.data_keys
    for k in range(len(streams.monomials)):
        value = total(n[i] * scaled(factor[keys[j]], c) for i, j, c in streams.products[k]) if factor else n[k]
        code.lines.append(f"u[{k}] = {value + lift[keys[k]] if lift else value};")
    if streams.laplacian:
        code.lines.append(f"u[{streams.count - 1}] = {_laplacian(algebra, n, factor, lift)};")


def _laplacian(algebra: Algebra, n: list[Written], factor: dict[Key, Written], lift: dict[Key, Written]) -> Any:
    """The Laplacian of lift + factor · network, summed variable by variable."""
    streams, zero = algebra.streams, algebra.keys[0]
    found: Any = named(n[-1] * factor[zero] if factor else n[-1])
    for i in streams.laplacian:
        one, two = unit(algebra.dimension, i), unit(algebra.dimension, i, i)
        if factor:
            found = found + n[streams.position[one]] * (2.0 * factor[key(one)]) + n[0] * factor[key(two)]
        found = named(found + lift[key(two)] if lift else found)
    return found


def _solution_back(code: Code, algebra: Algebra, slots: Slots) -> None:
    """Write adjoints of n from the adjoints of u: the transpose of ``_solution``."""
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
