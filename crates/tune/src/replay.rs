//! Making a link again that was recorded, with another linker.

use build_env::Invocation;
use camino::Utf8Path;

use crate::error::at;
use crate::record::to_file;
use crate::search::Stop;

/// `call` with the linker `name` (`None`: the one in force), into the file `library`. The arguments go into a file beside
/// it: they may be more than a command line holds.
///
/// # Errors
/// If that cannot be written.
pub fn replayed(
    call: &Invocation,
    name: Option<&str>,
    library: &Utf8Path,
) -> Result<Invocation, Stop> {
    let file = library.with_extension("args");
    let args = to_file(&arguments(&call.args, name, library));
    fs_err::write(&file, args).map_err(at(&file))?;
    Ok(Invocation {
        args: vec![format!("@{file}")],
        ..call.clone()
    })
}

/// The flag comes last, as that does which stands in cargo's configuration: of several the C compiler takes the last.
fn arguments(args: &[String], name: Option<&str>, library: &Utf8Path) -> Vec<String> {
    let mut is_output = false;
    let args = args.iter().map(|arg| {
        let replaced = if is_output {
            library.to_string()
        } else {
            arg.clone()
        };
        is_output = arg == "-o";
        replaced
    });
    args.chain(name.map(|name| format!("-fuse-ld={name}")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_and_linker_are_others() {
        let args = ["-fuse-ld=lld", "a.o", "-o", "/t/lib.so", "-shared"].map(str::to_owned);
        let with = |name| arguments(&args, name, "/r/mold.so".into()).join(" ");
        assert_eq!(with(None), "-fuse-ld=lld a.o -o /r/mold.so -shared");
        assert_eq!(
            with(Some("mold")),
            "-fuse-ld=lld a.o -o /r/mold.so -shared -fuse-ld=mold"
        );
    }
}
