//! Finding records by id and by evaluation.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Date32Array, FixedSizeBinaryArray, Int8Array, Int16Array, RecordBatch, UInt16Array,
    UInt64Array,
};
use arrow::buffer::Buffer;
use maou_index::{Index, Location};
use maou_io::{Compression, schema};
use tempfile::TempDir;

/// Writes records with these ids and evaluations.
fn write(path: &Path, records: &[(u64, i16)]) {
    let rows = records.len();
    let columns: Vec<ArrayRef> = vec![
        Arc::new(UInt64Array::from_iter_values(
            records.iter().map(|record| record.0),
        )),
        Arc::new(FixedSizeBinaryArray::new(
            32,
            Buffer::from_vec(vec![0_u8; 32 * rows]),
            None,
        )),
        Arc::new(Int16Array::from_iter_values(
            records.iter().map(|record| record.1),
        )),
        Arc::new(UInt16Array::from(vec![0; rows])),
        Arc::new(Int8Array::from(vec![0; rows])),
        Arc::new(Date32Array::from(vec![0; rows])),
    ];
    let batch = RecordBatch::try_new(schema(), columns).unwrap();
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    maou_io::write(path, Compression::Lz4, [Ok::<_, maou_io::Error>(batch)]).unwrap();
}

/// Locations as `(file name, row)`.
fn short<'a>(locations: impl IntoIterator<Item = Location<'a>>) -> Vec<(String, u64)> {
    let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    locations
        .into_iter()
        .map(|location| (name(location.file), location.row))
        .collect()
}

fn pairs(expected: &[(&str, u64)]) -> Vec<(String, u64)> {
    expected
        .iter()
        .map(|(name, row)| ((*name).to_owned(), *row))
        .collect()
}

#[test]
fn ids_are_found_in_all_files_in_the_order_of_files_and_rows() {
    let dir = TempDir::new().unwrap();
    write(
        &dir.path().join("b.arrow"),
        &[(9, 0), (5, 1), (u64::MAX, 2)],
    );
    write(&dir.path().join("a/a.arrow"), &[(7, 3), (5, 4), (5, 5)]);
    write(&dir.path().join("a/empty.arrow"), &[]);
    let index = Index::open(dir.path()).unwrap();
    assert_eq!((index.len(), index.files().len()), (6, 3));
    let found = short(index.find_ids(&[u64::MAX, 5, 5, 1, 7]));
    let expected = [
        ("a.arrow", 0),
        ("a.arrow", 1),
        ("a.arrow", 2),
        ("b.arrow", 1),
        ("b.arrow", 2),
    ];
    assert_eq!(found, pairs(&expected));
    assert!(index.find_ids(&[0, 6]).is_empty());
    assert!(index.find_ids(&[]).is_empty());
}

#[test]
fn the_bounds_of_an_evaluation_range_are_included() {
    let dir = TempDir::new().unwrap();
    write(
        &dir.path().join("a.arrow"),
        &[(1, -10), (2, 0), (3, 10), (4, i16::MIN), (5, i16::MAX)],
    );
    let index = Index::open(dir.path()).unwrap();
    let rows = |range| {
        index
            .find_evals(range)
            .map(|found| found.row)
            .collect::<Vec<_>>()
    };
    assert_eq!(rows(-10..=10), [0, 1, 2]);
    assert_eq!(rows(-9..=9), [1]);
    assert_eq!(rows(i16::MIN..=i16::MIN), [3]);
    assert_eq!(rows(i16::MIN..=i16::MAX), [0, 1, 2, 3, 4]);
    assert_eq!(rows(11..=i16::MAX - 1), [0; 0]);
    #[expect(clippy::reversed_empty_ranges, reason = "it finds nothing")]
    let reversed = rows(10..=-10);
    assert!(reversed.is_empty());
}

/// Against a search without an index, over many chunks and several batches and files.
#[test]
fn the_index_agrees_with_a_plain_search() {
    let record = |row: u64| {
        let eval = i16::try_from(row.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 49).unwrap();
        (
            row * 31 % 1009,
            eval / 16 + i16::try_from(row / 10_000).unwrap() * 300,
        )
    };
    let all: Vec<_> = (0..150_000).map(record).collect();
    let dir = TempDir::new().unwrap();
    write(&dir.path().join("a.arrow"), &all[..100_000]);
    write(&dir.path().join("b.arrow"), &all[100_000..]);
    let index = Index::open(dir.path()).unwrap();
    let place = |row: usize| match row.checked_sub(100_000) {
        None => ("a.arrow".to_owned(), row as u64),
        Some(row) => ("b.arrow".to_owned(), row as u64),
    };
    let search = |wanted: &dyn Fn(&(u64, i16)) -> bool| -> Vec<_> {
        (0..all.len())
            .filter(|row| wanted(&all[*row]))
            .map(place)
            .collect()
    };
    for ids in [&[0][..], &[1008, 3], &[5, 5, 2000]] {
        assert!(short(index.find_ids(ids)) == search(&|record| ids.contains(&record.0)));
    }
    for range in [0..=100, 3000..=3100, -5..=-1, i16::MIN..=i16::MAX] {
        let expected = search(&|record| range.contains(&record.1));
        assert!(short(index.find_evals(range.clone())) == expected);
        assert_eq!(index.count_evals(range), expected.len());
    }
}

#[test]
fn a_damaged_file_is_named() {
    let dir = TempDir::new().unwrap();
    write(&dir.path().join("a.arrow"), &[(1, 1)]);
    let damaged = dir.path().join("b.arrow");
    write(&damaged, &[(2, 2)]);
    let mut bytes = std::fs::read(&damaged).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&damaged, bytes).unwrap();
    let error = Index::open(dir.path()).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with(&damaged.display().to_string()),
        "{error}"
    );
}

#[test]
fn a_directory_without_records_is_an_empty_index() {
    let dir = TempDir::new().unwrap();
    let index = Index::open(dir.path()).unwrap();
    assert!(index.is_empty());
    assert!(index.find_ids(&[1]).is_empty());
    assert_eq!(index.find_evals(i16::MIN..=i16::MAX).count(), 0);
}
