//! Where in a file everything is, checked before anything is decoded.
//!
//! The Arrow IPC *file* format is `ARROW1\0\0`, a schema message, one message per batch, an
//! end-of-stream marker, a footer that repeats the schema and lists the batches, the footer's size
//! and `ARROW1` (<https://arrow.apache.org/docs/format/Columnar.html#ipc-file-format>). arrow's own
//! reader trusts much of that: it indexes where a length is damaged, and allocates what a damaged
//! length asks for. Records have columns of fixed width without nulls, so here the row count of a
//! batch gives every size there is, and whatever disagrees is damage.

use std::ops::Range;

use arrow::ipc;

use crate::checksum::{self, Checksums};
use crate::compression::{Compression, MAX_ALIGNMENT};
use crate::error::{Fault, Reason};
use crate::schema::{Column, check_columns};
use crate::source::Source;

/// What a file starts with; it ends with the first six of these bytes.
const MAGIC: &[u8; 8] = b"ARROW1\0\0";
/// The size of what follows the footer: its length as `i32` and the magic.
const TRAILER_LEN: u64 = 10;
/// What every message starts with, since Arrow 0.15.
const CONTINUATION: [u8; 4] = [0xff; 4];
/// The size of what precedes a message's flatbuffer: the marker above and its length as `i32`.
const PREFIX_LEN: u64 = 8;
/// The end-of-stream marker: a message without content.
const END_OF_STREAM: [u8; 8] = [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0];

/// A file's batches, all offsets checked against its size.
#[derive(Debug)]
pub(crate) struct Layout {
    pub(crate) batches: Vec<BatchLayout>,
    /// The checksums of the batches; files of other writers have none.
    pub(crate) checksums: Option<Checksums>,
}

/// One batch, in bytes from the start of the file.
#[derive(Debug)]
pub(crate) struct BatchLayout {
    pub(crate) rows: usize,
    pub(crate) compression: Compression,
    /// Metadata and body.
    pub(crate) block: Range<u64>,
    /// The stored values of every column, in the order of [`Column::ALL`].
    pub(crate) columns: [Range<u64>; 6],
}

/// Reads and checks the layout of a file.
pub(crate) fn read(source: &Source) -> Result<Layout, Fault> {
    check_magic(source)?;
    let footer_range = footer_range(source)?;
    let footer_bytes = source.slice(footer_range.clone())?;
    let footer = ipc::root_as_footer(&footer_bytes)
        .map_err(|error| damaged(format!("the footer is no valid flatbuffer: {error}")))?;
    check_version(footer.version())?;
    check_schema(footer.schema())?;
    if footer
        .dictionaries()
        .is_some_and(|blocks| !blocks.is_empty())
    {
        return Err(Reason::Unsupported("dictionaries".to_owned()).into());
    }
    let blocks = blocks(footer, footer_range.start)?;
    let end = blocks
        .first()
        .map_or(footer_range.start, |first| first.range.start);
    let schema = schema_message(source, schema_start(source, end)?..end)?;
    let first = blocks.first().map_or(schema.end, |block| block.range.start);
    let last = blocks.last().map_or(schema.end, |block| block.range.end);
    let checksums = checksum::read(source, 0..first, last..footer_range.start, blocks.len())?;
    if checksums.is_none() {
        check_gap(source, last..footer_range.start)?;
    }
    let batches = blocks
        .iter()
        .enumerate()
        .map(|(index, block)| read_batch(source, index, block));
    Ok(Layout {
        batches: batches.collect::<Result<_, _>>()?,
        checksums,
    })
}

fn damaged(message: impl Into<String>) -> Reason {
    Reason::Damaged(message.into())
}

/// Looks at both ends of the file, and says what it is instead if it is something else.
fn check_magic(source: &Source) -> Result<(), Fault> {
    let len = source.len();
    let head = source.slice(0..len.min(MAGIC.len() as u64))?;
    let head = head.as_slice();
    if head.is_empty() {
        return Err(Reason::Empty.into());
    }
    if !MAGIC.starts_with(head) {
        return Err(Reason::NotArrow(describe_other_format(head)).into());
    }
    let shortest = MAGIC.len() as u64 + TRAILER_LEN;
    if len < shortest {
        let message = format!("{len} bytes, the shortest Arrow IPC file has {shortest}");
        return Err(Reason::Truncated(message).into());
    }
    if source.slice(len - 6..len)?.as_slice() != &MAGIC[..6] {
        return Err(Reason::Truncated("it does not end with `ARROW1`".to_owned()).into());
    }
    Ok(())
}

