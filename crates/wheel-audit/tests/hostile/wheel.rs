//! Wheels made byte by byte, so that they can be made wrong.

use sha2::{Digest, Sha256};

/// One entry of the archive, and what the archive says of it.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) name: Vec<u8>,
    /// The name before the data, where it is to be another one.
    pub(crate) local_name: Option<Vec<u8>>,
    pub(crate) data: Vec<u8>,
    /// 0 stored, 8 deflated.
    pub(crate) method: u16,
    pub(crate) flags: u16,
    pub(crate) mode: u32,
    pub(crate) crc32: u32,
    pub(crate) size: u32,
    pub(crate) extra: Vec<u8>,
}

impl Entry {
    pub(crate) fn stored(name: &str, content: &[u8]) -> Self {
        Self {
            name: name.as_bytes().to_vec(),
            local_name: None,
            data: content.to_vec(),
            method: 0,
            flags: 0,
            mode: 0o100_644,
            crc32: crc32fast::hash(content),
            size: u32::try_from(content.len()).unwrap(),
            extra: Vec::new(),
        }
    }

    pub(crate) fn deflated(name: &str, content: &[u8]) -> Self {
        Self {
            method: 8,
            data: miniz_oxide::deflate::compress_to_vec(content, 6),
            ..Self::stored(name, content)
        }
    }

    fn fields(&self) -> Vec<u8> {
        let packed = u32::try_from(self.data.len()).unwrap();
        let mut bytes = Vec::new();
        bytes.extend(20u16.to_le_bytes());
        bytes.extend(self.flags.to_le_bytes());
        bytes.extend(self.method.to_le_bytes());
        bytes.extend([0; 4]);
        bytes.extend(self.crc32.to_le_bytes());
        bytes.extend(packed.to_le_bytes());
        bytes.extend(self.size.to_le_bytes());
        bytes
    }

    fn local(&self) -> Vec<u8> {
        let name = self.local_name.as_ref().unwrap_or(&self.name);
        let mut bytes = b"PK\x03\x04".to_vec();
        bytes.extend(self.fields());
        bytes.extend(u16::try_from(name.len()).unwrap().to_le_bytes());
        bytes.extend(0u16.to_le_bytes());
        bytes.extend(name);
        bytes.extend(&self.data);
        bytes
    }

    fn central(&self, at: u32) -> Vec<u8> {
        let mut bytes = b"PK\x01\x02".to_vec();
        // Made by Unix.
        bytes.extend([20, 3]);
        bytes.extend(self.fields());
        bytes.extend(u16::try_from(self.name.len()).unwrap().to_le_bytes());
        bytes.extend(u16::try_from(self.extra.len()).unwrap().to_le_bytes());
        bytes.extend([0; 6]);
        bytes.extend((self.mode << 16).to_le_bytes());
        bytes.extend(at.to_le_bytes());
        bytes.extend(&self.name);
        bytes.extend(&self.extra);
        bytes
    }
}

/// The archive of `entries`.
pub(crate) fn zip(entries: &[Entry]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut directory = Vec::new();
    for entry in entries {
        directory.extend(entry.central(u32::try_from(bytes.len()).unwrap()));
        bytes.extend(entry.local());
    }
    finish(bytes, &directory, entries.len())
}

/// Appends the directory and the end.
pub(crate) fn finish(mut bytes: Vec<u8>, directory: &[u8], count: usize) -> Vec<u8> {
    let start = u32::try_from(bytes.len()).unwrap();
    let count = u16::try_from(count).unwrap();
    bytes.extend(directory);
    bytes.extend(b"PK\x05\x06\0\0\0\0");
    bytes.extend(count.to_le_bytes());
    bytes.extend(count.to_le_bytes());
    bytes.extend(u32::try_from(directory.len()).unwrap().to_le_bytes());
    bytes.extend(start.to_le_bytes());
    bytes.extend([0, 0]);
    bytes
}

/// A good wheel of a package with an extension, to be made worse.
#[derive(Clone)]
pub(crate) struct Wheel {
    pub(crate) tag: String,
    pub(crate) entries: Vec<Entry>,
}

pub(crate) const DIST_INFO: &str = "thing-1.0+g1a2b3c4.dist-info";

