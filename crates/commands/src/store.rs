//! `cargo xtask store`.

use clap::Subcommand;
use files::size::Size;
use serde_json::json;
use store::{Held, Pruned, Store};

use crate::Answer;
use crate::context::toolbox;
use crate::ui;

/// What was built once on this machine, and is not built again: look at it, make it smaller, empty it
///
/// `dev` keeps the artefacts of third-party crates, and each extension by the content of its sources, for all
/// checkouts and projects of this machine. What is removed here is built again when it is needed.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// What it holds, for which projects, how much room it takes, and what it has saved
    Status {
        /// Print it as JSON
        #[arg(long)]
        json: bool,
    },
    /// Remove what was not used for longest, until what is left takes no more than a size
    Prune {
        /// Such as 2G or 500M [default: a tenth of the free disk, 10G at most, 2G on a small disk]
        #[arg(long, value_name = "SIZE")]
        size: Option<Size>,
    },
    /// Remove everything
    Clear,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Answer> {
    let store = Store::at(&toolbox(true)?.store()?);
    match &args.action {
        Action::Status { json: true } => ui::print(&format!("{:#}\n", in_json(&store))),
        Action::Status { json: false } => ui::print(&text(&store)),
        Action::Prune { size } => {
            let limit = size.unwrap_or_else(|| store.limit());
            tell(&store.prune(limit)?, &format!("; at most {limit} are kept"));
        }
        Action::Clear => tell(&store.clear()?, ", which is all"),
    }
    Ok(Answer::Done)
}

fn tell(pruned: &Pruned, what: &str) {
    let (count, mb) = (pruned.entries, megabytes(pruned.bytes));
    ui::say("Removed", &format!("{count} entries, {mb} MB{what}"));
}

fn text(store: &Store) -> String {
    let Held {
        units,
        extensions,
        bytes,
        shared_bytes,
        projects,
    } = store.held();
    let saved = store.saved();
    let mut text = format!("{}\n", store.root());
    let mut line = |name: &str, value: String| text.push_str(&format!("  {name:<10} {value}\n"));
    line(
        "units",
        format!("{units}, of third-party crates and of yours"),
    );
    line("extensions", extensions.to_string());
    let shared = megabytes(shared_bytes);
    line(
        "size",
        format!(
            "{} MB of {} at most; {shared} MB are also part of a target directory, and take no room twice",
            megabytes(bytes),
            store.limit()
        ),
    );
    line(
        "saved",
        format!(
            "{:.0} s of cargo, by {} extensions that were put in place; {} units that were given to cargo",
            saved.extensions_s, saved.extensions, saved.units
        ),
    );
    for project in projects {
        line("project", project.into_string());
    }
    text
}

fn in_json(store: &Store) -> serde_json::Value {
    let (held, saved) = (store.held(), store.saved());
    json!({
        "dir": store.root(),
        "units": held.units,
        "extensions": held.extensions,
        "size_bytes": held.bytes,
        "shared_bytes": held.shared_bytes,
        "limit_bytes": store.limit().bytes,
        "projects": held.projects,
        "saved": saved,
    })
}

fn megabytes(bytes: u64) -> u64 {
    bytes.div_ceil(1 << 20)
}
