//! Processes that have loaded an extension which was replaced since, such as a notebook's kernel: they go on
//! with the old one until they are started again. Linux alone tells.

use camino::Utf8Path;
use processes::proc::{Mapping, mapping_removed};

use crate::situation::Situation;
use crate::{place, scratch};

/// How much is shown of what a process runs, in characters.
const SHOWN_CHARACTERS: usize = 40;

/// That processes still run what was the library of `module` at `placed` before, if any do.
pub(crate) fn note(situation: &Situation, module: &str, placed: &Utf8Path) -> Option<String> {
    let scratch = scratch::path(&situation.root, &situation.workspace);
    let was = place::names_of_replaced(placed, &scratch);
    told(module, &mapping_removed(&was))
}

fn told(module: &str, running: &[Mapping]) -> Option<String> {
    let (first, others) = running.split_first()?;
    let first = described(first);
    Some(match others.len() {
        0 => format!("{first} still runs the old {module}: restart it"),
        more => format!("{first} and {more} more still run the old {module}: restart them"),
    })
}

/// `python 1234 (ipykernel_launcher)`.
fn described(running: &Mapping) -> String {
    let arguments = &running.arguments;
    let name = |path: &str| {
        let name = Utf8Path::new(path).file_name().unwrap_or(path);
        name.chars().take(SHOWN_CHARACTERS).collect::<String>()
    };
    let program = arguments
        .first()
        .map_or("process".to_owned(), |it| name(it));
    let process = running.process;
    match script(arguments.get(1..).unwrap_or_default()) {
        Some(script) => format!("{program} {process} ({})", name(script)),
        None => format!("{program} {process}"),
    }
}

/// What a Python with these arguments runs: a module or a file.
fn script(arguments: &[String]) -> Option<&String> {
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "-c" => return None,
            "-m" => return arguments.next(),
            // They have a value.
            "-W" | "-X" => drop(arguments.next()),
            option if option.starts_with('-') => {}
            _ => return Some(argument),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes_are_told_by_what_they_run() {
        for (arguments, expected) in [
            (
                "/v/bin/python -m ipykernel_launcher -f k.json",
                "python 7 (ipykernel_launcher)",
            ),
            ("/v/bin/python -X dev /v/bin/pytest -q", "python 7 (pytest)"),
            ("/v/bin/python /v/bin/pytest -q", "python 7 (pytest)"),
            ("python3.13 -I -c import_x", "python3.13 7"),
            ("python", "python 7"),
            ("", "process 7"),
        ] {
            let running = Mapping {
                process: 7,
                arguments: arguments.split_whitespace().map(str::to_owned).collect(),
            };
            assert_eq!(described(&running), expected);
            let one = told("a._b", std::slice::from_ref(&running));
            assert_eq!(
                one,
                Some(format!("{expected} still runs the old a._b: restart it"))
            );
            let more = told("a._b", &[running.clone(), running.clone(), running]);
            let text = format!("{expected} and 2 more still run the old a._b: restart them");
            assert_eq!(more, Some(text));
        }
        assert_eq!(told("a._b", &[]), None);
    }
}
