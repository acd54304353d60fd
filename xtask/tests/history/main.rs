//! Histories of a checkout: random steps, and after each the extension has to be that of the sources.
//!
//! `XTASK_HISTORY_STEPS` and `XTASK_HISTORY_SEEDS` (`5` or `3..8`) make it longer.

mod directed;
mod steps;
mod world;

use std::ops::Range;
use std::time::SystemTime;

use steps::{Random, Step};
use testkit::TempDir;
use world::World;

/// In CI. Each step takes one or two seconds.
const STEPS: usize = 25;

/// The numbers in a variable that only this test reads.
fn numbers(name: &str) -> Option<Vec<u64>> {
    let (_, value) = std::env::vars().find(|(known, _)| known == name)?;
    Some(
        value
            .split("..")
            .map(|number| number.parse().expect("a number"))
            .collect(),
    )
}

fn seeds() -> Range<u64> {
    match numbers("XTASK_HISTORY_SEEDS").as_deref() {
        Some([seed]) => *seed..seed + 1,
        Some([from, to]) => *from..*to,
        _ => 1..3,
    }
}

#[test]
fn in_every_history_the_extension_is_that_of_the_sources() {
    let steps = numbers("XTASK_HISTORY_STEPS").map_or(STEPS, |it| usize::try_from(it[0]).unwrap());
    for seed in seeds() {
        History::new(seed).run(steps);
    }
}

/// A checkout, and another one that builds into the same target directory where that is shared.
struct History {
    seed: u64,
    random: Random,
    world: World,
    other: Option<World>,
    /// Whether nobody else has built, and the last build that asked cargo has left nothing to do.
    settled: bool,
    told: Vec<String>,
    _dir: TempDir,
}

impl History {
    fn new(seed: u64) -> Self {
        let dir = TempDir::new();
        let shared = seed.is_multiple_of(2).then(|| dir.path().join("shared"));
        let of_all = |world: World| World {
            store: dir.path().join("store"),
            ..world
        };
        let other = shared
            .as_deref()
            .map(|shared| of_all(World::new(&dir.path().join("other"), Some(shared))));
        let world = of_all(World::new(
            &dir.path().join("one/project"),
            shared.as_deref(),
        ));
        Self {
            seed,
            random: Random(seed),
            world,
            other,
            settled: false,
            told: Vec::new(),
            _dir: dir,
        }
    }

    fn run(&mut self, steps: usize) {
        self.build();
        // With the lock file, which is there now.
        for args in [
            &["init", "-q"][..],
            &["add", "."],
            &["commit", "-qm", "first"],
        ] {
            steps::git(&self.world, args);
        }
        for number in 0..steps {
            let step = Step::choose(&mut self.random);
            self.told.push(format!("{number}: {step:?}"));
            let started = SystemTime::now();
            let built_with = self.world.options();
            let before = self.world.clone();
            let was = (before.expected(), before.sources());
            step.take(&mut self.world, self.other.as_mut(), &mut self.random);
            self.look(&built_with);
            let said = self.build();
            let is_same =
                || before == self.world && was == (self.world.expected(), self.world.sources());
            self.settled &= step.leaves_builds_alone();
            if self.settled && self.other.is_none() && is_same() {
                assert!(!said.contains("Compiling"), "{}\n{said}", self.history());
            }
            self.settled |= said.contains("Rebuilt") && !matches!(step, Step::Future);
            let elapsed = started.elapsed().unwrap_or_default();
            eprintln!("seed {} step {number} {step:?} {elapsed:?}", self.seed);
        }
    }

    /// What `--status` says has to be true before anything is built. Asked without options it tells of the
    /// build that there is, whatever its options were.
    fn look(&self, built_with: &(Vec<String>, Option<String>)) {
        let (is_fresh, status) = self.world.status();
        if is_fresh && *built_with == self.world.options() {
            let imported = self.world.imported();
            assert_eq!(
                imported,
                Some(self.world.expected()),
                "{}\n{}",
                self.history(),
                status.stdout
            );
        }
    }

    fn build(&self) -> String {
        let done = self.world.dev().capture().unwrap();
        assert!(done.status.success(), "{}\n{}", self.history(), done.stderr);
        let said = format!("{}\n{}", self.history(), done.stderr);
        assert_eq!(self.world.imported(), Some(self.world.expected()), "{said}");
        let (is_fresh, status) = self.world.status();
        assert!(is_fresh, "{said}\n{}", status.stdout);
        done.stderr
    }

    fn history(&self) -> String {
        format!("seed {}\n{}", self.seed, self.told.join("\n"))
    }
}
