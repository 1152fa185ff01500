"""What files hold: every variable with its dimensions and its meaning, stated once, for the file itself and for the page that describes it."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

Attributes = Mapping[str, Any]


@dataclass(frozen=True)
class Variable:
    """A variable or a coordinate of a file.

    Attributes:
        dims: in the file.
        long_name: what it means.
        units: ``1`` for what has no dimension.
        only: which files have it, if not all.
        flags: meanings of the values 0, 1, 2, ...
    """

    dims: str | tuple[str, ...]
    long_name: str
    units: str = "1"
    only: str = ""
    flags: tuple[str, ...] = ()

    @property
    def axes(self) -> tuple[str, ...]:
        """The names of its dimensions."""
        return (self.dims,) if isinstance(self.dims, str) else self.dims


@dataclass(frozen=True)
class File:
    """A kind of file.

    Attributes:
        name: of the file in its folder; in braces what differs from one to the next.
        variables: by name.
        coordinates: by name; every dimension has one, by default its index from 0.
        text: what else there is to say, in Markdown.
    """

    name: str
    variables: Mapping[str, Variable]
    coordinates: Mapping[str, Variable]
    text: str = ""

    def dataset(
        self,
        values: Mapping[str, Any],
        *,
        outside: tuple[str, ...] = (),
        notes: Mapping[str, Attributes] | None = None,
        attributes: Attributes | None = None,
    ) -> xr.Dataset:
        """A dataset of this kind, or a part of one.

        Args:
            values: of variables and coordinates.
            outside: dimensions along which such parts will be joined.
            notes: further attributes of variables, by name.
            attributes: of the dataset.
        """
        notes = notes or {}
        made = {name: self.variable(name, array, outside, **notes.get(name, {})) for name, array in values.items()}
        coordinates = {name: made.pop(name) for name in list(made) if name in self.coordinates}
        return self._indexed(xr.Dataset(made, coordinates, attributes))

    def variable(self, name: Hashable, values: Any, outside: tuple[str, ...] = (), **attributes: Any) -> tuple:
        """A variable as xarray takes it; arguments as for ``dataset``."""
        described = self._entry(name)
        dims = tuple(dim for dim in described.axes if dim not in outside)
        return dims, np.asarray(values), {**self._attributes(name), **attributes}

    def described(self, dataset: xr.Dataset) -> xr.Dataset:
        """A dataset that was joined of parts, with a coordinate for each dimension and the description of each of them."""
        dataset = self._indexed(dataset.copy())
        for name, values in dataset.variables.items():
            assert values.dims == self._entry(name).axes, f"{self.name}: {name} has the dimensions {values.dims}"
            dataset[name].attrs = {**self._attributes(name), **values.attrs}
        return dataset

    def _indexed(self, dataset: xr.Dataset) -> xr.Dataset:
        missing = [dim for dim in dataset.dims if dim not in dataset.coords]
        return dataset.assign_coords({dim: self.variable(dim, np.arange(dataset.sizes[dim])) for dim in missing})

    def _attributes(self, name: Hashable) -> dict[str, Any]:
        described = self._entry(name)
        attributes: dict[str, Any] = {"long_name": described.long_name, "units": described.units}
        if described.flags:
            attributes |= {
                "flag_values": np.arange(len(described.flags), dtype="int8"),
                "flag_meanings": " ".join(described.flags),
            }
        return attributes

    def _entry(self, name: Hashable) -> Variable:
        found = self.variables.get(str(name)) or self.coordinates.get(str(name))
        assert found is not None, f"{self.name}: {name} is not described"
        return found
