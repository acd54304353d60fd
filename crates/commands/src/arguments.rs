//! What several commands take on the command line.

use std::time::Duration;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

/// Values of an option: the name of each, what it means to a reader, and to us.
pub(crate) type Choices<T> = &'static [(&'static str, &'static str, T)];

/// One of `choices`, by its name.
pub(crate) fn one_of<T: Copy + Send + Sync>(
    choices: Choices<T>,
) -> impl TypedValueParser<Value = T> {
    let names = choices
        .iter()
        .map(|(name, help, _)| PossibleValue::new(*name).help(*help));
    PossibleValuesParser::new(names).try_map(|text| {
        let found = choices.iter().find(|(name, ..)| *name == text);
        found.map(|(.., value)| *value).ok_or("no such value")
    })
}

/// `90s`, `20m`, `2h`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is not a time such as 90s, 20m or 2h");
    let (number, factor_s) = match text.char_indices().last() {
        Some((end, 's')) => (&text[..end], 1),
        Some((end, 'm')) => (&text[..end], 60),
        Some((end, 'h')) => (&text[..end], 3600),
        _ => return Err(wrong()),
    };
    let number: u32 = number.parse().map_err(|_| wrong())?;
    match number {
        0 => Err(wrong()),
        number => Ok(Duration::from_secs(u64::from(number) * factor_s)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_with_their_unit() {
        assert_eq!(duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("20m"), Ok(Duration::from_mins(20)));
        assert_eq!(duration("2h"), Ok(Duration::from_hours(2)));
        for text in ["", "m", "20", "-1m", "0s", "1.5h", "20é"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
