//! What jaq asks of its values: parts, slices, updates, conversions.

use std::sync::Arc;

use jaq_core::box_iter::box_once;
use jaq_core::path::Opt;
use jaq_core::val::Range;
use jaq_core::{Error, Exn, ValR, ValX};

use super::super::meter;
use super::number::copied;
use super::{Datum, List, Map};

const ITERABLE: &str = "iterable (array or object)";

impl Datum {
    /// Returns the part at an index, or `None` when there is nothing there.
    pub(in super::super) fn part(&self, index: &Self) -> Result<Option<Self>, Error<Self>> {
        meter::charge(1);
        Ok(match (self, index) {
            (Self::Null, _) => None,
            (Self::Map(map), Self::Text(key)) => map.entries.get(key).cloned(),
            (Self::List(list), Self::Int(_) | Self::Float(_)) => index
                .position(list.items.len())
                .and_then(|at| list.items.get(at).cloned()),
            (Self::List(_), Self::List(wanted)) => Some(self.indices(wanted)),
            (Self::List(_) | Self::Text(_), Self::Map(range)) => {
                let bound = |key| range.entries.get(key);
                Some(jaq_core::ValT::range(
                    self.clone(),
                    bound("start")..bound("end"),
                )?)
            }
            _ => return Err(Error::index(self.clone(), index.clone())),
        })
    }

    /// Returns the positions at which a list holds another one.
    fn indices(&self, wanted: &Arc<List>) -> Self {
        let Self::List(list) = self else {
            return Self::Null;
        };
        if wanted.items.is_empty() {
            return Self::default_list();
        }
        let windows = list.items.windows(wanted.items.len()).enumerate();
        let found = windows.filter(|(_, window)| *window == wanted.items.as_slice());
        found.map(|(at, _)| Self::Int(at as i128)).collect()
    }

    /// Returns the position that a number names in something of that length; negative ones count
    /// from the end.
    fn position(&self, length: usize) -> Option<usize> {
        let at = match self {
            Self::Int(int) => *int,
            Self::Float(float) if float.is_finite() => float.floor() as i128,
            _ => return None,
        };
        let at = if at < 0 {
            at.saturating_add(length as i128)
        } else {
            at
        };
        usize::try_from(at).ok()
    }

    /// Returns the bounds of a slice of something of that length.
    fn bounds(range: Range<&Self>, length: usize) -> Result<(usize, usize), Error<Self>> {
        let bound = |bound: Option<&Self>, absent: usize, round: fn(f64) -> f64| {
            let at = match bound {
                None | Some(Self::Null) => return Ok(absent),
                Some(Self::Int(int)) => *int,
                Some(Self::Float(float)) if !float.is_nan() => round(*float) as i128,
                Some(other) => return Err(Error::typ(other.clone(), "integer")),
            };
            let at = if at < 0 {
                at.saturating_add(length as i128)
            } else {
                at
            };
            Ok(usize::try_from(at.max(0)).unwrap_or(length).min(length))
        };
        let start = bound(range.start, 0, f64::floor)?;
        let end = bound(range.end, length, f64::ceil)?;
        Ok((start, end.max(start)))
    }
}

/// Returns the byte of a character; the end of the text when there are fewer.
fn byte_of(text: &str, character: usize) -> usize {
    text.char_indices()
        .nth(character)
        .map_or(text.len(), |(byte, _)| byte)
}

impl jaq_core::ValT for Datum {
    fn from_num(text: &str) -> ValR<Self> {
        if let Ok(int) = text.parse() {
            return Ok(Self::Int(int));
        }
        text.parse().map(Self::Float).map_err(Error::str)
    }

    fn from_map<I: IntoIterator<Item = (Self, Self)>>(entries: I) -> ValR<Self> {
        let mut map = Map::default();
        for (key, value) in entries {
            meter::charge(1);
            match key {
                Self::Text(key) => map.insert(key, value),
                other => return Err(Error::typ(other, "object key (text)")),
            }
        }
        Ok(Self::Map(Arc::new(map)))
    }

