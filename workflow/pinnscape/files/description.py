"""Descriptions of files: the dimensions and the meaning of each variable.

The same description gives the attributes of the file and its entry in workflow/results.md.
"""

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
        dims: dimensions in the file.
        long_name: meaning of the variable.
        units: physical units, ``1`` for dimensionless quantities.
        only: files that contain the variable, if not all do.
        flags: meanings of the values 0, 1, 2, ...
    """

    dims: str | tuple[str, ...]
    long_name: str
    units: str = "1"
    only: str = ""
    flags: tuple[str, ...] = ()

    @property
    def axes(self) -> tuple[str, ...]:
        """The dimensions as a tuple."""
        return (self.dims,) if isinstance(self.dims, str) else self.dims


@dataclass(frozen=True)
class File:
    """A kind of file.

    Attributes:
        name: name of the file in its folder, with placeholders in braces.
        variables: variables by name.
        coordinates: coordinates by name. Each dimension has a coordinate, by default the index from 0.
        text: further description in Markdown.
        of_study: whether the workflow writes files of this kind.
    """

    name: str
    variables: Mapping[str, Variable]
    coordinates: Mapping[str, Variable]
    text: str = ""
    of_study: bool = True

    def dataset(
        self,
        values: Mapping[str, Any],
        *,
        outside: tuple[str, ...] = (),
        notes: Mapping[str, Attributes] | None = None,
        attributes: Attributes | None = None,
    ) -> xr.Dataset:
        """The dataset of a file of this kind, or a part of it.

        Args:
            values: values of variables and coordinates, by name.
            outside: dimensions of the file that a part lacks, along which parts are joined.
            notes: further attributes of variables, by name of the variable.
            attributes: attributes of the dataset.
        """
        notes = notes or {}
        made = {name: self.variable(name, array, outside, **notes.get(name, {})) for name, array in values.items()}
        coordinates = {name: made.pop(name) for name in list(made) if name in self.coordinates}
        return self._indexed(xr.Dataset(made, coordinates, attributes))

    def variable(self, name: Hashable, values: Any, outside: tuple[str, ...] = (), **attributes: Any) -> tuple:
        """A variable in the form (dims, values, attributes) of xarray; the arguments are those of ``dataset``."""
        described = self._entry(name)
        dims = tuple(dim for dim in described.axes if dim not in outside)
        return dims, np.asarray(values), {**self._attributes(name), **attributes}

    def described(self, dataset: xr.Dataset) -> xr.Dataset:
        """A dataset that was joined from parts, completed by missing coordinates and by the attributes of all variables."""
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
        entry = self.variables.get(str(name)) or self.coordinates.get(str(name))
        assert entry is not None, f"{self.name}: {name} is not described"
        return entry
