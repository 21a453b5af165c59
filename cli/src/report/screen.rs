//! The two streams: data on standard output, everything else on standard error.

use std::io::{ErrorKind, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Serialize;

use super::paint::{Paint, Stream};
use crate::args::GlobalArguments;
use crate::error::CommandError;

/// Where a command prints. Cheap to share; holds no buffer.
#[derive(Debug)]
pub(crate) struct Screen {
    /// Whether results are JSON documents.
    pub(crate) json: bool,
    /// Colours of standard output.
    pub(crate) out: Paint,
    /// Colours of standard error.
    pub(crate) err: Paint,
    quiet: bool,
    /// Set once by whoever fails to write; read at the end of the program.
    broken: AtomicBool,
}

impl Screen {
    /// Looks at the flags and at what the streams are.
    pub(crate) fn new(global: &GlobalArguments) -> Self {
        Self {
            json: global.json,
            out: Paint::for_stream(Stream::Out, global.no_color || global.json),
            err: Paint::for_stream(Stream::Err, global.no_color),
            quiet: global.quiet,
            broken: AtomicBool::new(false),
        }
    }

    /// Tells whether somebody can be asked: a terminal on both ends, and words are wanted.
    pub(crate) fn can_ask(&self) -> bool {
        !self.json && std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
    }

    /// Tells whether progress may be drawn: on a terminal that understands it, and not quiet.
    pub(crate) fn can_draw(&self) -> bool {
        !self.quiet && self.err.is_on()
    }

    /// Prints one line of data, or several.
    pub(crate) fn data(&self, text: &str) {
        self.write(Stream::Out, text);
    }

    /// Prints a JSON document.
    pub(crate) fn document(&self, document: &impl Serialize) {
        let text = serde_json::to_string_pretty(document)
            .expect("view models have string keys and finite numbers");
        self.data(&text);
    }

    /// Prints one JSON document on one line.
    pub(crate) fn json_line(&self, document: &impl Serialize) {
        let text = serde_json::to_string(document)
            .expect("view models have string keys and finite numbers");
        self.data(&text);
    }

    /// Prints a remark, unless only data was asked for.
    pub(crate) fn note(&self, text: &str) {
        if !self.quiet {
            self.write(Stream::Err, text);
        }
    }

    /// Prints the commands that are useful now.
    pub(crate) fn next(&self, commands: &[String]) {
        for (i, command) in commands.iter().enumerate() {
            let label = if i == 0 { "next:" } else { "     " };
            self.note(&format!("{} {command}", self.err.dim(label)));
        }
    }

    /// Prints an error: what happened, why, and what to type next.
    pub(crate) fn error(&self, error: &CommandError) {
        if self.json {
            self.document(&error.document());
        }
        self.error_words(error);
    }

    /// Prints the words of an error; for commands that have printed their document already.
    pub(crate) fn error_words(&self, error: &CommandError) {
        let head = format!("error[{}]", error.code.id);
        let mut text = format!("{}: {}", self.err.red(&head), error.happened);
        if let Some(exhibit) = &error.exhibit {
            text.push('\n');
            text.push_str(exhibit.trim_end());
        }
        if let Some(why) = &error.why {
            text.push_str(&format!("\n  {}  {why}", self.err.dim("why:")));
        }
        for next in &error.next {
            text.push_str(&format!("\n  {} {next}", self.err.dim("next:")));
        }
        text.push_str(&format!(
            "\n  {} layercake explain {}",
            self.err.dim("more:"),
            error.code.id
        ));
        self.write(Stream::Err, &text);
    }

    /// Writes to standard error without a line end; for prompts and drawings.
    pub(crate) fn draw(&self, text: &str) {
        let mut err = std::io::stderr().lock();
        if err
            .write_all(text.as_bytes())
            .and_then(|()| err.flush())
            .is_err()
        {
            self.broken.store(true, Ordering::Relaxed);
        }
    }

    /// Tells whether standard output could not take what it was given (other than by a reader
    /// that had seen enough).
    pub(crate) fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Relaxed)
    }

    fn write(&self, stream: Stream, text: &str) {
        let line = format!("{text}\n");
        let result = match stream {
            Stream::Out => std::io::stdout().lock().write_all(line.as_bytes()),
            Stream::Err => std::io::stderr().lock().write_all(line.as_bytes()),
        };
        let failed = |error: std::io::Error| error.kind() != ErrorKind::BrokenPipe;
        if result.is_err_and(failed) {
            self.broken.store(true, Ordering::Relaxed);
        }
    }
}
