//! The cell for a README.

use crate::Snippet;
use crate::notebook::badge;

/// The badge, where there is a notebook to open, and the cell to copy.
#[must_use]
pub fn markdown(snippet: &Snippet, colab_url: Option<&str>) -> String {
    let badge = colab_url.map(|url| format!("{}\n\n", badge(url)));
    format!(
        "{}```python\n{}```\n",
        badge.unwrap_or_default(),
        snippet.cell()
    )
}
