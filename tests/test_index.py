"""Finding records, with numpy as the judge."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from conftest import make_table, write_feather

import maou

ROWS = [3000, 0, 2000]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Three files, the second empty, the third in a directory of its own."""
    (tmp_path / "z").mkdir()
    for name, first, rows in zip(["a.arrow", "b.feather", "z/c.arrow"], [0, 0, 2500], ROWS, strict=True):
        write_feather(make_table(rows, first=first), tmp_path / name)
    (tmp_path / "notes.txt").write_text("no records")
    return tmp_path


def test_record_files_are_listed_in_order(directory: Path) -> None:
    names = ["a.arrow", "b.feather", "z/c.arrow"]
    assert maou.record_files(directory) == [directory / name for name in names]
    assert maou.Index(directory).files == maou.record_files(str(directory))


def test_ids_are_found_wherever_they_are(directory: Path) -> None:
    index = maou.Index(directory)
    assert len(index) == sum(ROWS)
    assert repr(index) == "<maou.Index: 5000 rows in 3 files>"
    a, c = directory / "a.arrow", directory / "z" / "c.arrow"
    assert index.find_ids([4499, 0, 2600, 2600, 9999]) == [(a, 0), (a, 2600), (c, 100), (c, 1999)]
    assert index.find_ids([]) == []


@pytest.mark.parametrize("bounds", [(-100, 100), (0, 0), (-(2**15), 2**15 - 1), (100, -100)])
def test_evaluations_agree_with_numpy(directory: Path, bounds: tuple[int, int]) -> None:
    index = maou.Index(directory)
    expected = []
    for path, first, rows in zip(index.files, [0, 0, 2500], ROWS, strict=True):
        evals = make_table(rows, first=first)["eval"].to_numpy()
        (found,) = np.nonzero((bounds[0] <= evals) & (evals <= bounds[1]))
        expected += [(path, row) for row in found.tolist()]
    assert index.find_evals(*bounds) == expected
    assert index.find_evals(*bounds, limit=3) == expected[:3]
    assert index.count_evals(*bounds) == len(expected)


def test_values_out_of_range_are_refused(directory: Path) -> None:
    index = maou.Index(directory)
    with pytest.raises(OverflowError):
        index.find_evals(0, 2**15)
    with pytest.raises(OverflowError):
        index.find_ids([-1])


def test_a_damaged_file_is_named(directory: Path) -> None:
    damaged = directory / "z" / "c.arrow"
    damaged.write_bytes(damaged.read_bytes()[:-1])
    with pytest.raises(maou.RecordFileError) as error:
        maou.Index(directory)
    assert error.value.path == str(damaged)


def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as error:
        maou.Index(tmp_path / "none")
    assert error.value.filename == str(tmp_path / "none")
