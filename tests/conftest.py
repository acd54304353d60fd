"""Records for the tests, made by numpy and pyarrow alone."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.feather as feather
import pytest

MILLION = 1_000_000
COMPRESSIONS = ["lz4", "zstd", "none"]


def make_table(rows: int, *, first: int = 0) -> pa.Table:
    """Records with the ids from `first` on; the same ids always have the same values."""
    ids = np.arange(first, first + rows, dtype=np.uint64)
    mixed = ids * np.uint64(0x9E3779B97F4A7C15)
    words = np.stack([mixed, mixed >> np.uint64(7), np.zeros_like(ids), ids], axis=1)
    positions = pa.FixedSizeBinaryArray.from_buffers(
        pa.binary(32), rows, [None, pa.py_buffer(words.tobytes())]
    )
    return pa.table(
        {
            "id": ids,
            "position": positions,
            "eval": (mixed >> np.uint64(52)).astype(np.int16) - np.int16(2048),
            "best_move": (mixed >> np.uint64(40)).astype(np.uint16),
            "result": (ids % np.uint64(3)).astype(np.int8) - np.int8(1),
            "date": pa.array((18_000 + ids // 1000).astype(np.int32), type=pa.date32()),
        }
    )


def write_feather(table: pa.Table, path: Path, compression: str = "lz4", **options: int) -> Path:
    """Writes a file with pyarrow's own writer."""
    name = "uncompressed" if compression == "none" else compression
    feather.write_feather(table, path, compression=name, **options)
    return path


@pytest.fixture(scope="session")
def million() -> pa.Table:
    return make_table(MILLION)


@pytest.fixture(scope="session")
def million_file(million: pa.Table, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_feather(million, tmp_path_factory.mktemp("million") / "records.arrow")


@pytest.fixture(scope="session")
def maou_command() -> str:
    """The command `maou` of the environment that the tests run in."""
    command = shutil.which("maou", path=str(Path(sys.executable).parent))
    assert command is not None, "the package is not installed next to this Python"
    return command


Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(maou_command: str, tmp_path: Path) -> Run:
    """Runs `maou` in the test's directory."""

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        command = [maou_command, *map(str, arguments)]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)

    return run
