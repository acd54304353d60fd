"""Reading, writing, merging and re-sharding from Python, with pyarrow as the judge."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.feather as feather
import pytest
from conftest import COMPRESSIONS, MILLION, make_table, write_feather

import maou


def addresses(table: pa.Table) -> list[int]:
    """Where the values of every chunk of every column are in memory."""
    chunks = [chunk for column in table.columns for chunk in column.chunks]
    return [chunk.buffers()[1].address for chunk in chunks]


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_a_million_records_of_pyarrow_are_read_equal(
    million: pa.Table, tmp_path: Path, compression: str
) -> None:
    path = write_feather(million, tmp_path / "a.arrow", compression)
    records = maou.read(path)
    assert len(records) == records.num_rows == MILLION
    table = pa.table(records)
    assert table.equals(million)
    assert table.equals(feather.read_table(path))


@pytest.mark.parametrize("compression", COMPRESSIONS)
@pytest.mark.parametrize("rows", [0, 1, 65_536, 65_537])
def test_what_is_written_is_read_back_by_both(
    tmp_path: Path, compression: str, rows: int
) -> None:
    table = make_table(rows)
    path = tmp_path / "a.arrow"
    assert maou.write(table, path, compression=compression) == rows
    assert pa.table(maou.read(str(path))).equals(table)
    assert feather.read_table(path).equals(table)
    assert maou.info(path).checksums


def test_one_large_batch_of_pyarrow_is_read(million: pa.Table, tmp_path: Path) -> None:
    path = write_feather(million, tmp_path / "a.arrow", chunksize=MILLION)
    assert pa.table(maou.read(path)).equals(million)


@pytest.mark.parametrize("compression", COMPRESSIONS)
@pytest.mark.parametrize("rows", [(0, 100), (8, 101), (1000, 2), (2901, 99), (7, 0)])
def test_slices_of_pyarrow_are_read(
    tmp_path: Path, compression: str, rows: tuple[int, int]
) -> None:
    # pyarrow compresses a slice with the padding behind it, which then holds other values.
    table = make_table(3000).slice(*rows)
    path = write_feather(table, tmp_path / "a.arrow", compression)
    assert pa.table(maou.read(path)).equals(table)
    assert maou.merge([path, path], tmp_path / "b.arrow") == 2 * rows[1]
    assert pa.table(maou.read(tmp_path / "b.arrow")).equals(pa.concat_tables([table, table]))


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_batches_of_odd_sizes_are_read(tmp_path: Path, compression: str) -> None:
    table = make_table(3003)
    path = write_feather(table, tmp_path / "a.arrow", compression, chunksize=1001)
    assert pa.table(maou.read(path)).equals(table)
    ids = [0, 1000, 1001, 3002]
    assert [row for _, row in maou.Index(tmp_path).find_ids(ids)] == ids


def test_the_stream_format_of_pyarrow_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.arrow"
    table = make_table(3)
    with pa.ipc.new_stream(path, table.schema) as writer:
        writer.write_table(table)
    with pytest.raises(maou.RecordFileError, match="stream format"):
        maou.read(path)


def test_records_go_to_pyarrow_without_a_copy(tmp_path: Path) -> None:
    path = tmp_path / "a.arrow"
    maou.write(make_table(100_000), path)
    records = maou.read(path)
    assert addresses(pa.table(records)) == addresses(pa.table(records))


def test_records_come_from_pyarrow_without_a_copy() -> None:
    table = make_table(1000)
    records = maou.Records(table)
    assert addresses(pa.table(records)) == addresses(table)


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="needs /proc")
def test_uncompressed_records_are_those_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.arrow"
    maou.write(make_table(100_000), path, compression="none")
    table = pa.table(maou.read(path))
    maps = [line.split() for line in Path("/proc/self/maps").read_text().splitlines()]
    spans = [line[0].split("-") for line in maps if line[-1] == str(path)]
    ranges = [range(int(start, 16), int(end, 16)) for start, end in spans]
    assert all(any(address in span for span in ranges) for address in addresses(table))


def test_records_outlive_their_file(tmp_path: Path) -> None:
    table = make_table(1000)
    path = tmp_path / "a.arrow"
    maou.write(table, path, compression="none")
    records = maou.read(path)
    maou.write(make_table(5), path)
    path.unlink()
    assert pa.table(records).equals(table)


def test_records_describe_themselves() -> None:
    records = maou.Records(make_table(10))
    assert (len(records), records.num_batches, records.nbytes) == (10, 1, 490)
    assert repr(records) == "<maou.Records: 10 rows, 1 batches>"
    assert pa.schema(records) == make_table(0).schema


def test_a_reader_is_drawn_from_batch_by_batch(tmp_path: Path) -> None:
    schema = make_table(0).schema
    batches = (make_table(1000, first=1000 * i).to_batches()[0] for i in range(5))
    reader = pa.RecordBatchReader.from_batches(schema, batches)
    path = tmp_path / "a.arrow"
    assert maou.write(reader, path) == 5000
    assert feather.read_table(path).equals(make_table(5000))


def test_a_source_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def batches():
        yield make_table(10).to_batches()[0]
        raise OSError("the disk is gone")

    reader = pa.RecordBatchReader.from_batches(make_table(0).schema, batches())
    with pytest.raises(maou.RecordDataError, match="the disk is gone"):
        maou.write(reader, tmp_path / "a.arrow")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        (make_table(3).drop_columns("date"), "column `date` is missing"),
        (make_table(3).append_column("elo", pa.array([1, 2, 3])), "column `elo` is not a column"),
        (
            make_table(3).set_column(2, "eval", pa.array([1, 2, 3], pa.int32())),
            "column `eval` is Int32, expected Int16",
        ),
        (
            make_table(3).set_column(2, "eval", pa.array([1, None, 3], pa.int16())),
            "column `eval` has 1 nulls",
        ),
        (
            make_table(3).set_column(4, "result", pa.array([1, 2, 0], pa.int8())),
            "column `result` has the value 2 in row 1",
        ),
        (make_table(3).select(["id", "eval", "position", "best_move", "result", "date"]), "order"),
    ],
)
def test_what_is_no_record_is_neither_written_nor_read(
    tmp_path: Path, table: pa.Table, reason: str
) -> None:
    path = tmp_path / "a.arrow"
    with pytest.raises(maou.RecordDataError) as written:
        maou.write(table, path)
    assert not path.exists()
    write_feather(table, path)
    with pytest.raises(maou.RecordFileError) as read:
        maou.read(path)
    for error in [written.value, read.value]:
        assert reason in error.reason
        assert reason in str(error)
        assert error.path == str(path)


def test_errors_of_the_system_are_those_of_python(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as missing:
        maou.read(tmp_path / "a.arrow")
    assert missing.value.filename == str(tmp_path / "a.arrow")
    with pytest.raises(IsADirectoryError):
        maou.read(tmp_path)
    with pytest.raises(FileNotFoundError):
        maou.write(make_table(1), tmp_path / "no" / "a.arrow")
    assert issubclass(maou.RecordFileError, maou.RecordError)
    assert issubclass(maou.RecordError, ValueError)


def test_wrong_arguments_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="unknown compression `gzip`"):
        maou.write(make_table(1), tmp_path / "a.arrow", compression="gzip")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="at least 1"):
        maou.reshard([], tmp_path / "out", rows_per_file=0)
    with pytest.raises(ValueError, match="__arrow_c_stream__"):
        maou.write([1, 2, 3], tmp_path / "a.arrow")  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_pyarrow_reads_what_is_merged(tmp_path: Path, compression: str) -> None:
    first, second = make_table(100_000), make_table(7, first=100_000)
    inputs = [
        write_feather(first, tmp_path / "a.arrow", "zstd"),
        write_feather(second, tmp_path / "b.arrow", "none"),
    ]
    output = tmp_path / "out.arrow"
    assert maou.merge(inputs, output, compression=compression) == 100_007
    assert feather.read_table(output).equals(pa.concat_tables([first, second]))


def test_an_input_is_no_output(tmp_path: Path) -> None:
    path = write_feather(make_table(10), tmp_path / "a.arrow")
    before = path.read_bytes()
    with pytest.raises(ValueError, match="is an input"):
        maou.merge([path], path)
    assert path.read_bytes() == before


def test_pyarrow_reads_shards(tmp_path: Path) -> None:
    path = write_feather(make_table(2500), tmp_path / "a.arrow")
    shards = maou.reshard([path], tmp_path / "out", rows_per_file=1000)
    assert [shard.name for shard in shards] == [f"records-0000{i}.arrow" for i in range(3)]
    tables = [feather.read_table(shard) for shard in shards]
    assert [len(table) for table in tables] == [1000, 1000, 500]
    assert pa.concat_tables(tables).equals(make_table(2500))
    with pytest.raises(FileExistsError):
        maou.reshard([path], tmp_path / "out", rows_per_file=1000)


def test_a_summary_agrees_with_numpy(million: pa.Table, million_file: Path) -> None:
    info = maou.info(million_file)
    evals = million["eval"].to_numpy()
    days = million["date"].to_numpy().astype("datetime64[D]").astype(np.int64)
    assert info.path == million_file
    assert info.size == os.path.getsize(million_file)
    assert (info.rows, info.batches, info.compression) == (MILLION, 16, "lz4")
    assert info.eval == (evals.min(), evals.max())
    assert info.date == (days.min(), days.max())
    results = million["result"].to_numpy()
    counts = (info.wins, info.draws, info.losses)
    assert counts == tuple(np.count_nonzero(results == result) for result in (1, 0, -1))
    assert not info.checksums
