//! A DevContainer that the project has already: it is built upon. What sets it up, a script or a command of
//! theirs, goes on to do so; ours comes after it.

use camino::{Utf8Path, Utf8PathBuf};
use config_edit::{DevContainerFile, EditError, TextFile};
use environment::program;

use crate::OWNER;
use crate::decision::{Decision, Verdict, page};
use crate::error::AdoptError;
use crate::subject::{DEV_INIT, Planned, Subject};
use crate::template::Values;

const PAGE: &str = page::DEVCONTAINER;

/// The devcontainer.json of a checkout, where editors look for it.
pub(crate) fn find(checkout: &Utf8Path) -> Option<Utf8PathBuf> {
    let places = [".devcontainer/devcontainer.json", ".devcontainer.json"];
    let mut places = places.iter().map(|place| checkout.join(place));
    places.find(|path| path.is_file())
}

/// The scripts that a container's commands may start, as far as they are known by their names.
pub(crate) const SCRIPTS: [&str; 3] = [DEV_INIT, ".devcontainer/dev-init.sh", "dev-init.sh"];

/// What is added to the devcontainer.json at `path`, and to the script that it starts.
pub(crate) fn build_upon(subject: &Subject<'_>, path: &Utf8Path) -> Result<Planned, AdoptError> {
    let mut planned = Planned::default();
    let mut file = DevContainerFile::read(path)?;
    // What an earlier version has added may be another line now.
    let is_current = file.undo(OWNER);
    let what = path
        .strip_prefix(&subject.checkout)
        .unwrap_or(path)
        .as_str();
    mount(&mut planned, &mut file, subject, what);
    let script = script(&subject.checkout, &file);
    if script.is_none() {
        start(&mut planned, &mut file, subject, what);
    }
    let change = file.into_change();
    if is_current && change.is_empty() {
        planned.keep_what_is_added();
    }
    planned.changes.push(change);
    if let Some(script) = script {
        extend(&mut planned, subject, &script)?;
    }
    Ok(planned)
}

/// What was built and fetched outlives the container.
fn mount(planned: &mut Planned, file: &mut DevContainerFile, subject: &Subject<'_>, what: &str) {
    let mut decide = |verdict, reason: String| {
        let what = format!("mounts in {what}");
        planned
            .decisions
            .push(Decision::new(verdict, &what, reason, PAGE));
    };
    let Some(user) = file.string("remoteUser") else {
        let reason = "no `remoteUser` says where the caches are: mount a volume at ~/.cache of the container's user";
        return decide(Verdict::Leaves, reason.to_owned());
    };
    let home = if user == "root" {
        "/root".to_owned()
    } else {
        format!("/home/{user}")
    };
    let target = format!("{home}/.cache/xtask-build");
    if file.mounts_at(&target) {
        return decide(
            Verdict::Keeps,
            format!("{target} is on a volume, and outlives the container"),
        );
    }
    let name = &subject.values.name;
    let json = format!(
        "{{ \"source\": \"{name}-xtask-build\", \"target\": \"{target}\", \"type\": \"volume\" }}"
    );
    let owner = (user != "root").then(|| format!("\"{}\"", give_to_user(&home)));
    if owner.is_some() && file.has(FIRST) {
        return decide(
            Verdict::Leaves,
            format!(
                "a new volume belongs to root, and {FIRST} is yours: add {json}, and have it give {target} to {user}"
            ),
        );
    }
    if file.add_element("mounts", &json, OWNER) {
        let is_given = owner.is_none_or(|command| file.add_property(FIRST, &command, OWNER));
        debug_assert!(is_given, "there was a line for the mounts");
        return decide(
            Verdict::Adds,
            format!("what was built and fetched lies in {target}, and outlives the container"),
        );
    }
    decide(
        Verdict::Leaves,
        format!("there is no line of its own for it: add {json}"),
    );
}

/// The command that is run first, once.
const FIRST: &str = "onCreateCommand";

/// Has the container's user own the volume, and the directory that it is mounted in. Where there is no sudo,
/// the container starts all the same.
fn give_to_user(home: &str) -> String {
    let dirs = format!("{home}/.cache {home}/.cache/xtask-build");
    format!("sudo -n chown $(id -u):$(id -g) {dirs} || echo 'only root may write to them: {dirs}'")
}