    fn key_values(self) -> Box<dyn Iterator<Item = Result<(Self, Self), Error<Self>>>> {
        match self {
            Self::List(list) => Box::new((0..list.items.len()).map(move |at| {
                meter::charge(1);
                Ok((Self::Int(at as i128), list.items[at].clone()))
            })),
            Self::Map(map) => {
                meter::charge_items(map.entries.len());
                let entries = map.entries.iter();
                let entries: Vec<_> = entries
                    .map(|(key, item)| (key.clone(), item.clone()))
                    .collect();
                Box::new(entries.into_iter().map(|(key, item)| {
                    meter::charge(1);
                    Ok((Self::Text(key), item))
                }))
            }
            other => box_once(Err(Error::typ(other, ITERABLE))),
        }
    }

    fn values(self) -> Box<dyn Iterator<Item = ValR<Self>>> {
        match self {
            Self::List(list) => Box::new((0..list.items.len()).map(move |at| {
                meter::charge(1);
                Ok(list.items[at].clone())
            })),
            other => Box::new(other.key_values().map(|entry| entry.map(|(_, item)| item))),
        }
    }

    fn index(self, index: &Self) -> ValR<Self> {
        self.part(index).map(Option::unwrap_or_default)
    }

    fn range(self, range: Range<&Self>) -> ValR<Self> {
        match &self {
            Self::Null => Ok(Self::Null),
            Self::List(list) => {
                let (start, end) = Self::bounds(range, list.items.len())?;
                meter::charge_items(end - start);
                Ok(Self::list(list.items[start..end].to_vec()))
            }
            Self::Text(text) => {
                meter::charge_text(text.len());
                let (start, end) = Self::bounds(range, text.chars().count())?;
                Ok(Self::text(&text[byte_of(text, start)..byte_of(text, end)]))
            }
            _ => Err(Error::typ(self, "rangeable (array or string)")),
        }
    }

    fn map_values<'a, I: Iterator<Item = ValX<'a, Self>>>(
        self,
        opt: Opt,
        f: impl Fn(Self) -> I,
    ) -> ValX<'a, Self> {
        meter::step();
        match self {
            Self::List(list) => {
                let items = list.items.iter().cloned().flat_map(f);
                Ok(items.collect::<Result<_, _>>()?)
            }
            Self::Map(map) => {
                let mut mapped = Map::default();
                for (key, item) in &map.entries {
                    meter::charge(1);
                    if let Some(item) = f(item.clone()).next() {
                        mapped.insert(key.clone(), item?);
                    }
                }
                Ok(Self::Map(Arc::new(mapped)))
            }
            other => opt.fail(other, |other| Exn::from(Error::typ(other, ITERABLE))),
        }
    }

    fn map_index<'a, I: Iterator<Item = ValX<'a, Self>>>(
        self,
        index: &Self,
        opt: Opt,
        f: impl Fn(Self) -> I,
    ) -> ValX<'a, Self> {
        meter::step();
        match (self, index) {
            (value @ (Self::List(_) | Self::Text(_)), Self::Map(range)) => {
                let bound = |key| range.entries.get(key);
                value.map_range(bound("start")..bound("end"), opt, f)
            }
            (Self::Null, Self::Text(_)) => Self::Map(Arc::default()).map_index(index, opt, f),
            (Self::Null, Self::Int(_)) => Self::default_list().map_index(index, opt, f),
            (Self::Map(mut map), Self::Text(key)) => {
                let old = map.entries.get(key).cloned().unwrap_or_default();
                let new = f(old).next().transpose()?;
                copied(&mut map, |map| map.entries.len());
                match new {
                    Some(value) => Arc::make_mut(&mut map).insert(key.clone(), value),
                    None => Arc::make_mut(&mut map).remove(key),
                }
                Ok(Self::Map(map))
            }
            (Self::List(mut list), Self::Int(_) | Self::Float(_)) => {
                let length = list.items.len();
                let Some(at) = index.position(length).filter(|at| *at <= length) else {
                    let message = format!("index {index} is out of bounds");
                    return opt.fail(Self::List(list), |_| Exn::from(Error::str(message)));
                };
                let old = list.items.get(at).cloned().unwrap_or_default();
                let new = f(old).next().transpose()?;
                copied(&mut list, |list| list.items.len());
                let items = Arc::make_mut(&mut list);
                match new {
                    Some(value) if at == length => items.push(value),
                    Some(value) => items.set(at, value),
                    None if at < length => {
                        let old = items.items.remove(at);
                        items.extent.exclude(old.extent());
                    }
                    None => {}
                }
                Ok(Self::List(list))
            }
            (other, index) => {
                opt.fail(other, |other| Exn::from(Error::index(other, index.clone())))
            }
        }
    }

    fn map_range<'a, I: Iterator<Item = ValX<'a, Self>>>(
        self,
        range: Range<&Self>,
        opt: Opt,
        f: impl Fn(Self) -> I,
    ) -> ValX<'a, Self> {
        meter::step();
        match &self {
            Self::List(list) => {
                let (start, end) = match Self::bounds(range, list.items.len()) {
                    Ok(bounds) => bounds,
                    Err(error) => return opt.fail(self, |_| Exn::from(error)),
                };
                meter::charge_items(list.items.len());
                let slice = Self::list(list.items[start..end].to_vec());
                let new = match f(slice).next().transpose()? {
                    None => Vec::new(),
                    Some(Self::List(new)) => new.items.clone(),
                    Some(other) => return Err(Exn::from(Error::typ(other, "array"))),
                };
                let mut items = list.items.clone();
                items.splice(start..end, new);
                Ok(Self::list(items))
            }
            _ => opt.fail(self, |other| Exn::from(Error::typ(other, "array"))),
        }
    }

    fn as_bool(&self) -> bool {
        !matches!(self, Self::Null | Self::Bool(false))
    }

    fn into_string(self) -> Self {
        match self {
            Self::Text(_) => self,
            other => Self::text(other.to_json()),
        }
    }
}

