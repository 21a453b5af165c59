//! Questions about the content of values: `length`, `has`, `contains`, `indices`, `bsearch`.

use jaq_core::{Error, ValR};

use super::super::meter;
use super::Datum;

impl Datum {
    /// `length`.
    pub(in super::super) fn length(&self) -> ValR<Self> {
        Ok(match self {
            Self::Null => Self::Int(0),
            Self::Bool(bool) => return Err(Error::str(format!("{bool} has no length"))),
            Self::Int(int) => Self::Int(int.saturating_abs()),
            Self::Float(float) => Self::Float(float.abs()),
            Self::Text(text) => {
                meter::charge_text(text.len());
                Self::from(text.chars().count())
            }
            Self::List(list) => Self::from(list.items.len()),
            Self::Map(map) => Self::from(map.entries.len()),
        })
    }

    /// `has(key)`.
    pub(in super::super) fn has(&self, key: &Self) -> Result<bool, Error<Self>> {
        match (self, key) {
            (Self::Map(map), Self::Text(key)) => Ok(map.entries.contains_key(key)),
            (Self::List(list), Self::Int(at)) => {
                Ok(usize::try_from(*at).is_ok_and(|at| at < list.items.len()))
            }
            _ => Err(Error::index(self.clone(), key.clone())),
        }
    }

    /// `contains(part)`: text inside of text, and so on through lists and maps.
    pub(in super::super) fn contains(&self, part: &Self) -> Result<bool, Error<Self>> {
        meter::charge(1);
        match (self, part) {
            (Self::Text(text), Self::Text(part)) => {
                meter::charge_text(text.len() + part.len());
                Ok(text.contains(part.as_ref()))
            }
            (Self::List(list), Self::List(parts)) => {
                for part in &parts.items {
                    let mut found = false;
                    for item in &list.items {
                        found = found || item.contains_same(part)?;
                    }
                    if !found {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            (Self::Map(map), Self::Map(parts)) => {
                for (key, part) in &parts.entries {
                    let Some(value) = map.entries.get(key) else {
                        return Ok(false);
                    };
                    if !value.contains_same(part)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            _ if self.is_same_kind(part) => Ok(self == part),
            _ => {
                let message = format!("{self} and {part} cannot have their containment checked");
                Err(Error::str(message))
            }
        }
    }

    /// Inside of lists and maps, values of different kinds simply do not contain each other.
    fn contains_same(&self, part: &Self) -> Result<bool, Error<Self>> {
        if self.is_same_kind(part) {
            self.contains(part)
        } else {
            Ok(false)
        }
    }

    fn is_same_kind(&self, other: &Self) -> bool {
        self.rank() == other.rank()
    }

    /// `indices(part)`.
    pub(in super::super) fn indices_of(&self, part: &Self) -> ValR<Self> {
        meter::charge(1);
        match (self, part) {
            (Self::Null, _) => Ok(Self::Null),
            (Self::Text(_), Self::Text(part)) if part.is_empty() => Ok(Self::default_list()),
            (Self::Text(text), Self::Text(part)) => {
                meter::charge_text(text.len());
                let starts = text.char_indices().enumerate();
                let found = starts.filter(|(_, (byte, _))| {
                    meter::charge(1);
                    text[*byte..].starts_with(part.as_ref())
                });
                Ok(found.map(|(at, _)| Self::from(at)).collect())
            }
            (Self::List(_), Self::List(_)) => self.part(part).map(Option::unwrap_or_default),
            (Self::List(list), part) => {
                let found = list
                    .items
                    .iter()
                    .enumerate()
                    .filter(|(_, item)| *item == part);
                Ok(found.map(|(at, _)| Self::from(at)).collect())
            }
            _ => Err(Error::index(self.clone(), part.clone())),
        }
    }

    /// `bsearch(wanted)`: the position, or `-1 - position` where it would belong.
    pub(in super::super) fn search(&self, wanted: &Self) -> ValR<Self> {
        let Self::List(list) = self else {
            return Err(Error::typ(self.clone(), "array"));
        };
        Ok(match list.items.binary_search(wanted) {
            Ok(at) => Self::from(at),
            Err(at) => Self::Int(-1 - at as i128),
        })
    }
}
