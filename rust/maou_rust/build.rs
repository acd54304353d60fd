//! Tells the extension with which profile it is built.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let profile = env::var("PROFILE").unwrap_or_else(|_| "unknown".to_owned());
    println!("cargo::rustc-env=MAOU_PROFILE={profile}");
}
