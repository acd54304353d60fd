//! The call of cargo, kept beside what it builds. The note in the environment ([`crate::state`]) goes when
//! the environment does; where one of the same Python is made anew, maturin would give the same answer again.

use std::io;

use camino::{Utf8Path, Utf8PathBuf};
use processes::Invocation;
use serde::{Deserialize, Serialize};

use crate::inputs::Named;
use crate::state::Format;
use files::write;

#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    format: Format,
    inputs: Named,
    cargo_call: Invocation,
}

/// Beside the scratch directory, which is emptied by each build.
fn file(scratch: &Utf8Path) -> Utf8PathBuf {
    scratch.with_extension("call.json")
}

/// The call that maturin gave for `inputs` when it was last asked. `None` if they were others.
pub(crate) fn find(scratch: &Utf8Path, inputs: &Named) -> Option<Invocation> {
    let text = fs_err::read_to_string(file(scratch)).ok()?;
    let kept: Kept = serde_json::from_str(&text).ok()?;
    (kept.inputs == *inputs).then_some(kept.cargo_call)
}

/// Keeps `cargo_call`, which maturin gave for `inputs`.
pub(crate) fn keep(scratch: &Utf8Path, inputs: &Named, cargo_call: &Invocation) -> io::Result<()> {
    let kept = Kept {
        format: Format,
        inputs: inputs.clone(),
        cargo_call: cargo_call.clone(),
    };
    write::atomically(&file(scratch), &serde_json::to_string(&kept)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::TempDir;

    #[test]
    fn a_call_is_found_for_the_inputs_that_it_was_given_for() {
        let dir = TempDir::new();
        let scratch = dir.path().join("0123");
        let inputs = Named::from([("virtual environment".to_owned(), "a".to_owned())]);
        assert_eq!(find(&scratch, &inputs), None);
        let call = Invocation::new("cargo").arg("rustc");
        keep(&scratch, &inputs, &call).unwrap();
        assert_eq!(find(&scratch, &inputs), Some(call));
        let others = Named::from([("virtual environment".to_owned(), "b".to_owned())]);
        assert_eq!(find(&scratch, &others), None);
        assert_eq!(find(&dir.path().join("4567"), &inputs), None);
    }
}
