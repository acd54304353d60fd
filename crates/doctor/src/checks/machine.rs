//! Memory, disk and what is kept.

use cargo_settings::Layers;
use cargo_settings::local::{LOCAL_CONFIG, MACHINE};
use cargo_settings::machine::{JOBS, wanted_jobs, write_jobs};
use config_edit::EditError;
use environment::vars;
use processes::memory::Limit;

use crate::drafts::Drafts;
use crate::facts::{Facts, Storage};
use crate::finding::{Found, Judged, Problem};

/// Who says how many compilers there are to be.
#[derive(Debug, PartialEq, Eq)]
enum Sayer {
    /// Nobody: as many as there are cores.
    Nobody,
    /// `cargo xtask machine`.
    Us,
    /// A variable of the shell.
    Variable,
    /// The user, in this file.
    File(String),
}

pub(crate) fn jobs(facts: &Facts) -> Judged {
    let config = facts.config()?;
    let (jobs, sayer) = configured(facts, config);
    let files = facts.files()?;
    let tracked = config.file(&files.tracked);
    let is_included = tracked.is_ok_and(|it| it.includes(LOCAL_CONFIG));
    Ok(fitting(facts.memory.as_ref(), jobs, &sayer, is_included))
}

/// How many compilers cargo runs at once, and who says so.
fn configured(facts: &Facts, config: &Layers) -> (u32, Sayer) {
    let cores = facts.cores;
    // What is below zero is meant from the number of cores down.
    let number = |jobs: i64| u32::try_from(jobs).unwrap_or(cores);
    let variable = facts.variables.get(vars::CARGO_BUILD_JOBS);
    if let Some(jobs) = variable.and_then(|value| value.parse().ok()) {
        return (number(jobs), Sayer::Variable);
    }
    let in_file = config.files().find_map(|(path, file)| {
        let jobs = number(file.integer(&JOBS)?);
        let is_ours = file.owner_of(&JOBS).as_deref() == Some(MACHINE.0);
        let file = facts.shown(path).to_string();
        Some((
            jobs,
            if is_ours {
                Sayer::Us
            } else {
                Sayer::File(file)
            },
        ))
    });
    in_file.unwrap_or((cores, Sayer::Nobody))
}

fn fitting(memory: Option<&Limit>, jobs: u32, sayer: &Sayer, is_included: bool) -> Found {
    let Some(memory) = memory else {
        return Found::ok("the memory cannot be told here");
    };
    let Some(fit) = memory.jobs(jobs) else {
        return Found::ok(format!("{memory}, enough for {jobs} compilers at once"));
    };
    let text = format!(
        "{memory}, enough for {fit} compilers at once, and plain cargo runs {jobs}: the kernel may kill one"
    );
    let include = format!("include = [{{ path = \"{LOCAL_CONFIG}\", optional = true }}]");
    match sayer {
        Sayer::Variable => {
            let name = vars::CARGO_BUILD_JOBS;
            Found::problem(text, format!("`export {name}={fit}`"))
        }
        Sayer::File(file) => {
            Found::problem(text, format!("`jobs = {fit}` under [build] in {file}"))
        }
        _ if is_included => Problem::new(text, "`cargo xtask machine`")
            .fixable(true)
            .into(),
        _ => Found::problem(
            text,
            format!(
                "add the line `{include}` to .cargo/config.toml, above all tables, then `cargo xtask machine`"
            ),
        ),
    }
}

pub(crate) fn repair_jobs(facts: &Facts, drafts: &mut Drafts) -> Result<(), EditError> {
    if let (Some(cargo), Ok(config)) = (&mut drafts.cargo, facts.config()) {
        let (jobs, _) = wanted_jobs(facts.memory.as_ref(), facts.cores, config);
        write_jobs(&mut cargo.local, jobs)?;
    }
    Ok(())
}

/// What a build from nothing takes, with a library of third-party crates.
const NEEDED_BYTES: u64 = 2 << 30;

pub(crate) fn disk(facts: &Facts) -> Judged {
    let free = facts.storage()?.free_bytes.iter();
    let free: Vec<_> = free
        .map(|(dir, bytes)| (facts.shown(dir).to_string(), *bytes))
        .collect();
    Ok(enough(&free))
}

fn enough(free: &[(String, u64)]) -> Found {
    let gib = |bytes: u64| format!("{}.{} GiB", bytes >> 30, ((bytes * 10) >> 30) % 10);
    let short = free.iter().filter(|(_, bytes)| *bytes < NEEDED_BYTES);
    let problems = short.map(|(dir, bytes)| {
        let text = format!("{} are free for {dir}, and a build may take {}", gib(*bytes), gib(NEEDED_BYTES));
        Problem::new(text, "`cargo xtask store prune --size 100M`, and `cargo clean` in projects that you do not work on")
    });
    Found::of(problems.collect(), || {
        let told = free
            .iter()
            .map(|(dir, bytes)| format!("{} free for {dir}", gib(*bytes)));
        told.collect::<Vec<_>>().join(", ")
    })
}

