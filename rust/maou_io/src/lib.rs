//! Files of shogi training records: reading, writing, merging, re-sharding.
//!
//! A file is an Arrow IPC *file* (Feather version 2) with six columns:
//!
//! | column | type | unit and range |
//! |---|---|---|
//! | `id` | `uint64` | the record's id, any value |
//! | `position` | `fixed_size_binary(32)` | the packed position, 256 bits, Huffman-coded like `PackedSfen` and HCP |
//! | `eval` | `int16` | centipawns from the side to move, any value |
//! | `best_move` | `uint16` | the best move, packed into 16 bits |
//! | `result` | `int8` | the game's result from the side to move: 1 a win, 0 a draw, -1 a loss |
//! | `date` | `date32` | days since 1970-01-01, any value |
//!
//! No column has nulls. Every width is fixed, so the row count gives the size of every buffer, and
//! a damaged file is refused before anything is allocated for it.
//!
//! ```
//! use maou_io::{Compression, read, write};
//! # use arrow::array::RecordBatch;
//!
//! # fn main() -> maou_io::Result<()> {
//! # let dir = tempfile::tempdir().map_err(maou_io::Error::io("".as_ref()))?;
//! let path = dir.path().join("records.arrow");
//! let batch = RecordBatch::new_empty(maou_io::schema());
//! let rows = write(&path, Compression::Lz4, [Ok::<_, maou_io::Error>(batch)])?;
//! assert_eq!(rows, 0);
//! assert!(read(&path)?.is_empty());
//! # Ok(())
//! # }
//! ```

mod arena;
mod checksum;
mod compression;
mod error;
mod file;
mod guard;
mod info;
mod layout;
mod lz4;
mod merge;
pub mod pool;
mod schema;
mod source;
mod write;

pub use compression::{Compression, UnknownCompression};
pub use error::{Error, Reason, Result, SchemaMismatch};
pub use file::{RecordFile, read};
pub use guard::no_panic;
pub use info::{FileInfo, info};
pub use merge::{merge, reshard};
pub use schema::{Column, conform, schema};
pub use write::{MAX_BATCH_ROWS, RecordWriter, write};
