//! Many files into one, or into files of equal size.

use std::fs;
use std::num::NonZero;
use std::path::PathBuf;

use crate::common::{input_files, joined, names, records};
use maou_io::{Compression, Error, RecordFile, info, merge, read, reshard};
use tempfile::TempDir;

const ROWS: [usize; 4] = [10, 0, 70_000, 5];

#[test]
fn the_output_has_the_records_of_all_inputs_in_order() {
    let dir = TempDir::new().unwrap();
    let inputs = input_files(dir.path(), &ROWS);
    let output = dir.path().join("out.arrow");
    for compression in Compression::ALL {
        assert_eq!(
            merge(&inputs, &output, compression, || true).unwrap(),
            70_015
        );
        assert!(joined(&read(&output).unwrap()) == records(0, 70_015));
        assert_eq!(
            RecordFile::open(&output).unwrap().compression(),
            compression
        );
    }
}

#[test]
fn no_input_is_an_empty_output() {
    let dir = TempDir::new().unwrap();
    let output = dir.path().join("out.arrow");
    assert_eq!(merge(&[], &output, Compression::Lz4, || true).unwrap(), 0);
    assert!(read(&output).unwrap().is_empty());
}

#[test]
fn an_input_is_no_output_whatever_its_path() {
    let dir = TempDir::new().unwrap();
    let inputs = input_files(dir.path(), &[10, 10]);
    let before = fs::read(&inputs[1]).unwrap();
    let roundabout = dir.path().join("x/../in-1.arrow");
    fs::create_dir(dir.path().join("x")).unwrap();
    for output in [&inputs[1], &roundabout] {
        let error = merge(&inputs, output, Compression::Lz4, || true).unwrap_err();
        assert!(matches!(error, Error::OutputIsInput { .. }), "{error}");
    }
    assert_eq!(fs::read(&inputs[1]).unwrap(), before);
}

#[test]
fn a_damaged_input_is_named_and_leaves_no_output() {
    let dir = TempDir::new().unwrap();
    let inputs = input_files(dir.path(), &[10, 70_000]);
    let mut bytes = fs::read(&inputs[1]).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&inputs[1], bytes).unwrap();
    let error = merge(
        &inputs,
        &dir.path().join("out.arrow"),
        Compression::Lz4,
        || true,
    )
    .unwrap_err();
    assert_eq!(error.path(), Some(inputs[1].as_path()));
    assert_eq!(names(dir.path()), ["in-0.arrow", "in-1.arrow"]);
}

#[test]
fn a_missing_input_is_named() {
    let dir = TempDir::new().unwrap();
    let inputs = [PathBuf::from("no-such-file.arrow")];
    let error = merge(
        &inputs,
        &dir.path().join("out.arrow"),
        Compression::Lz4,
        || true,
    )
    .unwrap_err();
    assert!(matches!(error, Error::Io { .. }), "{error}");
    assert_eq!(error.path(), Some(inputs[0].as_path()));
}

#[test]
fn an_interrupted_merge_leaves_no_output() {
    let dir = TempDir::new().unwrap();
    let inputs = input_files(dir.path(), &[10, 10, 10]);
    let mut batches = 0;
    let two_batches = || {
        batches += 1;
        batches <= 2
    };
    let error = merge(
        &inputs,
        &dir.path().join("o.arrow"),
        Compression::Lz4,
        two_batches,
    )
    .unwrap_err();
    assert!(matches!(error, Error::Interrupted), "{error}");
    assert_eq!(names(dir.path()).len(), 3);
}

fn reshard_to(dir: &TempDir, inputs: &[PathBuf], rows: u64) -> Result<Vec<PathBuf>, Error> {
    let rows = NonZero::new(rows).unwrap();
    reshard(
        inputs,
        &dir.path().join("out"),
        rows,
        Compression::Zstd,
        || true,
    )
}

#[test]
fn shards_have_equal_sizes_and_the_same_records() {
    for (rows, expected) in [
        (70_015, vec![70_015]),
        (40_000, vec![40_000, 30_015]),
        (35_007, vec![35_007, 35_007, 1]),
        (1_000_000, vec![70_015]),
    ] {
        let dir = TempDir::new().unwrap();
        let inputs = input_files(dir.path(), &ROWS);
        let shards = reshard_to(&dir, &inputs, rows).unwrap();
        let sizes: Vec<u64> = shards
            .iter()
            .map(|shard| info(shard).unwrap().rows)
            .collect();
        assert_eq!(sizes, expected);
        let batches: Vec<_> = shards
            .iter()
            .flat_map(|shard| read(shard).unwrap())
            .collect();
        assert!(joined(&batches) == records(0, 70_015));
        assert_eq!(shards[0], dir.path().join("out/records-00000.arrow"));
    }
}

#[test]
fn without_records_there_is_one_shard() {
    let dir = TempDir::new().unwrap();
    let shards = reshard_to(&dir, &[], 10).unwrap();
    assert_eq!(shards.len(), 1);
    assert!(read(&shards[0]).unwrap().is_empty());
}

#[test]
fn shards_need_a_new_or_empty_directory() {
    let dir = TempDir::new().unwrap();
    let inputs = input_files(dir.path(), &[10]);
    fs::create_dir(dir.path().join("out")).unwrap();
    assert_eq!(reshard_to(&dir, &inputs, 4).unwrap().len(), 3);
    let error = reshard_to(&dir, &inputs, 4).unwrap_err();
    assert!(matches!(error, Error::OutputNotEmpty { .. }), "{error}");
    assert_eq!(names(dir.path()), ["in-0.arrow", "out"]);
}

#[test]
fn a_damaged_input_leaves_no_shards() {
    let dir = TempDir::new().unwrap();
    let inputs = input_files(dir.path(), &[10, 70_000]);
    let mut bytes = fs::read(&inputs[1]).unwrap();
    bytes[10_000] ^= 1;
    fs::write(&inputs[1], bytes).unwrap();
    assert!(reshard_to(&dir, &inputs, 4).is_err());
    assert_eq!(names(dir.path()), ["in-0.arrow", "in-1.arrow"]);
}

#[test]
fn a_summary_counts_what_is_there() {
    let dir = TempDir::new().unwrap();
    let inputs = input_files(dir.path(), &[7, 0]);
    let summary = info(&inputs[0]).unwrap();
    assert_eq!((summary.rows, summary.batches), (7, 1));
    assert_eq!((summary.losses, summary.draws, summary.wins), (3, 2, 2));
    assert_eq!(summary.date, Some((18_000, 18_000)));
    assert!(summary.eval.is_some_and(|(low, high)| low < high));
    let empty = info(&inputs[1]).unwrap();
    assert_eq!((empty.rows, empty.eval, empty.date), (0, None, None));
}
