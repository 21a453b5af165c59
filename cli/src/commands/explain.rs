//! `explain`: what a code means and what to do.

use serde_json::json;

use crate::args::ExplainArguments;
use crate::error::{Code, CommandError, CommandResult, codes};
use crate::exit::Exit;
use crate::report::screen::Screen;

/// Runs the command.
pub(crate) fn run(arguments: &ExplainArguments, screen: &Screen) -> CommandResult {
    match &arguments.code {
        Some(id) => explain(id, screen),
        None => {
            list(screen);
            Ok(Exit::Success)
        }
    }
}

fn explain(id: &str, screen: &Screen) -> CommandResult {
    let Some(found) = find(id) else {
        return Err(
            CommandError::new(codes::CODE_UNKNOWN, format!("there is no code `{id}`"))
                .because("codes are LC and four digits")
                .next("layercake explain   # lists all"),
        );
    };
    if screen.json {
        screen.document(&json!({
            "schema": "layercake.explain/1",
            "code": found.id,
            "exit": found.exit,
            "title": found.title,
            "text": found.text,
        }));
    } else {
        let head = screen.out.bold(&format!("{}: {}", found.id, found.title));
        screen.data(&format!(
            "{head}\n\n{}\n\nexit code {}",
            found.text, found.exit
        ));
    }
    Ok(Exit::Success)
}

fn list(screen: &Screen) {
    let entries = entries();
    if screen.json {
        let codes: Vec<_> = entries
            .iter()
            .map(|entry| json!({"code": entry.id, "exit": entry.exit, "title": entry.title}))
            .collect();
        screen.document(&json!({"schema": "layercake.codes/1", "codes": codes}));
        return;
    }
    for entry in entries {
        screen.data(&format!(
            "{}  {}  {}",
            screen.out.bold(&entry.id),
            entry.exit,
            entry.title
        ));
    }
}

/// A code of this program or of the engine.
struct Entry {
    id: String,
    exit: u8,
    title: String,
    text: String,
}

fn entries() -> Vec<Entry> {
    let own = codes::ALL.iter().map(Entry::of);
    let definitions = layercake_engine::codes().iter().map(Entry::of_definition);
    let mut entries: Vec<Entry> = own.chain(definitions).collect();
    entries.sort_by(|a, b| a.id.cmp(&b.id));
    entries
}

fn find(id: &str) -> Option<Entry> {
    let id = id.to_ascii_uppercase();
    entries().into_iter().find(|entry| entry.id == id)
}

impl Entry {
    fn of(code: &Code) -> Self {
        Self {
            id: code.id.to_owned(),
            exit: code.exit as u8,
            title: code.title.to_owned(),
            text: code.text.to_owned(),
        }
    }

    /// A remark about a definition; a definition with errors is a mistake of its author.
    fn of_definition(code: &layercake_engine::Code) -> Self {
        Self {
            id: code.code.to_owned(),
            exit: codes::DEFINITION.exit as u8,
            title: code.title.to_owned(),
            text: code.explanation.to_owned(),
        }
    }
}
