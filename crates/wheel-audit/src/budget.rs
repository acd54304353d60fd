//! How much one audit may take: a wheel of a few bytes can say that it has very much of anything.

use std::cell::Cell;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// How much is looked at. What is beyond is refused, before memory or time is spent on it wherever its size
/// is known. With the defaults an audit stays below 10 seconds and 512 MiB.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Bytes that are in memory at once: the wheel, and one of its files.
    pub held_bytes: u64,
    /// Bytes of all entries, unpacked.
    pub unpacked_bytes: u64,
    /// Bytes of the archive's own directory.
    pub directory_bytes: u64,
    /// Entries.
    pub entries: usize,
    /// How many times larger than the packed bytes an entry, and the whole, may be...
    pub ratio: u64,
    /// ...once it is larger than this: a small file of zeros is no bomb.
    pub ratio_from_bytes: u64,
    /// Bytes of a file of `.dist-info` that is read as text.
    pub text_bytes: u64,
    /// Lines of `RECORD`.
    pub lines: u64,
    /// Fields of `WHEEL` and `METADATA`.
    pub fields: u64,
    /// Tags in `WHEEL`.
    pub tags: u64,
    /// Commands.
    pub commands: u64,
    /// Symbols of native code.
    pub symbols: u64,
    /// Entries in the other tables of native code: sections, segments, notes, libraries, versions.
    pub table_entries: u64,
    /// Names in native code that are compared with what its platform promises.
    pub names: u64,
    /// Bytes of these.
    pub name_bytes: u64,
    /// Such comparisons.
    pub comparisons: u64,
    /// Of a processor.
    pub time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            held_bytes: 384 << 20,
            unpacked_bytes: 1 << 30,
            directory_bytes: 8 << 20,
            entries: 100_000,
            ratio: 200,
            ratio_from_bytes: 64 << 20,
            text_bytes: 16 << 20,
            lines: 200_000,
            fields: 20_000,
            tags: 10_000,
            commands: 10_000,
            symbols: 4_000_000,
            table_entries: 2_000_000,
            names: 300_000,
            name_bytes: 16 << 20,
            comparisons: 10_000_000,
            time: Duration::from_secs(4),
        }
    }
}

/// What is counted while it is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counted {
    UnpackedBytes,
    HeaderBytes,
    Lines,
    Fields,
    Tags,
    Commands,
    Symbols,
    TableEntries,
    Names,
    NameBytes,
    Comparisons,
}

impl Counted {
    fn limit(self, limits: &Limits) -> u64 {
        match self {
            Self::UnpackedBytes => limits.unpacked_bytes,
            Self::HeaderBytes => 2 * limits.directory_bytes,
            Self::Lines => limits.lines,
            Self::Fields => limits.fields,
            Self::Tags => limits.tags,
            Self::Commands => limits.commands,
            Self::Symbols => limits.symbols,
            Self::TableEntries => limits.table_entries,
            Self::Names => limits.names,
            Self::NameBytes => limits.name_bytes,
            Self::Comparisons => limits.comparisons,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::UnpackedBytes => "bytes when it is unpacked",
            Self::HeaderBytes => "bytes in the headers of its entries",
            Self::Lines => "lines in RECORD",
            Self::Fields => "fields in WHEEL and METADATA",
            Self::Tags => "tags in WHEEL",
            Self::Commands => "commands",
            Self::Symbols => "symbols in its native code",
            Self::TableEntries => {
                "sections, segments, notes, libraries and versions in its native code"
            }
            Self::Names => "names of libraries and symbols in its native code",
            Self::NameBytes => "bytes of names in its native code",
            Self::Comparisons => "comparisons of tags with native code to make",
        }
    }
}

/// What a wheel has too much of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Exceeded {
    /// The entry at which it was noticed; empty for the wheel itself.
    pub(crate) path: String,
    pub(crate) reason: String,
}

impl Exceeded {
    /// The same, noticed at the entry `path`.
    pub(crate) fn at(self, path: &str) -> Self {
        Self {
            path: path.to_owned(),
            ..self
        }
    }
}

/// What one audit has spent of its limits.
#[derive(Debug)]
pub(crate) struct Budget<'a> {
    pub(crate) limits: &'a Limits,
    /// By [`Counted`].
    spent: [Cell<u64>; 11],
    until_clock: Cell<u32>,
    started: Duration,
}

/// Asking the time takes longer than what is counted.
const CLOCK_EVERY: u32 = 1000;

impl<'a> Budget<'a> {
    pub(crate) fn new(limits: &'a Limits) -> Self {
        Self {
            limits,
            spent: Default::default(),
            until_clock: Cell::new(CLOCK_EVERY),
            started: processor_time(),
        }
    }

    /// Counts `amount` more of `what`.
    pub(crate) fn spend(&self, what: Counted, amount: u64) -> Result<(), Exceeded> {
        let spent = &self.spent[what as usize];
        spent.set(spent.get().saturating_add(amount));
        let limit = what.limit(self.limits);
        if spent.get() > limit {
            return Err(Exceeded {
                path: String::new(),
                reason: format!(
                    "it has more than {limit} {}, and no more are looked at",
                    what.words()
                ),
            });
        }
        match self.until_clock.get().checked_sub(1) {
            Some(left) => {
                self.until_clock.set(left);
                Ok(())
            }
            None => self.check_time(),
        }
    }

    /// Sees that it has not taken too long. That is time of a processor: on a machine that is busy with other
    /// things the answer is the same.
    pub(crate) fn check_time(&self) -> Result<(), Exceeded> {
        self.until_clock.set(CLOCK_EVERY);
        if processor_time().saturating_sub(self.started) <= self.limits.time {
            return Ok(());
        }
        Err(Exceeded {
            path: String::new(),
            reason: format!(
                "to judge it takes longer than {} seconds, and no more are spent on it",
                self.limits.time.as_secs()
            ),
        })
    }
}

/// Of this thread.
fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_spent_adds_up() {
        let limits = Limits {
            tags: 10,
            ..Limits::default()
        };
        let budget = Budget::new(&limits);
        assert_eq!(budget.spend(Counted::Tags, 6), Ok(()));
        assert_eq!(budget.spend(Counted::Fields, 6), Ok(()));
        assert_eq!(budget.spend(Counted::Tags, 4), Ok(()));
        let exceeded = budget.spend(Counted::Tags, 1).unwrap_err();
        assert_eq!(
            exceeded.reason,
            "it has more than 10 tags in WHEEL, and no more are looked at"
        );
        assert!(budget.spend(Counted::Tags, u64::MAX).is_err());
    }

    #[test]
    fn time_is_spent_whatever_is_counted() {
        let limits = Limits {
            time: Duration::ZERO,
            ..Limits::default()
        };
        let budget = Budget::new(&limits);
        let mut spent = (0..=CLOCK_EVERY).map(|_| budget.spend(Counted::Symbols, 1));
        let exceeded = spent.find_map(Result::err).unwrap();
        assert!(
            exceeded.reason.contains("longer than 0 seconds"),
            "{exceeded:?}"
        );
    }
}
