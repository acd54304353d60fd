//! The cell in a notebook (nbformat 4.5,
//! <https://nbformat.readthedocs.io/en/latest/format_description.html>).

use serde_json::{Value, json};

use crate::Snippet;

/// What shows that an install works, where the project has nothing of its own.
const CHECK: &str = include_str!("check.py");

/// What else stands in a notebook.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Frame {
    /// The address that the badge opens in Colab.
    pub colab_url: Option<String>,
    /// Python code that uses what was installed. Without: its version, its module, and the GPU.
    pub check: Option<String>,
}

/// The text of the notebook, with a line break at the end.
#[must_use]
pub fn notebook(snippet: &Snippet, frame: &Frame) -> String {
    let check = match &frame.check {
        Some(check) => check.clone(),
        None => CHECK
            .replace("@NAME@", &snippet.name)
            .replace("@MODULE@", &snippet.module),
    };
    let notebook = json!({
        "cells": [
            markdown("intro", &introduction(snippet, frame)),
            code("install", &snippet.cell()),
            code("check", &check),
        ],
        "metadata": {
            "colab": {"provenance": []},
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    });
    let text = serde_json::to_string_pretty(&notebook).unwrap_or_default();
    format!("{text}\n")
}

/// The badge of Colab, as Markdown.
pub(crate) fn badge(url: &str) -> String {
    format!("[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]({url})")
}

fn introduction(snippet: &Snippet, frame: &Frame) -> String {
    let badge = frame
        .colab_url
        .as_ref()
        .map(|url| format!("{}\n\n", badge(url)));
    format!(
        "# {} on Google Colab\n\n{}The first cell installs, the second shows that it works. \
         Run the first again to update; it says when the session has to be restarted.",
        snippet.name,
        badge.unwrap_or_default()
    )
}

fn markdown(id: &str, text: &str) -> Value {
    json!({"cell_type": "markdown", "id": id, "metadata": {}, "source": lines(text)})
}

fn code(id: &str, text: &str) -> Value {
    json!({
        "cell_type": "code", "execution_count": null, "id": id, "metadata": {}, "outputs": [],
        "source": lines(text.trim_end()),
    })
}

/// As notebooks have them: each line with its end, so that a diff shows lines.
fn lines(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}
