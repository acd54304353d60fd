//! What was measured, for people: on the terminal, in Markdown, as one HTML page.

mod bars;
pub mod chart;
mod gantt;
pub mod html;
pub mod markdown;
pub mod section;
pub mod table;
pub mod words;
