//! What several files do together: reports of results that are known, and a measurement that builds nothing.

mod baseline;
mod known;
mod report;
mod section;
mod session;
