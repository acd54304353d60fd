//! Recorded calls: rustc 1.95 linking real extensions with several linkers. In the place of directories of
//! the machine stand `/p` (the project) and `/r` (the toolchain).

use std::collections::BTreeSet;

use expect_test::expect;

use super::*;

struct Recorded {
    name: &'static str,
    call: LinkCall,
    facts: Facts,
    own: &'static [&'static str],
}

/// A call, and the crates among its rlibs that are the project's own.
fn recorded(name: &'static str, json: &str, own: &'static [&'static str]) -> Recorded {
    let args: Vec<String> = serde_json::from_str(json).unwrap();
    let call = LinkCall::parse(&args);
    assert_eq!(call.args(), args, "{name}: it is put together as it came");
    let fetched = call.rlibs().filter(|rlib| !own.contains(&crate_name(rlib)));
    let mut objects = call.objects_from_the_end();
    let facts = Facts {
        rustc: vec!["rustc".to_owned()],
        fetched: fetched.map(Utf8Path::to_owned).collect(),
        shim: objects.next().map(Utf8Path::to_owned),
    };
    drop(objects);
    Recorded {
        name,
        call,
        facts,
        own,
    }
}

macro_rules! recorded {
    ($name:literal, $own:expr) => {
        recorded(
            $name,
            include_str!(concat!("calls/", $name, ".json")),
            &$own,
        )
    };
}

fn all() -> Vec<Recorded> {
    vec![
        // cc and the lld of the toolchain.
        recorded!("rpds-py.gcc", []),
        recorded!("jiter.clang", ["jiter"]),
        // Assembly and C in a third-party crate.
        recorded!("blake3.mold", []),
        // An allocator in the crate of the extension, and in another crate of the workspace.
        recorded!("alloc-ext.lld", ["leaf"]),
        recorded!("alloc-leaf.bfd", ["leaf"]),
        // A C library of the project's own.
        recorded!("cc-hidden.bfd", ["leaf"]),
    ]
}

fn prelink(recorded: &Recorded) -> Prelink {
    match plan(&recorded.call, &recorded.facts) {
        Plan::Prelink(prelink) => *prelink,
        Plan::AsRustcSays { why } => panic!("{}: {why}", recorded.name),
    }
}

fn both(recorded: &Recorded) -> (Vec<String>, Vec<String>) {
    let Prelink { base, link } = prelink(recorded);
    let base = base.args("/cache/libbase.so".into(), "libbase.so");
    let run_paths = RunPaths {
        beside: ".prelinked",
        kept: "/cache".into(),
    };
    let link = link.args("/cache/libbase.so".into(), run_paths, &Instead::new());
    (base, link)
}

#[test]
fn each_file_is_linked_once_and_only_the_compilers_helpers_twice() {
    for recorded in all() {
        let (base, link) = both(&recorded);
        let count = |args: &[String], path: &str| args.iter().filter(|arg| *arg == path).count();
        for rlib in recorded.call.rlibs() {
            let is_own = recorded.own.contains(&crate_name(rlib));
            let counts = (count(&base, rlib.as_str()), count(&link, rlib.as_str()));
            let expected = match (is_own, crate_name(rlib)) {
                (true, _) => (0, 1),
                (false, BUILTINS) => (1, 1),
                (false, _) => (1, 0),
            };
            assert_eq!(counts, expected, "{}: {rlib}", recorded.name);
        }
        for object in recorded.call.objects_from_the_end() {
            let is_shim = recorded.facts.shim.as_deref() == Some(object);
            let counts = (count(&base, object.as_str()), count(&link, object.as_str()));
            assert_eq!(
                counts,
                if is_shim { (1, 0) } else { (0, 1) },
                "{}: {object}",
                recorded.name
            );
        }
    }
}

#[test]
fn what_the_linker_is_told_it_is_told_twice_and_in_order() {
    for recorded in all() {
        let (base, link) = both(&recorded);
        let said: BTreeSet<_> = recorded
            .call
            .flags()
            .filter(|flag| !concerns_the_extension(flag))
            .collect();
        for flag in &said {
            assert!(
                base.iter().any(|arg| arg == flag),
                "{}: {flag}",
                recorded.name
            );
            assert!(
                link.iter().any(|arg| arg == flag),
                "{}: {flag}",
                recorded.name
            );
        }
        // Nothing but the place of the base library is new in the last link, and nothing changes places.
        let args = recorded.call.args();
        let mut rest = args.iter();
        let added: Vec<_> = link
            .iter()
            .filter(|arg| !rest.any(|it| it == *arg))
            .collect();
        assert!(
            added.is_empty() || rest.next().is_none(),
            "{}",
            recorded.name
        );
    }
}

/// Of a long list the ends.
fn shown(args: &[String]) -> String {
    let is_file =
        |arg: &str| arg.starts_with('/') && (arg.ends_with(".o") || arg.ends_with(".rlib"));
    let mut lines: Vec<&str> = Vec::new();
    for (index, arg) in args.iter().enumerate() {
        let is_inside = is_file(arg)
            && index > 0
            && args.get(index + 1).is_some_and(|next| is_file(next))
            && is_file(&args[index - 1]);
        match (is_inside, lines.last()) {
            (true, Some(&"…")) => {}
            (true, _) => lines.push("…"),
            _ => lines.push(arg),
        }
    }
    lines.join("\n") + "\n"
}

#[test]
fn a_call_with_a_c_library_of_the_projects_own() {
    let (base, link) = both(&recorded!("cc-hidden.bfd", ["leaf"]));
    expect![[r"
        -o
        /cache/libbase.so
        -m64
        /p/target/debug/deps/cc_hidden.2h71y9gcjo87qarspi6t0nrt4.071bt3g.rcgu.o
        -Wl,--as-needed
        -Wl,-Bstatic
        -lown_c
        -Wl,--whole-archive
        /p/target/debug/deps/libfix_chidden-5a3a88b87665de8f.rlib
        …
        /r/lib/rustlib/x86_64-unknown-linux-gnu/lib/libcore-120cbae4e86ec454.rlib
        -Wl,--no-whole-archive
        /r/lib/rustlib/x86_64-unknown-linux-gnu/lib/libcompiler_builtins-27cfc16bdf3bb694.rlib
        -Wl,-Bdynamic
        -lgcc_s
        -lutil
        -lrt
        -lpthread
        -lm
        -ldl
        -lc
        -L
        /p/target/debug/deps/rustcXXXXXX/raw-dylibs
        -B/r/lib/rustlib/x86_64-unknown-linux-gnu/bin/gcc-ld
        -fuse-ld=lld
        -Wl,--eh-frame-hdr
        -Wl,-z,noexecstack
        -L
        /p/target/debug/build/cc-hidden-4a685aba6c2f2926/out
        -L
        /p/target/debug/build/fix-chidden-859fdeb3509fafdf/out
        -L
        /r/lib/rustlib/x86_64-unknown-linux-gnu/lib
        -shared
        -Wl,-z,relro,-z,now
        -nodefaultlibs
        -fuse-ld=bfd
        -Wl,-Bsymbolic
        -Wl,-soname,libbase.so
    "]]
    .assert_eq(&shown(&base));
    expect![[r"
        -Wl,--version-script=/p/target/debug/deps/rustcXXXXXX/list
        -Wl,--no-undefined-version
        -m64
        /p/target/debug/deps/rustcXXXXXX/symbols.o
        …
        /p/target/debug/deps/cc_hidden.er3723ayryv9xrl0qe47ba67p.071bt3g.rcgu.o
        -Wl,--as-needed
        -Wl,-Bstatic
        -lown_c
        /p/target/debug/deps/libleaf-853bba754e701008.rlib
        -Wl,-Bdynamic
        /cache/libbase.so
        -Wl,-Bstatic
        /r/lib/rustlib/x86_64-unknown-linux-gnu/lib/libcompiler_builtins-27cfc16bdf3bb694.rlib
        -Wl,-Bdynamic
        -lgcc_s
        -lutil
        -lrt
        -lpthread
        -lm
        -ldl
        -lc
        -L
        /p/target/debug/deps/rustcXXXXXX/raw-dylibs
        -B/r/lib/rustlib/x86_64-unknown-linux-gnu/bin/gcc-ld
        -fuse-ld=lld
        -Wl,--eh-frame-hdr
        -Wl,-z,noexecstack
        -L
        /p/target/debug/build/cc-hidden-4a685aba6c2f2926/out
        -L
        /p/target/debug/build/fix-chidden-859fdeb3509fafdf/out
        -L
        /r/lib/rustlib/x86_64-unknown-linux-gnu/lib
        -o
        /p/target/debug/deps/libcc_hidden.so
        -Wl,--gc-sections
        -shared
        -Wl,-z,relro,-z,now
        -nodefaultlibs
        -fuse-ld=bfd
        -Xlinker
        -rpath
        -Xlinker
        $ORIGIN/.prelinked
        -Xlinker
        -rpath
        -Xlinker
        /cache
    "]]
    .assert_eq(&shown(&link));
}

/// As `rustc_codegen_ssa::back::link` has it for macOS; not recorded.
#[test]
fn on_macos_a_linker_is_told_the_same_in_its_own_words() {
    let call = "-Wl,-exported_symbols_list,/p/rustcX/list /p/x.0.rcgu.o /p/x.shim.rcgu.o \
                /p/libthird-01.rlib /r/lib/rustlib/a/lib/libstd-02.rlib \
                /r/lib/rustlib/a/lib/libcompiler_builtins-03.rlib -lSystem -lc -lm -arch arm64 \
                -mmacosx-version-min=11.0.0 -o /p/libx.dylib -Wl,-dead_strip -dynamiclib -nodefaultlibs \
                -undefined dynamic_lookup -Wl,-install_name,@rpath/x.abi3.so";
    let args: Vec<_> = call.split_whitespace().map(str::to_owned).collect();
    let call = LinkCall::parse(&args);
    let facts = Facts {
        rustc: Vec::new(),
        fetched: call.rlibs().map(Utf8Path::to_owned).collect(),
        shim: Some("/p/x.shim.rcgu.o".into()),
    };
    let recorded = Recorded {
        name: "macos",
        call,
        facts,
        own: &[],
    };
    let (base, link) = both(&recorded);
    expect![[r"
        -o
        /cache/libbase.so
        /p/x.shim.rcgu.o
        -Wl,-force_load,/p/libthird-01.rlib
        -Wl,-force_load,/r/lib/rustlib/a/lib/libstd-02.rlib
        /r/lib/rustlib/a/lib/libcompiler_builtins-03.rlib
        -lSystem
        -lc
        -lm
        -arch
        arm64
        -mmacosx-version-min=11.0.0
        -dynamiclib
        -nodefaultlibs
        -undefined
        dynamic_lookup
        -Wl,-install_name,@rpath/libbase.so
    "]]
    .assert_eq(&shown(&base));
    expect![[r"
        -Wl,-exported_symbols_list,/p/rustcX/list
        /p/x.0.rcgu.o
        /cache/libbase.so
        /r/lib/rustlib/a/lib/libcompiler_builtins-03.rlib
        -lSystem
        -lc
        -lm
        -arch
        arm64
        -mmacosx-version-min=11.0.0
        -o
        /p/libx.dylib
        -Wl,-dead_strip
        -dynamiclib
        -nodefaultlibs
        -undefined
        dynamic_lookup
        -Wl,-install_name,@rpath/x.abi3.so
        -Xlinker
        -rpath
        -Xlinker
        @loader_path/.prelinked
        -Xlinker
        -rpath
        -Xlinker
        /cache
    "]]
    .assert_eq(&shown(&link));
}

#[test]
fn a_call_that_is_not_known_is_made_as_it_is() {
    let known = || recorded!("rpds-py.gcc", []);
    let why = |recorded: &Recorded| match plan(&recorded.call, &recorded.facts) {
        Plan::AsRustcSays { why } => why.to_string(),
        Plan::Prelink(_) => String::new(),
    };
    assert_eq!(why(&known()), "");
    let mut program = known();
    program.call.parts.retain(|part| *part != flag("-shared"));
    assert_eq!(
        plan(&program.call, &program.facts),
        Plan::AsRustcSays {
            why: Why::NotAnExtension
        }
    );
    let mut without_shim = known();
    without_shim.facts.shim = None;
    assert!(why(&without_shim).contains("there is no allocator shim"));
    let mut without_script = known();
    without_script
        .call
        .parts
        .retain(|part| !matches!(part, Part::VersionScript(_)));
    assert!(why(&without_script).contains("there is no list"));
    let mut with_lto = known();
    with_lto.facts.rustc = ["-C", "lto=fat"].map(str::to_owned).to_vec();
    assert_eq!(why(&with_lto), "`-C lto=fat` does not go with it");
}

#[test]
fn names_are_added_to_what_rustc_has_the_library_offer() {
    let script = "{\n  global:\n    PyInit_x;\n    third_party;\n\n  local:\n    *;\n};";
    let is_in_base = |name: &str| name == "third_party";
    let text = offering(script, &["_Ralloc".to_owned()], is_in_base).unwrap();
    assert_eq!(
        text,
        "{\n  global:\n    PyInit_x;\n    _Ralloc;\n\n  local:\n    *;\n};"
    );
    assert_eq!(offering(script, &[], |_| false).as_deref(), Some(script));
    assert_eq!(offering("EXPORTS\n", &[], is_in_base), None);
}

#[test]
fn what_decides_a_base_library_is_told_without_the_places_of_files() {
    let (one, mut other) = (recorded!("rpds-py.gcc", []), recorded!("rpds-py.gcc", []));
    for part in &mut other.call.parts {
        if let Part::Search(dir) | Part::Output(dir) = part {
            *dir = Utf8Path::new("/elsewhere").join(dir.strip_prefix("/").unwrap());
        }
    }
    assert_eq!(prelink(&one).base.recipe(), prelink(&other).base.recipe());
    other.call.parts.push(flag("-fuse-ld=mold"));
    assert_ne!(prelink(&one).base.recipe(), prelink(&other).base.recipe());
}
