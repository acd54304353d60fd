//! The smallest shared library that says what it needs.

/// What the library is to say; by default that of an extension that keeps `manylinux_2_28` and the stable
/// ABI.
#[derive(Clone)]
pub(crate) struct Library {
    pub(crate) machine: u16,
    pub(crate) needed: Vec<&'static str>,
    /// Versions of the symbols of the first library.
    pub(crate) versions: Vec<&'static str>,
    pub(crate) undefined: Vec<&'static str>,
    pub(crate) defined: Vec<&'static str>,
    pub(crate) run_path: Option<&'static str>,
    /// Somewhere among its bytes.
    pub(crate) text: &'static str,
    pub(crate) executable_stack: bool,
    /// The levels of x86-64, as bits.
    pub(crate) isa_needed: Option<u32>,
}

impl Default for Library {
    fn default() -> Self {
        Self {
            machine: 62,
            needed: vec!["libc.so.6", "ld-linux-x86-64.so.2"],
            versions: vec!["GLIBC_2.2.5", "GLIBC_2.28"],
            undefined: vec!["PyType_FromSpec", "malloc"],
            defined: vec!["PyInit__thing"],
            run_path: None,
            text: "",
            executable_stack: false,
            isa_needed: None,
        }
    }
}

/// A table of strings.
struct Strings(Vec<u8>);

impl Strings {
    fn add(&mut self, text: &str) -> u64 {
        let at = self.0.len();
        self.0.extend(text.bytes().chain([0]));
        at as u64
    }
}

fn put(bytes: &mut Vec<u8>, number: u64, size: usize) {
    bytes.extend(&number.to_le_bytes()[..size]);
}

impl Library {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut strings = Strings(vec![0]);
        let dynamic = self.dynamic(&mut strings);
        let symbols = self.symbols(&mut strings);
        let versions = self.verneed(&mut strings);
        let notes = self.notes();
        let parts: [(u32, &[u8], u32, u32); 5] = [
            (0, &[], 0, 0),
            (3, &strings.0, 0, 0),
            (6, &dynamic, 1, 0),
            (11, &symbols, 1, 1),
            (
                0x6fff_fffe,
                &versions,
                1,
                u32::from(!self.needed.is_empty()),
            ),
        ];
        self.file(&parts, &notes)
    }

    fn file(&self, parts: &[(u32, &[u8], u32, u32)], notes: &[u8]) -> Vec<u8> {
        let segments_at = 64;
        let mut content_at = segments_at + 2 * 56;
        let mut content = Vec::new();
        content.extend(notes);
        let notes_at = content_at;
        content.extend(self.text.bytes());
        let mut sections = Vec::new();
        content_at += content.len();
        for (kind, bytes, link, info) in parts {
            let offset = content_at as u64;
            for (number, size) in [
                (0, 4),
                (u64::from(*kind), 4),
                (0, 8),
                (0, 8),
                (offset, 8),
                (bytes.len() as u64, 8),
                (u64::from(*link), 4),
                (u64::from(*info), 4),
                (8, 8),
                (0, 8),
            ] {
                put(&mut sections, number, size);
            }
            content.extend(*bytes);
            content_at += bytes.len();
        }
        let mut file = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
        for (number, size) in [
            (3, 2),
            (u64::from(self.machine), 2),
            (1, 4),
            (0, 8),
            (segments_at as u64, 8),
            (content_at as u64, 8),
            (0, 4),
            (64, 2),
            (56, 2),
            (2, 2),
            (64, 2),
            (parts.len() as u64, 2),
            (1, 2),
        ] {
            put(&mut file, number, size);
        }
        let stack = (0x6474_e551, 6 | u64::from(self.executable_stack), 0, 0);
        let note = (4, 4, notes_at as u64, notes.len() as u64);
        for (kind, flags, offset, size) in [stack, note] {
            for (number, width) in [
                (kind, 4),
                (flags, 4),
                (offset, 8),
                (0, 8),
                (0, 8),
                (size, 8),
                (size, 8),
                (8, 8),
            ] {
                put(&mut file, number, width);
            }
        }
        file.extend(content);
        file.extend(sections);
        file
    }

    fn dynamic(&self, strings: &mut Strings) -> Vec<u8> {
        let mut bytes = Vec::new();
        let needed = self.needed.iter().map(|library| (1, *library));
        let run_path = self.run_path.iter().map(|path| (29, *path));
        for (tag, text) in needed.chain(run_path) {
            put(&mut bytes, tag, 8);
            put(&mut bytes, strings.add(text), 8);
        }
        bytes.extend([0; 16]);
        bytes
    }

    fn symbols(&self, strings: &mut Strings) -> Vec<u8> {
        let mut bytes = vec![0; 24];
        let undefined = self.undefined.iter().map(|name| (name, 0));
        let defined = self.defined.iter().map(|name| (name, 1));
        for (name, section) in undefined.chain(defined) {
            put(&mut bytes, strings.add(name), 4);
            // A global function.
            put(&mut bytes, 0x12, 2);
            put(&mut bytes, section, 2);
            bytes.extend([0; 16]);
        }
        bytes
    }

    fn verneed(&self, strings: &mut Strings) -> Vec<u8> {
        let mut bytes = Vec::new();
        let Some(library) = self.needed.first() else {
            return bytes;
        };
        put(&mut bytes, 1, 2);
        put(&mut bytes, self.versions.len() as u64, 2);
        put(&mut bytes, strings.add(library), 4);
        put(&mut bytes, 16, 4);
        put(&mut bytes, 0, 4);
        for version in &self.versions {
            bytes.extend([0; 8]);
            put(&mut bytes, strings.add(version), 4);
            put(&mut bytes, 16, 4);
        }
        bytes
    }

    fn notes(&self) -> Vec<u8> {
        let Some(isa) = self.isa_needed else {
            return Vec::new();
        };
        let mut bytes = Vec::new();
        for number in [4, 16, 5] {
            put(&mut bytes, number, 4);
        }
        bytes.extend(b"GNU\0");
        for number in [0xc000_8002, 4, u64::from(isa), 0] {
            put(&mut bytes, number, 4);
        }
        bytes
    }
}
