//! What the specifications of Python packaging say of names, and what is known of one wheel of a build.

mod wheel;
mod wheel_name;

pub use wheel::Wheel;
pub use wheel_name::WheelName;

/// The name of a distribution as it is compared (PEP 503): in lower case, with runs of `-`, `_` and `.` as
/// one `-`.
#[must_use]
pub fn normalized(name: &str) -> String {
    let parts = name.split(['-', '_', '.']).filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join("-").to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_name_is_one() {
        for name in ["My-Thing", "my_thing", "my.thing", "my-_.thing"] {
            assert_eq!(normalized(name), "my-thing");
        }
        assert_ne!(normalized("mything"), "my-thing");
    }
}
