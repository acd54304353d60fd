//! What is written is read back, and nothing half written is left behind.

use std::fs;
use std::path::Path;

use crate::common::{file_bytes, foreign_bytes, joined, names, records, write};
use arrow::array::RecordBatch;
use arrow::buffer::Buffer;
use arrow::ipc::reader::FileReader;
use maou_io::{Column, Compression, Error, MAX_BATCH_ROWS, RecordFile, RecordWriter, read, schema};
use tempfile::TempDir;

fn open(bytes: Vec<u8>) -> RecordFile {
    RecordFile::from_bytes(Path::new("test.arrow"), bytes).unwrap()
}

#[test]
fn every_number_of_rows_survives_every_compression() {
    for compression in Compression::ALL {
        for rows in [
            0,
            1,
            2,
            7,
            8,
            9,
            63,
            64,
            65,
            1000,
            MAX_BATCH_ROWS,
            MAX_BATCH_ROWS + 1,
        ] {
            let batch = records(5, rows);
            let file = open(file_bytes(compression, &batch));
            assert_eq!(file.num_rows(), rows as u64);
            assert_eq!(file.num_batches(), rows.div_ceil(MAX_BATCH_ROWS));
            assert!(file.has_checksums());
            assert!(
                joined(&file.read_all().unwrap()) == batch,
                "{compression} {rows}"
            );
        }
    }
}

#[test]
fn arrow_reads_what_is_written() {
    for compression in Compression::ALL {
        let batch = records(0, 70_000);
        let bytes = file_bytes(compression, &batch);
        let reader = FileReader::try_new(std::io::Cursor::new(bytes), None).unwrap();
        let batches: Vec<RecordBatch> = reader.map(Result::unwrap).collect();
        assert!(joined(&batches) == batch, "{compression}");
    }
}

#[test]
fn files_of_other_writers_are_read() {
    for compression in Compression::ALL {
        let batches = [records(0, 10), records(10, 0), records(10, 3)];
        let file = open(foreign_bytes(compression, &batches));
        assert!(!file.has_checksums());
        assert_eq!(file.num_batches(), 3);
        assert!(
            joined(&file.read_all().unwrap()) == records(0, 13),
            "{compression}"
        );
    }
}

#[test]
fn streaming_and_mapping_give_the_same_batches() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("a.arrow");
    for compression in Compression::ALL {
        write(&path, compression, &records(0, 140_000));
        let file = RecordFile::open_streaming(&path).unwrap();
        let streamed: Result<Vec<_>, _> = (0..file.num_batches())
            .map(|index| file.read_batch(index))
            .collect();
        assert!(streamed.unwrap() == read(&path).unwrap(), "{compression}");
        assert!(file.read_batch(3).is_err());
    }
}

#[test]
fn single_columns_are_those_of_the_whole() {
    let batch = records(0, 100);
    let file = open(file_bytes(Compression::Lz4, &batch));
    let columns = file.read_columns(&[Column::Eval, Column::Id]).unwrap();
    assert_eq!(columns.len(), 1);
    assert_eq!(columns[0][0].as_ref(), batch.column(2).as_ref());
    assert_eq!(columns[0][1].as_ref(), batch.column(0).as_ref());
}

#[test]
fn uncompressed_values_are_not_copied() {
    let bytes = file_bytes(Compression::None, &records(0, 100));
    let range = bytes.as_ptr_range();
    let file = open(bytes);
    for column in file.read_all().unwrap()[0].columns() {
        let address = column.to_data().buffers()[0].as_ptr();
        assert!(range.contains(&address));
    }
}

#[test]
fn values_that_are_not_aligned_are_read_as_well() {
    let bytes = file_bytes(Compression::None, &records(0, 100));
    let shifted = [&[0_u8][..], &bytes].concat();
    let buffer = Buffer::from_vec(shifted).slice(1);
    assert_ne!(buffer.as_ptr().align_offset(8), 0);
    let file = RecordFile::from_buffer(Path::new("test.arrow"), buffer).unwrap();
    assert!(joined(&file.read_all().unwrap()) == records(0, 100));
}

#[test]
fn small_batches_are_gathered_and_large_ones_cut() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("a.arrow");
    let mut writer = RecordWriter::create(&path, Compression::None).unwrap();
    for first in 0..100 {
        writer.write(&records(first * 1000, 1000)).unwrap();
    }
    writer.write(&records(100_000, 200_000)).unwrap();
    assert_eq!(writer.finish().unwrap(), 300_000);
    let batches = read(&path).unwrap();
    let rows: Vec<usize> = batches.iter().map(RecordBatch::num_rows).collect();
    assert_eq!(rows, [65_536, 65_536, 65_536, 65_536, 37_856]);
    assert!(joined(&batches) == records(0, 300_000));
}

#[test]
fn a_writer_that_is_dropped_leaves_nothing_and_keeps_what_was_there() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("a.arrow");
    fs::write(&path, "before").unwrap();
    let mut writer = RecordWriter::create(&path, Compression::Lz4).unwrap();
    writer.write(&records(0, 100_000)).unwrap();
    assert_eq!(names(dir.path()).len(), 2);
    drop(writer);
    assert_eq!(names(dir.path()), ["a.arrow"]);
    assert_eq!(fs::read(&path).unwrap(), b"before");
}

#[test]
fn a_source_that_fails_leaves_nothing() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("a.arrow");
    let batches = [Ok(records(0, 10)), Err("no more")];
    let error = maou_io::write(&path, Compression::Lz4, batches).unwrap_err();
    assert!(matches!(error, Error::Source { .. }), "{error}");
    assert!(names(dir.path()).is_empty());
}

#[test]
fn a_missing_directory_is_the_system_s_error_at_the_output() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("no/a.arrow");
    let error = RecordWriter::create(&path, Compression::Lz4)
        .map(drop)
        .unwrap_err();
    let Error::Io {
        path: named,
        source,
    } = error
    else {
        panic!("{error}")
    };
    assert_eq!(named, path);
    assert_eq!(source.kind(), std::io::ErrorKind::NotFound);
    assert!(source.raw_os_error().is_some());
}

#[test]
fn data_that_are_no_records_are_refused() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("a.arrow");
    let batch = records(0, 3).project(&[0, 1, 2, 3, 4]).unwrap();
    let error =
        maou_io::write(&path, Compression::Lz4, [Ok::<_, maou_io::Error>(batch)]).unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("a.arrow: the data are no training records: column `date` is missing"),
        "{error}"
    );
    assert!(names(dir.path()).is_empty());
}

#[cfg(unix)]
#[test]
fn a_new_file_has_the_permissions_of_any_new_file() {
    use std::os::unix::fs::PermissionsExt;
    let dir = TempDir::new().unwrap();
    let (ours, other) = (dir.path().join("a.arrow"), dir.path().join("b"));
    write(&ours, Compression::Lz4, &RecordBatch::new_empty(schema()));
    fs::write(&other, "").unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode(&ours), mode(&other));
}
