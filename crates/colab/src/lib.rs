//! Google Colab: what it runs, and the notebook cell that installs a release there.
//!
//! A [`Snippet`] is the text of a cell; [`notebook`] and [`markdown`] put it into files. [`runtimes`] is a
//! snapshot of what Colab offers, by which a wheel can be told to fit before anybody has tried.

pub mod markdown;
pub mod notebook;
pub mod runtimes;
mod snippet;
mod wheel;

pub use snippet::{Build, Snippet};
pub use wheel::Pinned;
