//! `diff`: what differs between two runs, where that began, and why.

use std::collections::BTreeSet;
use std::path::Path;

use layercake_engine::diff::{Verdict, compare};

use super::named::{self, unexpected};
use crate::args::DiffArguments;
use crate::error::{CommandError, CommandResult, codes};
use crate::exit::Exit;
use crate::report::diff::{DiffView, paint, stat};
use crate::report::diff_page::page;
use crate::report::run::view;
use crate::report::screen::Screen;
use crate::session::steps::steps;
use crate::settings::Settings;

/// Runs the command.
pub(crate) async fn run(
    arguments: &DiffArguments,
    settings: Settings,
    cwd: &Path,
    screen: &Screen,
) -> CommandResult {
    let a = named::tree_of(&settings, &arguments.a, cwd).await?;
    let b = named::tree_of(&settings, &arguments.b, cwd).await?;
    let found = compare(&a, &b, &steps);
    let views = (view(&a.logs), view(&b.logs));
    let (Some(a), Some(b)) = views else {
        return Err(unexpected());
    };
    let ignored: BTreeSet<String> = arguments.ignore.iter().cloned().collect();
    if let Some(file) = &arguments.html {
        let path = cwd.join(file);
        std::fs::write(&path, page(&a, &b, &found, &ignored)).map_err(|error| {
            let happened = format!("{} cannot be written", file.display());
            CommandError::new(codes::FILE_UNREADABLE, happened).because(error)
        })?;
        screen.note(&format!("wrote {}", file.display()));
    }
    if screen.json {
        screen.document(&DiffView::new(&a, &b, &found, &ignored));
    } else if arguments.stat || arguments.full {
        screen.data(&stat(&found, arguments.full, screen.out));
    } else {
        screen.data(&paint(&a, &b, &found, &ignored, screen.out));
        if let Some(origin) = found.origins.iter().find(|origin| !origin.task.is_empty()) {
            let place = origin.b.or(origin.a);
            let run = place.map_or(b.run.clone(), |place| place.run.to_string());
            let task = origin.task.rsplit(" > ").next().unwrap_or_default();
            screen.next(&[format!("layercake show {run}:{task}")]);
        }
    }
    Ok(match found.verdict {
        Verdict::Same => Exit::Success,
        Verdict::Diverged => Exit::Failed,
        Verdict::NotComparable => Exit::Incomparable,
    })
}
