"""Generation of the native code of a group of terms that share a point set; it includes pass.hpp and terms.hpp."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Literal

from pinnscape.losses.expressions import Expressions, Symbols
from pinnscape.losses.formulas import Formula
from pinnscape.losses.native import algebra as algebras
from pinnscape.losses.native import term_code
from pinnscape.losses.native.algebra import Algebra, Key, Slots
from pinnscape.losses.native.term_code import Written
from pinnscape.networks.architectures import Architecture
from pinnscape.networks.streams import Streams, degree

KINDS = ("mlp", "residual", "modified")  # kinds of networks, in the order of `Kind` in pass.hpp


@dataclass(frozen=True)
class Plan:
    """Generated code and the layout of the data that it reads, in a form that can be stored and used without SymPy.

    Attributes:
        code: C++ source code.
        slots: order of the derivatives in the data.
        fields: positions of the data of a site, see ``Source.fields``.
        directions: directions of derivatives by number of the term: variables, and the formula of the components in these.
    """

    code: str
    slots: Slots
    fields: dict[str, int]
    directions: dict[int, tuple[tuple[int, ...], Formula]]

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Plan":
        slots = Slots(
            tuple(stored["slots"]["inputs"]),
            tuple(stored["slots"]["ansatz"]),
            stored["slots"]["factors"],
            stored["slots"]["lifted"],
        )
        directions = {int(k): (tuple(among), Formula.from_json(f)) for k, (among, f) in stored["directions"].items()}
        return cls(stored["code"], slots, dict(stored["fields"]), directions)

    def to_json(self) -> dict[str, Any]:
        directions = {str(k): [list(among), formula.to_json()] for k, (among, formula) in self.directions.items()}
        return {"code": self.code, "slots": asdict(self.slots), "fields": self.fields, "directions": directions}


@dataclass(frozen=True)
class Source:
    """Generator of the native code of a group of terms.

    Attributes:
        network: architecture of the network.
        derived: symbolic local expressions of the terms, by name.
        kinds: kinds of the terms, by name.
        factors: number of factors of the ansatz: 0, 1, or one for each component.
        lifted: whether the ansatz has a lift.
    """

    network: Architecture
    derived: Mapping[str, Expressions]
    kinds: Mapping[str, Literal["energy", "squared"]]
    factors: int
    lifted: bool

    @cached_property
    def algebras(self) -> list[Algebra]:
        """The algebra in which each term is evaluated and differentiated."""
        return [self._algebra(k, expressions) for k, expressions in enumerate(self.derived.values())]

    def _algebra(self, k: int, expressions: Expressions) -> Algebra:
        if self.kinds[list(self.derived)[k]] == "squared" and expressions.direction is not None:
            return Algebra(Streams.of([(1,)]), k, self.network.inputs)
        return Algebra(expressions.streams, None, self.network.inputs)

    @cached_property
    def together(self) -> Algebra:
        """The algebra of a single pass for all terms."""
        found = self.algebras
        directions = {algebra.along for algebra in found if algebra.along is not None}
        if len(directions) == 1 and all(a.along is not None or a.streams.order == 0 for a in found):
            return next(algebra for algebra in found if algebra.along is not None)
        return Algebra(Streams.union([e.streams for e in self.derived.values()]), None, self.network.inputs)

    @cached_property
    def slots(self) -> Slots:
        """Order of the derivatives in the data of a site."""
        all_of = [*self.algebras, self.together]
        identity = not self.network.embeddings
        inputs = [key for algebra in all_of if not identity or algebra.along is not None for key in algebra.keys]
        ansatz = [key for algebra in all_of for key in algebra.data_keys] if self.factors or self.lifted else []
        return Slots(_ordered(inputs), _ordered(ansatz), self.factors, self.lifted)

    @property
    def symbols(self) -> Symbols:
        """The symbols of the local expressions."""
        return next(iter(self.derived.values())).symbols

    @property
    def fields(self) -> dict[str, int]:
        """Start positions of the data of a site: coordinates, network inputs, factors, lifts, weight, data columns.

        ``FIELDS`` is the total number of values.
        """
        slots, components = self.slots, self.network.outputs
        sizes = {
            "X": self.network.inputs,
            "INPUT": self.network.features * len(slots.inputs),
            "FACTOR": slots.factors * len(slots.ansatz),
            "LIFT": components * len(slots.ansatz) * slots.lifted,
            "WEIGHT": 1,
            "COLUMN": len(self.symbols.columns),
        }
        starts, position = {}, 0
        for name, size in sizes.items():
            starts[name] = position
            position += size
        return starts | {"FIELDS": position}

    def plan(self) -> Plan:
        """The code and the layout of its data.

        Raises:
            NotCompilable: a term contains a function that vector.hpp does not provide.
        """
        directions = {}
        for algebra, expressions in zip(self.algebras, self.derived.values(), strict=True):
            if algebra.along is not None and expressions.direction is not None:
                slopes = expressions.direction.slopes
                directions[algebra.along] = tuple(slopes), Formula.of(list(slopes.values()), self.symbols)
        return Plan(self.code(), self.slots, self.fields, directions)

    def code(self) -> str:
        """The C++ source code.

        Raises:
            NotCompilable: a term contains a function that vector.hpp does not provide.
        """
        network = self.network
        constants = {
            "KIND": KINDS.index(network.kind),
            "D": network.inputs,
            "C": network.outputs,
            "WIDTH": network.width,
            "HIDDEN": network.hidden,
            "INPUTS": network.features,
            "SITES": self.symbols.sites,
            "TERMS": len(self.derived),
            **self.fields,
        }
        lines = ['#include "elementary.hpp"', *(f"constexpr int {name} = {value};" for name, value in constants.items())]
        return "\n".join([*lines, self._activation(), *self._structs(), self._dispatch(), '#include "terms.hpp"', ""])

    def _activation(self) -> str:
        orders = {algebra.streams.order for algebra in [*self.algebras, self.together, self._value]}
        return algebras.activation(self.network.activation, orders | {order + 1 for order in orders})

    @property
    def _value(self) -> Algebra:
        return Algebra(Streams.of([(0,) * self.network.inputs]), None, self.network.inputs)

    def _structs(self) -> list[str]:
        """C++ code of the types of all algebras and terms."""
        distinct = list(dict.fromkeys([self._value, *self.algebras, self.together]))
        names = {algebra: "Value" if k == 0 else f"Algebra{k}" for k, algebra in enumerate(distinct)}
        identity = not self.network.embeddings
        lines = [algebras.struct(name, algebra, self.slots, identity) for algebra, name in names.items()]
        for k, (name, expressions) in enumerate(self.derived.items()):
            own = Written(expressions, self.kinds[name], self.algebras[k])
            lines.append(term_code.struct(f"Term{k}", names[own.algebra], own, self._backwards(own.algebra)))
            if own.algebra != self.together:
                shared = Written(expressions, self.kinds[name], self.together)
                lines.append(term_code.struct(f"Shared{k}", names[self.together], shared, False, slopes=False))
            else:
                lines.append(f"using Shared{k} = Term{k};")
        return [*lines, self._all(names[self.together])]

    def _backwards(self, algebra: Algebra) -> bool:
        """Whether reverse mode in x needs less work than forward streams to evaluate a term without its gradient in theta."""
        plain = self.network.kind == "mlp" and not self.network.embeddings and self.symbols.sites == 1 and algebra.along is None
        return plain and algebra.streams.order == 1 and self.network.outputs < algebra.streams.count - 1

    def _all(self, algebra: str) -> str:
        lines = [
            "template <class Term, class T>",
            "INLINE T part(const Vec* data, const double* q, const T* u);",
            "struct All {",
            f"    using Algebra = {algebra};",
            "    static INLINE void add(const Vec* data, const double* q, const Vec* u, Vec* totals, Mask* missing) {",
        ]
        for k in range(len(self.derived)):
            lines.append(f"        missing[{k}] |= Shared{k}::missing(data, q, u);")
            lines.append(f"        totals[{k}] += part<Shared{k}>(data, q, u) * data[WEIGHT];")
        return "\n".join([*lines, "    }", "};"])

    def _dispatch(self) -> str:
        cases = [f"    if (term == {k}) f(Term{k}{{}});" for k in range(len(self.derived))]
        return "\n".join(["template <class F>", "void dispatch(int term, F f) {", *cases, "}"])


def _ordered(keys: Sequence[Key]) -> tuple[Key, ...]:
    """The distinct keys: partial derivatives by order, then Laplacians and derivatives along directions."""

    def place(found: Key) -> tuple[bool, int, str]:
        plain = algebras.monomial(found)
        return plain is None, degree(plain or ()), found

    return tuple(sorted(set(keys), key=place))
