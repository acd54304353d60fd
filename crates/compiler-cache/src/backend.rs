//! Where a cache is kept, said in one URL. What sccache is told is data; another place is another row of
//! [`KINDS`].

use environment::vars;

use crate::CacheError;

/// A variable and its value.
pub(crate) type Variable = (&'static str, String);

/// A kind of place.
#[derive(Debug, PartialEq, Eq)]
struct Kind {
    name: &'static str,
    schemes: &'static [&'static str],
    /// How the URL is written.
    form: &'static str,
    /// The variable for the place itself, by which the kind is known.
    place: &'static str,
    /// What may stand behind the question mark, and the variable for it.
    settings: &'static [(&'static str, &'static str)],
    /// The variables for credentials. They are read by the cache and never written anywhere.
    credentials: &'static [&'static str],
}

const DISK: Kind = Kind {
    name: "disk",
    schemes: &["disk"],
    form: "disk",
    place: "",
    settings: &[],
    credentials: &[],
};

const REDIS: Kind = Kind {
    name: "redis",
    schemes: &["redis", "rediss"],
    form: "redis://HOST:PORT/DB?prefix=TEXT",
    place: "SCCACHE_REDIS_ENDPOINT",
    settings: &[("", REDIS_DB), ("prefix", "SCCACHE_REDIS_KEY_PREFIX")],
    credentials: &["SCCACHE_REDIS_USERNAME", "SCCACHE_REDIS_PASSWORD"],
};

/// The number of the database, which stands in the path.
const REDIS_DB: &str = "SCCACHE_REDIS_DB";

const S3: Kind = Kind {
    name: "s3",
    schemes: &["s3"],
    form: "s3://BUCKET?region=NAME&endpoint=URL&prefix=TEXT",
    place: "SCCACHE_BUCKET",
    settings: &[
        ("region", S3_REGION),
        ("endpoint", S3_ENDPOINT),
        ("prefix", "SCCACHE_S3_KEY_PREFIX"),
    ],
    credentials: &["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"],
};

const S3_REGION: &str = "SCCACHE_REGION";
const S3_ENDPOINT: &str = "SCCACHE_ENDPOINT";

const WEBDAV: Kind = Kind {
    name: "webdav",
    schemes: &["https", "http"],
    form: "https://HOST/PATH?prefix=TEXT",
    place: "SCCACHE_WEBDAV_ENDPOINT",
    settings: &[("prefix", "SCCACHE_WEBDAV_KEY_PREFIX")],
    credentials: &[
        "SCCACHE_WEBDAV_USERNAME",
        "SCCACHE_WEBDAV_PASSWORD",
        "SCCACHE_WEBDAV_TOKEN",
    ],
};

/// The cache of GitHub Actions, inside a workflow.
const GHA: Kind = Kind {
    name: "gha",
    schemes: &["gha"],
    form: "gha",
    place: "SCCACHE_GHA_ENABLED",
    settings: &[],
    credentials: &["ACTIONS_RESULTS_URL", "ACTIONS_RUNTIME_TOKEN"],
};

const KINDS: [&Kind; 5] = [&DISK, &REDIS, &S3, &WEBDAV, &GHA];

/// Where a cache is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backend {
    kind: &'static Kind,
    variables: Vec<Variable>,
}

impl Default for Backend {
    /// On this machine's disk.
    fn default() -> Self {
        Self {
            kind: &DISK,
            variables: Vec::new(),
        }
    }
}

impl Backend {
    /// The place that `url` means. Nothing of the URL is repeated in an error: a password may be in any part
    /// of it.
    ///
    /// # Errors
    /// If it is no such URL, or has credentials in it, which would be written into a file.
    pub fn parse(url: &str) -> Result<Self, CacheError> {
        let (scheme, rest) = url.split_once("://").unwrap_or((url, ""));
        let kind = KINDS
            .into_iter()
            .find(|kind| kind.schemes.contains(&scheme));
        let kind = kind.ok_or_else(|| CacheError::BackendUrl {
            why: "it begins with none of the kinds of places",
            forms: KINDS.map(|kind| kind.form).join(", "),
        })?;
        if rest.contains('@') {
            return Err(kind.has_credentials());
        }
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let mut given = kind.given(query)?;
        let place = kind.place_in(scheme, place, &mut given)?;
        let mut variables = Vec::new();
        if !place.is_empty() {
            variables.push((kind.place, place));
        }
        let known = kind.settings.iter().map(|(_, variable)| *variable);
        variables.extend(known.filter_map(|name| given.iter().find(|it| it.0 == name).cloned()));
        Ok(Self { kind, variables })
    }

    /// The place that variables tell a cache; `value` is that of a variable.
    pub(crate) fn told_by(value: impl Fn(&str) -> Option<String>) -> Self {
        let is_told = |kind: &&Kind| value(kind.place).is_some();
        let Some(kind) = KINDS.into_iter().find(is_told) else {
            return Self::default();
        };
        let settings = kind.settings.iter().map(|(_, variable)| *variable);
        let names = std::iter::once(kind.place).chain(settings);
        let variables = names.filter_map(|name| Some((name, value(name)?)));
        Self {
            kind,
            variables: variables.collect(),
        }
    }

