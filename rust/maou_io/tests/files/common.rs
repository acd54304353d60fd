//! Records and files for the tests.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Date32Array, FixedSizeBinaryArray, Int8Array, Int16Array, RecordBatch, UInt16Array,
    UInt64Array,
};
use arrow::buffer::Buffer;
use arrow::compute::concat_batches;
use maou_io::{Compression, schema};
use tempfile::TempDir;

/// `rows` records with the ids from `first` on: some columns compress, some do not.
pub(crate) fn records(first: u64, rows: usize) -> RecordBatch {
    let ids = || first..first + rows as u64;
    let mix = |id: u64| id.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let positions = ids().flat_map(|id| {
        let word = mix(id).to_le_bytes();
        [word, word, [0; 8], mix(id + 1).to_le_bytes()].concat()
    });
    let low = |id: u64| u16::try_from(mix(id) >> 48).unwrap();
    let columns: Vec<ArrayRef> = vec![
        Arc::new(UInt64Array::from_iter_values(ids())),
        Arc::new(FixedSizeBinaryArray::new(
            32,
            positions.collect::<Buffer>(),
            None,
        )),
        Arc::new(Int16Array::from_iter_values(
            ids().map(|id| low(id).cast_signed()),
        )),
        Arc::new(UInt16Array::from_iter_values(ids().map(|id| low(id + 7)))),
        Arc::new(Int8Array::from_iter_values(
            ids().map(|id| [-1, 0, 1][(id % 3) as usize]),
        )),
        Arc::new(Date32Array::from_iter_values(
            ids().map(|id| 18_000 + i32::try_from(id / 10).unwrap()),
        )),
    ];
    RecordBatch::try_new(schema(), columns).unwrap()
}

/// All batches as one.
pub(crate) fn joined(batches: &[RecordBatch]) -> RecordBatch {
    concat_batches(&schema(), batches).unwrap()
}

/// Writes one batch with this crate.
pub(crate) fn write(path: &Path, compression: Compression, batch: &RecordBatch) {
    maou_io::write(path, compression, [Ok::<_, maou_io::Error>(batch.clone())]).unwrap();
}

/// The bytes of a file that this crate wrote.
pub(crate) fn file_bytes(compression: Compression, batch: &RecordBatch) -> Vec<u8> {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("records.arrow");
    write(&path, compression, batch);
    fs::read(path).unwrap()
}

/// The bytes of a file that arrow's own writer wrote, without checksums.
pub(crate) fn foreign_bytes(compression: Compression, batches: &[RecordBatch]) -> Vec<u8> {
    use arrow::ipc::CompressionType;
    use arrow::ipc::writer::{FileWriter, IpcWriteOptions};
    let codec = match compression {
        Compression::None => None,
        Compression::Lz4 => Some(CompressionType::LZ4_FRAME),
        Compression::Zstd => Some(CompressionType::ZSTD),
    };
    let options = IpcWriteOptions::default()
        .try_with_compression(codec)
        .unwrap();
    let schema = batches[0].schema();
    let mut writer = FileWriter::try_new_with_options(Vec::new(), &schema, options).unwrap();
    for batch in batches {
        writer.write(batch).unwrap();
    }
    writer.into_inner().unwrap()
}

/// The names in a directory, sorted.
pub(crate) fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Files of `rows[i]` records each, numbered through.
pub(crate) fn input_files(directory: &Path, rows: &[usize]) -> Vec<PathBuf> {
    let mut first = 0;
    let files = rows.iter().enumerate().map(|(index, rows)| {
        let path = directory.join(format!("in-{index}.arrow"));
        write(&path, Compression::ALL[index % 3], &records(first, *rows));
        first += *rows as u64;
        path
    });
    files.collect()
}
