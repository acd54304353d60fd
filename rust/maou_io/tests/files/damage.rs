//! Damaged files: an error that names the file, never a panic, whatever is damaged.

use std::path::Path;
use std::sync::Arc;

use crate::common::{file_bytes, foreign_bytes, records};
use arrow::array::{ArrayRef, Int8Array, Int32Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema};
use maou_io::{Compression, Error, Reason, RecordFile};

/// Reads all of a file in memory.
fn read(bytes: Vec<u8>) -> Result<Vec<RecordBatch>, Error> {
    RecordFile::from_bytes(Path::new("test.arrow"), bytes)?.read_all()
}

fn reason(bytes: Vec<u8>) -> Reason {
    match read(bytes) {
        Err(Error::Invalid { reason, .. }) => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_file_cut_anywhere_is_an_error() {
    for compression in Compression::ALL {
        let batch = records(0, 20);
        for whole in [
            file_bytes(compression, &batch),
            foreign_bytes(compression, &[batch.slice(0, 12), batch.slice(12, 8)]),
        ] {
            assert_eq!(reason(Vec::new()), Reason::Empty);
            for len in 1..whole.len() {
                let reason = reason(whole[..len].to_vec());
                assert!(matches!(reason, Reason::Truncated(_)), "{len}: {reason}");
            }
        }
    }
}

#[test]
fn every_flipped_bit_in_a_file_of_ours_is_noticed() {
    for compression in Compression::ALL {
        let whole = file_bytes(compression, &records(0, 20));
        assert!(read(whole.clone()).is_ok());
        for bit in 0..whole.len() * 8 {
            let mut damaged = whole.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(
                read(damaged).is_err(),
                "{compression}, bit {bit} of {}",
                whole.len() * 8
            );
        }
    }
}

#[test]
fn every_overwritten_word_in_a_file_of_ours_is_noticed() {
    for compression in Compression::ALL {
        let whole = file_bytes(compression, &records(0, 20));
        for start in (0..whole.len() - 8).step_by(4) {
            for word in [0_u64, u64::MAX, i64::MAX.cast_unsigned(), 1 << 31] {
                let mut damaged = whole.clone();
                damaged[start..start + 8].copy_from_slice(&word.to_le_bytes());
                assert!(
                    damaged == whole || read(damaged).is_err(),
                    "{compression}, byte {start}"
                );
            }
        }
    }
}

/// Without checksums a flipped bit may give other values, but never another number of them.
#[test]
fn flipped_bits_in_other_files_never_panic() {
    for compression in Compression::ALL {
        let batch = records(0, 20);
        let whole = foreign_bytes(compression, &[batch.slice(0, 12), batch.slice(12, 8)]);
        for bit in 0..whole.len() * 8 {
            let mut damaged = whole.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            if let Ok(batches) = read(damaged) {
                let rows: Vec<usize> = batches.iter().map(RecordBatch::num_rows).collect();
                assert_eq!(rows, [12, 8], "{compression}, bit {bit}");
            }
        }
    }
}

#[test]
fn overwritten_words_in_other_files_never_panic() {
    for compression in Compression::ALL {
        let whole = foreign_bytes(compression, &[records(0, 20)]);
        for start in (0..whole.len() - 8).step_by(4) {
            for word in [0_u64, u64::MAX, i64::MAX.cast_unsigned(), 1 << 31, 1 << 40] {
                let mut damaged = whole.clone();
                damaged[start..start + 8].copy_from_slice(&word.to_le_bytes());
                let _ = read(damaged);
            }
        }
    }
}

#[test]
fn other_formats_are_named() {
    for (head, name) in [
        (&b"FEA1...."[..], "Feather version 1"),
        (b"PAR1....", "Parquet"),
        (b"\xff\xff\xff\xff\x10\0\0\0", "stream format"),
        (b"id,position", "`ARROW1`"),
    ] {
        let error = read(head.to_vec()).unwrap_err().to_string();
        assert!(
            error.starts_with("test.arrow: not an Arrow IPC file: "),
            "{error}"
        );
        assert!(error.contains(name), "{error}");
    }
}

/// A batch with one column replaced.
fn with_column(index: usize, field: Field, column: ArrayRef) -> RecordBatch {
    let batch = records(0, 3);
    let mut fields = batch.schema().fields().to_vec();
    let mut columns = batch.columns().to_vec();
    fields[index] = Arc::new(field);
    columns[index] = column;
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
}

#[test]
fn a_column_of_another_type_is_named() {
    let column = Arc::new(Int32Array::from(vec![1, 2, 3]));
    let batch = with_column(2, Field::new("eval", DataType::Int32, true), column);
    let reason = reason(foreign_bytes(Compression::Lz4, &[batch]));
    assert_eq!(reason.to_string(), "column `eval` is Int32, expected Int16");
}

#[test]
fn nulls_are_refused() {
    let column = Arc::new(Int8Array::from(vec![Some(1), None, None]));
    let batch = with_column(4, Field::new("result", DataType::Int8, true), column);
    let reason = reason(foreign_bytes(Compression::None, &[batch]));
    assert_eq!(
        reason,
        Reason::Nulls {
            column: "result",
            count: 2
        }
    );
}

#[test]
fn fields_that_are_not_nullable_are_accepted() {
    let column = Arc::new(Int8Array::from(vec![1, 0, -1]));
    let batch = with_column(4, Field::new("result", DataType::Int8, false), column);
    assert_eq!(
        read(foreign_bytes(Compression::None, &[batch]))
            .unwrap()
            .len(),
        1
    );
}

#[test]
fn a_result_that_is_none_is_refused() {
    let column = Arc::new(Int8Array::from(vec![1, 2, 0]));
    let batch = with_column(4, Field::new("result", DataType::Int8, true), column);
    let error = read(foreign_bytes(Compression::Zstd, &[batch]))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("column `result` has the value 2 in row 1"),
        "{error}"
    );
}
