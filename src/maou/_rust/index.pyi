"""Finding records in a directory of files."""

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import TypeAlias, final

_StrPath: TypeAlias = str | PathLike[str]

@final
class Index:
    """An index of the records in a directory, in memory."""

    def __new__(cls, directory: _StrPath) -> Index: ...
    @property
    def files(self) -> list[Path]:
        """The files of the index, sorted."""
    def __len__(self) -> int: ...
    def find_ids(self, ids: Sequence[int]) -> list[tuple[Path, int]]:
        """Finds the records with one of these ids: a list of (file, row), sorted."""
    def find_evals(
        self, low: int, high: int, *, limit: int | None = None
    ) -> list[tuple[Path, int]]:
        """Finds the records with an evaluation from `low` to `high` centipawns, both included."""
    def count_evals(self, low: int, high: int) -> int:
        """Counts the records with an evaluation from `low` to `high` centipawns, both included."""

def record_files(directory: _StrPath) -> list[Path]:
    """Lists the record files in a directory and the directories in it, sorted."""
