//! What has to run before a wheel is built, where nobody has prepared the machine: in a container.

use processes::Invocation;
use processes::Say;

use crate::error::WheelError;

/// The commands for `entries` of the policy. An entry of one word is a package: each family of the images of
/// manylinux has a program of its own for these.
///
/// # Errors
/// If one is no line of a script.
pub(crate) fn commands(entries: &[String]) -> Result<Vec<String>, WheelError> {
    let is_package = |entry: &&String| entry.split_whitespace().count() == 1;
    let (packages, commands): (Vec<_>, Vec<_>) = entries.iter().partition(is_package);
    let is_line = |text: &&&String| text.contains(['\n', '\r']) || text.trim().is_empty();
    if let Some(wrong) = packages.iter().chain(&commands).find(is_line) {
        let text = (*wrong).clone();
        return Err(WheelError::NoCommand { text });
    }
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.+:@".contains(&byte);
    if let Some(wrong) = packages
        .iter()
        .find(|it| it.starts_with('-') || !it.bytes().all(is_name))
    {
        let text = (*wrong).clone();
        return Err(WheelError::NoCommand { text });
    }
    let names = packages
        .iter()
        .map(|it| it.as_str())
        .collect::<Vec<_>>()
        .join(" ");
    let install = (!names.is_empty()).then(|| {
        format!(
            "if command -v dnf >/dev/null; then dnf install -y {names}; elif command -v yum >/dev/null; \
             then yum install -y {names}; else apt-get update; apt-get install -y {names}; fi"
        )
    });
    Ok(install
        .into_iter()
        .chain(commands.into_iter().cloned())
        .collect())
}

/// Runs `commands` one after the other.
pub(crate) fn run(commands: &[String], say: Say<'_>) -> Result<(), WheelError> {
    for command in commands {
        say("Running", command);
        let shell = Invocation::new("sh").args(["-ec", command]);
        shell.run_talking().map_err(|source| WheelError::Before {
            command: command.clone(),
            source,
        })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(entries: &[&str]) -> Result<Vec<String>, String> {
        let entries: Vec<_> = entries.iter().map(|it| (*it).to_owned()).collect();
        commands(&entries).map_err(|error| error.to_string())
    }

    #[test]
    fn packages_come_before_commands() {
        let all = of(&["protoc --version", "clang", "openssl-devel"]).unwrap();
        assert!(
            all[0].contains("dnf install -y clang openssl-devel;"),
            "{all:?}"
        );
        assert_eq!(all[1..], ["protoc --version"]);
        assert_eq!(of(&[]).unwrap(), [""; 0]);
    }

    #[test]
    fn what_is_no_command_is_refused() {
        for wrong in ["", " ", "a b\nc", "$(x)", "-y", "a;b"] {
            let error = of(&[wrong]).unwrap_err();
            assert!(error.contains("help: "), "{wrong}: {error}");
        }
    }

    #[test]
    fn the_first_command_that_fails_ends_it() {
        let commands = ["true".to_owned(), "exit 3".to_owned(), "echo no".to_owned()];
        let error = run(&commands, &|_, _| ()).unwrap_err().to_string();
        assert!(error.contains("exit 3"), "{error}");
    }
}
