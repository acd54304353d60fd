//! Which crates a line is changed in: found from how the crates of the project depend on each other.

use std::collections::BTreeMap;

use camino::Utf8Path;
use project_model::{Closure, PathCrate};
use trial::linked::linked;

use crate::scenario::Role;

/// The crates by where they stand. Of a project that is one crate there is only the extension, of one with
/// two no leaf: the other crate is the core.
pub(crate) fn roles(closure: &Closure) -> BTreeMap<Role, &PathCrate> {
    let mut roles = BTreeMap::new();
    let Some(extension) = closure.crates.first() else {
        return roles;
    };
    roles.insert(Role::Extension, extension);
    let mut libraries = linked(closure, extension).split_off(1);
    libraries.sort_by_key(|one| (dependents(closure, &one.dir), one.dir.clone()));
    if let Some(core) = libraries.pop() {
        roles.insert(Role::Core, core);
    }
    if let Some(leaf) = libraries.first() {
        roles.insert(Role::Leaf, leaf);
    }
    roles
}

/// Why there is no crate for `role`.
pub(crate) const fn missing(role: Role) -> &'static str {
    match role {
        Role::Extension => "the project has no extension",
        Role::Leaf => "the project has no two library crates beside the extension",
        Role::Core => "the project has no library crate beside the extension",
    }
}

/// How many crates are linked with the one in `dir`.
fn dependents(closure: &Closure, dir: &Utf8Path) -> usize {
    let crates = closure.crates.iter();
    let dependents = crates.filter(|one| linked(closure, one).iter().any(|it| it.dir == dir));
    dependents.count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use project_model::Project;
    use testkit::Fixture;

    fn write_crate(fixture: &Fixture, name: &str, rest: &str) {
        let manifest = format!(
            "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n{rest}"
        );
        fixture.write(format!("{name}/Cargo.toml"), &manifest);
        fixture.write(format!("{name}/src/lib.rs"), "");
    }

    fn found(fixture: &Fixture) -> Vec<(Role, String)> {
        let project = Project::load(&fixture.root()).unwrap();
        let closure = Closure::load(&project).unwrap();
        let roles = roles(&closure);
        roles
            .into_iter()
            .map(|(role, one)| (role, one.name.clone()))
            .collect()
    }

    #[test]
    fn the_core_is_what_most_depend_on_and_the_leaf_what_fewest_do() {
        let fixture = Fixture::mixed("thing");
        let paths = "[dependencies]\nfind = { path = \"../find\" }\nio = { path = \"../io\" }\n";
        fixture.edit("native/Cargo.toml", "[dependencies]\n", paths);
        let on = |name: &str| format!("[dependencies]\n{name} = {{ path = \"../{name}\" }}");
        write_crate(
            &fixture,
            "find",
            &format!("{}\nderive = {{ path = \"../derive\" }}", on("io")),
        );
        write_crate(&fixture, "io", &on("base"));
        write_crate(
            &fixture,
            "base",
            "[build-dependencies]\nmaker = { path = \"../maker\" }",
        );
        // Neither a macro nor what a build script needs is in the extension.
        write_crate(&fixture, "derive", "[lib]\nproc-macro = true");
        write_crate(&fixture, "maker", "");
        let expected = [
            (Role::Extension, "thing"),
            (Role::Leaf, "find"),
            (Role::Core, "base"),
        ];
        assert_eq!(
            found(&fixture),
            expected.map(|(role, name)| (role, name.to_owned()))
        );
    }

    #[test]
    fn one_crate_is_an_extension_and_the_second_the_core() {
        let fixture = Fixture::pure_rust("thing");
        assert_eq!(found(&fixture), [(Role::Extension, "thing".to_owned())]);
        fixture.edit(
            "Cargo.toml",
            "[dependencies]\n",
            "[dependencies]\nio = { path = \"io\" }\n",
        );
        write_crate(&fixture, "io", "");
        assert_eq!(found(&fixture)[1], (Role::Core, "io".to_owned()));
    }
}
