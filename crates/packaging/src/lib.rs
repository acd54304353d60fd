//! What the specifications of Python packaging say of names, and what is known of one wheel of a build.

pub mod checked;
mod foreign;
mod python_version;
mod wheel;
mod wheel_name;

pub use foreign::{escaped, is_plain, shown};
pub use python_version::{NotAPython, PythonVersion};
pub use wheel::Wheel;
pub use wheel_name::{WheelName, version};

/// The name of a distribution as it is compared (PEP 503): in lower case, with runs of `-`, `_` and `.` as
/// one `-`.
#[must_use]
pub fn normalized(name: &str) -> String {
    let mut normalized = String::new();
    let mut is_apart = false;
    for c in name.chars() {
        if matches!(c, '-' | '_' | '.') {
            is_apart = !normalized.is_empty();
            continue;
        }
        if std::mem::take(&mut is_apart) {
            normalized.push('-');
        }
        normalized.extend(c.to_lowercase());
    }
    normalized
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_name_is_one() {
        for name in [
            "My-Thing",
            "my_thing",
            "my.thing",
            "my-_.thing",
            "_my-thing.",
        ] {
            assert_eq!(normalized(name), "my-thing");
        }
        assert_ne!(normalized("mything"), "my-thing");
    }
}
