//! What is printed or written, from what is asked for and what the project says.

use std::io;

use camino::{Utf8Path, Utf8PathBuf};
use config_edit::Change;
use packaging::checked::{Name, Tag};
use packaging::{escaped, shown};
use processes::Invocation;
use project_model::repository::GITHUB;
use project_model::{ColabPolicy, Policy, Project, Repository, Workspace};

use crate::error::ColabError;
use crate::notebook::{Frame, notebook};
use crate::request::{Format, Mode, SnippetRequest};
use crate::{Build, Page, Pinned, Snippet, markdown};

/// A cell, and what becomes of it.
#[derive(Debug)]
pub struct SnippetPlan {
    /// The cell, the notebook, or the Markdown.
    pub text: String,
    /// The same as a change of a file, where it is for one.
    pub change: Option<Change>,
    /// What the user should know.
    pub warnings: Vec<String>,
}

/// What `request` asks for. Writes nothing.
pub fn plan(request: &SnippetRequest<'_>) -> Result<SnippetPlan, ColabError> {
    if request.manifest.is_some() && request.mode != Mode::Pinned {
        return Err(ColabError::ManifestOfNoBuild);
    }
    let project = request.project;
    let policy = Workspace::load(project)?.policy;
    let known = Repository::find(request.repository, &project.root)?;
    let known = known.or_else(|| project.pyproject.repository());
    let mut warnings = Vec::new();
    let snippet = snippet(request, &policy, known.as_ref(), &mut warnings)?;
    let policy = policy.colab.unwrap_or_default();
    let notebook_path = notebook_path(request, &policy)?;
    let badge = notebook_path.as_deref().zip(known.as_ref());
    let badge = badge.and_then(|(path, repository)| badge_url(repository, path, project));
    let text = match request.format {
        Format::Cell => snippet.cell(),
        Format::Markdown => markdown::markdown(&snippet, badge.as_deref()),
        Format::Notebook => notebook(&snippet, &frame(project, &policy, badge)?),
    };
    let output = match request.format {
        Format::Notebook => notebook_path,
        Format::Cell | Format::Markdown => request.output.map(Utf8Path::to_owned),
    };
    let change = output.map(|path| change(path, &text)).transpose()?;
    Ok(SnippetPlan {
        text,
        change,
        warnings,
    })
}

fn snippet(
    request: &SnippetRequest<'_>,
    policy: &Policy,
    known: Option<&Repository>,
    warnings: &mut Vec<String>,
) -> Result<Snippet, ColabError> {
    let project = request.project;
    let page = page(known, policy.repository.as_deref(), project, warnings)?;
    let tag = request.tag.or(policy.wheel.release_tag.as_ref());
    let latest = || "latest".parse::<Tag>();
    let not_one = |source| ColabError::NotOne {
        path: project.root.join("pyproject.toml"),
        source,
    };
    let mut snippet = Snippet {
        name: project.name().parse().map_err(not_one)?,
        module: top_module(project).parse().map_err(not_one)?,
        extras: extras(project, request.extras)?,
        repository: page,
        tag: tag.cloned().map_or_else(latest, Ok).map_err(not_one)?,
        build: Build::Newest,
    };
    if request.mode == Mode::Pinned {
        let pinned = pinned(request, &snippet)?;
        if request.tag.is_none() {
            warnings.push(how_long_it_lasts(&snippet.tag, &pinned, request.dist));
        }
        snippet.build = Build::This(pinned);
    }
    Ok(snippet)
}

/// The page of the repository: a place that is known, else the one that the policy has.
fn page(
    known: Option<&Repository>,
    of_policy: Option<&str>,
    project: &Project,
    warnings: &mut Vec<String>,
) -> Result<Page, ColabError> {
    let page = match (known, of_policy) {
        (Some(known), _) => known.url(),
        (None, Some(of_policy)) => of_policy.to_owned(),
        (None, None) => Repository::required(None, &project.root)?.url(),
    };
    let Some(page) = Page::parse(&page) else {
        return Err(ColabError::Page(shown(&page, 200)));
    };
    if page.is_incomplete() {
        warnings.push(format!(
            "the snippet says {page}, since neither git's remote `origin` nor [project.urls] says where the project is on GitHub\n  help: name it, `--repo OWNER/NAME`"
        ));
    }
    Ok(page)
}

fn top_module(project: &Project) -> &str {
    let module = &project.extension.module;
    module.split('.').next().unwrap_or(module)
}

