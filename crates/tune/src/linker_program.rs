//! The program that rustc calls to link.

use build_env::cargo_env;
use camino::{Utf8Path, Utf8PathBuf};
use cargo_settings::Layers;
use cargo_settings::linker::Linkers;
use project_model::Project;

use crate::TuneError;

/// `target.*.linker` in the environment or the configuration; else what rustc takes by itself.
pub(crate) fn linker_program(project: &Project) -> Result<String, TuneError> {
    let target = Linkers::host(&project.root)?;
    let variable = format!(
        "CARGO_TARGET_{}_LINKER",
        target.replace('-', "_").to_uppercase()
    );
    if let Some(linker) = cargo_env::environment().remove(&variable) {
        return Ok(linker);
    }
    let layers = Layers::read(&project.root)?;
    let mut found = layers.files().filter_map(|(path, config)| {
        let linker = config.string(&["target", &target, "linker"])?;
        Some(resolved(path, &linker).into_string())
    });
    Ok(found.next().unwrap_or_else(|| "cc".to_owned()))
}

/// A program as the configuration in `file` names it: one with a slash is relative to the directory above `.cargo`.
fn resolved(file: &Utf8Path, program: &str) -> Utf8PathBuf {
    let above = file.parent().and_then(Utf8Path::parent);
    match above {
        Some(dir) if program.contains('/') => dir.join(program),
        _ => program.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_linker_with_a_slash_lies_beside_the_configuration() {
        let file = Utf8Path::new("/p/.cargo/config.toml");
        assert_eq!(resolved(file, "clang"), "clang");
        assert_eq!(resolved(file, "tools/ld"), "/p/tools/ld");
        assert_eq!(resolved(file, "/usr/bin/clang"), "/usr/bin/clang");
    }
}