    /// What it is called in messages.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.kind.name
    }

    /// Whether it is this machine's disk.
    #[must_use]
    pub fn is_disk(&self) -> bool {
        self.kind == &DISK
    }

    /// The variables that tell sccache.
    #[must_use]
    pub(crate) fn variables(&self) -> &[Variable] {
        &self.variables
    }

    /// The variables that sccache takes the credentials from. They are never written anywhere.
    #[must_use]
    pub fn credentials(&self) -> &'static [&'static str] {
        self.kind.credentials
    }
}

/// The variables each of which says that a store is not on this disk.
pub(crate) fn remote_places() -> impl Iterator<Item = &'static str> {
    KINDS
        .into_iter()
        .map(|kind| kind.place)
        .filter(|place| !place.is_empty())
}

impl Kind {
    fn has_credentials(&self) -> CacheError {
        CacheError::CredentialsInUrl(self.credentials.join(" and "))
    }

    fn wrong(&self, why: &'static str) -> CacheError {
        CacheError::BackendUrl {
            why,
            forms: self.form.to_owned(),
        }
    }

    /// What stands behind the question mark, by variable.
    fn given(&self, query: &str) -> Result<Vec<Variable>, CacheError> {
        let parts = query.split('&').filter(|part| !part.is_empty());
        let given = parts.map(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let mut settings = self.settings.iter().filter(|(known, _)| !known.is_empty());
            let known = settings.find(|(known, _)| *known == name);
            let value = decoded(value).filter(|value| !value.is_empty());
            match (known, value) {
                (_, Some(value)) if value.contains('@') && value.contains("://") => {
                    Err(self.has_credentials())
                }
                (Some((_, variable)), Some(value)) => Ok((*variable, value)),
                (None, _) if vars::is_secret(name) || name == "user" => Err(self.has_credentials()),
                (None, _) => Err(self.wrong("what stands behind `?` is none of its settings")),
                (Some(_), None) => Err(self.wrong("a setting behind `?` has no value")),
            }
        });
        given.collect()
    }

    /// The value for the place itself; what else follows from it is added to `given`.
    fn place_in(
        &self,
        scheme: &str,
        place: &str,
        given: &mut Vec<Variable>,
    ) -> Result<String, CacheError> {
        let (authority, path) = place.split_once('/').unwrap_or((place, ""));
        let wants_host = [REDIS.name, WEBDAV.name].contains(&self.name);
        if wants_host && !is_host(authority) {
            return Err(self.wrong("it names no host, or a port that is no number"));
        }
        match self.name {
            "redis" => {
                if !path.is_empty() {
                    path.parse::<u32>()
                        .map_err(|_| self.wrong("the database is a number"))?;
                    given.push((REDIS_DB, path.to_owned()));
                }
                Ok(format!("{scheme}://{authority}"))
            }
            "webdav" => Ok(format!("{scheme}://{place}")),
            "s3" => self.bucket(place, given),
            _ if !place.is_empty() => Err(self.wrong("nothing follows its name")),
            "gha" => {
                let missing = self
                    .credentials
                    .iter()
                    .find(|name| vars::var(name).is_none());
                missing.map_or(Ok("on".to_owned()), |needs| {
                    Err(CacheError::OutsideWorkflow(needs))
                })
            }
            _ => Ok(String::new()),
        }
    }

    fn bucket(&self, place: &str, given: &mut Vec<Variable>) -> Result<String, CacheError> {
        let is_name = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
        if place.is_empty() || !place.chars().all(is_name) {
            return Err(self.wrong("it names no bucket"));
        }
        let has = |name| given.iter().any(|(variable, _)| *variable == name);
        if has(S3_ENDPOINT) && !has(S3_REGION) {
            // sccache asks for one, and a server of one's own has none.
            given.push((S3_REGION, "auto".to_owned()));
        }
        Ok(place.to_owned())
    }
}

/// Whether `text` is `HOST` or `HOST:PORT`.
fn is_host(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !text.ends_with(']') => (host, port),
        _ => (text, "0"),
    };
    let is_plain = host.starts_with('[') || !host.contains([':', '%']);
    !host.is_empty() && is_plain && port.parse::<u16>().is_ok()
}