/// The extras, which pyproject.toml has to know.
fn extras(project: &Project, asked: &[Name]) -> Result<Vec<Name>, ColabError> {
    let table = project.pyproject.project.as_ref();
    let is_dynamic =
        table.is_none_or(|table| table.dynamic.iter().any(|it| it == "optional-dependencies"));
    let extras = table.iter().flat_map(|it| it.optional_dependencies.keys());
    let known: Vec<_> = extras.map(String::as_str).collect();
    let mut unknown = asked.iter().filter(|it| !known.contains(&&***it));
    match unknown.next() {
        Some(extra) if !is_dynamic => Err(ColabError::NoExtra {
            path: project.root.join("pyproject.toml"),
            extra: extra.to_string(),
            known: match known[..] {
                [] => "none".to_owned(),
                _ => known.join(", "),
            },
        }),
        _ => Ok(asked.to_vec()),
    }
}

/// The build that a file describes, else the one that the release has now.
fn pinned(request: &SnippetRequest<'_>, snippet: &Snippet) -> Result<Pinned, ColabError> {
    let dist = request.dist.to_owned();
    let url = format!(
        "{}/releases/download/{}/manifest.json",
        snippet.repository, snippet.tag
    );
    let text = match request.manifest {
        Some(path) => fs_err::read_to_string(path)
            .map_err(|source| ColabError::NoManifest { dist, source })?,
        None => download(&url).map_err(|source| ColabError::Download {
            url: url.clone(),
            dist,
            source,
        })?,
    };
    serde_json::from_str(&text).map_err(|source| ColabError::BadManifest {
        place: request.manifest.map_or(url, Utf8Path::to_string),
        source,
    })
}

/// Of a manifest, which has some kilobytes.
const MOST_BYTES: &str = "16000000";

fn download(url: &str) -> Result<String, processes::RunError> {
    let curl = Invocation::new("curl")
        // No file of settings, which may say anything. It has to be the first argument.
        .args([
            "--disable",
            "--fail",
            "--silent",
            "--show-error",
            "--location",
        ])
        .args(["--proto", "=https", "--max-time", "60"])
        .args(["--max-filesize", MOST_BYTES, "--", url]);
    curl.read()
}

/// The rolling release drops its wheels after some builds.
fn how_long_it_lasts(tag: &str, build: &Pinned, dist: &Utf8Path) -> String {
    let version = &build.version;
    format!(
        "release `{tag}` keeps its newest builds only, so this cell works until {version} is dropped\n  help: put the build into a release of its own, `gh release create v{version} --notes '' {dist}/*.whl`, and add `--tag v{version}`"
    )
}

/// The notebook: the file that is to be written, else the one that the policy names.
fn notebook_path(
    request: &SnippetRequest<'_>,
    policy: &ColabPolicy,
) -> Result<Option<Utf8PathBuf>, ColabError> {
    let Some(asked) = request
        .output
        .filter(|_| request.format == Format::Notebook)
    else {
        let path = policy.notebook.as_ref();
        return Ok(path.map(|path| request.project.root.join(path)));
    };
    let absolute = camino::absolute_utf8(asked);
    absolute.map(Some).map_err(cannot_write(asked))
}

/// Where Colab opens the notebook at `path`, on the branch `main`; nothing if it is not below the project.
fn badge_url(repository: &Repository, path: &Utf8Path, project: &Project) -> Option<String> {
    let path = path.strip_prefix(&project.root).ok()?;
    // The project may be a directory of its repository.
    let git = Invocation::new("git").args(["rev-parse", "--show-prefix"]);
    let prefix = git.cwd(&project.root).read().unwrap_or_default();
    let path = format!("{}{path}", prefix.trim());
    let path: Vec<_> = path.split('/').map(escaped).collect();
    (repository.host == GITHUB).then(|| {
        let (owner, name) = (&repository.owner, &repository.name);
        format!(
            "https://colab.research.google.com/github/{owner}/{name}/blob/main/{}",
            path.join("/")
        )
    })
}

fn frame(
    project: &Project,
    policy: &ColabPolicy,
    colab_url: Option<String>,
) -> Result<Frame, ColabError> {
    let check = policy.check.as_ref();
    let check = check.map(|path| fs_err::read_to_string(project.root.join(path)));
    Ok(Frame {
        colab_url,
        check: check.transpose().map_err(ColabError::Check)?,
    })
}

