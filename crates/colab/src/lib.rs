//! Google Colab: what it runs, and the notebook cell that installs a release there.
//!
//! A [`Snippet`] is the text of a cell; [`notebook`] and [`markdown`] put it into files; [`plan()`] makes of
//! what is asked for, and what the project says, what is printed or written. [`runtimes`] is a snapshot of
//! what Colab offers, by which a wheel can be told to fit before anybody has tried.

mod error;
pub mod markdown;
pub mod notebook;
mod page;
mod plan;
mod request;
pub mod runtimes;
mod snippet;
mod wheel;

pub use error::ColabError;
pub use page::Page;
pub use plan::{SnippetPlan, plan};
pub use request::{Format, Mode, SnippetRequest};
pub use snippet::{Build, Snippet};
pub use wheel::Pinned;
