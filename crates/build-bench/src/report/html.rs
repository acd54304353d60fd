//! One page with everything in it: no network, no script. Readable on a phone and in the dark.

use super::bars::bars;
use super::gantt::timelines;
use super::remarks::{remarks, warnings};
use super::words::{self, escaped};
use crate::results::Results;

const STYLE: &str = include_str!("style.css");

pub(crate) fn html(results: &Results) -> String {
    let title = format!("Build times of {}", escaped(&results.subject.name));
    let facts = words::facts(results).map(|it| format!("<p>{}</p>\n", escaped(&it)));
    let warnings = warnings(results).map(|it| format!("<p class=warning>{}</p>\n", escaped(&it)));
    let timelines = match timelines(results) {
        none if none.is_empty() => none,
        timelines => format!(
            "<h2>Where the time goes</h2>\n<p>The run nearest to the median; what is shorter than 20 ms (100 ms in builds of more than five seconds) may be missing.</p>\n{timelines}"
        ),
    };
    format!(
        "<!doctype html>\n<html lang=en>\n<head>\n<meta charset=utf-8>\n\
         <meta name=viewport content=\"width=device-width, initial-scale=1\">\n\
         <meta name=color-scheme content=\"light dark\">\n<link rel=icon href=\"data:,\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n\
         <p class=result>{}</p>\n<div class=facts>{}</div>\n{}\
         <h2>How long it takes</h2>\n<p>Shorter is better. Each group has a scale of its own; the thin line is the interval.{}</p>\n\
         <div class=groups>{}</div>\n{timelines}\
         <h2>What else it takes</h2>\n{}\n\
         <h2>How it was measured</h2>\n<ul>{}</ul>\n</main>\n</body>\n</html>\n",
        code(&escaped(&words::result(results))),
        facts.concat(),
        warnings.collect::<String>(),
        key(results),
        bars(results),
        costs(results),
        list(&[words::method(results), remarks(results)].concat()),
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

fn list(items: &[String]) -> String {
    let items = items.iter().map(|it| code(&escaped(it)));
    items.map(|it| format!("<li>{it}</li>\n")).collect()
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
    let row = |tag: &str, cells: &[String]| -> String {
        let cells = cells.iter().map(|it| escaped(it));
        cells.map(|it| format!("<{tag}>{it}</{tag}>")).collect()
    };
    let rows = words::costs_by_cell(results);
    let body = rows[1..]
        .iter()
        .map(|it| format!("<tr>{}</tr>\n", row("td", it)));
    format!(
        "<p>{}</p>\n\
         <p class=hint>The table is wider than the screen: it scrolls sideways →</p>\n\
         <div class=scroll tabindex=0 role=region aria-label=\"What else it takes\"><table><thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>",
        words::COSTS_TOLD,
        row("th", &rows[0]),
        body.collect::<String>()
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
