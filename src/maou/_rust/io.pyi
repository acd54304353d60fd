"""Files of training records: reading, writing, merging, re-sharding."""

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Literal, Protocol, TypeAlias, final

_StrPath: TypeAlias = str | PathLike[str]
_Compression: TypeAlias = Literal["lz4", "zstd", "none"]

class _ArrowStream(Protocol):
    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...

class RecordError(ValueError):
    """Something is wrong with training records."""

    path: str
    reason: str

class RecordFileError(RecordError):
    """A file holds no records that can be trusted."""

class RecordDataError(RecordError):
    """Data to be written are no training records."""

@final
class Records:
    """Training records in memory."""

    def __new__(cls, data: _ArrowStream) -> Records: ...
    @property
    def num_rows(self) -> int:
        """The number of records."""
    @property
    def num_batches(self) -> int:
        """The number of batches that the records are in."""
    @property
    def nbytes(self) -> int:
        """The size of the records in bytes, 49 for each."""
    def __len__(self) -> int: ...
    def __arrow_c_schema__(self) -> object:
        """The schema as an Arrow PyCapsule."""
    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """The records as an Arrow PyCapsule stream."""

@final
class FileInfo:
    """A summary of one file."""

    @property
    def path(self) -> Path:
        """The path of the file."""
    @property
    def size(self) -> int:
        """The size of the file in bytes."""
    @property
    def rows(self) -> int:
        """The number of records."""
    @property
    def batches(self) -> int:
        """The number of batches that the records are in."""
    @property
    def compression(self) -> _Compression:
        """The compression."""
    @property
    def checksums(self) -> bool:
        """Whether the file has checksums."""
    @property
    def eval(self) -> tuple[int, int] | None:
        """The lowest and highest evaluation in centipawns; None without records."""
    @property
    def date(self) -> tuple[int, int] | None:
        """The first and last day, in days since 1970-01-01; None without records."""
    @property
    def wins(self) -> int:
        """The number of records that the side to move won."""
    @property
    def draws(self) -> int:
        """The number of drawn records."""
    @property
    def losses(self) -> int:
        """The number of records that the side to move lost."""

def read(path: _StrPath) -> Records:
    """Reads all records of a file."""

def write(data: _ArrowStream, path: _StrPath, *, compression: _Compression = "lz4") -> int:
    """Writes records to a file and returns their number."""

def merge(
    inputs: Sequence[_StrPath], output: _StrPath, *, compression: _Compression = "lz4"
) -> int:
    """Writes the records of the inputs, in that order, to one file and returns their number."""

def reshard(
    inputs: Sequence[_StrPath],
    directory: _StrPath,
    *,
    rows_per_file: int,
    compression: _Compression = "lz4",
) -> list[Path]:
    """Writes the records of the inputs to files of `rows_per_file` records, returns the paths."""

def info(path: _StrPath) -> FileInfo:
    """Summarizes a file."""
