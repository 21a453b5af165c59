//! Blanks out comments and literals, keeping every line where it was.

use super::Source;

/// Masks a source text.
pub(super) fn mask(text: &str) -> Source {
    let mut masker = Masker {
        chars: text.chars().collect(),
        at: 0,
        code: String::with_capacity(text.len()),
        uncommented: String::with_capacity(text.len()),
    };
    while masker.at < masker.chars.len() {
        masker.step();
    }
    Source {
        code: masker.code,
        uncommented: masker.uncommented,
    }
}

/// What a character belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Code,
    Literal,
    Comment,
}

struct Masker {
    chars: Vec<char>,
    at: usize,
    code: String,
    uncommented: String,
}

impl Masker {
    fn step(&mut self) {
        match self.chars[self.at] {
            '/' if self.peek(1) == Some('/') => self.line_comment(),
            '/' if self.peek(1) == Some('*') => self.block_comment(),
            '"' => self.string(),
            'r' if self.begins_raw_string() => self.raw_string(),
            '\'' => self.character_or_lifetime(),
            _ => self.take(1, Part::Code),
        }
    }

    fn peek(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    fn take(&mut self, count: usize, part: Part) {
        let end = (self.at + count).min(self.chars.len());
        for &c in &self.chars[self.at..end] {
            self.code.push(match part {
                _ if c == '\n' => c,
                Part::Code if c.is_ascii() => c,
                Part::Code => '_',
                Part::Literal | Part::Comment => ' ',
            });
            self.uncommented
                .push(if part == Part::Comment && c != '\n' {
                    ' '
                } else {
                    c
                });
        }
        self.at = end;
    }

    fn line_comment(&mut self) {
        while self.peek(0).is_some_and(|c| c != '\n') {
            self.take(1, Part::Comment);
        }
    }

    fn block_comment(&mut self) {
        let mut depth = 0_usize;
        loop {
            match (self.peek(0), self.peek(1)) {
                (Some('/'), Some('*')) => {
                    depth += 1;
                    self.take(2, Part::Comment);
                }
                (Some('*'), Some('/')) => {
                    depth -= 1;
                    self.take(2, Part::Comment);
                }
                (Some(_), _) => self.take(1, Part::Comment),
                (None, _) => return,
            }
            if depth == 0 {
                return;
            }
        }
    }

    fn string(&mut self) {
        self.take(1, Part::Code);
        while let Some(c) = self.peek(0) {
            match c {
                '"' => return self.take(1, Part::Code),
                '\\' => self.take(2, Part::Literal),
                _ => self.take(1, Part::Literal),
            }
        }
    }

    fn begins_raw_string(&self) -> bool {
        let part_of_word = self.at > 0 && super::is_word(self.chars[self.at - 1]);
        let prefixed = self.at > 0 && matches!(self.chars[self.at - 1], 'b' | 'c');
        let hashes = self.hashes_after(1);
        (!part_of_word || prefixed) && self.peek(1 + hashes) == Some('"')
    }

    fn hashes_after(&self, ahead: usize) -> usize {
        let from = (self.at + ahead).min(self.chars.len());
        self.chars[from..].iter().take_while(|&&c| c == '#').count()
    }

    fn raw_string(&mut self) {
        let hashes = self.hashes_after(1);
        self.take(2 + hashes, Part::Code);
        while let Some(c) = self.peek(0) {
            if c == '"' && self.hashes_after(1) >= hashes {
                return self.take(1 + hashes, Part::Code);
            }
            self.take(1, Part::Literal);
        }
    }

    fn character_or_lifetime(&mut self) {
        let length = match (self.peek(1), self.peek(2)) {
            (Some('\\'), _) => self.escaped_length(),
            (Some(_), Some('\'')) => 1,
            _ => return self.take(1, Part::Code),
        };
        self.take(1, Part::Code);
        self.take(length, Part::Literal);
        self.take(1, Part::Code);
    }

    /// The length of an escape such as `\n`, `\'` or `\u{1F600}` behind an opening quote.
    fn escaped_length(&self) -> usize {
        // The escaped character itself may be a quote, so the search begins behind it.
        let from = (self.at + 3).min(self.chars.len());
        let rest = self.chars[from..].iter();
        2 + rest.take_while(|&&c| c != '\'').count()
    }
}
