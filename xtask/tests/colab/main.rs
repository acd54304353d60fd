//! The cell of `cargo xtask colab-snippet`, run against a GitHub on this machine, with real wheels and the
//! real uv.
//!
//! What is missing on the machine, Jupyter included, is fetched from PyPI and crates.io.

mod cell;
mod command;
mod jupyter;
mod place;
