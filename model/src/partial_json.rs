//! JSON that is still being written: what of it is certain so far, piece by piece.

mod parts;

pub use parts::JsonParts;

use serde_json::{Map, Value};

/// The deepest nesting that is read; the same as that of the reader of whole documents.
const DEPTH_MAX: usize = 128;

/// Reads one JSON document in pieces and always has the value that is certain so far.
///
/// What was shown is never taken back: texts and lists grow at their end, objects gain fields,
/// and everything else stays as it is. So numbers and words (`true`, `null`) are shown when
/// they are complete, a field when its value has begun, and an escape when it is whole. Only a
/// repeated field name, which the last one wins, changes what was there.
///
/// It is lenient where models are careless: commas before a closing bracket, bare line breaks
/// in texts, and halves of surrogate pairs are taken.
///
/// ```
/// use layercake_model::partial_json::PartialJson;
/// use serde_json::json;
///
/// let mut answer = PartialJson::new();
/// answer.push(r#"{"city": "Zür"#)?;
/// assert_eq!(answer.value(), Some(&json!({"city": "Zür"})));
/// answer.push(r#"ich", "days": [1, 2"#)?;
/// assert_eq!(answer.value(), Some(&json!({"city": "Zürich", "days": [1]})));
/// # Ok::<(), layercake_model::partial_json::NotJson>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct PartialJson {
    root: Option<Value>,
    /// The containers that are open, outermost first.
    open: Vec<Open>,
    state: State,
    /// The field name, number or word so far.
    token: String,
    /// Characters of the open text that are not yet in the value.
    text: String,
    escape: Escape,
}

/// The text cannot become a JSON document any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotJson {
    /// A character stands where none such can stand.
    #[error("the character {0:?} cannot stand there")]
    Character(char),
    /// A number or word is none of JSON.
    #[error("a number or word is not one of JSON")]
    Word,
    /// Lists and objects are nested too deeply.
    #[error("more than 128 lists and objects are nested")]
    Depth,
}

#[derive(Debug, Clone)]
enum Open {
    List,
    /// An object, with the name of the field whose value comes or is open.
    Object(String),
}

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    #[default]
    Value,
    ItemOrEnd,
    FieldOrEnd,
    Field,
    Colon,
    CommaOrEnd,
    Text,
    Word,
    Done,
}

/// Where in an escape of a text the reader is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Escape {
    #[default]
    None,
    /// Behind the backslash; a first half of a pair may wait.
    Begun(Option<u16>),
    /// Within four hexadecimal digits.
    Digits {
        first_half: Option<u16>,
        code: u16,
        count: u8,
    },
    /// Behind a first half, whose second must follow at once.
    FirstHalf(u16),
}

impl PartialJson {
    /// Makes a reader at the start of a document.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns what is certain so far; `None` before anything is.
    pub fn value(&self) -> Option<&Value> {
        self.root.as_ref()
    }

    /// Says whether the document is complete. A bare number is complete only at the end of its
    /// text, which this reader cannot know.
    pub fn is_complete(&self) -> bool {
        self.state == State::Done
    }

    /// Takes the next piece.
    ///
    /// # Errors
    ///
    /// Returns why the text is no JSON. The value stays as it was; nothing may be pushed
    /// after it.
    pub fn push(&mut self, piece: &str) -> Result<(), NotJson> {
        let read = piece.chars().try_for_each(|next| self.step(next));
        self.show_text();
        read
    }

    fn step(&mut self, next: char) -> Result<(), NotJson> {
        match self.state {
            State::Text | State::Field => {
                self.in_text(next);
                return Ok(());
            }
            State::Word if !is_end_of_word(next) => {
                self.token.push(next);
                return Ok(());
            }
            State::Word => self.end_word()?,
            _ => {}
        }
        if matches!(next, ' ' | '\t' | '\n' | '\r') {
            return Ok(());
        }
        match (self.state, next) {
            (State::ItemOrEnd | State::CommaOrEnd, ']') => self.end_container(']'),
            (State::FieldOrEnd | State::CommaOrEnd, '}') => self.end_container('}'),
            (State::Value | State::ItemOrEnd, _) => self.begin_value(next),
            (State::FieldOrEnd, '"') => {
                self.state = State::Field;
                Ok(())
            }
            (State::Colon, ':') => {
                self.state = State::Value;
                Ok(())
            }
            (State::CommaOrEnd, ',') => {
                self.state = match self.open.last() {
                    Some(Open::Object(_)) => State::FieldOrEnd,
                    _ => State::ItemOrEnd,
                };
                Ok(())
            }
            _ => Err(NotJson::Character(next)),
        }
    }

    fn begin_value(&mut self, next: char) -> Result<(), NotJson> {
        match next {
            '{' => self.begin_container(Value::Object(Map::new()), Open::Object(String::new())),
            '[' => self.begin_container(Value::Array(Vec::new()), Open::List),
            '"' => {
                self.place(Value::String(String::new()));
                self.state = State::Text;
                Ok(())
            }
            '-' | '0'..='9' | 't' | 'f' | 'n' => {
                self.token.push(next);
                self.state = State::Word;
                Ok(())
            }
            _ => Err(NotJson::Character(next)),
        }
    }