impl Wheel {
    /// `cp311-abi3-manylinux_2_28_x86_64`, with an extension that keeps it.
    pub(crate) fn good() -> Self {
        Self::with(&crate::elf::Library::default())
    }

    /// The same with another extension.
    pub(crate) fn with(library: &crate::elf::Library) -> Self {
        let tag = "cp311-abi3-manylinux_2_28_x86_64";
        let wheel =
            format!("Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: false\nTag: {tag}\n");
        let metadata = "Metadata-Version: 2.4\nName: thing\nVersion: 1.0+g1a2b3c4\nRequires-Python: >=3.11\n\
                        Requires-Dist: other>=1\nLicense-File: LICENSE\n\nThe description.\n";
        let files: [(&str, Vec<u8>); 7] = [
            (
                "thing/__init__.py",
                b"from ._thing import answer\n".repeat(20),
            ),
            ("thing/cli.py", b"def main(): pass\n".to_vec()),
            ("thing/_thing.abi3.so", library.bytes()),
            (&format!("{DIST_INFO}/METADATA"), metadata.into()),
            (&format!("{DIST_INFO}/WHEEL"), wheel.into()),
            (
                &format!("{DIST_INFO}/entry_points.txt"),
                b"[console_scripts]\nthing=thing.cli:main\n".to_vec(),
            ),
            (&format!("{DIST_INFO}/licenses/LICENSE"), b"MIT".to_vec()),
        ];
        let entries = files
            .iter()
            .map(|(name, content)| Entry::deflated(name, content));
        Self {
            tag: tag.to_owned(),
            entries: entries.collect(),
        }
        .recorded()
    }

    pub(crate) fn file_name(&self) -> String {
        format!("thing-1.0+g1a2b3c4-{}.whl", self.tag)
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        zip(&self.entries)
    }

    /// With a RECORD of what is there now.
    pub(crate) fn recorded(mut self) -> Self {
        let record = format!("{DIST_INFO}/RECORD");
        self.entries.retain(|entry| entry.name != record.as_bytes());
        let lines = self.entries.iter().map(|entry| {
            let content = match entry.method {
                8 => miniz_oxide::inflate::decompress_to_vec(&entry.data).unwrap(),
                _ => entry.data.clone(),
            };
            let name = String::from_utf8_lossy(&entry.name).into_owned();
            format!(
                "{name},sha256={},{}\n",
                base64(&Sha256::digest(&content)),
                content.len()
            )
        });
        let text: String = lines.chain([format!("{record},,\n")]).collect();
        self.entries.push(Entry::stored(&record, text.as_bytes()));
        self
    }

    pub(crate) fn entry(&mut self, name: &str) -> &mut Entry {
        let found = self
            .entries
            .iter_mut()
            .find(|entry| entry.name == name.as_bytes());
        found.unwrap_or_else(|| panic!("no {name}"))
    }

    pub(crate) fn text(&mut self, name: &str) -> String {
        let data = &self.entry(name).data;
        let content =
            miniz_oxide::inflate::decompress_to_vec(data).unwrap_or_else(|_| data.clone());
        String::from_utf8(content).unwrap()
    }

    /// Replaces `from` in a text, with a RECORD that fits.
    pub(crate) fn edited(mut self, name: &str, from: &str, to: &str) -> Self {
        let text = self.text(name);
        assert!(text.contains(from), "{text}");
        *self.entry(name) = Entry::deflated(name, text.replace(from, to).as_bytes());
        if name.ends_with("RECORD") {
            self
        } else {
            self.recorded()
        }
    }

    pub(crate) fn add(mut self, entry: Entry) -> Self {
        self.entries.push(entry);
        self.recorded()
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.entries.retain(|entry| entry.name != name.as_bytes());
        self
    }
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    let (mut bits, mut count) = (0u32, 0);
    for byte in bytes {
        bits = bits << 8 | u32::from(*byte);
        count += 8;
        while count >= 6 {
            count -= 6;
            text.push(char::from(DIGITS[(bits >> count & 63) as usize]));
        }
    }
    if count > 0 {
        text.push(char::from(DIGITS[(bits << (6 - count) & 63) as usize]));
    }
    text
}