fn change(path: Utf8PathBuf, text: &str) -> Result<Change, ColabError> {
    let old = match fs_err::read_to_string(&path) {
        Ok(old) => Some(old),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(cannot_write(&path)(error)),
    };
    let new = Some(text.to_owned());
    Ok(Change { path, old, new })
}

fn cannot_write(path: &Utf8Path) -> impl FnOnce(io::Error) -> ColabError {
    let path = path.to_owned();
    move |source| ColabError::Output { path, source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::{Corpus, Fixture};

    fn project(fixture: &Fixture) -> Project {
        Project::load(&fixture.root()).unwrap()
    }

    fn request(project: &Project) -> SnippetRequest<'_> {
        SnippetRequest {
            project,
            mode: Mode::Latest,
            format: Format::Cell,
            extras: &[],
            repository: Some("owner/things"),
            tag: None,
            manifest: None,
            output: None,
            dist: "dist".into(),
        }
    }

    #[test]
    fn an_extra_has_to_be_one_unless_it_may_be_dynamic() {
        let fixture = Fixture::mixed("shown");
        let asked = ["gpu", "cpu"].map(|it| it.parse::<Name>().unwrap());
        let known = "[project]\noptional-dependencies = { gpu = [] }\n";
        fixture.edit("pyproject.toml", "[project]\n", known);
        let found = |asked: &[Name]| extras(&project(&fixture), asked).map_err(|it| it.to_string());
        assert_eq!(found(&asked[..1]).unwrap(), asked[..1]);
        let error = found(&asked).unwrap_err();
        assert!(
            error.ends_with("has no extra `cpu`\n  help: it has: gpu"),
            "{error}"
        );
        let dynamic = "[project]\ndynamic = [\"optional-dependencies\"]\n";
        fixture.edit("pyproject.toml", known, dynamic);
        assert_eq!(found(&asked).unwrap(), asked);
    }

    #[test]
    fn a_pinned_cell_is_of_the_manifest_and_tells_how_long_it_lasts() {
        let fixture = Fixture::mixed("shown");
        fixture.write("m.json", "{\"version\": \"1+g1\", \"wheels\": []}");
        let (project, path) = (project(&fixture), fixture.root().join("m.json"));
        let plan = |tag: Option<&Tag>| {
            let request = SnippetRequest {
                mode: Mode::Pinned,
                manifest: Some(&path),
                tag,
                ..request(&project)
            };
            plan(&request).unwrap()
        };
        let rolling = plan(None);
        assert!(rolling.text.contains("\"1+g1\""), "{}", rolling.text);
        assert!(
            rolling.warnings[0].contains("`--tag v1+g1`"),
            "{:?}",
            rolling.warnings
        );
        assert!(plan(Some(&"v1".parse().unwrap())).warnings.is_empty());
        let newest = SnippetRequest {
            manifest: Some(&path),
            ..request(&project)
        };
        let error = super::plan(&newest).unwrap_err();
        assert!(matches!(error, ColabError::ManifestOfNoBuild));
    }

    #[test]
    fn nothing_of_a_manifest_is_code() {
        let fixture = Fixture::mixed("shown");
        let (project, path) = (project(&fixture), fixture.root().join("m.json"));
        let good = serde_json::json!({"version": "1+g1", "wheels": [{
            "file": "shown-1+g1-cp311-abi3-manylinux_2_28_x86_64.whl", "sha256": "ab".repeat(32), "size_bytes": 1,
            "python": ["cp311"], "abi": ["abi3"], "platforms": ["manylinux_2_28_x86_64"], "pythons": ["3.11"],
            "glibc": "2.28",
        }]});
        let plan = |manifest: &serde_json::Value| {
            fixture.write("m.json", &manifest.to_string());
            let request = SnippetRequest {
                mode: Mode::Pinned,
                manifest: Some(&path),
                ..request(&project)
            };
            plan(&request)
        };
        assert!(plan(&good).unwrap().text.contains("def newest"));
        let code = "1\"}\nimport os; os.system('x')\n{\"";
        for (pointer, field) in [
            ("/version", "`version`"),
            ("/wheels/0/file", "`file`"),
            ("/wheels/0/sha256", "`sha256`"),
            ("/wheels/0/platforms/0", "`platforms`"),
            ("/wheels/0/pythons/0", "version of CPython"),
            ("/wheels/0/glibc", "`glibc`"),
        ] {
            for wrong in [code, "../outside.txt", "\u{1b}[2J", ""] {
                let mut manifest = good.clone();
                *manifest.pointer_mut(pointer).unwrap() = wrong.into();
                let Err(ColabError::BadManifest { source, .. }) = plan(&manifest) else {
                    panic!("{pointer} may be {wrong:?}");
                };
                assert!(source.to_string().contains(field), "{source}");
            }
        }
    }

    /// Whatever a manifest says: it is refused, or the cell has the lines of any other with as many wheels.
    #[test]
    fn no_manifest_adds_a_line_to_a_cell() {
        let good = serde_json::json!({"version": "1+g1", "wheels": [{
            "file": "shown-1+g1-cp311-abi3-manylinux_2_28_x86_64.whl", "sha256": "ab".repeat(32), "size_bytes": 1,
            "python": ["cp311"], "abi": ["abi3"], "platforms": ["manylinux_2_28_x86_64"], "pythons": ["3.11"],
            "glibc": null,
        }]});
        let snippet = |build| Snippet {
            name: "shown".parse().unwrap(),
            module: "shown".parse().unwrap(),
            extras: Vec::new(),
            repository: Page::parse("https://github.com/o/r").unwrap(),
            tag: "latest".parse().unwrap(),
            build: Build::This(build),
        };
        let words = [
            "\\n", "\\u001b", "\"", "\\\"", "null", "{", "}", "[", "]", ",", ":", "../", "@TAG@",
            "\u{202e}", ".whl",
        ];
        let without = snippet(Pinned {
            version: "1".parse().unwrap(),
            wheels: Vec::new(),
        });
        let lines = without.cell().lines().count();
        Corpus::texts(
            [
                &*good.to_string(),
                &*serde_json::to_string_pretty(&good).unwrap(),
            ],
            &words,
        )
        .fuzz(|bytes| match serde_json::from_slice::<Pinned>(bytes) {
            Ok(build) => {
                let wheels = build.wheels.len();
                let cell = snippet(build).cell();
                assert!(cell.lines().all(packaging::is_plain), "{cell}");
                assert_eq!(cell.lines().count(), lines + wheels, "{cell}");
                format!("{wheels} wheels")
            }
            Err(error) => {
                let text = error.to_string();
                assert!(
                    packaging::is_plain(&text) || text.contains("control character"),
                    "{text:?}"
                );
                // The kind of fault, and not the value that has it.
                text.chars()
                    .filter(char::is_ascii_lowercase)
                    .take(12)
                    .collect()
            }
        });
    }

    #[test]
    fn nothing_of_the_project_is_code() {
        let fixture = Fixture::mixed("shown");
        let policy = "[workspace.metadata.xtask]\nrepository = \"https://h/o/r')\\nimport os\"\n";
        let manifest = fs_err::read_to_string(fixture.root().join("native/Cargo.toml")).unwrap();
        fixture.write("native/Cargo.toml", &format!("{manifest}\n{policy}"));
        let project = project(&fixture);
        let of_policy = SnippetRequest {
            repository: None,
            ..request(&project)
        };
        let error = plan(&of_policy).unwrap_err().to_string();
        assert!(error.contains("r')\\nimport os` is no page"), "{error}");
    }

    #[test]
    fn a_notebook_goes_where_the_policy_says_and_other_forms_where_they_are_asked_for() {
        let fixture = Fixture::mixed("shown");
        let manifest = "native/Cargo.toml";
        let policy = "[workspace.metadata.xtask.colab]\nnotebook = \"docs/a.ipynb\"\n";
        let text = fs_err::read_to_string(fixture.root().join(manifest)).unwrap();
        fixture.write(manifest, &format!("{text}\n{policy}"));
        let project = project(&fixture);
        let path = |format, output| {
            let request = SnippetRequest {
                format,
                output,
                ..request(&project)
            };
            plan(&request).unwrap().change.map(|change| change.path)
        };
        let of_policy = fixture.root().join("docs/a.ipynb");
        assert_eq!(path(Format::Notebook, None), Some(of_policy));
        assert_eq!(path(Format::Cell, None), None);
        let asked = Utf8Path::new("/somewhere/cell.py");
        for format in [Format::Notebook, Format::Cell, Format::Markdown] {
            assert_eq!(path(format, Some(asked)).as_deref(), Some(asked));
        }
    }
}
