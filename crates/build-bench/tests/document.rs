//! Figures that are written into a document, and what is noticed when they no longer belong there.

mod known;

use build_bench::document::{Document, Filled, Problem};
use build_bench::results::Results;

const LANES: [&str; 2] = [
    "maturin-develop/incremental",
    "maturin-develop/sccache-incremental",
];

/// Machines without noise, so that intervals are narrow. A minute for `target/` without a cache and 15 seconds with one; everything else a second. uv builds nothing.
fn results() -> Results {
    known::results(&LANES, |scenario, lane| {
        match (scenario.id, lane.setting.id) {
            ("target", "incremental") => known::runs(&[60.0]),
            ("target", _) => known::runs(&[15.0]),
            ("venv", _) => Vec::new(),
            ("core", "sccache-incremental") => {
                let mut runs = known::runs(&[1.0]);
                runs[0].is_another_library = Some(false);
                runs
            }
            _ => known::runs(&[1.0, 1.0, 1.0, 1.0, 1.0, 1.0]),
        }
    })
}

fn table(rows: &[&str]) -> String {
    let rows: String = rows.iter().map(|row| format!("{row}\n")).collect();
    format!(
        "# Mine\n\n<!-- bench-build: figures -->\n| what | figure | command |\n|---|---|---|\n{rows}<!-- bench-build: end -->\n\n<!-- bench-build: legend -->\n<!-- bench-build: end -->\n"
    )
}

fn row(figure: &str, arguments: &str) -> String {
    format!("| mine |{figure}| `cargo xtask bench-build {arguments}` |")
}

fn filled(text: &str) -> Filled {
    Document::parse(text).unwrap().filled(&results())
}

fn figure_of(arguments: &str) -> String {
    let text = filled(&table(&[&row("", arguments)])).text;
    let line = text.lines().nth(5).unwrap();
    let figure = line.split('|').nth(2).unwrap().trim();
    let (told, mark) = figure.split_once(" <!-- ").unwrap();
    // Two hyphens within a comment would end it for some readers of Markdown.
    assert!(!mark.trim_end_matches("-->").contains("--"), "{mark}");
    told.to_owned()
}

fn drift(text: &str) -> Vec<Problem> {
    Document::parse(text).unwrap().drift()
}

#[test]
fn a_row_gets_the_answer_to_its_command() {
    assert_eq!(
        figure_of("--scenario target --strategy maturin-develop"),
        "incremental 60.0 s (~60.0 to 60.0), sccache-incremental 15.0 s **×0.25** (~0.25 to 0.25)"
    );
    assert_eq!(
        figure_of("--scenario unchanged --scenario target --strategy maturin-develop/incremental"),
        "`unchanged`: 1.00 s (1.00 to 1.00)<br>`target`: 60.0 s **×60.0** (~60.0 to 60.0)"
    );
    assert_eq!(
        figure_of("--scenario core --strategy maturin-develop"),
        "incremental 1.00 s (1.00 to 1.00), sccache-incremental builds nothing"
    );
}