fn describe_other_format(head: &[u8]) -> &'static str {
    if head.starts_with(&CONTINUATION) {
        "it looks like the Arrow stream format"
    } else if head.starts_with(b"FEA1") {
        "it is Feather version 1"
    } else if head.starts_with(b"PAR1") {
        "it is a Parquet file"
    } else {
        "it does not start with `ARROW1`"
    }
}

fn footer_range(source: &Source) -> Result<Range<u64>, Fault> {
    let end = source.len() - TRAILER_LEN;
    let size = read_i32(&source.slice(end..end + 4)?);
    let room = end - MAGIC.len() as u64;
    match u64::try_from(size) {
        Ok(size) if size > 0 && size <= room => Ok(end - size..end),
        _ => Err(damaged(format!(
            "the footer claims {size} bytes, there is room for {room}"
        ))
        .into()),
    }
}

fn read_i32(bytes: &[u8]) -> i32 {
    bytes
        .first_chunk()
        .map_or(0, |bytes| i32::from_le_bytes(*bytes))
}

fn check_version(version: ipc::MetadataVersion) -> Result<(), Reason> {
    match version {
        ipc::MetadataVersion::V4 | ipc::MetadataVersion::V5 => Ok(()),
        other => Err(Reason::Unsupported(format!("metadata version {}", other.0))),
    }
}

/// Checks a schema as it is in the file. arrow's conversion to its own `Schema` would do, but it
/// panics on types that do not exist.
fn check_schema(schema: Option<ipc::Schema<'_>>) -> Result<(), Reason> {
    let schema = schema.ok_or_else(|| damaged("there is no schema"))?;
    if schema.endianness() != ipc::Endianness::Little {
        return Err(Reason::Unsupported("big-endian data".to_owned()));
    }
    let fields = schema
        .fields()
        .ok_or_else(|| damaged("the schema has no columns"))?;
    let describe = |field: ipc::Field<'_>| describe_type(&field);
    let found: Vec<_> = fields
        .iter()
        .map(|field| (field.name().unwrap_or_default(), describe(field)))
        .collect();
    Ok(check_columns(&found)?)
}

/// The type of a column, written as arrow writes its `DataType`s.
fn describe_type(field: &ipc::Field<'_>) -> String {
    if field.dictionary().is_some() {
        return "Dictionary".to_owned();
    }
    if let Some(int) = field.type_as_int() {
        let sign = if int.is_signed() { "" } else { "U" };
        return format!("{sign}Int{}", int.bitWidth());
    }
    if let Some(binary) = field.type_as_fixed_size_binary() {
        return format!("FixedSizeBinary({})", binary.byteWidth());
    }
    match field.type_as_date().map(|date| date.unit()) {
        Some(ipc::DateUnit::DAY) => "Date32".to_owned(),
        Some(_) => "Date64".to_owned(),
        None => field
            .type_type()
            .variant_name()
            .unwrap_or("of an unknown type")
            .to_owned(),
    }
}

/// A batch as the footer lists it.
#[derive(Debug)]
struct Block {
    range: Range<u64>,
    /// Where the body starts.
    body: u64,
}

/// The batches that the footer lists, none outside `MAGIC..end`, none overlapping the one before.
fn blocks(footer: ipc::Footer<'_>, end: u64) -> Result<Vec<Block>, Reason> {
    let mut free = MAGIC.len() as u64;
    let mut blocks = Vec::new();
    for (index, listed) in footer.recordBatches().into_iter().flatten().enumerate() {
        let block =
            block(listed).filter(|block| free <= block.range.start && block.range.end <= end);
        let block = block
            .ok_or_else(|| damaged(format!("the footer puts batch {index} where it cannot be")))?;
        free = block.range.end;
        blocks.push(block);
    }
    Ok(blocks)
}

