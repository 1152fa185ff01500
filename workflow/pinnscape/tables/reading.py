"""Reading of the tables of the study."""

from collections.abc import Collection
from pathlib import Path

import pandas as pd

from pinnscape.common.errors import StorageError

_TEXT = {"loss", "variant", "sweep", "reason"}  # columns whose empty entries are empty text


def table(path: str | Path, columns: Collection[str], numbers: Collection[str], rule: str) -> pd.DataFrame:
    """Read a CSV file and check its content.

    Args:
        path: path of the file.
        columns: columns that the table must have.
        numbers: columns that must be numeric.
        rule: name of the rule that makes the file, for messages.

    Raises:
        StorageError: the file is missing, unreadable, truncated or empty, or lacks a column. The message names the file and the
            rule.
    """
    path, remedy = Path(path), f"delete it and run `snakemake` again (rule `{rule}` makes it)"
    try:
        if not path.read_bytes().endswith(b"\n"):
            raise ValueError("cut off within a line")
        data = pd.read_csv(path, dtype=dict.fromkeys(_TEXT, "string"))
    except OSError as error:
        raise StorageError(f"{path}: cannot be read ({error.strerror}); run `snakemake` to make it (rule `{rule}`)") from error
    except ValueError as error:
        raise StorageError(f"{path}: not a readable table ({error}); {remedy}") from error
    missing = [name for name in columns if name not in data.columns]
    if missing:
        raise StorageError(f"{path}: lacks the columns {', '.join(missing)}; {remedy}")
    for name in _TEXT & set(data.columns):
        data[name] = data[name].fillna("").astype(object)
    if data.empty:
        raise StorageError(f"{path}: has no rows; {remedy}")
    for name in numbers:
        if not pd.api.types.is_numeric_dtype(data[name]):
            raise StorageError(f"{path}: its column {name} contains a value that is not a number; {remedy}")
    return data