#[test]
fn all_else_stays_and_a_second_time_changes_nothing() {
    let text = table(&[&row(
        " old ",
        "--scenario target --strategy maturin-develop",
    )]);
    let once = filled(&text).text;
    assert_eq!(filled(&once).text, once);
    let kept = |text: &str| {
        let lines = text.lines().filter(|line| !line.contains("maturin"));
        lines.take(5).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(kept(&once), kept(&text));
    assert!(
        once.contains(
            "| `maturin-develop` | `maturin develop --uv`; for wheels `maturin build --release"
        ),
        "{once}"
    );
}

#[test]
fn lines_end_as_they_did() {
    let text = table(&[&row("", "--scenario target --strategy maturin-develop")]);
    let text = filled(&text.replace('\n', "\r\n")).text;
    assert_eq!(text.matches('\n').count(), text.matches("\r\n").count());
    assert_eq!(drift(&text), []);
}

#[test]
fn what_the_results_do_not_answer_stays_with_where_it_comes_from() {
    let [venv, target] =
        ["venv", "target"].map(|it| format!("--scenario {it} --strategy maturin-develop"));
    let text = table(&[&row(" before ", &venv), &row("", &target)]);
    let text = text.replace(
        "legend -->\n",
        "legend -->\n\n| name | means |\n\n* another machine\n",
    );
    let filled = filled(&text);
    assert_eq!(filled.kept, [6]);
    assert!(filled.text.contains("| before |"));
    assert!(
        filled.text.contains("* another machine\n* "),
        "{}",
        filled.text
    );
    let all =
        table(&[&row("", &target)]).replace("legend -->\n", "legend -->\n* another machine\n");
    assert!(!self::filled(&all).text.contains("another machine"));
}

#[test]
fn without_an_answer_the_file_stays_as_it_is() {
    let text = table(&[&row(
        " before ",
        "--scenario venv --strategy maturin-develop",
    )]);
    assert_eq!(filled(&text).text, text);
}

#[test]
fn figures_may_change_and_what_they_answer_may_not() {
    let target = "--scenario target --strategy maturin-develop";
    let text = filled(&table(&[&row("", target)])).text;
    assert_eq!(drift(&text), []);
    assert_eq!(drift(&text.replace("60.0 s", "71.4 s (~70.1 to 72.0)")), []);
    let another = text.replace("develop` |\n", "develop --strategy cargo` |\n");
    assert_eq!(drift(&another)[0].line, 6);
    let one_lane = text.replace(", sccache-incremental 15.0 s **×0.25** (~0.25 to 0.25)", "");
    assert_eq!(drift(&one_lane).len(), 1);
    // The same ways to build in another situation: nothing that a reader sees tells one figure from the other.
    let situation = text.replace("--scenario target", "--scenario venv");
    assert_eq!(
        drift(&situation)[0].what,
        "its figure answers another command"
    );
    let one = filled(&table(&[&row(
        "",
        "--scenario target --strategy maturin-develop/incremental",
    )]))
    .text;
    assert_eq!(drift(&one), []);
    assert_eq!(
        drift(&one.replace(
            "maturin-develop/incremental`",
            "maturin-develop/sccache-incremental`"
        ))[0]
            .line,
        6
    );
    // The legend still has a row that nobody asks for.
    let fewer = filled(&table(&[
        &row(
            "",
            "--scenario target --strategy maturin-develop/incremental",
        ),
        &row("", target),
    ]));
    let lines = fewer
        .text
        .lines()
        .filter(|line| !line.contains(&format!("{target}`")));
    let fewer = lines.map(|line| format!("{line}\n")).collect::<String>();
    assert!(drift(&fewer)[0].what.contains("legend"), "{fewer}");
    let command = text.replace("`maturin develop --uv`", "`maturin develop`");
    assert!(drift(&command)[0].what.contains("legend"), "{command}");
    let none_yet = table(&[&row(" ", target)]);
    assert!(drift(&none_yet)[0].what.contains("no figure"));
}

#[test]
fn a_command_that_is_none_is_told_with_its_line() {
    let problem = |arguments: &str| {
        let problems = Document::parse(&table(&[&row("", arguments)])).unwrap_err();
        assert_eq!((problems.len(), problems[0].line), (1, 6), "{problems:?}");
        problems[0].what.clone()
    };
    let missing = problem("--scenario warm --strategy cargo");
    assert_eq!(missing, "there is no scenario `warm`");
    assert_eq!(
        problem("--scenario core --strategy cargo/none"),
        "there is no strategy `cargo/none`"
    );
    assert!(problem("--runs 3").contains("`--runs 3`"));
    assert!(problem("--scenario core").contains("ways to build"));
    let no_table = Document::parse("# Mine\n").unwrap_err();
    assert!(no_table[0].what.contains("bench-build: figures"));
}

#[test]
fn everything_that_is_asked_is_measured_once() {
    let text = table(&[
        &row("", "--scenario core --strategy cargo/incremental"),
        &row("", "--scenario cold --scenario core --strategy cargo"),
    ]);
    let rows = Document::parse(&text).unwrap().rows();
    let told = rows.iter().map(|row| {
        let ids: Vec<_> = row.scenarios.iter().map(|it| it.id).collect();
        format!("{} {}", row.lane, ids.join(" "))
    });
    let expected = [
        "cargo/incremental cold core",
        "cargo/sccache-incremental cold core",
    ];
    assert_eq!(told.collect::<Vec<_>>(), expected);
}
