//! Inputs that nobody would write: what is made of good ones, at random and without end.
//!
//! There is no compiler that tells which lines were run. Instead each input is judged with a word on how it
//! has gone; an input with a word that was not there before is kept, and others are made from it.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::{Duration, Instant};

/// Seconds for each target, in place of [`SECONDS`].
const VARIABLE: &str = "XTASK_FUZZ_S";

/// Where the random numbers begin, in place of 1: each number is another row of inputs.
const SEED: &str = "XTASK_FUZZ_SEED";

/// For each target, where nothing else is said.
const SECONDS: u64 = 3;

/// No input may take longer.
const LONGEST: Duration = Duration::from_secs(2);

/// No input is made longer.
const MOST_BYTES: usize = 64 << 10;

/// No more inputs are kept.
const MOST_KEPT: usize = 10_000;

/// What is known of the inputs of one target.
#[derive(Debug, Default)]
pub struct Corpus {
    /// Good inputs, and bad ones that are of interest.
    pub inputs: Vec<Vec<u8>>,
    /// Words of their language.
    pub words: Vec<&'static str>,
}

impl Corpus {
    /// Of texts.
    pub fn texts<'a>(inputs: impl IntoIterator<Item = &'a str>, words: &[&'static str]) -> Self {
        let inputs = inputs.into_iter().map(|input| input.as_bytes().to_vec());
        Self {
            inputs: inputs.collect(),
            words: words.to_vec(),
        }
    }

    /// Judges these inputs, and ever new ones made of them, for some seconds. `judge` asserts what holds for
    /// every input, and gives a word on how this one has gone.
    ///
    /// # Panics
    /// If an input takes longer than two seconds; and whenever `judge` does. The input is printed then.
    pub fn fuzz(mut self, mut judge: impl FnMut(&[u8]) -> String) {
        let number = |name| std::env::var(name).ok().and_then(|text| text.parse().ok());
        let time = Duration::from_secs(number(VARIABLE).unwrap_or(SECONDS));
        let mut random = Random(number(SEED).unwrap_or(1));
        let mut seen = BTreeSet::new();
        for input in &self.inputs {
            seen.insert(judged(input, &mut judge));
        }
        let (started, mut count, good) = (Instant::now(), 0u64, self.inputs.len());
        while started.elapsed() < time {
            let input = self.another(&mut random);
            count += 1;
            let word = judged(&input, &mut judge);
            if self.inputs.len() < MOST_KEPT && seen.insert(word) {
                self.inputs.push(input);
            }
        }
        let kept = self.inputs.len() - good;
        eprintln!("{count} inputs, {} ways to go, {kept} kept", seen.len());
    }

    fn another(&self, random: &mut Random) -> Vec<u8> {
        let mut input = self.any(random).to_vec();
        // Mostly one or two changes: what is changed everywhere is refused at its first byte.
        for _ in 0..=random.below(2) + random.below(4) * random.below(2) {
            self.change(&mut input, random);
        }
        input.truncate(MOST_BYTES);
        input
    }

    fn any(&self, random: &mut Random) -> &[u8] {
        &self.inputs[random.below(self.inputs.len())]
    }

    fn change(&self, input: &mut Vec<u8>, random: &mut Random) {
        let at = random.below(input.len() + 1);
        let end = at + random.below(input.len() + 1 - at).min(random.below(64) + 1);
        match random.below(9) {
            0 if at < input.len() => input[at] ^= 1 << random.below(8),
            1 if at < input.len() => input[at] = *random.one_of(INTERESTING_BYTES),
            2 | 3 => random.put_number(input, at),
            4 => input.truncate(at),
            5 => drop(input.drain(at..end)),
            6 => {
                let part = input[at..end].repeat(1 + random.below(4));
                input.splice(at..at, part);
            }
            7 => {
                let other = self.any(random);
                let from = random.below(other.len() + 1);
                let to = from
                    + random
                        .below(other.len() + 1 - from)
                        .min(random.below(256) + 1);
                input.splice(at..end, other[from..to].iter().copied());
            }
            _ if !self.words.is_empty() => {
                let word = *random.one_of(&self.words);
                let end = if random.below(2) == 0 { at } else { end };
                input.splice(at..end, word.bytes());
            }
            _ => {}
        }
    }
}

const INTERESTING_BYTES: &[u8] = b"\0\x01\x7f\x80\xff\n\r\t \"'\\,:=[]{}#/.-\x1b";

const INTERESTING_NUMBERS: &[u64] = &[
    0,
    1,
    2,
    3,
    7,
    8,
    16,
    255,
    256,
    0x7fff,
    0x8000,
    0xffff,
    0x1_0000,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    0x1_0000_0000,
    0x7fff_ffff_ffff_ffff,
    0x8000_0000_0000_0000,
    u64::MAX,
];

fn judged(input: &[u8], judge: &mut impl FnMut(&[u8]) -> String) -> String {
    let started = Instant::now();
    let word = catch_unwind(AssertUnwindSafe(|| judge(input)));
    let elapsed = started.elapsed();
    let shown = || input.escape_ascii().to_string();
    let word = word.unwrap_or_else(|panic| {
        eprintln!(
            "this input of {} bytes is the one: {}",
            input.len(),
            shown()
        );
        resume_unwind(panic)
    });
    assert!(elapsed < LONGEST, "it takes {elapsed:?}: {}", shown());
    word
}

/// Random numbers that are the same in every run (splitmix64).
#[derive(Debug)]
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// From 0 on, and less than `limit`.
    fn below(&mut self, limit: usize) -> usize {
        let limit = limit.max(1) as u64;
        usize::try_from(self.next() % limit).unwrap_or(0)
    }

    fn one_of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }

    /// Writes a number over what stands at `at`, in one of the ways in which files have numbers: a length, an
    /// offset, a count.
    fn put_number(&mut self, input: &mut Vec<u8>, at: usize) {
        let number = match self.below(4) {
            0 => self.next(),
            1 => input.len() as u64,
            _ => *self.one_of(INTERESTING_NUMBERS),
        };
        let number = number.wrapping_add(self.below(3) as u64).wrapping_sub(1);
        let bytes = match self.below(5) {
            0 => number.to_string().into_bytes(),
            1 => number.to_be_bytes()[4..].to_vec(),
            2 => number.to_le_bytes().to_vec(),
            3 => number.to_le_bytes()[..4].to_vec(),
            _ => number.to_le_bytes()[..2].to_vec(),
        };
        let end = input.len().min(at + bytes.len());
        input.splice(at..end, bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_that_takes_several_steps_is_found() {
        let corpus = || Corpus::texts(["size=5"], &["size=", "[a]"]);
        let found = catch_unwind(|| {
            corpus().fuzz(|input| {
                let text = String::from_utf8_lossy(input);
                let steps = ["[a]", "size=65535", "\0"].map(|part| text.contains(part));
                assert_ne!(steps, [true; 3], "the fault");
                format!("{steps:?}")
            });
        });
        assert!(found.is_err());
    }

    #[test]
    fn an_input_that_takes_its_time_is_a_fault() {
        let slow = catch_unwind(|| {
            Corpus::texts(["a"], &[]).fuzz(|_| {
                std::thread::sleep(LONGEST);
                String::new()
            });
        });
        assert!(slow.is_err());
    }
}