/// `text` with `%2F` and the like as what they stand for.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut parts = text.split('%');
    bytes.extend(parts.next()?.bytes());
    for part in parts {
        bytes.push(u8::from_str_radix(part.get(..2)?, 16).ok()?);
        bytes.extend(part[2..].bytes());
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(backend: &Backend) -> String {
        let lines = backend.variables().iter();
        let lines: Vec<_> = lines
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        lines.join(" ")
    }

    #[test]
    fn each_url_is_told_by_variables_and_read_back_from_them() {
        for (url, name, expected) in [
            ("disk", "disk", ""),
            ("redis://h:1", "redis", "SCCACHE_REDIS_ENDPOINT=redis://h:1"),
            (
                "rediss://h/3?prefix=team",
                "redis",
                "SCCACHE_REDIS_ENDPOINT=rediss://h SCCACHE_REDIS_DB=3 SCCACHE_REDIS_KEY_PREFIX=team",
            ),
            (
                "redis://[::1]:6379/",
                "redis",
                "SCCACHE_REDIS_ENDPOINT=redis://[::1]:6379",
            ),
            (
                "s3://b?region=eu-central-1",
                "s3",
                "SCCACHE_BUCKET=b SCCACHE_REGION=eu-central-1",
            ),
            (
                "s3://b?prefix=p&endpoint=http://h:9000",
                "s3",
                "SCCACHE_BUCKET=b SCCACHE_REGION=auto SCCACHE_ENDPOINT=http://h:9000 SCCACHE_S3_KEY_PREFIX=p",
            ),
            (
                "s3://b?endpoint=https%3A%2F%2Fh&region=r&prefix=a%26b",
                "s3",
                "SCCACHE_BUCKET=b SCCACHE_REGION=r SCCACHE_ENDPOINT=https://h SCCACHE_S3_KEY_PREFIX=a&b",
            ),
            (
                "https://h/d/e",
                "webdav",
                "SCCACHE_WEBDAV_ENDPOINT=https://h/d/e",
            ),
            (
                "http://h:8080?prefix=team",
                "webdav",
                "SCCACHE_WEBDAV_ENDPOINT=http://h:8080 SCCACHE_WEBDAV_KEY_PREFIX=team",
            ),
        ] {
            let backend = Backend::parse(url).unwrap();
            assert_eq!(
                (backend.name(), told(&backend).as_str()),
                (name, expected),
                "{url}"
            );
            let variables = backend.variables();
            let value = |name: &str| {
                let mut variables = variables.iter();
                variables.find(|it| it.0 == name).map(|it| it.1.clone())
            };
            assert_eq!(Backend::told_by(value), backend, "{url}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_url_is_told_with_the_form_that_it_has() {
        for (url, why, form) in [
            ("memcached://h", "none of the kinds", "disk, redis://HOST"),
            ("redis", "no host", "redis://HOST:PORT/DB"),
            ("redis://", "no host", "redis://HOST:PORT/DB"),
            ("redis://h:x", "no number", "redis://HOST:PORT/DB"),
            (
                "redis://h/team",
                "the database is a number",
                "redis://HOST:PORT/DB",
            ),
            ("redis://h?db=1", "none of its settings", "?prefix=TEXT"),
            ("s3://?region=r", "no bucket", "s3://BUCKET"),
            ("s3://b/team", "no bucket", "?region=NAME"),
            ("s3://b?regoin=r", "none of its settings", "?region=NAME"),
            ("s3://b?region=", "has no value", "?region=NAME"),
            ("s3://b?region=%zz", "has no value", "?region=NAME"),
            ("https:///d", "no host", "https://HOST/PATH"),
            ("disk:///c", "nothing follows", "disk"),
            ("gha://x", "nothing follows", "gha"),
        ] {
            let error = Backend::parse(url).unwrap_err().to_string();
            let (message, help) = error.split_once("\n  help: ").unwrap();
            assert!(
                message.contains(why) && help.contains(form),
                "{url}: {error}"
            );
        }
    }

    #[test]
    fn credentials_in_a_url_are_refused_and_not_repeated() {
        for (url, variable) in [
            ("redis://me:secret@h:1", "SCCACHE_REDIS_PASSWORD"),
            ("redis://:secret@h", "SCCACHE_REDIS_PASSWORD"),
            ("redis://h?password=secret", "SCCACHE_REDIS_PASSWORD"),
            ("https://me:sec/ret@h/d", "SCCACHE_WEBDAV_PASSWORD"),
            ("https://h/d?token=secret", "SCCACHE_WEBDAV_TOKEN"),
            ("s3://b?secret_access_key=secret", "AWS_SECRET_ACCESS_KEY"),
            (
                "s3://b?endpoint=https://me:secret%40h",
                "AWS_SECRET_ACCESS_KEY",
            ),
        ] {
            let text = Backend::parse(url).unwrap_err().to_string();
            assert!(text.contains(variable), "{url}: {text}");
            assert!(
                !text.contains("secret") && !text.contains("ret@"),
                "{url}: {text}"
            );
        }
        for url in [
            "me:secret@h:1",
            "redis://me:secret%40h",
            "https://me:secret/h",
            "redis://h?secret",
        ] {
            let text = Backend::parse(url).unwrap_err().to_string();
            assert!(!text.contains("secret"), "{url}: {text}");
        }
    }
}
