//! Whether an extension is linked against a library of its third-party crates: see the crate [`prelink`].

use std::{fmt, io};

use camino::{Utf8Path, Utf8PathBuf};
use environment::vars;
use files::{owned, write};
use prelink::{Job, Linked, Outcome};
use processes::Invocation;

/// Whether it is tried, and in whose place. What rustc wants of the linker decides whether it is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Prelinking {
    /// It is.
    On {
        /// What our stand-in for the linker is called.
        stand_in: &'static str,
    },
    /// It is not.
    Off(Off),
}

/// Why it is not tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Off {
    /// `--no-prelink`.
    AskedFor,
    /// `prelink = false` in the policy.
    Policy,
    /// It is known to work on Linux only.
    Platform,
    /// The configured linker takes other arguments than a C compiler.
    Linker(Utf8PathBuf),
}

impl fmt::Display for Off {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AskedFor => f.write_str("`--no-prelink` was given"),
            Self::Policy => f.write_str("the policy says `prelink = false`"),
            Self::Platform => f.write_str("this platform is not Linux on x86-64 or aarch64"),
            Self::Linker(linker) => write!(
                f,
                "the linker is `{linker}`, which rustc does not call as a C compiler"
            ),
        }
    }
}

impl Prelinking {
    /// For a build that was asked for with or without it, by the project's `policy` and what the last link
    /// came to; `linker` is the configured one. `platform` is the system and the architecture, as
    /// [`std::env::consts`] has them.
    #[must_use]
    pub fn decide(
        is_asked_for: bool,
        policy: Option<bool>,
        platform: (&str, &str),
        linker: Option<&str>,
        last: Option<&Outcome>,
    ) -> Self {
        let last = last.map(|outcome| &outcome.linked);
        let is_known = platform.0 == "linux" && ["x86_64", "aarch64"].contains(&platform.1);
        Self::Off(match (is_asked_for, policy, last) {
            (false, ..) => Off::AskedFor,
            (_, Some(false), _) => Off::Policy,
            _ if !is_known => Off::Platform,
            (.., Some(Linked::Impossible(linker))) => Off::Linker(linker.clone()),
            _ => {
                let stand_in = prelink::name_for(linker);
                return Self::On { stand_in };
            }
        })
    }

    /// As at an earlier build, whose options still hold.
    pub(crate) fn as_before(was_on: bool) -> Self {
        let stand_in = prelink::name_for(None);
        if was_on {
            Self::On { stand_in }
        } else {
            Self::Off(Off::AskedFor)
        }
    }

    /// Whether it is tried.
    #[must_use]
    pub fn is_on(&self) -> bool {
        matches!(self, Self::On { .. })
    }
}

/// Where the stand-in notes how the extension was linked, for the project with this scratch directory.
pub(crate) fn outcome_file(scratch: &Utf8Path) -> Utf8PathBuf {
    scratch.with_extension("linked.json")
}

/// `call` with the program at `link`, which is made to lead to this one, as the linker of the extension.
/// What it is to do, it reads in `file`.
///
/// # Errors
/// If one of the files cannot be written.
pub fn with_stand_in(
    call: &Invocation,
    link: &Utf8Path,
    file: &Utf8Path,
    job: &Job,
) -> io::Result<Invocation> {
    write::atomically(file, serde_json::to_string(job)?)?;
    lead_to_ourselves(link)?;
    Ok(linked_by(call, link).env(vars::XTASK_PRELINK, file.as_str()))
}

/// `call` with another linker for the crate that is asked for, and for no other.
fn linked_by(call: &Invocation, linker: &Utf8Path) -> Invocation {
    let separator = (!call.args.iter().any(|arg| arg == "--")).then_some("--");
    let call = call.clone().args(separator);
    call.args(["-C".to_owned(), format!("linker={linker}")])
}

/// Has the link at `path` lead to this program.
fn lead_to_ourselves(path: &Utf8Path) -> io::Result<()> {
    let ourselves = std::env::current_exe()?;
    if fs_err::read_link(path).is_ok_and(|target| target == ourselves) {
        return Ok(());
    }
    let dir = path.parent().unwrap_or(path);
    let draft = path.with_extension("draft");
    owned::remove(dir, &draft)?;
    fs_err::os::unix::fs::symlink(&ourselves, &draft)?;
    fs_err::rename(&draft, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_linker_is_given_to_the_last_call_of_rustc_alone() {
        let linker = Utf8Path::new("/t/prelink-cc");
        let call = Invocation::new("cargo").args(["rustc", "--lib"]);
        let args = linked_by(&call, linker).args;
        assert_eq!(args, ["rustc", "--lib", "--", "-C", "linker=/t/prelink-cc"]);
        let call = call.args(["--", "-C", "link-args=-x"]);
        let args = linked_by(&call, linker).args;
        assert_eq!(
            args[2..],
            ["--", "-C", "link-args=-x", "-C", "linker=/t/prelink-cc"]
        );
    }

    #[test]
    fn the_stand_in_is_this_program_also_where_it_was_another_one() {
        let dir = testkit::TempDir::new();
        let path: Utf8PathBuf = dir.path().join("prelink-cc");
        for _ in 0..2 {
            lead_to_ourselves(&path).unwrap();
            assert_eq!(
                fs_err::read_link(&path).unwrap(),
                std::env::current_exe().unwrap()
            );
        }
        fs_err::remove_file(&path).unwrap();
        fs_err::os::unix::fs::symlink("/elsewhere", &path).unwrap();
        lead_to_ourselves(&path).unwrap();
        assert_eq!(
            fs_err::read_link(&path).unwrap(),
            std::env::current_exe().unwrap()
        );
    }

    #[test]
    fn it_is_tried_where_nothing_speaks_against_it() {
        let here = ("linux", "x86_64");
        let on = |asked, policy, platform| Prelinking::decide(asked, policy, platform, None, None);
        assert!(on(true, None, here).is_on());
        assert!(on(true, Some(true), ("linux", "aarch64")).is_on());
        assert_eq!(on(false, Some(true), here), Prelinking::Off(Off::AskedFor));
        assert_eq!(on(true, Some(false), here), Prelinking::Off(Off::Policy));
        for platform in [("macos", "aarch64"), ("linux", "riscv64")] {
            assert_eq!(on(true, None, platform), Prelinking::Off(Off::Platform));
        }
    }
}
