//! Standing in for a linker, to keep the call and what goes into it.
//!
//! rustc removes what it has made for a link (the objects of the last crate, a list of symbols) as soon as it is over.
//! With [`vars::XTASK_RECORD_LINKER`] set, our own program, named to rustc as the linker, keeps copies of these, writes the
//! call down with the copies in their places, and runs the real one. Libraries stay where they are.

use std::io;
use std::process::ExitCode;

use build_env::{Invocation, vars};
use camino::{Utf8Path, Utf8PathBuf};
use walkdir::WalkDir;

/// The file in the directory that holds the call.
const CALL: &str = "call.json";

/// If this process was started in a linker's place, does what is due and gives the exit code.
#[must_use]
pub fn stand_in() -> Option<ExitCode> {
    let dir = vars::var(vars::XTASK_RECORD_LINKER)?;
    let real = vars::var(vars::XTASK_RECORD_LINKER_REAL)?;
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let Err(error) = keep(Utf8Path::new(&dir), &real, &args) {
        eprintln!("error: cannot record the link in {dir}: {error}");
    }
    let done = Invocation::new(real).args(args).run();
    Some(match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    })
}

/// `cargo rustc …` so that the extension is linked by us, and the link kept in `dir`. `real` is what links.
///
/// # Errors
/// If we cannot tell which program we are.
pub fn recording(cargo: Invocation, dir: &Utf8Path, real: &str) -> io::Result<Invocation> {
    let ourselves = std::env::current_exe()?;
    let flag = format!("linker={}", ourselves.to_string_lossy());
    let cargo = crate::choices::for_rustc(cargo, &["-C", &flag]);
    Ok(cargo
        .env(vars::XTASK_RECORD_LINKER, dir.as_str())
        .env(vars::XTASK_RECORD_LINKER_REAL, real))
}

/// The link that is kept in `dir`. `None` if nothing was linked.
#[must_use]
pub fn recorded(dir: &Utf8Path) -> Option<Invocation> {
    serde_json::from_str(&fs_err::read_to_string(dir.join(CALL)).ok()?).ok()
}

fn keep(dir: &Utf8Path, real: &str, args: &[String]) -> io::Result<()> {
    let args = expanded(args)?;
    if !args.iter().any(|arg| arg == "-o") {
        // A question, such as for the version.
        return Ok(());
    }
    let mut kept = Kept {
        dir,
        objects: 0,
        dirs: Vec::new(),
    };
    let args: Vec<_> = args
        .iter()
        .map(|arg| kept.arg(arg))
        .collect::<io::Result<_>>()?;
    let mut call = Invocation::new(real).args(args);
    // rustc puts the directory of its own tools first.
    for name in ["PATH", "LC_ALL"] {
        call = match vars::var(name) {
            Some(value) => call.env(name, value),
            None => call,
        };
    }
    let cwd = Utf8PathBuf::from_path_buf(std::env::current_dir()?);
    let cwd = cwd.map_err(|_| io::ErrorKind::InvalidFilename)?;
    fs_err::write(dir.join(CALL), serde_json::to_string(&call.cwd(&cwd))?)
}

/// What has been kept so far.
struct Kept<'a> {
    dir: &'a Utf8Path,
    objects: usize,
    /// Directories of rustc's, and where they are now.
    dirs: Vec<(Utf8PathBuf, Utf8PathBuf)>,
}

impl Kept<'_> {
    /// `arg` with the copy in the place of a path that will be gone.
    fn arg(&mut self, arg: &str) -> io::Result<String> {
        // The path may stand behind an option, as in `-Wl,--version-script=/…`.
        let Some(start) = arg.find('/') else {
            return Ok(arg.to_owned());
        };
        let (option, path) = (&arg[..start], Utf8Path::new(&arg[start..]));
        if let Some(dir) = temporary_dir(path) {
            let now = self.copied_dir(dir)?;
            let below = path.strip_prefix(dir).unwrap_or(Utf8Path::new(""));
            return Ok(format!("{option}{}", now.join(below)));
        }
        if path.extension() == Some("o") && path.is_file() {
            self.objects += 1;
            let now = self.dir.join(format!("{}.o", self.objects));
            fs_err::copy(path, &now)?;
            return Ok(format!("{option}{now}"));
        }
        Ok(arg.to_owned())
    }

    fn copied_dir(&mut self, dir: &Utf8Path) -> io::Result<Utf8PathBuf> {
        if let Some((_, now)) = self.dirs.iter().find(|(known, _)| known == dir) {
            return Ok(now.clone());
        }
        let now = self.dir.join(format!("rustc-{}", self.dirs.len()));
        fs_err::create_dir_all(&now)?;
        for entry in WalkDir::new(dir).min_depth(1).into_iter().flatten() {
            let below = entry.path().strip_prefix(dir).unwrap_or(entry.path());
            let target = now.as_std_path().join(below);
            if entry.file_type().is_dir() {
                fs_err::create_dir_all(target)?;
            } else {
                fs_err::copy(entry.path(), target)?;
            }
        }
        self.dirs.push((dir.to_owned(), now.clone()));
        Ok(now)
    }
}

