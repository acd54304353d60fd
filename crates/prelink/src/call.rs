//! A linker call as rustc makes it for a C compiler, taken apart.

use std::io;

use camino::{Utf8Path, Utf8PathBuf};

/// One argument, or two that belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Code of the crate that is linked, or what rustc adds to it.
    Object(Utf8PathBuf),
    /// A crate that it depends on.
    Rlib(Utf8PathBuf),
    /// `-Wl,--version-script=`: which names the library offers.
    VersionScript(Utf8PathBuf),
    /// `-o`.
    Output(Utf8PathBuf),
    /// `-L`: where libraries of other languages are looked for.
    Search(Utf8PathBuf),
    /// `-l`: a library of another language.
    Library(String),
    /// Anything else.
    Flag(String),
}

/// A call. Its parts in their order say the same as its arguments did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkCall {
    /// What it is made of.
    pub parts: Vec<Part>,
}

const VERSION_SCRIPT: &str = "-Wl,--version-script=";

impl LinkCall {
    /// Takes `args` apart.
    #[must_use]
    pub fn parse(args: &[String]) -> Self {
        let mut args = args.iter();
        let mut parts = Vec::new();
        while let Some(arg) = args.next() {
            let mut value = |joined: &str| match joined {
                "" => args.next().cloned().unwrap_or_default(),
                joined => joined.to_owned(),
            };
            parts.push(if arg == "-o" {
                Part::Output(value("").into())
            } else if let Some(dir) = arg.strip_prefix("-L") {
                Part::Search(value(dir).into())
            } else if let Some(name) = arg.strip_prefix("-l") {
                Part::Library(value(name))
            } else if let Some(path) = arg.strip_prefix(VERSION_SCRIPT) {
                Part::VersionScript(path.into())
            } else {
                file(arg).unwrap_or_else(|| Part::Flag(arg.clone()))
            });
        }
        Self { parts }
    }

    /// The arguments.
    #[must_use]
    pub fn args(&self) -> Vec<String> {
        args(&self.parts)
    }

    /// What is written.
    #[must_use]
    pub fn output(&self) -> Option<&Utf8Path> {
        self.parts.iter().find_map(|part| match part {
            Part::Output(path) => Some(path.as_path()),
            _ => None,
        })
    }

    /// The crates that are linked, in their order.
    pub fn rlibs(&self) -> impl Iterator<Item = &Utf8Path> {
        self.parts.iter().filter_map(|part| match part {
            Part::Rlib(path) => Some(path.as_path()),
            _ => None,
        })
    }

    /// The objects, the last one first: there is rustc's own.
    pub fn objects_from_the_end(&self) -> impl Iterator<Item = &Utf8Path> {
        self.parts.iter().rev().filter_map(|part| match part {
            Part::Object(path) => Some(path.as_path()),
            _ => None,
        })
    }

    /// Whether one of the arguments is `flag`.
    #[must_use]
    pub fn has(&self, flag: &str) -> bool {
        self.flags().any(|it| it == flag)
    }

    /// The arguments that are neither files nor libraries.
    pub fn flags(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Flag(flag) => Some(flag.as_str()),
            _ => None,
        })
    }
}

fn file(arg: &str) -> Option<Part> {
    if arg.starts_with('-') {
        return None;
    }
    let path = Utf8PathBuf::from(arg);
    match path.extension() {
        Some("o") => Some(Part::Object(path)),
        Some("rlib") => Some(Part::Rlib(path)),
        _ => None,
    }
}

/// The arguments that `parts` stand for.
#[must_use]
pub fn args(parts: &[Part]) -> Vec<String> {
    let mut args = Vec::with_capacity(parts.len());
    for part in parts {
        match part {
            Part::Object(path) | Part::Rlib(path) => args.push(path.to_string()),
            Part::VersionScript(path) => args.push(format!("{VERSION_SCRIPT}{path}")),
            Part::Output(path) => args.extend(["-o".to_owned(), path.to_string()]),
            Part::Search(dir) => args.extend(["-L".to_owned(), dir.to_string()]),
            Part::Library(name) => args.push(format!("-l{name}")),
            Part::Flag(flag) => args.push(flag.clone()),
        }
    }
    args
}

/// `args` with the content of each response file (`@path`) in its place. rustc and cargo write such a file
/// where a command line would be too long: a line for each argument, with a backslash before each blank and
/// each backslash (`rustc_codegen_ssa::back::link`).
///
/// # Errors
/// What `read` says of a file.
pub fn expanded(
    args: impl IntoIterator<Item = String>,
    read: impl Fn(&Utf8Path) -> io::Result<String>,
) -> io::Result<Vec<String>> {
    let mut all = Vec::new();
    for arg in args {
        match arg.strip_prefix('@') {
            Some(path) => all.extend(read(path.into())?.lines().map(unescaped)),
            None => all.push(arg),
        }
    }
    Ok(all)
}

fn unescaped(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    let mut chars = line.chars();
    while let Some(char) = chars.next() {
        text.extend(if char == '\\' {
            chars.next()
        } else {
            Some(char)
        });
    }
    text
}

/// What a response file with `args` holds.
#[must_use]
pub fn response_file(args: &[String]) -> String {
    let mut text = String::new();
    for arg in args {
        for char in arg.chars() {
            if char == '\\' || char.is_whitespace() {
                text.push('\\');
            }
            text.push(char);
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn a_call_is_taken_apart_and_put_together_again() {
        let text = "-Wl,--version-script=/t/list -m64 /t/a.rcgu.o -Wl,-Bstatic /t/libx-0123.rlib \
                    -Wl,-Bdynamic -lgcc_s -L /t/raw-dylibs -o /t/libthing.so -shared";
        let call = LinkCall::parse(&words(text));
        assert_eq!(call.args(), words(text));
        assert_eq!(call.output(), Some("/t/libthing.so".into()));
        assert_eq!(call.rlibs().collect::<Vec<_>>(), ["/t/libx-0123.rlib"]);
        assert_eq!(
            call.objects_from_the_end().collect::<Vec<_>>(),
            ["/t/a.rcgu.o"]
        );
        assert!(call.has("-shared") && !call.has("-lgcc_s"));
        let joined = LinkCall::parse(&words("-L/a -l b"));
        assert_eq!(joined.args(), words("-L /a -lb"));
    }

    #[test]
    fn a_response_file_says_what_the_arguments_said() {
        let args = ["/a b/c.o", "back\\slash", "plain"].map(str::to_owned);
        let read = |path: &Utf8Path| {
            assert_eq!(path, "/t/args");
            Ok(response_file(&args))
        };
        let given = ["first", "@/t/args"].map(str::to_owned);
        let expanded = expanded(given, read).unwrap();
        assert_eq!(expanded[0], "first");
        assert_eq!(expanded[1..], args);
    }
}