fn block(listed: &ipc::Block) -> Option<Block> {
    let start = u64::try_from(listed.offset()).ok()?;
    let body = start.checked_add(u64::try_from(listed.metaDataLength()).ok()?)?;
    let end = body.checked_add(u64::try_from(listed.bodyLength()).ok()?)?;
    (start.is_multiple_of(8) && body.is_multiple_of(8)).then_some(Block {
        range: start..end,
        body,
    })
}

/// Where the schema message starts: behind the magic, or behind its padding to up to 64 bytes, which
/// arrow's Rust writer adds.
fn schema_start(source: &Source, end: u64) -> Result<u64, Fault> {
    let start = MAGIC.len() as u64;
    let bytes = source.slice(start..end.min(MAX_ALIGNMENT).max(start))?;
    let words = bytes.as_chunks::<8>().0;
    let padding = words.iter().take_while(|word| **word == [0; 8]).count();
    Ok(start + 8 * padding as u64)
}

/// Checks the schema message at the start of `room` and returns its place.
fn schema_message(source: &Source, room: Range<u64>) -> Result<Range<u64>, Fault> {
    let too_long = || damaged("the schema message runs into what follows it");
    let prefix_end = room.start + PREFIX_LEN;
    if prefix_end > room.end {
        return Err(too_long().into());
    }
    let size = message_size(&source.slice(room.start..prefix_end)?, "the schema message")?;
    let range = room.start..prefix_end + size;
    if range.end > room.end {
        return Err(too_long().into());
    }
    let bytes = source.slice(prefix_end..range.end)?;
    let message = message(&bytes, "the schema message")?;
    if message.header_as_schema().is_none() || message.bodyLength() != 0 {
        return Err(damaged("the first message is no schema").into());
    }
    check_schema(message.header_as_schema())?;
    Ok(range)
}

/// The size of the flatbuffer that a message's prefix announces, in bytes.
fn message_size(prefix: &[u8], what: &str) -> Result<u64, Reason> {
    match prefix.split_at_checked(4) {
        Some((marker, size)) if marker == CONTINUATION => u64::try_from(read_i32(size))
            .map_err(|_| damaged(format!("{what} has a negative size"))),
        _ => Err(damaged(format!("{what} does not start with its marker"))),
    }
}

fn message<'a>(bytes: &'a [u8], what: &str) -> Result<ipc::Message<'a>, Reason> {
    let message = ipc::root_as_message(bytes)
        .map_err(|error| damaged(format!("{what} is no valid flatbuffer: {error}")))?;
    check_version(message.version())?;
    Ok(message)
}

/// Checks that there is nothing but the end-of-stream marker and padding in `gap`. A file of ours
/// has its checksums there; were their mark damaged, they would not be taken for nothing.
fn check_gap(source: &Source, gap: Range<u64>) -> Result<(), Fault> {
    let longest = END_OF_STREAM.len() as u64 + MAX_ALIGNMENT;
    if gap.end - gap.start <= longest {
        let bytes = source.slice(gap)?;
        let padding = bytes.strip_prefix(&END_OF_STREAM);
        if padding.is_some_and(|padding| padding.iter().all(|byte| *byte == 0)) {
            return Ok(());
        }
    }
    Err(
        damaged("between the last batch and the footer is more than an end-of-stream marker")
            .into(),
    )
}

fn read_batch(source: &Source, index: usize, block: &Block) -> Result<BatchLayout, Fault> {
    let what = format!("batch {index}");
    let bytes = source.slice(block.range.start..block.body)?;
    let size = message_size(&bytes, &what)?;
    if size + PREFIX_LEN != bytes.len() as u64 {
        return Err(damaged(format!("{what} and the footer disagree about its metadata")).into());
    }
    let message = message(&bytes[8..], &what)?;
    let batch = message
        .header_as_record_batch()
        .ok_or_else(|| damaged(format!("{what} is another kind of message")))?;
    let body = block.body..block.range.end;
    if u64::try_from(message.bodyLength()) != Ok(body.end - body.start) {
        return Err(damaged(format!("{what} and the footer disagree about its body")).into());
    }
    let rows = rows(&batch, &what)?;
    let compression = compression(&batch)?;
    let columns = columns(&batch, &what, rows, compression, &body)?;
    Ok(BatchLayout {
        rows,
        compression,
        block: block.range.clone(),
        columns,
    })
}

