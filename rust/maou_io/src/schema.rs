//! The columns of a training record, and what other writers may vary about them.

use std::sync::{Arc, LazyLock};

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Field, Int8Type, Schema, SchemaRef};
use arrow::error::ArrowError;

use crate::error::{Reason, SchemaMismatch};

/// A column of a training record, in the order of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Column {
    /// `id`: the record's id, any `uint64`. Nothing demands that ids are unique.
    Id,
    /// `position`: the packed position, 256 bits (Huffman-coded like `PackedSfen` and HCP).
    Position,
    /// `eval`: the evaluation in centipawns from the side to move, any `int16`.
    Eval,
    /// `best_move`: the best move, packed into 16 bits, any `uint16`.
    BestMove,
    /// `result`: the game's result from the side to move: 1 a win, 0 a draw, -1 a loss.
    Result,
    /// `date`: the day of the game, in days since 1970-01-01, any `date32`.
    Date,
}

impl Column {
    /// All columns, in the order of the file.
    pub const ALL: [Self; 6] = [
        Self::Id,
        Self::Position,
        Self::Eval,
        Self::BestMove,
        Self::Result,
        Self::Date,
    ];

    /// The column's name in the file.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Position => "position",
            Self::Eval => "eval",
            Self::BestMove => "best_move",
            Self::Result => "result",
            Self::Date => "date",
        }
    }

    /// The column's Arrow type.
    #[must_use]
    pub const fn data_type(self) -> DataType {
        match self {
            Self::Id => DataType::UInt64,
            Self::Position => DataType::FixedSizeBinary(32),
            Self::Eval => DataType::Int16,
            Self::BestMove => DataType::UInt16,
            Self::Result => DataType::Int8,
            Self::Date => DataType::Date32,
        }
    }

    /// The size of one value, in bytes. It is the same for every row, so the row count alone gives
    /// the size of every buffer.
    #[must_use]
    pub const fn width(self) -> usize {
        match self {
            Self::Id => 8,
            Self::Position => 32,
            Self::Eval | Self::BestMove => 2,
            Self::Result => 1,
            Self::Date => 4,
        }
    }
}

/// The schema of every batch that this crate returns and writes.
///
/// The fields are marked nullable although no record has a null: `pyarrow`, `polars` and `pandas`
/// mark them so by default, and tables with different marks are neither equal nor concatenated.
#[must_use]
pub fn schema() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
        let field = |column: Column| Field::new(column.name(), column.data_type(), true);
        Arc::new(Schema::new(Column::ALL.map(field).to_vec()))
    });
    Arc::clone(&SCHEMA)
}

/// Compares `(name, type)` pairs, in the order of the file, with the columns of training records.
pub(crate) fn check_columns(found: &[(&str, String)]) -> Result<(), SchemaMismatch> {
    let has = |name: &str| found.iter().any(|(found, _)| *found == name);
    if let Some(missing) = Column::ALL.iter().find(|column| !has(column.name())) {
        return Err(SchemaMismatch::Missing(missing.name()));
    }
    let known = |name: &str| Column::ALL.iter().any(|column| column.name() == name);
    if let Some((extra, _)) = found.iter().find(|(name, _)| !known(name)) {
        return Err(SchemaMismatch::Extra((*extra).to_owned()));
    }
    if let Some((repeated, _)) = found.get(Column::ALL.len()) {
        return Err(SchemaMismatch::Extra((*repeated).to_owned()));
    }
    for (index, (column, (name, data_type))) in Column::ALL.iter().zip(found).enumerate() {
        check_column(*column, index, name, data_type)?;
    }
    Ok(())
}

fn check_column(
    column: Column,
    index: usize,
    name: &str,
    data_type: &str,
) -> Result<(), SchemaMismatch> {
    if name != column.name() {
        let found = name.to_owned();
        return Err(SchemaMismatch::Order {
            index,
            found,
            expected: column.name(),
        });
    }
    let expected = column.data_type().to_string();
    if data_type != expected {
        let found = data_type.to_owned();
        return Err(SchemaMismatch::Type {
            column: column.name(),
            found,
            expected,
        });
    }
    Ok(())
}

