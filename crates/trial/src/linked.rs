//! Which crates are in a library.

use project_model::{Closure, PathCrate};

/// The crates that `first` is made of, as far as they lie on this machine: itself, and what it is linked with
/// at any distance. A procedural macro, and what only that needs, is in the compiler and not in the library.
#[must_use]
pub fn linked<'a>(closure: &'a Closure, first: &'a PathCrate) -> Vec<&'a PathCrate> {
    let mut found = vec![first];
    let mut next = 0;
    while let Some(one) = found.get(next) {
        let crates = closure.crates.iter();
        let more: Vec<_> = crates
            .filter(|it| one.linked.contains(&it.dir) && !it.is_macro)
            .filter(|it| found.iter().all(|known| known.dir != it.dir))
            .collect();
        found.extend(more);
        next += 1;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_a_macro_needs_is_not_in_the_library() {
        let one = |name: &str, linked: &[&str]| PathCrate {
            name: name.to_owned(),
            dir: name.into(),
            library: None,
            roots: Vec::new(),
            build_script: None,
            is_macro: name == "macro",
            linked: linked.iter().map(|&it| it.into()).collect(),
        };
        let closure = Closure {
            crates: vec![
                one("a", &["macro", "b", "c"]),
                one("b", &["d", "a"]),
                one("c", &["d"]),
                one("d", &[]),
                one("macro", &["e"]),
                one("e", &[]),
            ],
            workspace_root: "".into(),
            other_workspaces: std::collections::BTreeSet::default(),
            target_dir: "".into(),
        };
        let of = |number: usize| {
            let found = linked(&closure, &closure.crates[number]);
            let names = found.iter().map(|it| it.name.as_str());
            names.collect::<Vec<_>>().join(" ")
        };
        assert_eq!(of(0), "a b c d");
        assert_eq!(of(3), "d");
        assert_eq!(of(4), "macro e");
    }
}
