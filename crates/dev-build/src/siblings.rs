//! Other projects with an extension that a project needs as editable: members of its uv workspace, and local
//! ones that it names. uv would build them in isolation and with a profile of its own; so we build them.

use camino::Utf8PathBuf;
use packaging::normalized;
use project_model::Project;
use serde::{Deserialize, Serialize};

/// Such a project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sibling {
    /// The name of its distribution, in the one spelling that uv writes (PEP 503).
    pub name: String,
    /// Its directory.
    pub root: Utf8PathBuf,
}

/// `uv.lock`, as far as it says which packages are editable.
#[derive(Default, Deserialize)]
struct Lock {
    #[serde(default)]
    package: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    source: Source,
}

#[derive(Deserialize)]
struct Source {
    /// The directory of an editable package, relative to the lock file.
    editable: Option<Utf8PathBuf>,
}

/// What uv answers to `sync --dry-run --output-format=json`, as far as it names packages.
#[derive(Deserialize)]
struct Answer {
    sync: Sync,
}

#[derive(Deserialize)]
struct Sync {
    changes: Vec<Change>,
}

#[derive(Deserialize)]
struct Change {
    name: String,
    action: String,
}

/// All that the lock file of `project` has; whether the project needs them is another question.
#[must_use]
pub fn locked(project: &Project) -> Vec<Sibling> {
    let text = fs_err::read_to_string(project.uv_lock()).unwrap_or_default();
    let lock: Lock = toml_edit::de::from_str(&text).unwrap_or_default();
    let editable = lock.package.into_iter().filter_map(|package| {
        let dir = project.uv_workspace.join(package.source.editable?);
        let root = dir.canonicalize_utf8().ok()?;
        let name = normalized(&package.name);
        is_built_by_us(&root).then_some(Sibling { name, root })
    });
    editable.filter(|it| it.root != project.root).collect()
}

fn is_built_by_us(root: &camino::Utf8Path) -> bool {
    Project::load(root).is_ok()
}

/// Those of `all` that uv would install, going by its `answer`.
///
/// # Errors
/// If that is not what uv 0.13 answers.
pub fn needed(all: Vec<Sibling>, answer: &str) -> Result<Vec<Sibling>, serde_json::Error> {
    let answer: Answer = serde_json::from_str(answer)?;
    let installed = answer.sync.changes.into_iter();
    let installed = installed.filter(|change| change.action == "installed");
    let names: Vec<_> = installed.map(|change| normalized(&change.name)).collect();
    Ok(all
        .into_iter()
        .filter(|it| names.contains(&it.name))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::Fixture;

    #[test]
    fn editable_packages_with_an_extension_are_found_in_the_lock_file() {
        let fixture = Fixture::pure_rust("thing");
        for (dir, name) in [("../beside", "beside"), ("p/member", "member")] {
            let project = Fixture::pure_rust(name);
            for file in ["pyproject.toml", "Cargo.toml", "src/lib.rs"] {
                let text = fs_err::read_to_string(project.root().join(file)).unwrap();
                fixture.write(format!("{dir}/{file}"), &text);
            }
        }
        fixture.write("p/pure/pyproject.toml", "[project]\nname = 'pure'\n");
        let package = |name: &str, source: &str| {
            format!("[[package]]\nname = '{name}'\nversion = '1'\nsource = {{ {source} }}\n")
        };
        let lock = [
            package("thing", "editable = '.'"),
            package("Beside", "editable = '../beside'"),
            package("member", "editable = 'p/member'"),
            package("pure", "editable = 'p/pure'"),
            package("gone", "editable = 'p/gone'"),
            package("copied", "directory = 'p/member'"),
            package("far", "registry = 'somewhere'"),
        ];
        fixture.write("uv.lock", &format!("version = 1\n{}", lock.concat()));
        let found = locked(&Project::load(&fixture.root()).unwrap());
        let names: Vec<_> = found.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(names, ["beside", "member"]);
        assert_eq!(found[1].root, fixture.root().join("p/member"));

        let change =
            |name: &str, action: &str| format!(r#"{{"name":"{name}","action":"{action}"}}"#);
        let changes = [
            change("beside", "uninstalled"),
            change("member", "installed"),
        ]
        .join(",");
        let answer = format!(r#"{{"sync":{{"action":"check","changes":[{changes}]}}}}"#);
        let needed = needed(found, &answer).unwrap();
        assert_eq!(needed.len(), 1);
        assert_eq!(needed[0].name, "member");
    }
}
