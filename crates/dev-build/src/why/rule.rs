//! The rule: from what was kept of each unit before and after, to the causes. Plain functions.

use std::collections::BTreeSet;

use build_dir::explanation::Dependency;

use super::cause::Cause;
use super::change::{Change, Facts};
use super::own::{own_causes, without_a_difference};

/// For each of `changes`, the root causes for which it was compiled: its own, and those of what it is made
/// with.
pub(crate) fn causes(changes: &[Change], facts: &Facts) -> Vec<Found> {
    let links: Vec<_> = changes.iter().map(|it| links(it, changes)).collect();
    let mut own: Vec<_> = changes.iter().map(|it| own_causes(it, facts)).collect();
    let is_explained = |own: &[Vec<Cause>], package: &str| {
        let mut all = changes.iter().zip(own);
        all.any(|(it, causes)| it.package == package && !causes.is_empty())
    };
    let unexplained = (0..changes.len())
        .filter(|at| links[*at].is_empty() && !is_explained(&own, &changes[*at].package));
    for at in unexplained.collect::<Vec<_>>() {
        own[at].push(without_a_difference(&changes[at], facts));
    }
    let found = (0..changes.len()).map(|at| {
        let mut all = reached(at, &own, &links);
        if all.is_empty() {
            // The run of a build script has another name where its library has, and notes no reason.
            let of_package =
                (0..changes.len()).filter(|it| changes[*it].package == changes[at].package);
            all.extend(of_package.flat_map(|it| reached(it, &own, &links)));
        }
        let roots = own[at].clone();
        Found { roots, all }
    });
    found.collect()
}

/// The causes of a unit, and of all that it is made with.
fn reached(at: usize, own: &[Vec<Cause>], links: &[Vec<usize>]) -> BTreeSet<Cause> {
    let (mut seen, mut due, mut all) = (BTreeSet::new(), vec![at], BTreeSet::new());
    while let Some(at) = due.pop() {
        if seen.insert(at) {
            all.extend(own[at].iter().cloned());
            due.extend(&links[at]);
        }
    }
    all
}

/// Why a unit was compiled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    /// Its own causes.
    pub(crate) roots: Vec<Cause>,
    /// Those and the ones of the units that it is made with.
    pub(crate) all: BTreeSet<Cause>,
}

/// Which of `changes` the unit is made with.
fn links(change: &Change, changes: &[Change]) -> Vec<usize> {
    let of = |dependency: &Dependency| {
        let is_it = |other: &Change| other.fingerprint == Some(dependency.fingerprint());
        let found = positions(changes, is_it);
        if !found.is_empty() {
            return found;
        }
        // What a script has printed becomes part of the fingerprint of its run only later.
        let is_it = |other: &Change| match dependency.name() {
            // A library knows its script's run, and a run its script.
            "build_script_build" => {
                let is_of_package = other.package == change.package;
                is_of_package && other.is_script() && other.is_run() != change.is_run()
            }
            name => other.kind.strip_prefix("lib-") == Some(name),
        };
        positions(changes, is_it)
    };
    change.now.deps.iter().flat_map(of).collect()
}

fn positions(changes: &[Change], is_it: impl Fn(&Change) -> bool) -> Vec<usize> {
    let all = changes.iter().enumerate();
    all.filter(|(_, it)| is_it(it)).map(|(at, _)| at).collect()
}

#[cfg(test)]
mod tests;
