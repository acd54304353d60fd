//! How what is installed was linked, in words.

use prelink::{Bases, Linked, Outcome};

use crate::prelinking::{Prelinking, outcome_file};
use crate::scratch;
use crate::situation::{OurInstall, Situation};

/// How what is installed was linked, and what is kept for that.
pub(crate) fn told(situation: &Situation, ours: &OurInstall, bases: Option<&Bases>) -> String {
    let kept = bases.and_then(|bases| bases.all().ok()).unwrap_or_default();
    let bytes = kept.iter().map(|it| it.size_bytes).sum();
    let all = match kept.len() {
        1 => "it is the only one that is kept".to_owned(),
        count => format!(
            "{count} such libraries are kept, {} in all",
            megabytes(bytes)
        ),
    };
    if let Some(base) = &ours.state.library.base {
        let name = base.path.file_name().unwrap_or_default();
        let size = kept
            .iter()
            .find(|it| it.name == name)
            .map_or_else(String::new, |it| format!(" ({})", megabytes(it.size_bytes)));
        return format!("with {}{size}; {all}", situation.shown(&base.path));
    }
    let outcome = Outcome::read(&outcome_file(&scratch::path(
        &situation.root,
        &situation.workspace,
    )));
    let why = match (&situation.prelinking, outcome.map(|it| it.linked)) {
        (Prelinking::Off(off), _) => off.to_string(),
        (_, Some(Linked::AsRustcSays { why, .. })) => why.to_string(),
        // It was not our stand-in that was called.
        _ => "rustc has called another linker, as `rustflags` may say".to_owned(),
    };
    format!("as rustc does: {why}")
}

/// A size for people, rounded up.
fn megabytes(bytes: u64) -> String {
    format!("{} MB", bytes.div_ceil(1 << 20))
}
