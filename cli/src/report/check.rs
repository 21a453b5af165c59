//! What is wrong with definitions: `layercake.check/1` and its words.

use layercake_engine::{Diagnostic, Severity};
use serde::Serialize;

use super::paint::{Paint, safe_text};

/// `layercake.check/1`.
#[derive(Debug, Serialize)]
pub(crate) struct CheckView {
    /// `layercake.check/1`.
    pub(crate) schema: &'static str,
    /// One entry for each file, in the order of the command line.
    pub(crate) files: Vec<FileView>,
}

/// One file.
#[derive(Debug, Serialize)]
pub(crate) struct FileView {
    /// The name as it was given.
    pub(crate) file: String,
    /// Whether it can be run.
    pub(crate) ok: bool,
    /// What there is to say, errors and warnings, in the order of the text.
    pub(crate) diagnostics: Vec<DiagnosticView>,
}

/// One remark. Line and column count from 1.
#[derive(Debug, Serialize)]
pub(crate) struct DiagnosticView {
    code: String,
    severity: &'static str,
    message: String,
    line: usize,
    column: usize,
    pointer: String,
    help: Option<String>,
}

impl FileView {
    /// Makes the view of one file from what the engine said about it.
    pub(crate) fn new(file: &str, diagnostics: &[Diagnostic]) -> Self {
        let errors = diagnostics
            .iter()
            .any(|remark| remark.severity == Severity::Error);
        Self {
            file: file.to_owned(),
            ok: !errors,
            diagnostics: diagnostics.iter().map(DiagnosticView::new).collect(),
        }
    }
}

impl DiagnosticView {
    fn new(remark: &Diagnostic) -> Self {
        Self {
            code: remark.code.to_owned(),
            severity: remark.severity.name(),
            message: remark.message.clone(),
            line: remark.line,
            column: remark.column,
            pointer: remark.pointer.clone(),
            help: remark.help.clone(),
        }
    }
}

/// Draws remarks with the lines of the source that they are about.
pub(crate) fn exhibit(file: &str, source: &str, remarks: &[Diagnostic], paint: Paint) -> String {
    let drawn: Vec<String> = remarks
        .iter()
        .map(|remark| draw(file, source, remark, paint))
        .collect();
    drawn.join("\n\n")
}

fn draw(file: &str, source: &str, remark: &Diagnostic, paint: Paint) -> String {
    let head = format!("{}[{}]", remark.severity.name(), remark.code);
    let head = match remark.severity {
        Severity::Error => paint.red(&head),
        Severity::Warning => paint.yellow(&head),
    };
    let (line, column) = (remark.line, remark.column);
    let mut text = format!("{file}:{line}:{column}: {head}: {}", remark.message);
    if let Some(excerpt) = source.lines().nth(line.saturating_sub(1)) {
        text.push_str(&underlined(excerpt, source, remark, paint));
    }
    for related in &remark.related {
        text.push_str(&format!(
            "\n  {}:{}: {}",
            related.line, related.column, related.message
        ));
    }
    if let Some(help) = &remark.help {
        text.push_str(&format!("\n  {} {help}", paint.green("help:")));
    }
    text
}

fn underlined(excerpt: &str, source: &str, remark: &Diagnostic, paint: Paint) -> String {
    let excerpt = safe_text(&excerpt.replace('\t', " "));
    let number = remark.line.to_string();
    let margin = " ".repeat(number.len());
    let before = " ".repeat(remark.column.saturating_sub(1));
    let marked = source
        .get(remark.span.start..remark.span.end)
        .and_then(|text| text.lines().next())
        .map_or(1, |text| text.chars().count());
    let room = excerpt.chars().count().saturating_sub(remark.column - 1);
    let marks = "^".repeat(marked.clamp(1, room.max(1)));
    format!(
        "\n  {bar_number} {excerpt}\n  {bar} {before}{marks}",
        bar_number = paint.dim(&format!("{number} |")),
        bar = paint.dim(&format!("{margin} |")),
        marks = paint.red(format!("{marks} {}", remark.label).trim_end()),
    )
}