pub(crate) fn caches(facts: &Facts) -> Judged {
    Ok(match &facts.storage {
        Ok(storage) => kept(storage),
        Err(problem) => problem.clone().into(),
    })
}

fn kept(storage: &Storage) -> Found {
    let (store, megabytes) = (&storage.store, |bytes: u64| bytes.div_ceil(1 << 20));
    if let Some(dir) = &storage.refuses {
        return Found::problem(
            format!(
                "{store}, where is kept what was built once, cannot be written: you may not write to {dir}"
            ),
            format!(
                "make it yours, or `export {}=DIR` with another directory",
                vars::XTASK_STORE_DIR
            ),
        );
    }
    let own_bytes = storage.held.bytes.saturating_sub(storage.held.shared_bytes);
    let told = format!(
        "{store} holds {} MB of {} at most, and {} MB that target directories share",
        megabytes(own_bytes),
        megabytes(storage.limit_bytes),
        megabytes(storage.held.shared_bytes)
    );
    if own_bytes > storage.limit_bytes {
        return Found::problem(told, "`cargo xtask store prune`");
    }
    let elsewhere = if storage.is_elsewhere {
        "; it is on another file system than the target directory, so what is taken from it is copied"
    } else {
        ""
    };
    Found::ok(format!("{told}{elsewhere}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use store::Held;

    fn parts(found: Found) -> (bool, String, bool) {
        match found {
            Found::Ok(text) => (true, text, false),
            Found::Problems(problems) => {
                let Problem {
                    text,
                    cure,
                    fixable,
                } = problems[0].clone();
                (
                    false,
                    format!("{text} {}", cure.unwrap_or_default()),
                    fixable,
                )
            }
        }
    }

    #[test]
    fn more_compilers_than_the_memory_bears_are_a_problem_with_the_cure_of_who_says_so() {
        let memory = Limit {
            bytes: 4 << 30,
            is_of_container: true,
        };
        for (jobs, sayer, is_included, is_ok, says, is_fixable) in [
            (2, Sayer::Nobody, true, true, "enough for 2", false),
            (8, Sayer::Nobody, true, false, "`cargo xtask machine`", true),
            (8, Sayer::Us, true, false, "`cargo xtask machine`", true),
            (8, Sayer::Nobody, false, false, "add the line", false),
            (8, Sayer::Variable, true, false, "CARGO_BUILD_JOBS=2", false),
            (
                8,
                Sayer::File("FILE".to_owned()),
                true,
                false,
                "`jobs = 2` under [build] in FILE",
                false,
            ),
        ] {
            let (ok, text, fixable) = parts(fitting(Some(&memory), jobs, &sayer, is_included));
            assert!(ok == is_ok && text.contains(says), "{text}");
            assert_eq!(fixable, is_fixable, "{text}");
        }
        assert!(parts(fitting(None, 64, &Sayer::Nobody, true)).0);
    }

    #[test]
    fn a_disk_that_is_nearly_full_is_a_problem() {
        let free = |gib: u64| {
            [
                ("target".to_owned(), 500 << 30),
                ("cache".to_owned(), gib << 30),
            ]
        };
        let (ok, text, _) = parts(enough(&free(1)));
        assert!(
            !ok && text.starts_with("1.0 GiB are free for cache"),
            "{text}"
        );
        let (ok, text, _) = parts(enough(&free(7)));
        assert!(
            ok && text == "500.0 GiB free for target, 7.0 GiB free for cache",
            "{text}"
        );
    }

    #[test]
    fn the_store_is_to_be_written_and_to_keep_its_limit() {
        let storage = |own_mb: u64, refuses: Option<&str>, is_elsewhere| Storage {
            store: "/c/store".into(),
            held: Held {
                bytes: (own_mb + 700) << 20,
                shared_bytes: 700 << 20,
                ..Held::default()
            },
            limit_bytes: 100 << 20,
            refuses: refuses.map(Into::into),
            is_elsewhere,
            free_bytes: Vec::new(),
        };
        for (storage, is_ok, says) in [
            (
                storage(50, None, false),
                true,
                "holds 50 MB of 100 at most, and 700 MB that",
            ),
            (storage(50, None, true), true, "is copied"),
            (storage(101, None, false), false, "store prune"),
            (storage(50, Some("/c"), false), false, "may not write to /c"),
        ] {
            let (ok, text, _) = parts(kept(&storage));
            assert!(ok == is_ok && text.contains(says), "{text}");
        }
    }
}
