//! Files that nobody would write, made of good ones at random: an error or records, never a panic and never a
//! long wait.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use crate::common::{file_bytes, foreign_bytes, records};
use arrow::array::RecordBatch;
use maou_io::{Compression, RecordFile};

/// A number in the environment: for how many seconds, or where the random numbers begin.
fn number(name: &str, default: u64) -> u64 {
    let text = std::env::var(name).ok();
    text.and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Random numbers that are the same in every run (splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit.max(1) as u64).unwrap()
    }
}

/// Numbers at which lengths and offsets go wrong.
const NUMBERS: [u64; 12] = [
    0,
    1,
    7,
    8,
    0xffff,
    1 << 31,
    0xffff_ffff,
    1 << 32,
    1 << 40,
    1 << 62,
    1 << 63,
    u64::MAX,
];

fn change(input: &mut Vec<u8>, other: &[u8], random: &mut Random) {
    let at = random.below(input.len());
    let end = at + random.below(input.len() + 1 - at).min(64);
    match random.below(7) {
        0 | 1 if at < input.len() => input[at] ^= 1 << random.below(8),
        2 | 3 => {
            let number = NUMBERS[random.below(NUMBERS.len())].wrapping_add(random.below(3) as u64);
            let bytes = &number.to_le_bytes()[..[2, 4, 8][random.below(3)]];
            let end = input.len().min(at + bytes.len());
            input.splice(at..end, bytes.iter().copied());
        }
        4 => input.truncate(at),
        5 => {
            let from = random.below(other.len());
            let part = other[from..].iter().copied().take(end - at);
            input.splice(at..end, part);
        }
        _ => {
            let part = input[at..end].to_vec();
            input.splice(at..at, part);
        }
    }
}

fn fuzz(good: &[Vec<u8>]) {
    let time = Duration::from_secs(number("XTASK_FUZZ_S", 3));
    let mut random = Random(number("XTASK_FUZZ_SEED", 1));
    let (started, mut count, mut read) = (Instant::now(), 0, 0);
    while started.elapsed() < time {
        let mut input = good[random.below(good.len())].clone();
        let other = &good[random.below(good.len())];
        for _ in 0..=random.below(3) {
            change(&mut input, other, &mut random);
        }
        let judging = Instant::now();
        let bytes = input.clone();
        let rows = catch_unwind(AssertUnwindSafe(|| {
            let batches = RecordFile::from_bytes(Path::new("f"), bytes)?.read_all()?;
            Ok::<_, maou_io::Error>(batches.iter().map(RecordBatch::num_rows).sum::<usize>())
        }));
        let rows = rows.unwrap_or_else(|panic| {
            eprintln!("this input is the one: {}", input.escape_ascii());
            resume_unwind(panic)
        });
        let elapsed = judging.elapsed();
        assert!(
            elapsed < Duration::from_secs(2),
            "{elapsed:?}: {}",
            input.escape_ascii()
        );
        count += 1;
        read += usize::from(rows.is_ok());
    }
    eprintln!("{count} inputs, {read} of them read");
    assert!(count > 10, "{count}");
}

#[test]
fn files_of_ours() {
    fuzz(&Compression::ALL.map(|compression| file_bytes(compression, &records(0, 20))));
}

#[test]
fn files_of_others() {
    let batch = records(0, 20);
    let batches = [batch.slice(0, 12), batch.slice(12, 8)];
    fuzz(&Compression::ALL.map(|compression| foreign_bytes(compression, &batches)));
}