/// The directory for temporary files of rustc in which `path` lies: `rustc` and six letters or digits, wherever it is.
fn temporary_dir(path: &Utf8Path) -> Option<&Utf8Path> {
    let is_temporary = |name: &str| {
        let rest = name.strip_prefix("rustc");
        rest.is_some_and(|it| it.len() == 6 && it.chars().all(|c| c.is_ascii_alphanumeric()))
    };
    path.ancestors()
        .find(|dir| dir.file_name().is_some_and(is_temporary) && dir.is_dir())
}

/// The arguments, with those in files (`@file`) in their places: rustc uses one where they are many.
fn expanded(args: &[String]) -> io::Result<Vec<String>> {
    let mut all = Vec::new();
    for arg in args {
        match arg.strip_prefix('@') {
            Some(file) => all.extend(from_file(&fs_err::read_to_string(file)?)),
            None => all.push(arg.clone()),
        }
    }
    Ok(all)
}

/// The arguments in a file as rustc writes it: one in a line, spaces and backslashes behind a backslash.
fn from_file(text: &str) -> Vec<String> {
    let unescaped = |line: &str| {
        let mut arg = String::new();
        let mut chars = line.chars();
        while let Some(c) = chars.next() {
            arg.push(if c == '\\' {
                chars.next().unwrap_or(c)
            } else {
                c
            });
        }
        arg
    };
    text.lines().map(unescaped).collect()
}

/// The same, written.
pub(crate) fn to_file(args: &[String]) -> String {
    let escaped = |c: char| match c {
        ' ' | '\\' | '"' | '\'' => format!("\\{c}"),
        c => c.to_string(),
    };
    args.iter()
        .map(|arg| arg.chars().map(escaped).collect::<String>() + "\n")
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::TempDir;

    #[test]
    fn what_rustc_removes_is_kept_and_the_rest_stays() {
        let dir = TempDir::new();
        let path = |name: &str| dir.path().join(name);
        for name in ["rustcAb12Cd/raw", "kept"] {
            fs_err::create_dir_all(path(name)).unwrap();
        }
        for name in ["a.o", "b.rlib", "rustcAb12Cd/list", "rustcAb12Cd/raw/x"] {
            fs_err::write(path(name), name).unwrap();
        }
        let file = path("arguments");
        let given = [
            format!("-Wl,--version-script={}", path("rustcAb12Cd/list")),
            path("a.o").to_string(),
            path("b.rlib").to_string(),
            "-L".to_owned(),
            path("rustcAb12Cd/raw").to_string(),
            "-o".to_owned(),
            path("x y.so").to_string(),
        ];
        fs_err::write(&file, to_file(&given)).unwrap();
        keep(
            &path("kept"),
            "cc",
            &["-m64".to_owned(), format!("@{file}")],
        )
        .unwrap();
        for name in ["a.o", "rustcAb12Cd"] {
            let gone = path(name);
            if gone.is_dir() {
                fs_err::remove_dir_all(gone).unwrap();
            } else {
                fs_err::remove_file(gone).unwrap();
            }
        }
        let call = recorded(&path("kept")).unwrap();
        let expected = [
            "-m64".to_owned(),
            format!("-Wl,--version-script={}", path("kept/rustc-0/list")),
            path("kept/1.o").to_string(),
            path("b.rlib").to_string(),
            "-L".to_owned(),
            path("kept/rustc-0/raw").to_string(),
            "-o".to_owned(),
            path("x y.so").to_string(),
        ];
        assert_eq!(call.args, expected);
        let text = |name: &str| fs_err::read_to_string(path(name)).unwrap();
        assert_eq!(text("kept/rustc-0/raw/x"), "rustcAb12Cd/raw/x");
        assert_eq!(text("kept/1.o"), "a.o");
    }

    #[test]
    fn a_question_for_the_version_is_no_link() {
        let dir = TempDir::new();
        keep(dir.path(), "cc", &["--version".to_owned()]).unwrap();
        assert_eq!(recorded(dir.path()), None);
    }

    #[test]
    fn arguments_survive_a_file() {
        let args = ["-L", "/a b/c", r"it's \ \\", ""].map(str::to_owned);
        assert_eq!(from_file(&to_file(&args)), args);
    }
}
