//! The stable ABI of CPython, as data (`data/stable_abi.txt`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

/// By name, the version of CPython that brought it.
fn stable_abi() -> &'static BTreeMap<&'static str, (u64, u64)> {
    static ALL: OnceLock<BTreeMap<&'static str, (u64, u64)>> = OnceLock::new();
    ALL.get_or_init(|| {
        let mut since = (3, 2);
        let mut names = BTreeMap::new();
        for line in include_str!("../data/stable_abi.txt").lines() {
            if let Some(version) = line.strip_prefix("since ") {
                let (major, minor) = version.split_once('.').unwrap_or((version, "0"));
                since = (major.parse().unwrap_or(3), minor.parse().unwrap_or(0));
            } else if !line.starts_with('#') {
                names.extend(line.split_whitespace().map(|name| (name, since)));
            }
        }
        names
    })
}

/// What of `undefined` is CPython's and not to be had in the stable ABI of `version`: each with the reason.
pub(crate) fn outside(undefined: &BTreeSet<String>, version: (u64, u64)) -> Vec<String> {
    let names = undefined
        .iter()
        .filter(|name| name.starts_with("Py") || name.starts_with("_Py"));
    let reasons = names.filter_map(|name| match stable_abi().get(name.as_str()) {
        None => Some(format!("{name} (not in the stable ABI)")),
        Some(since) if *since > version => Some(format!("{name} (since {}.{})", since.0, since.1)),
        Some(_) => None,
    });
    reasons.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_stable_from_a_version_on() {
        let used = [
            "PyType_FromSpec",
            "PyObject_Vectorcall",
            "_PyUnicode_Ready",
            "malloc",
        ];
        let used = used.map(str::to_owned).into();
        assert_eq!(
            outside(&used, (3, 12)),
            ["_PyUnicode_Ready (not in the stable ABI)"]
        );
        let reasons = outside(&used, (3, 8));
        assert_eq!(reasons[0], "PyObject_Vectorcall (since 3.12)");
    }
}