/// The script that the commands of the devcontainer.json at `path` start.
pub(crate) fn script_of(checkout: &Utf8Path, path: &Utf8Path) -> Option<Utf8PathBuf> {
    script(checkout, &DevContainerFile::read(path).ok()?)
}

/// The script that the container's commands start, below the checkout: theirs. The one that is run last has
/// everything there that a build needs.
fn script(checkout: &Utf8Path, file: &DevContainerFile) -> Option<Utf8PathBuf> {
    let commands = file.commands();
    let words = commands
        .iter()
        .flat_map(|command| command.split_whitespace());
    let named = words.map(|word| word.trim_matches(['"', '\'']).trim_start_matches("./"));
    let is_below = |word: &&str| !word.starts_with('/') && !word.contains("..");
    let scripts = named.filter(|word| word.ends_with(".sh")).filter(is_below);
    let mut paths = scripts.chain(SCRIPTS).map(|script| checkout.join(script));
    paths.find(|path| path.is_file() && reaches_its_end(path))
}

/// Whether what stands at the end of the script at `path` is run: not behind an `exit` or `exec`.
fn reaches_its_end(path: &Utf8Path) -> bool {
    let text = fs_err::read_to_string(path).unwrap_or_default();
    let mut lines = text.lines().map(str::trim);
    let last = lines.rfind(|line| !line.is_empty() && !line.starts_with('#'));
    let word = last.and_then(|line| line.split_whitespace().next());
    !word.is_some_and(|word| ["exit", "exec"].contains(&word))
}

/// The command that builds, on a machine that may have nothing but uv.
fn command(subject: &Subject<'_>) -> String {
    let locked = if subject.values.is_locked {
        " --locked"
    } else {
        ""
    };
    if subject.values.is_xtask {
        return format!("{} dev{locked}", subject.values.program);
    }
    let Values { version, quiet, .. } = &subject.values;
    format!("uvx --from cargo-pyext=={version} {quiet} dev{locked}")
}

/// Has the script at `path`, which is theirs, build the extension at its end.
pub(crate) fn extend(
    planned: &mut Planned,
    subject: &Subject<'_>,
    path: &Utf8Path,
) -> Result<(), EditError> {
    let mut file = TextFile::read(path)?;
    let what = path
        .strip_prefix(&subject.checkout)
        .unwrap_or(path)
        .as_str();
    let builds =
        [program::PYEXT, program::PYEXT_ALONE, program::XTASK].map(|name| format!("{name} dev"));
    let is_ours = !file.block(OWNER)?.is_empty();
    if !is_ours && builds.iter().any(|build| file.text().contains(build)) {
        let reason = "it is yours, and builds the extension already";
        let decision = Decision::new(Verdict::Keeps, what, reason, PAGE);
        planned.decisions.push(decision);
        return Ok(());
    }
    file.set_block(&[command(subject)], OWNER)?;
    let change = file.into_change();
    let verdict = if change.is_empty() {
        Verdict::Keeps
    } else {
        Verdict::Adds
    };
    let reason = "it is yours, and builds the extension at its end";
    planned
        .decisions
        .push(Decision::new(verdict, what, reason, PAGE));
    planned.changes.push(change);
    Ok(())
}

fn start(planned: &mut Planned, file: &mut DevContainerFile, subject: &Subject<'_>, what: &str) {
    const KEY: &str = "postStartCommand";
    let command = command(subject);
    let what = format!("{KEY} in {what}");
    let (verdict, reason) = if file.string(KEY).as_deref() == Some(&command) {
        (
            Verdict::Keeps,
            "the extension is built when the container starts".to_owned(),
        )
    } else if file.has(KEY) {
        (
            Verdict::Leaves,
            format!("it is yours: have it run `{command}` as well"),
        )
    } else if file.add_property(KEY, &format!("\"{command}\""), OWNER) {
        (
            Verdict::Adds,
            "the extension is built when the container starts, after your own commands".to_owned(),
        )
    } else {
        (
            Verdict::Leaves,
            format!("there is no line of its own for it: add \"{KEY}\": \"{command}\""),
        )
    };
    planned
        .decisions
        .push(Decision::new(verdict, &what, reason, PAGE));
}
