//! `cargo xtask bench-build`.

mod document;
mod progress;

use std::time::Duration;

use ::tune::measurement::Measurement;
use anyhow::{Context as _, bail};
use build_bench::baseline::{Comparison, Verdict, compare, lost, renamed};
use build_bench::lane::{UnknownName, rows};
use build_bench::report::html::html;
use build_bench::report::markdown::markdown;
use build_bench::report::table::table;
use build_bench::results::{Results, State};
use build_bench::scenario::SCENARIOS;
use build_bench::schedule::Plan;
use build_bench::setting::SETTINGS;
use build_bench::strategy::STRATEGIES;
use build_bench::{BenchError, Request, store};
use build_env::{Toolbox, cargo_env, ending, python};
use camino::{Utf8Path, Utf8PathBuf};
use cargo_settings::Layers;
use cargo_settings::linker::Linkers;
use clap::builder::{PossibleValue, PossibleValuesParser};
use project_model::Project;

use crate::Answer;
use crate::context::{Context, toolbox};
use crate::ui;

/// Measure how long builds of the project take: after an edit, with nothing changed, from nothing, and in other situations
/// in which somebody waits; with several ways to build and several settings, in turn.
///
/// Works on copies in the user's cache directory, with caches of their own. Results are kept after each run: after an
/// abort `--resume` goes on.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Measure only this situation; may be given several times [default: all]
    #[arg(long, value_name = "NAME", value_parser = scenarios())]
    scenario: Vec<String>,
    #[arg(long, value_name = "NAME", value_parser = strategy, help = strategy_help())]
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

/// What may be named, since clap cannot list names that are put together.
fn strategy_help() -> String {
    let strategies = STRATEGIES.iter().map(|it| it.id).collect::<Vec<_>>();
    let settings = SETTINGS.iter().map(|it| it.id).collect::<Vec<_>>();
    format!(
        "Measure this way to build, as `maturin-develop`, `cargo/sccache` or `all`; may be given several times. The first one is \
         what the others are compared with [default: a choice for the questions of most projects] [possible values: all, {}; \
         each alone or with one of /{}]",
        strategies.join(", "),
        settings.join(", /")
    )
}

/// A name that stands for at least one lane.
fn strategy(name: &str) -> Result<String, UnknownName> {
    let name = name.to_owned();
    rows(std::slice::from_ref(&name), &[])?;
    Ok(name)
}

/// `90s`, `20m`, `2h`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is not a time such as 90s, 20m or 2h");
    let (number, factor_s) = match text.char_indices().last() {
        Some((end, 's')) => (&text[..end], 1),
        Some((end, 'm')) => (&text[..end], 60),
        Some((end, 'h')) => (&text[..end], 3600),
        _ => return Err(wrong()),
    };
    let number: u32 = number.parse().map_err(|_| wrong())?;
    match number {
        0 => Err(wrong()),
        number => Ok(Duration::from_secs(u64::from(number) * factor_s)),
    }
}

pub(crate) fn run(context: &Context, args: &Args) -> anyhow::Result<Answer> {
    // Before anything is measured, so that a wrong name costs no time.
    let baseline = args.baseline.as_deref().map(store::load).transpose()?;
    let results = match &args.from {
        Some(path) => earlier(path, &args.scenario)?,
        None => measured(context, args)?,
    };
    if let (Some(from), Some(path)) = (&args.from, &args.into) {
        let document = document::Document {
            results: &results,
            from,
            path,
        };
        return if args.check {
            document.check()
        } else {
            document.write()
        };
    }
    print!("{}", table(&results));
    // Those of `--from` lie where the user knows.
    match write_reports(&results, args) {
        Err(error) if args.from.is_none() => return Err(with_results(error, context)),
        done => done?,
    }
    if args.from.is_none() && results.state == State::Interrupted {
        bail!(
            "interrupted; what was measured has been kept\n  help: `cargo xtask bench-build --resume`, with the same options, goes on"
        )
    }
    match baseline {
        Some(baseline) => against(&results, &baseline, args.fail_above),
        None => Ok(Answer::Done),
    }
}

/// The results in `path`, of `scenarios` alone if some are named.
fn earlier(path: &Utf8Path, scenarios: &[String]) -> anyhow::Result<Results> {
    let mut results = store::load(path)?;
    results.keep(scenarios);
    if results.cells.is_empty() {
        bail!(
            "{path} has nothing of what was named\n  help: leave out --scenario to see all that it has"
        );
    }
    Ok(results)
}

/// What was measured in twenty minutes is not to be lost because a file cannot be written.
fn with_results(error: anyhow::Error, context: &Context) -> anyhow::Error {
    let path = || {
        let (project, toolbox) = (context.project().ok()?, toolbox(false).ok()?);
        Some(build_bench::results_of(&toolbox, &project)).filter(|path| path.is_file())
    };
    match path() {
        Some(path) => error.context(format!(
            "the results cannot be written where they are wanted\n  help: `cargo xtask bench-build --from {path}`, with the same files, writes them without measuring again"
        )),
        None => error,
    }
}

