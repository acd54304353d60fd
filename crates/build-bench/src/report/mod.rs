//! What was measured, for people: on the terminal, in Markdown, as one HTML page.

pub mod table;
