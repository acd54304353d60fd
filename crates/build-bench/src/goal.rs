//! What is built.

/// What a build is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Goal {
    /// An installed package to develop with.
    Develop,
    /// A wheel for release.
    Wheel,
}
