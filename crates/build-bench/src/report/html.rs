//! One page with everything in it: no network, no script. Readable on a phone and in the dark.

use super::bars::bars;
use super::gantt::timelines;
use super::table::{disturbance, remarks};
use super::words::{self, escaped};
use crate::results::{Results, State};

const STYLE: &str = include_str!("style.css");

/// The page.
#[must_use]
pub fn html(results: &Results) -> String {
    let title = format!("Build times of {}", escaped(&results.subject.name));
    let facts = [
        words::subject(results),
        words::machine(results),
        words::versions(results),
    ];
    let facts: String = facts
        .iter()
        .map(|it| format!("<p>{}</p>\n", escaped(it)))
        .collect();
    let timelines = timelines(results);
    let timelines = if timelines.is_empty() {
        String::new()
    } else {
        format!(
            "<h2>Where the time goes</h2>\n<p>The run nearest to the median; what is shorter than 20 ms (100 ms in builds of more than five seconds) may be missing.</p>\n{timelines}"
        )
    };
    format!(
        "<!doctype html>\n<html lang=en>\n<head>\n<meta charset=utf-8>\n\
         <meta name=viewport content=\"width=device-width, initial-scale=1\">\n\
         <meta name=color-scheme content=\"light dark\">\n<link rel=icon href=\"data:,\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n\
         <p class=result>{}</p>\n<div class=facts>{facts}</div>\n{}\
         <h2>How long it takes</h2>\n<p>Shorter is better. Each group has a scale of its own; the thin line is the interval.{}</p>\n\
         <div class=groups>{}</div>\n{timelines}\
         <h2>What else it takes</h2>\n{}\n\
         <h2>How it was measured</h2>\n<ul>{}</ul>\n</main>\n</body>\n</html>\n",
        code(&escaped(&words::result(results))),
        warnings(results),
        key(results),
        bars(results),
        costs(results),
        list(&words::method(results)) + &list(&remarks(results)),
    )
}

/// What the two colours of the bars mean, where there are both.
fn key(results: &Results) -> String {
    match &results.method.lanes[..] {
        [first, _, ..] => format!(
            " <i class=\"key first\"></i><code>{}</code>, {}, is what the others <i class=\"key other\"></i> are compared with (×).",
            escaped(&first.command),
            escaped(&first.setting_title)
        ),
        _ => String::new(),
    }
}

fn warnings(results: &Results) -> String {
    let unfinished =
        (results.state != State::Complete).then(|| "This measurement is not finished.".to_owned());
    let warnings = unfinished.into_iter().chain(disturbance(results));
    warnings
        .map(|it| format!("<p class=warning>{}</p>\n", escaped(&it)))
        .collect()
}

fn list(items: &[String]) -> String {
    items
        .iter()
        .map(|it| format!("<li>{}</li>\n", code(&escaped(it))))
        .collect()
}

/// What stands between backquotes, as code.
fn code(text: &str) -> String {
    let parts = text.split('`').enumerate();
    let parts = parts.map(|(number, part)| match number % 2 {
        0 => part.to_owned(),
        _ => format!("<code>{part}</code>"),
    });
    parts.collect()
}

/// A table that scrolls by itself where the screen is narrow.
fn costs(results: &Results) -> String {
    let heads = ["situation", "lane"].into_iter().chain(words::COSTS);
    let heads: String = heads.map(|it| format!("<th>{it}</th>")).collect();
    let rows = results.cells.iter().filter_map(|cell| {
        let names = [cell.scenario.clone(), cell.lane_id()];
        let row = names.into_iter().chain(words::costs(cell)?);
        let row: String = row.map(|it| format!("<td>{}</td>", escaped(&it))).collect();
        Some(format!("<tr>{row}</tr>\n"))
    });
    let rows: String = rows.collect();
    format!(
        "<p>{}</p>\n\
         <p class=hint>The table is wider than the screen: it scrolls sideways →</p>\n\
         <div class=scroll tabindex=0 role=region aria-label=\"What else it takes\"><table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>",
        words::COSTS_TOLD
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_become_elements() {
        assert_eq!(escaped("<b a=\"&\">"), "&lt;b a=&quot;&amp;&quot;&gt;");
        assert_eq!(code("a `b` c"), "a <code>b</code> c");
    }
}
