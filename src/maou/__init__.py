"""Shogi training records: files of them, and finding records in a directory.

>>> import maou, pyarrow
>>> table = pyarrow.table(maou.read("records.arrow"))
>>> maou.write(table.slice(0, 1000), "first.arrow", compression="zstd")
1000
>>> maou.Index("data").find_ids([42])
[(PosixPath('data/first.arrow'), 7)]

The format is described in docs/records.md. Nothing here imports pyarrow: Arrow data come and go
through the Arrow PyCapsule interface.
"""

from maou._build import build_info
from maou._rust import __version__
from maou._rust.index import Index, record_files
from maou._rust.io import (
    FileInfo,
    RecordDataError,
    RecordError,
    RecordFileError,
    Records,
    info,
    merge,
    read,
    reshard,
    write,
)

__all__ = [
    "FileInfo",
    "Index",
    "RecordDataError",
    "RecordError",
    "RecordFileError",
    "Records",
    "__version__",
    "build_info",
    "info",
    "merge",
    "read",
    "record_files",
    "reshard",
    "write",
]
