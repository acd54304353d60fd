//! What is built.

/// What a build is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goal {
    /// An installed package to develop with.
    Develop,
    /// A wheel for release.
    Wheel,
}
