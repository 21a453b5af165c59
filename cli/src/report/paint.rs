//! Colour, and text from outside made safe for a terminal.

use std::io::IsTerminal;

/// Colours text, or leaves it as it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Paint {
    on: bool,
}

/// A stream that can be painted on.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

impl Paint {
    /// Leaves every text as it is.
    #[cfg(test)]
    pub(crate) const PLAIN: Self = Self { on: false };

    /// Decides for a stream: a terminal, not a dumb one, and nobody said no.
    ///
    /// Source: no-color.org; clig.dev, "Output".
    pub(crate) fn for_stream(stream: Stream, no_color: bool) -> Self {
        let terminal = match stream {
            Stream::Out => std::io::stdout().is_terminal(),
            Stream::Err => std::io::stderr().is_terminal(),
        };
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
        Self {
            on: terminal && !no_color && !refused && !dumb,
        }
    }

    /// Tells whether the stream understands cursor movements and colour.
    pub(crate) fn is_on(self) -> bool {
        self.on
    }

    pub(crate) fn bold(self, text: &str) -> String {
        self.wrap("1", text)
    }

    pub(crate) fn dim(self, text: &str) -> String {
        self.wrap("2", text)
    }

    pub(crate) fn red(self, text: &str) -> String {
        self.wrap("31", text)
    }

    pub(crate) fn green(self, text: &str) -> String {
        self.wrap("32", text)
    }

    pub(crate) fn yellow(self, text: &str) -> String {
        self.wrap("33", text)
    }

    pub(crate) fn cyan(self, text: &str) -> String {
        self.wrap("36", text)
    }

    /// Colours the name of a status by what it means.
    pub(crate) fn status(self, status: &str) -> String {
        match status {
            "completed" => self.green(status),
            "faulted" | "cancelled" | "interrupted" => self.red(status),
            "waiting" | "suspended" => self.yellow(status),
            _ => self.cyan(status),
        }
    }

    fn wrap(self, code: &str, text: &str) -> String {
        if self.on && !text.is_empty() {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }
}

/// Makes text from outside safe for one line of a terminal: no control characters, at most
/// that many characters, an ellipsis when it was longer.
pub(crate) fn one_line(text: &str, chars_max: usize) -> String {
    let mut line = String::new();
    let mut gap = false;
    for (count, letter) in text.chars().enumerate() {
        if count >= chars_max {
            line.push('…');
            return line;
        }
        if letter.is_control() || letter.is_whitespace() {
            gap = !line.is_empty();
            continue;
        }
        if std::mem::take(&mut gap) {
            line.push(' ');
        }
        line.push(letter);
    }
    line
}

/// Makes text from outside safe for a terminal, keeping its lines.
pub(crate) fn safe_text(text: &str) -> String {
    let safe = |letter: char| match letter {
        '\n' | '\t' => letter,
        other if other.is_control() => '\u{fffd}',
        other => other,
    };
    text.chars().map(safe).collect()
}

/// Writes a length of time for people.
pub(crate) fn duration(millis: u64) -> String {
    match millis {
        0..1_000 => format!("{millis} ms"),
        1_000..60_000 => format!("{}.{} s", millis / 1_000, millis % 1_000 / 100),
        60_000..3_600_000 => format!("{} min {} s", millis / 60_000, millis % 60_000 / 1_000),
        _ => format!(
            "{} h {} min",
            millis / 3_600_000,
            millis % 3_600_000 / 60_000
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::{duration, one_line, safe_text};

    #[test]
    fn text_from_outside_cannot_move_the_cursor() {
        assert_eq!(one_line("a\u{1b}[2J\n\n b", 20), "a [2J b");
        assert_eq!(one_line("abcdef", 3), "abc…");
        assert_eq!(safe_text("a\n\u{1b}b"), "a\n\u{fffd}b");
    }

    #[test]
    fn durations_are_short() {
        assert_eq!(duration(12), "12 ms");
        assert_eq!(duration(3_250), "3.2 s");
        assert_eq!(duration(125_000), "2 min 5 s");
        assert_eq!(duration(7_260_000), "2 h 1 min");
    }
}