/// Compares an Arrow schema with that of training records; nullable flags and metadata may differ.
pub(crate) fn check_schema(schema: &Schema) -> Result<(), SchemaMismatch> {
    let describe = |field: &Arc<Field>| (field.name().clone(), field.data_type().to_string());
    let found: Vec<_> = schema.fields().iter().map(describe).collect();
    let found: Vec<_> = found
        .iter()
        .map(|(name, kind)| (name.as_str(), kind.clone()))
        .collect();
    check_columns(&found)
}

/// Turns a batch of anyone's into one with [`schema`], sharing its buffers, if it holds records.
pub fn conform(batch: &RecordBatch) -> Result<RecordBatch, Reason> {
    check_schema(&batch.schema())?;
    for (column, array) in Column::ALL.iter().zip(batch.columns()) {
        check_nulls(*column, array.null_count())?;
        check_values(*column, array)?;
    }
    RecordBatch::try_new(schema(), batch.columns().to_vec())
        .map_err(|error: ArrowError| Reason::Damaged(error.to_string()))
}

/// Fails if the column has a null.
pub(crate) fn check_nulls(column: Column, nulls: usize) -> Result<(), Reason> {
    match nulls {
        0 => Ok(()),
        count => Err(Reason::Nulls {
            column: column.name(),
            count: count as u64,
        }),
    }
}

/// Fails if a value is outside the column's range. Only `result` uses less than its type allows.
pub(crate) fn check_values(column: Column, array: &ArrayRef) -> Result<(), Reason> {
    if column != Column::Result {
        return Ok(());
    }
    let values = array.as_primitive::<Int8Type>().values();
    // One pass without a branch per value: this runs on every read.
    let valid = values
        .iter()
        .fold(true, |valid, value| valid & (-1..=1).contains(value));
    if valid {
        return Ok(());
    }
    let row = values
        .iter()
        .position(|value| !(-1..=1).contains(value))
        .unwrap_or_default();
    let value = i64::from(values[row]);
    Err(Reason::Value {
        column: column.name(),
        row,
        value,
        expected: "-1, 0 or 1",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs() -> Vec<(&'static str, String)> {
        Column::ALL
            .map(|column| (column.name(), column.data_type().to_string()))
            .to_vec()
    }

    #[test]
    fn the_schema_is_accepted() {
        assert_eq!(check_columns(&pairs()), Ok(()));
        assert_eq!(check_schema(&schema()), Ok(()));
    }

    #[test]
    fn the_widths_are_those_of_the_types() {
        for column in Column::ALL {
            let width = match column.data_type() {
                DataType::FixedSizeBinary(width) => usize::try_from(width).unwrap(),
                other => other.primitive_width().unwrap(),
            };
            assert_eq!(column.width(), width, "{column:?}");
        }
    }

    #[test]
    fn a_missing_column_is_named() {
        let mut found = pairs();
        found.remove(2);
        let error = check_columns(&found).unwrap_err();
        assert_eq!(error.to_string(), "column `eval` is missing");
    }

    #[test]
    fn an_extra_column_is_named() {
        let mut found = pairs();
        found.push(("elo", "Int16".to_owned()));
        let error = check_columns(&found).unwrap_err();
        assert_eq!(
            error.to_string(),
            "column `elo` is not a column of training records"
        );
        found[6].0 = "date";
        let error = check_columns(&found).unwrap_err();
        assert_eq!(error, SchemaMismatch::Extra("date".to_owned()));
    }

    #[test]
    fn a_retyped_column_is_named_with_both_types() {
        let mut found = pairs();
        found[2].1 = "Int32".to_owned();
        let error = check_columns(&found).unwrap_err();
        assert_eq!(error.to_string(), "column `eval` is Int32, expected Int16");
    }

    #[test]
    fn another_order_is_refused() {
        let mut found = pairs();
        found.swap(2, 3);
        let error = check_columns(&found).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("column 2 is `best_move`, expected `eval`")
        );
    }
}