    fn begin_container(&mut self, value: Value, open: Open) -> Result<(), NotJson> {
        if self.open.len() == DEPTH_MAX {
            return Err(NotJson::Depth);
        }
        self.state = match open {
            Open::List => State::ItemOrEnd,
            Open::Object(_) => State::FieldOrEnd,
        };
        self.place(value);
        self.open.push(open);
        Ok(())
    }

    fn end_container(&mut self, bracket: char) -> Result<(), NotJson> {
        match (self.open.pop(), bracket) {
            (Some(Open::List), ']') | (Some(Open::Object(_)), '}') => {
                self.end_value();
                Ok(())
            }
            _ => Err(NotJson::Character(bracket)),
        }
    }

    fn end_value(&mut self) {
        self.state = if self.open.is_empty() {
            State::Done
        } else {
            State::CommaOrEnd
        };
    }

    fn end_word(&mut self) -> Result<(), NotJson> {
        let word = std::mem::take(&mut self.token);
        let value = serde_json::from_str(&word).map_err(|_| NotJson::Word)?;
        self.place(value);
        self.end_value();
        Ok(())
    }

    fn in_text(&mut self, next: char) {
        match self.escape {
            Escape::None if next == '"' => self.end_text(),
            Escape::None if next == '\\' => self.escape = Escape::Begun(None),
            Escape::None => self.text.push(next),
            Escape::FirstHalf(first) if next == '\\' => self.escape = Escape::Begun(Some(first)),
            Escape::FirstHalf(_) => self.lone_half(next),
            Escape::Begun(first_half) if next == 'u' => {
                self.escape = Escape::Digits {
                    first_half,
                    code: 0,
                    count: 0,
                };
            }
            Escape::Begun(first_half) => {
                if first_half.is_some() {
                    self.text.push(char::REPLACEMENT_CHARACTER);
                }
                self.text.push(escaped(next));
                self.escape = Escape::None;
            }
            Escape::Digits {
                first_half,
                code,
                count,
            } => self.in_digits(first_half, code, count, next),
        }
    }

    fn in_digits(&mut self, first_half: Option<u16>, code: u16, count: u8, next: char) {
        let Some(digit) = next
            .to_digit(16)
            .and_then(|digit| u16::try_from(digit).ok())
        else {
            return self.lone_half(next);
        };
        let code = code << 4 | digit;
        if count < 3 {
            self.escape = Escape::Digits {
                first_half,
                code,
                count: count + 1,
            };
            return;
        }
        self.escape = Escape::None;
        let units = first_half.into_iter().chain([code]);
        let is_first = (0xd800..0xdc00).contains(&code);
        if is_first {
            if first_half.is_some() {
                self.text.push(char::REPLACEMENT_CHARACTER);
            }
            self.escape = Escape::FirstHalf(code);
            return;
        }
        let read = char::decode_utf16(units);
        self.text
            .extend(read.map(|read| read.unwrap_or(char::REPLACEMENT_CHARACTER)));
    }

    /// Half of a pair, or half an escape, stands alone, and something else follows.
    fn lone_half(&mut self, next: char) {
        self.text.push(char::REPLACEMENT_CHARACTER);
        self.escape = Escape::None;
        self.in_text(next);
    }

    fn end_text(&mut self) {
        if self.state == State::Field {
            let name = std::mem::take(&mut self.text);
            if let Some(Open::Object(field)) = self.open.last_mut() {
                *field = name;
            }
            self.state = State::Colon;
        } else {
            self.show_text();
            self.end_value();
        }
    }

    /// Moves what was read of the open text into the value.
    fn show_text(&mut self) {
        if self.state != State::Text {
            return;
        }
        let text = std::mem::take(&mut self.text);
        if let Some(Value::String(shown)) = self.inside(self.open.len()) {
            shown.push_str(&text);
        }
    }

    /// Puts a value into the innermost open container, or at the root.
    fn place(&mut self, value: Value) {
        let Some(depth) = self.open.len().checked_sub(1) else {
            self.root = Some(value);
            return;
        };
        let name = match &self.open[depth] {
            Open::Object(name) => name.clone(),
            Open::List => String::new(),
        };
        match self.inside(depth) {
            Some(Value::Array(items)) => items.push(value),
            Some(Value::Object(fields)) => {
                fields.insert(name, value);
            }
            _ => {}
        }
    }

    /// Finds the value that is open below so many containers.
    fn inside(&mut self, depth: usize) -> Option<&mut Value> {
        let mut at = self.root.as_mut()?;
        for open in &self.open[..depth] {
            at = match (open, at) {
                (Open::List, Value::Array(items)) => items.last_mut()?,
                (Open::Object(name), Value::Object(fields)) => fields.get_mut(name)?,
                _ => return None,
            };
        }
        Some(at)
    }
}

fn is_end_of_word(next: char) -> bool {
    matches!(next, ' ' | '\t' | '\n' | '\r' | ',' | ']' | '}' | ':' | '"')
}

fn escaped(next: char) -> char {
    match next {
        'n' => '\n',
        't' => '\t',
        'r' => '\r',
        'b' => '\u{8}',
        'f' => '\u{c}',
        // The quote, the slashes, and whatever needed no escape.
        other => other,
    }
}

#[cfg(test)]
mod tests;
