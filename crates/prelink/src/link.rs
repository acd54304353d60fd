//! The two links that take the place of one, carried out.

use std::collections::HashSet;
use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::process::Output;
use std::time::Instant;

use camino::Utf8Path;
use processes::handover;

use crate::bases::{Base, Bases, Circumstances, Refused, Verdict, name};
use crate::beside::DIR;
use crate::call::{LinkCall, response_file};
use crate::check::{BaseFacts, ExtensionFacts, objection};
use crate::elf::revealing;
use crate::outcome::Prelinked;
use crate::plan::{BaseLink, FinalLink, Instead, Prelink, RunPaths, offering};
use crate::why::Why;

/// The longest command line that is tried, in bytes; a longer one goes through a file. The kernel takes two
/// megabytes, the environment included.
const LINE_LIMIT_BYTES: usize = 1 << 20;

/// There is no link against a base library.
#[derive(Debug)]
pub(crate) enum Failed {
    /// There can be none.
    Objection(Why),
    /// A program was killed, or a file cannot be written or read: another time there may be one.
    Io(io::Error),
}

impl From<io::Error> for Failed {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<Refused> for Failed {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Linker(says) => Self::Objection(Why::Refused(says)),
            Refused::Io(error) => Self::Io(error),
        }
    }
}

/// Links `call` against `known`, else against the base library that `prelink` makes, and checks the two
/// together. Gives what the linker has said.
pub(crate) fn prelinked(
    bases: &Bases,
    call: &LinkCall,
    prelink: &Prelink,
    of: Circumstances<'_>,
    key: &str,
    known: Option<Base>,
) -> Result<(Prelinked, Output), Failed> {
    let is_known = known.is_some();
    let (base, is_new) = match known {
        Some(base) => (base, false),
        None => made(bases, &prelink.base, of)?,
    };
    if let Some(section) = &base.note.facts.collected {
        return Err(Failed::Objection(Why::Collected(section.clone())));
    }
    let output = linked(&prelink.link, of.linker, &base, bases.dir())?;
    let extension = call.output().unwrap_or(Utf8Path::new(""));
    let facts = ExtensionFacts::read(extension)?;
    if let Some(why) = objection(&facts, &base.note.facts) {
        return Err(Failed::Objection(why));
    }
    let file = base.path.file_name().unwrap_or_default().to_owned();
    base.note_use();
    if !is_known {
        bases.keep_verdict(key, &Verdict::Base(file.clone()))?;
    }
    let prelinked = Prelinked {
        crates: base.note.crates,
        base_bytes: fs_err::metadata(&base.path)?.len(),
        extension_bytes: fs_err::metadata(extension)?.len(),
        made: is_new.then_some(base.note.took),
        base: file,
    };
    Ok((prelinked, output))
}

/// The base library, and whether it was made just now.
fn made(bases: &Bases, link: &BaseLink, of: Circumstances<'_>) -> Result<(Base, bool), Failed> {
    let name = name(link, of)?;
    let made = bases.make(&name, link.rlibs().count(), |draft| {
        let start = Instant::now();
        let dir = draft.parent().unwrap_or(draft);
        run(of.linker, link.args(draft, &name), dir)?;
        Ok(start.elapsed())
    })?;
    // The new one may have taken the place of others.
    let _ = made.1.then(|| bases.prune(&name));
    Ok(made)
}

fn linked(
    link: &FinalLink,
    linker: &Utf8Path,
    base: &Base,
    kept: &Utf8Path,
) -> Result<Output, Failed> {
    // rustc's own directory for files of this link.
    let dir = link
        .version_script()
        .and_then(Utf8Path::parent)
        .unwrap_or(kept);
    let run_paths = RunPaths { beside: DIR, kept };
    let instead = offering_to(base, link, dir)?;
    Ok(run(
        linker,
        link.args(&base.path, run_paths, &instead),
        dir,
    )?)
}

/// What stands in for rustc's files: a version script without what the base library offers. Where that takes
/// names from the extension, it offers them, and the object in which rustc has hidden them shows them.
fn offering_to(base: &Base, link: &FinalLink, dir: &Utf8Path) -> Result<Instead, Failed> {
    let mut instead = Instead::new();
    let Some(script) = link.version_script() else {
        return Ok(instead);
    };
    let BaseFacts {
        wanted, unmangled, ..
    } = &base.note.facts;
    let before = fs_err::read_to_string(script)?;
    let is_in_base = |name: &str| unmangled.lines().any(|it| it == name);
    let unknown = || Failed::Objection(Why::Unknown(format!("what is in {script}")));
    let text = offering(&before, wanted, is_in_base).ok_or_else(unknown)?;
    if text == before {
        return Ok(instead);
    }
    let mut write = |path: &Utf8Path, bytes: &[u8]| -> io::Result<()> {
        let other = dir.join(format!(
            "prelinked-{}",
            path.file_name().unwrap_or_default()
        ));
        fs_err::write(&other, bytes)?;
        instead.insert(path.to_owned(), other);
        Ok(())
    };
    write(script, text.as_bytes())?;
    let names: HashSet<_> = wanted.iter().map(String::as_bytes).collect();
    for object in link.objects().filter(|_| !names.is_empty()) {
        if let Some(bytes) = revealing(object, &names)? {
            write(object, &bytes)?;
        }
    }
    Ok(instead)
}

/// Runs the linker; `dir` is for a file with its arguments, where they are too long for a command line.
fn run(linker: &Utf8Path, args: Vec<String>, dir: &Utf8Path) -> Result<Output, Refused> {
    let length_bytes: usize = args.iter().map(|arg| arg.len() + 1).sum();
    let args = if length_bytes > LINE_LIMIT_BYTES {
        let file = dir.join("prelinked-args");
        fs_err::write(&file, response_file(&args))?;
        vec![format!("@{file}")]
    } else {
        args
    };
    let output = handover::output_of(linker, &args)?;
    if output.status.success() {
        return Ok(output);
    }
    let says = String::from_utf8_lossy(&output.stderr);
    if says.contains("No space left") {
        // That says nothing of what is linked.
        return Err(Refused::Io(io::Error::other(first_error(&says))));
    }
    // Whoever ends a build ends us as well.
    let is_killed = output.status.signal().is_some() || says.contains("signal 9");
    if is_killed {
        let text = "it was killed, as the kernel does where there is too little memory";
        return Err(Refused::Linker(text.to_owned()));
    }
    Err(Refused::Linker(first_error(&says)))
}

/// The first line by which a linker tells an error.
fn first_error(says: &str) -> String {
    let lines = || says.lines().map(str::trim).filter(|line| !line.is_empty());
    let error = lines().find(|line| line.contains("error") || line.contains("undefined"));
    error
        .or_else(|| lines().next())
        .unwrap_or("it gives no reason")
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_what_a_linker_says_the_error_is_told() {
        let says = "cc: note: x\nld.lld: error: undefined symbol: foo\n>>> referenced by a.o\n";
        assert_eq!(first_error(says), "ld.lld: error: undefined symbol: foo");
        assert_eq!(first_error("\n  strange\n"), "strange");
        assert_eq!(first_error(""), "it gives no reason");
    }
}
