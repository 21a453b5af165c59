//! Collects remarks while a definition is read.

use super::codes;
use super::diagnostic::{Diagnostic, Related, Severity};
use super::node::Node;
use super::span::{Span, Text};

/// The most remarks that one reading keeps. A person mends some and reads again.
const REMARKS_MAX: usize = 200;

/// The remarks so far, and the text that they are about.
pub(crate) struct Report {
    text: Text,
    remarks: Vec<Remark>,
    /// Takes what no longer fits.
    overflow: Remark,
}

/// A remark without line, column and pointer, which are found at the end.
#[derive(Debug, Clone, Default)]
pub(crate) struct Remark {
    code: &'static str,
    warning: bool,
    span: Span,
    message: String,
    label: String,
    help: Option<String>,
    related: Vec<(String, Span)>,
}

impl Remark {
    /// Adds what would help.
    pub(crate) fn help(&mut self, help: impl Into<String>) -> &mut Self {
        self.help = Some(help.into());
        self
    }

    /// Adds what would help, if anything is known.
    pub(crate) fn help_if_some(&mut self, help: Option<String>) -> &mut Self {
        self.help = help.or(self.help.take());
        self
    }

    /// Says in few words what stands at the place.
    pub(crate) fn label(&mut self, label: impl Into<String>) -> &mut Self {
        self.label = label.into();
        self
    }

    /// Adds another place.
    pub(crate) fn related(&mut self, message: impl Into<String>, span: Span) -> &mut Self {
        self.related.push((message.into(), span));
        self
    }
}

impl Report {
    pub(crate) fn new(source: &str) -> Self {
        Self {
            text: Text::new(source),
            remarks: Vec::new(),
            overflow: Remark::default(),
        }
    }

    pub(crate) fn source(&self) -> &str {
        self.text.as_str()
    }

    /// Returns the line that a byte stands on.
    pub(crate) fn line_at(&self, byte: usize) -> &str {
        self.text.line(self.text.position(byte).0)
    }

    /// Adds an error.
    pub(crate) fn error(
        &mut self,
        code: &'static str,
        span: Span,
        message: impl Into<String>,
    ) -> &mut Remark {
        self.add(Remark {
            code,
            span,
            message: message.into(),
            ..Remark::default()
        })
    }

    /// Says that a key is given twice.
    pub(crate) fn duplicate_key(&mut self, key: &str, span: Span, first: Span) {
        let message = format!("the key `{key}` is given twice");
        self.error(codes::DUPLICATE_KEY, span, message)
            .related("it is given here first", first);
    }

    /// Adds a warning.
    pub(crate) fn warning(
        &mut self,
        code: &'static str,
        span: Span,
        message: impl Into<String>,
    ) -> &mut Remark {
        self.add(Remark {
            code,
            warning: true,
            span,
            message: message.into(),
            ..Remark::default()
        })
    }

    fn add(&mut self, remark: Remark) -> &mut Remark {
        if self.remarks.len() >= REMARKS_MAX {
            self.overflow = remark;
            return &mut self.overflow;
        }
        self.remarks.push(remark);
        self.remarks.last_mut().expect("it was just pushed")
    }

    /// Tells whether more remarks would be dropped, so that nobody need think about them.
    pub(crate) fn is_full(&self) -> bool {
        self.remarks.len() >= REMARKS_MAX
    }

    /// Returns how many errors there are so far.
    pub(crate) fn error_count(&self) -> usize {
        self.remarks.iter().filter(|remark| !remark.warning).count()
    }

    /// Tells whether there is a remark with any of these codes.
    pub(crate) fn mentions_any(&self, codes: &[&str]) -> bool {
        self.remarks
            .iter()
            .any(|remark| codes.contains(&remark.code))
    }

    /// Tells whether a remark with that code stands at that place.
    pub(crate) fn mentions(&self, code: &str, span: Span) -> bool {
        self.remarks
            .iter()
            .any(|remark| remark.code == code && remark.span == span)
    }

    /// Tells whether anything so far makes the definition unusable.
    pub(crate) fn has_errors(&self) -> bool {
        self.remarks.iter().any(|remark| !remark.warning)
    }

    /// Returns the remarks in the order of the text, each once.
    pub(crate) fn finish(mut self, root: Option<&Node>) -> Vec<Diagnostic> {
        let remarks = std::mem::take(&mut self.remarks);
        let mut diagnostics: Vec<_> = remarks
            .into_iter()
            .map(|remark| self.diagnostic(remark, root))
            .collect();
        diagnostics.sort_by(|a, b| {
            (a.span.start, a.code, &a.message).cmp(&(b.span.start, b.code, &b.message))
        });
        diagnostics.dedup();
        diagnostics
    }

    fn diagnostic(&self, remark: Remark, root: Option<&Node>) -> Diagnostic {
        let (line, column) = self.text.position(remark.span.start);
        let severity = match remark.warning {
            true => Severity::Warning,
            false => Severity::Error,
        };
        let related = remark.related.into_iter().map(|(message, span)| {
            let (line, column) = self.text.position(span.start);
            Related {
                message,
                span,
                line,
                column,
            }
        });
        Diagnostic {
            code: remark.code,
            severity,
            message: remark.message,
            label: remark.label,
            span: remark.span,
            line,
            column,
            pointer: root.map_or_else(String::new, |root| root.pointer_at(remark.span)),
            help: remark.help,
            related: related.collect(),
        }
    }
}
