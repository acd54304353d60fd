//! `cargo xtask` as a user types it: cargo finds the compiled program up to date and becomes it, which is
//! part of what somebody waits for.

use camino::{Utf8Path, Utf8PathBuf};
use cargo_settings::Layers;
use environment::cargo_env;
use processes::Invocation;

/// The workspace in which the user has typed `cargo xtask` to start this program, whose package lies in the
/// directory `package`; `None` if it was started in another way.
pub(crate) fn typed_in(package: Option<&str>) -> Option<Utf8PathBuf> {
    let package = package?;
    let package = cargo_env::started_package().filter(|dir| dir == package)?;
    let root = package
        .ancestors()
        .find(|dir| dir.join("Cargo.lock").is_file())?;
    let layers = Layers::read(root).ok()?;
    layers.sets(&["alias", "xtask"]).then(|| root.to_owned())
}

/// The `command` of the program, as `cargo xtask` typed in `root`, the workspace that holds it. cargo gets
/// the environment of the user's shell: with another one it would compile the program anew. What the command
/// changes holds for the program alone; env(1) puts that between the two.
pub(crate) fn typed(command: &Invocation, root: &Utf8Path) -> Invocation {
    let mut runner = vec!["env".to_owned()];
    let removed = command.env.iter().filter(|(_, value)| value.is_none());
    runner.extend(removed.flat_map(|(name, _)| ["-u".to_owned(), name.clone()]));
    let set = command
        .env
        .iter()
        .filter_map(|(name, value)| Some((name, value.as_ref()?)));
    runner.extend(set.map(|(name, value)| format!("{name}={value}")));
    // A list of strings is written in TOML as in JSON.
    let runner = serde_json::to_string(&runner).unwrap_or_default();
    Invocation::new(cargo_env::cargo())
        .arg("--config")
        .arg(format!("target.'cfg(all())'.runner={runner}"))
        .arg("xtask")
        .args(&command.args)
        .cwd(root)
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::Fixture;

    /// With the real cargo, and a program that tells how it was started.
    #[test]
    fn the_program_gets_what_is_changed_and_cargo_does_not() {
        let fixture = Fixture::new();
        let manifest =
            "[package]\nname = \"xtask\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[workspace]\n";
        fixture.write("Cargo.toml", manifest);
        fixture.write(
            ".cargo/config.toml",
            "[alias]\nxtask = \"run --quiet --\"\n",
        );
        let script = "fn main() {\n    let home = std::env::var(\"CARGO_HOME\").unwrap();\n    \
                      println!(\"cargo::rustc-env=HOME_OF_CARGO={home}\");\n}\n";
        fixture.write("build.rs", script);
        let main = "fn main() {\n    let var = |name| std::env::var(name).unwrap_or_default();\n    \
                    let args: Vec<_> = std::env::args().skip(1).collect();\n    \
                    println!(\"{} {} {} {}\", args.join(\" \"), env!(\"HOME_OF_CARGO\"), var(\"CARGO_HOME\"), var(\"GONE\"));\n}\n";
        fixture.write("src/main.rs", main);
        let command = Invocation::new("/not/started")
            .args(["--project", "/a b", "dev"])
            .env("CARGO_HOME", "/the \"lane\"'s")
            .env_remove("GONE")
            .cwd("/not/there".into());
        // Those who measure have the variables of the user's shell.
        let home = cargo_env::cargo_home().expect("cargo has a home");
        let typed = typed(&command, &fixture.root())
            .env("CARGO_HOME", home.as_str())
            .env("GONE", "still there");
        let printed = typed.read().unwrap();
        assert_eq!(
            printed,
            format!("--project /a b dev {home} /the \"lane\"'s \n")
        );
    }
}
