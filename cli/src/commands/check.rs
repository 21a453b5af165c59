//! `check`: everything that is wrong with definitions, without running anything.

use std::io::Read;
use std::path::Path;

use layercake_engine::{Catalog, Definition, Diagnostic};

use crate::args::CheckArguments;
use crate::definitions;
use crate::error::{CommandError, CommandResult, codes};
use crate::exit::Exit;
use crate::report::check::{CheckView, FileView, exhibit};
use crate::report::screen::Screen;

/// Runs the command.
pub(crate) fn run(arguments: &CheckArguments, screen: &Screen) -> CommandResult {
    let catalog = Catalog::standard();
    let mut files = Vec::new();
    for path in &arguments.files {
        let (name, source) = load(path)?;
        let remarks = match Definition::read(&source, &catalog) {
            Ok(checked) => checked.warnings,
            Err(remarks) => remarks,
        };
        let view = FileView::new(&name, &remarks);
        if !screen.json {
            paint(&view, &source, &remarks, screen);
        }
        files.push(view);
    }
    let ok = files.iter().all(|file| file.ok);
    if screen.json {
        screen.document(&CheckView {
            schema: "layercake.check/1",
            files,
        });
    }
    Ok(if ok { Exit::Success } else { Exit::Failed })
}

fn load(path: &Path) -> Result<(String, String), CommandError> {
    if path != Path::new("-") {
        let name = path.display().to_string();
        let source = definitions::source(path, &name)?;
        return Ok((name, source));
    }
    let mut source = String::new();
    std::io::stdin()
        .read_to_string(&mut source)
        .map_err(|error| {
            CommandError::new(codes::FORMAT_UNKNOWN, "standard input is not a definition")
                .because(error)
        })?;
    Ok(("-".to_owned(), source))
}

fn paint(view: &FileView, source: &str, remarks: &[Diagnostic], screen: &Screen) {
    if !remarks.is_empty() {
        screen.data(&exhibit(&view.file, source, remarks, screen.out));
    }
    let verdict = if view.ok {
        screen.out.green("can be run")
    } else {
        screen.out.red("cannot be run")
    };
    screen.data(&format!("{}: {verdict}", view.file));
}
