"""Tables that are read again, and what is refused."""

import pandas as pd
import pytest

from pinnscape.common.errors import StorageError
from pinnscape.tables.reading import table

TEXT = "name,value\na,1.5\nb,\n"


def read(path):
    return table(path, ("name", "value"), ("value",), "collect_metrics")


def test_a_table_is_read(tmp_path):
    (tmp_path / "x.csv").write_text(TEXT)
    pd.testing.assert_frame_equal(read(tmp_path / "x.csv"), pd.DataFrame({"name": ["a", "b"], "value": [1.5, None]}))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not a readable table (cut off within a line); delete it"),
        (TEXT[:-4].encode(), "not a readable table (cut off within a line); delete it"),
        (b"\n", "not a readable table (No columns to parse from file); delete it"),
        (b"name,value\n\xff\xfe,1\n", "not a readable table ("),
        (b"name,value\na,1\nb,2,3,4\n", "not a readable table ("),
        (b"name\na\n", "lacks the columns value; delete it"),
        (b"name,value\n", "has no rows; delete it"),
        (b"name,value\na,1.5\nb,1.x5\n", "its column value contains a value that is not a number; delete it"),
        (b"\x89HDF\r\n\x1a\n", "not a readable table ("),
    ],
)
def test_what_is_no_such_table_is_refused_in_one_line(tmp_path, content, words):
    path = tmp_path / "x.csv"
    path.write_bytes(content)
    with pytest.raises(StorageError) as caught:
        read(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: {words}")
    assert message.endswith("; delete it and run `snakemake` again (rule `collect_metrics` makes it)")
    assert message.isprintable()


def test_a_missing_table_is_named_with_its_rule(tmp_path):
    with pytest.raises(StorageError) as caught:
        read(tmp_path / "x.csv")
    end = "x.csv: cannot be read (No such file or directory); run `snakemake` to make it (rule `collect_metrics`)"
    assert str(caught.value).endswith(end)
