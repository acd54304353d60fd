//! The last net below every call from another language.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use crate::error::{Error, Result};

/// Runs `work` on the file at `path` and turns a panic, which would be a defect of this library,
/// into [`Error::Internal`].
pub fn no_panic<T>(path: &Path, work: impl FnOnce() -> Result<T>) -> Result<T> {
    // Nothing that the closure has changed is looked at again after a panic: it goes with it.
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        Err(Error::Internal {
            path: path.to_path_buf(),
            message: message(&*panic),
        })
    })
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "unknown panic".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_an_error_with_its_path_and_message() {
        let error = no_panic::<()>(Path::new("a.arrow"), || panic!("row {}", 7)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "a.arrow: internal error, please report it: row 7"
        );
    }

    #[test]
    fn results_pass_through() {
        assert!(matches!(no_panic(Path::new("a.arrow"), || Ok(1)), Ok(1)));
    }
}