fn measured(context: &Context, args: &Args) -> anyhow::Result<Results> {
    let rows = rows(&args.strategy, &args.scenario).map_err(BenchError::Name)?;
    let project = context.project()?;
    let plan = Plan {
        rows,
        runs: args.runs,
        time_budget_s: args.time_budget.as_secs_f64(),
    };
    let toolbox = toolbox(false)?;
    let uv = toolbox.uv(&ui::say)?;
    let maturin = toolbox.maturin(&uv, &ui::say)?;
    let python = match &args.python {
        Some(wanted) => python::named(wanted)?,
        None => python::newest("any that requires-python allows", |python| {
            python.satisfies(project.requires_python.as_ref())
        })?,
    };
    let program = std::env::current_exe().context("cannot tell where this program is")?;
    let program =
        Utf8PathBuf::try_from(program).context("the path of this program is not UTF-8")?;
    let xtask_root = xtask_root();
    ending::listen()?;
    let request = Request {
        project: &project,
        plan,
        resumes: args.resume,
        toolbox: &toolbox,
        uv: &uv,
        maturin: &maturin,
        python: &python,
        xtask: &program,
        xtask_root: xtask_root.as_deref(),
        tuned: tuned(&project, &toolbox),
        is_over: &ending::is_wanted,
        say: &progress::say,
        warn: &ui::warn,
    };
    Ok(build_bench::run(&request, &mut progress::Terminal::new())?)
}

/// The workspace in which the user has typed `cargo xtask`; `None` if this program was started in another
/// way.
fn xtask_root() -> Option<Utf8PathBuf> {
    let package = cargo_env::started_package().filter(|dir| dir == env!("CARGO_MANIFEST_DIR"))?;
    let root = package
        .ancestors()
        .find(|dir| dir.join("Cargo.lock").is_file())?;
    let layers = Layers::read(root).ok()?;
    layers.sets(&["alias", "xtask"]).then(|| root.to_owned())
}

/// What `cargo xtask tune` has found for this project, if it has been run.
fn tuned(project: &Project, toolbox: &Toolbox) -> Option<String> {
    let measurement = Measurement::load(&crate::tune::kept(project, toolbox)).ok()?;
    if measurement.subject.root != project.root {
        return None;
    }
    measurement.config(&Linkers::host(&project.root).ok()?)
}

fn write_reports(results: &Results, args: &Args) -> anyhow::Result<()> {
    let reports = [
        (&args.json, store::json as fn(&Results) -> String),
        (&args.markdown, markdown),
        (&args.html, html),
    ];
    for (path, report) in reports {
        if let Some(path) = path {
            store::write(path, &report(results))?;
            ui::say("Written", path.as_str());
        }
    }
    Ok(())
}

/// Tells what has changed since the earlier measurement.
///
/// # Errors
/// If nothing can be compared.
fn against(results: &Results, baseline: &Results, limit: f64) -> anyhow::Result<Answer> {
    let reasons = results.machine.differs_from(&baseline.machine);
    if !reasons.is_empty() {
        ui::warn(&format!(
            "not the machine of the baseline, so times tell little: {}",
            reasons.join("; ")
        ));
    }
    for other in renamed(results, baseline) {
        ui::warn(&format!(
            "not compared, since it is another command: {other}"
        ));
    }
    let comparisons = compare(results, baseline, limit);
    let lost = lost(results, baseline);
    if comparisons.is_empty() && lost.is_empty() {
        bail!(
            "the baseline has no figure for anything that was measured\n  help: measure the same with `--json FILE`, and take that for a baseline"
        );
    }
    println!();
    for it in &comparisons {
        println!("{}", comparison_line(it));
    }
    for (name, reason) in &lost {
        println!("{:<16}  {name}: {reason}", "LOST");
    }
    let is_regression = |it: &Comparison| it.verdict == Verdict::Regression;
    Ok(
        if lost.is_empty() && !comparisons.iter().any(is_regression) {
            Answer::Done
        } else {
            Answer::Differs
        },
    )
}

fn comparison_line(it: &Comparison) -> String {
    let interval = it.interval.map_or(String::new(), |it| {
        format!(" ({:.2} to {:.2})", it.low, it.high)
    });
    let verdict = match it.verdict {
        Verdict::Regression => "SLOWER",
        Verdict::Unclear => "slower, or noise",
        Verdict::Faster => "faster",
        Verdict::Same => "same",
    };
    format!(
        "{verdict:<16}  ×{:.2}{interval}  {}: {} then, {} now",
        it.ratio,
        it.name,
        seconds(it.then_s),
        seconds(it.now_s)
    )
}

fn seconds(time_s: f64) -> String {
    let digits = if time_s < 10.0 { 2 } else { 0 };
    format!("{time_s:.digits$} s")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_names_all_that_may_be_named() {
        let help = strategy_help();
        let strategies = STRATEGIES.iter().map(|it| it.id);
        for name in strategies
            .chain(SETTINGS.iter().map(|it| it.id))
            .chain(["all"])
        {
            assert!(help.contains(name), "{name}");
        }
    }

    #[test]
    fn times_are_read_with_their_unit() {
        assert_eq!(duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("20m"), Ok(Duration::from_mins(20)));
        assert_eq!(duration("2h"), Ok(Duration::from_hours(2)));
        for text in ["", "m", "20", "-1m", "0s", "1.5h", "20é"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