/// The row count, on which the batch and all its columns agree.
fn rows(batch: &ipc::RecordBatch<'_>, what: &str) -> Result<usize, Reason> {
    let disagree = || {
        damaged(format!(
            "{what}: its columns disagree about the number of rows"
        ))
    };
    let nodes = batch
        .nodes()
        .filter(|nodes| nodes.len() == Column::ALL.len());
    let nodes = nodes.ok_or_else(disagree)?;
    for (column, node) in Column::ALL.iter().zip(nodes) {
        if node.length() != batch.length() {
            return Err(disagree());
        }
        match u64::try_from(node.null_count()) {
            Ok(0) => {}
            Ok(count) => {
                return Err(Reason::Nulls {
                    column: column.name(),
                    count,
                });
            }
            Err(_) => return Err(damaged(format!("{what}: a negative number of nulls"))),
        }
    }
    usize::try_from(batch.length()).map_err(|_| damaged(format!("{what}: a negative row count")))
}

fn compression(batch: &ipc::RecordBatch<'_>) -> Result<Compression, Reason> {
    let Some(compression) = batch.compression() else {
        return Ok(Compression::None);
    };
    match (compression.method(), compression.codec()) {
        (ipc::BodyCompressionMethod::BUFFER, ipc::CompressionType::LZ4_FRAME) => {
            Ok(Compression::Lz4)
        }
        (ipc::BodyCompressionMethod::BUFFER, ipc::CompressionType::ZSTD) => Ok(Compression::Zstd),
        (method, codec) => Err(Reason::Unsupported(format!(
            "compression {}/{}",
            method.0, codec.0
        ))),
    }
}

/// The columns' places, one after the other within the body and of plausible sizes.
fn columns(
    batch: &ipc::RecordBatch<'_>,
    what: &str,
    rows: usize,
    compression: Compression,
    body: &Range<u64>,
) -> Result<[Range<u64>; 6], Reason> {
    let wrong = |column: Column| {
        damaged(format!(
            "{what}: the size or place of column `{}` is impossible",
            column.name()
        ))
    };
    let buffers: Vec<_> = batch.buffers().into_iter().flatten().collect();
    // A bitmap of valid rows and the values.
    let pairs = buffers.as_chunks::<2>().0;
    if buffers.len() != 2 * Column::ALL.len() {
        return Err(damaged(format!(
            "{what}: {} buffers, expected 12",
            buffers.len()
        )));
    }
    let mut free = body.start;
    let mut columns = [const { 0..0 }; 6];
    for ((column, [bitmap, values]), place) in Column::ALL.into_iter().zip(pairs).zip(&mut columns)
    {
        let bitmap = buffer(bitmap, free..body.end, body.start).ok_or_else(|| wrong(column))?;
        let values =
            buffer(values, bitmap.end..body.end, body.start).ok_or_else(|| wrong(column))?;
        let bitmap_fits = bitmap.is_empty() || compression.fits(&bitmap, rows.div_ceil(8) as u64);
        let size = (rows as u64)
            .checked_mul(column.width() as u64)
            .ok_or_else(|| wrong(column))?;
        if !bitmap_fits || !compression.fits(&values, size) {
            return Err(wrong(column));
        }
        free = values.end;
        *place = values;
    }
    Ok(columns)
}

/// A buffer's place in the file, which must be within `room`.
fn buffer(buffer: &ipc::Buffer, room: Range<u64>, body: u64) -> Option<Range<u64>> {
    let length = u64::try_from(buffer.length()).ok()?;
    if length == 0 {
        // Some writers leave the offset of an absent buffer at 0.
        return Some(room.start..room.start);
    }
    let start = body.checked_add(u64::try_from(buffer.offset()).ok()?)?;
    let end = start.checked_add(length)?;
    (room.start <= start && end <= room.end).then_some(start..end)
}
