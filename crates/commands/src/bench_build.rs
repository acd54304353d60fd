//! `cargo xtask bench-build`.

use std::time::Duration;

use anyhow::bail;
use build_bench::baseline;
use build_bench::lane::{rows, strategy_help, strategy_name};
use build_bench::report::ReportFiles;
use build_bench::report::document::Document;
use build_bench::report::table::table;
use build_bench::results::{Results, State};
use build_bench::scenario::SCENARIOS;
use build_bench::schedule::MeasuringPlan;
use build_bench::{BenchError, BenchRequest, results_of, store};
use camino::Utf8PathBuf;
use clap::builder::{PossibleValue, PossibleValuesParser};
use processes::ending;

use crate::Answer;
use crate::arguments::duration;
use crate::context::{Context, toolbox};
use crate::ui;

/// Measure how long builds take
///
/// After an edit, with nothing changed, from nothing, and in other situations in which somebody waits; with
/// several ways to build and several settings, in turn. Works on copies in the user's cache directory, with
/// caches of their own. Results are kept after each run: after an abort `--resume` goes on.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Measure only this situation; may be given several times [default: all]
    #[arg(long, value_name = "NAME", value_parser = scenarios())]
    scenario: Vec<String>,
    #[arg(long, value_name = "NAME", value_parser = strategy_name, help = strategy_help())]
    strategy: Vec<String>,
    /// How often a short build is measured; a long one a seventh of that
    #[arg(long, value_name = "N", default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// How long all of it may take, as `90s`, `20m` or `2h`
    #[arg(long, value_name = "TIME", default_value = "20m", value_parser = duration)]
    time_budget: Duration,
    /// The Python to build for: a path, or a version such as 3.12
    #[arg(long, value_name = "PYTHON")]
    python: Option<String>,
    /// Go on with a measurement that was interrupted
    #[arg(long)]
    resume: bool,
    /// Write the results as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<Utf8PathBuf>,
    /// Write tables in Markdown
    #[arg(long, value_name = "FILE")]
    markdown: Option<Utf8PathBuf>,
    /// Write a page with charts
    #[arg(long, value_name = "FILE")]
    html: Option<Utf8PathBuf>,
    /// Compare with an earlier `--json`; exit code 3 if something has become slower by more than the noise
    #[arg(long, value_name = "FILE")]
    baseline: Option<Utf8PathBuf>,
    /// With --baseline: how much longer something may take
    #[arg(
        long,
        value_name = "FACTOR",
        default_value_t = 1.10,
        requires = "baseline"
    )]
    fail_above: f64,
    /// Measure nothing: write reports of an earlier `--json`, of all situations in it or of those that are
    /// named
    #[arg(long, value_name = "FILE", conflicts_with_all = ["resume", "strategy"])]
    from: Option<Utf8PathBuf>,
    /// With --from: write a chart and one table into this Markdown file, between its two markers
    #[arg(long, value_name = "FILE", requires = "from", conflicts_with_all = ["scenario", "json", "markdown", "html", "baseline"])]
    into: Option<Utf8PathBuf>,
    /// With --into: write nothing; exit code 3 if the file is not what the results say, or names no longer
    /// mean what was measured
    #[arg(long, requires = "into")]
    check: bool,
}

/// The names of the situations, each with what it is.
fn scenarios() -> PossibleValuesParser {
    let values = SCENARIOS
        .iter()
        .map(|it| PossibleValue::new(it.id).help(it.title));
    PossibleValuesParser::new(values.collect::<Vec<_>>())
}

pub(crate) fn run(context: &Context, args: &Args) -> anyhow::Result<Answer> {
    // Before anything is measured, so that a wrong name costs no time.
    let earlier = args.baseline.as_deref().map(store::load).transpose()?;
    let (results, kept) = match &args.from {
        Some(path) => (store::load_some(path, &args.scenario)?, None),
        None => measured(context, args).map(|(results, kept)| (results, Some(kept)))?,
    };
    if let (Some(from), Some(path)) = (&args.from, &args.into) {
        return document(
            &Document {
                results: &results,
                from,
                path,
            },
            args.check,
        );
    }
    ui::print(&table(&results));
    let files = ReportFiles {
        json: args.json.as_deref(),
        markdown: args.markdown.as_deref(),
        html: args.html.as_deref(),
    };
    files.write(&results, kept.as_deref(), &ui::say)?;
    if args.from.is_none() && results.state == State::Interrupted {
        bail!(
            "interrupted; what was measured has been kept\n  help: `cargo xtask bench-build --resume`, with the same options, goes on"
        )
    }
    earlier.map_or(Ok(Answer::Done), |earlier| {
        against(&results, &earlier, args.fail_above)
    })
}

/// What was measured, and where it is kept.
fn measured(context: &Context, args: &Args) -> anyhow::Result<(Results, Utf8PathBuf)> {
    let plan = MeasuringPlan {
        rows: rows(&args.strategy, &args.scenario).map_err(BenchError::Name)?,
        runs: args.runs,
        time_budget_s: args.time_budget.as_secs_f64(),
    };
    let project = context.project()?;
    let toolbox = toolbox(false)?;
    ending::listen()?;
    let results = build_bench::run(&BenchRequest {
        project: &project,
        plan,
        resumes: args.resume,
        toolbox: &toolbox,
        python: args.python.as_deref(),
        package: context.package,
        tuned: ::tune::found(&project, &toolbox),
        is_over: &ending::is_wanted,
        say: &ui::say,
        warn: &ui::warn,
    })?;
    Ok((results, results_of(&toolbox, &project)?))
}

fn document(document: &Document<'_>, is_check: bool) -> anyhow::Result<Answer> {
    if !is_check {
        document.write(&ui::say, &ui::warn)?;
        return Ok(Answer::Done);
    }
    let differences = document.check(&ui::say)?;
    for line in &differences {
        ui::print(&format!("{line}\n"));
    }
    Ok(Answer::of(!differences.is_empty()))
}

/// Tells what has changed since the earlier measurement.
fn against(results: &Results, earlier: &Results, limit: f64) -> anyhow::Result<Answer> {
    let report = baseline::report(results, earlier, limit)?;
    report.warnings.iter().for_each(|it| ui::warn(it));
    ui::print(&format!("\n{}\n", report.lines.join("\n")));
    Ok(Answer::of(report.is_worse))
}