impl jaq_std::ValT for Datum {
    fn into_seq<S: FromIterator<Self>>(self) -> Result<S, Self> {
        match self {
            Self::List(list) => {
                meter::charge_items(list.items.len());
                Ok(list.items.iter().cloned().collect())
            }
            other => Err(other),
        }
    }

    fn is_int(&self) -> bool {
        matches!(self, Self::Int(_))
    }

    fn as_isize(&self) -> Option<isize> {
        match self {
            Self::Int(int) => isize::try_from(*int).ok(),
            _ => None,
        }
    }

    fn as_f64(&self) -> Option<f64> {
        self.float()
    }

    fn is_utf8_str(&self) -> bool {
        matches!(self, Self::Text(_))
    }

    fn as_bytes(&self) -> Option<&[u8]> {
        let Self::Text(text) = self else {
            return None;
        };
        meter::charge_text(text.len());
        Some(text.as_bytes())
    }

    fn as_sub_str(&self, part: &[u8]) -> Self {
        Self::text(String::from_utf8_lossy(part))
    }

    fn from_utf8_bytes(bytes: impl AsRef<[u8]> + Send + 'static) -> Self {
        Self::text(String::from_utf8_lossy(bytes.as_ref()))
    }
}

impl From<bool> for Datum {
    fn from(bool: bool) -> Self {
        Self::Bool(bool)
    }
}

impl From<isize> for Datum {
    fn from(int: isize) -> Self {
        Self::Int(int as i128)
    }
}

impl From<usize> for Datum {
    fn from(int: usize) -> Self {
        Self::Int(int as i128)
    }
}

impl From<f64> for Datum {
    fn from(float: f64) -> Self {
        Self::Float(float)
    }
}

impl From<String> for Datum {
    fn from(text: String) -> Self {
        Self::text(text)
    }
}

impl From<Range<Self>> for Datum {
    fn from(range: Range<Self>) -> Self {
        let bounds = [("start", range.start), ("end", range.end)];
        let entries = bounds
            .into_iter()
            .filter_map(|(key, bound)| Some((Arc::from(key), bound?)));
        Self::Map(Arc::new(entries.collect()))
    }
}

impl FromIterator<Self> for Datum {
    fn from_iter<I: IntoIterator<Item = Self>>(items: I) -> Self {
        let mut list = List::default();
        for item in items {
            meter::charge(1);
            list.push(item);
        }
        Self::List(Arc::new(list))
    }
}
