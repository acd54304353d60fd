//! What was measured, for people: on the terminal, in Markdown, as one HTML page.

mod bars;
mod gantt;
pub mod html;
pub mod markdown;
pub mod table;
pub mod words;
