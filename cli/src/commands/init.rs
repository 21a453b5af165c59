//! `init`: a new project that runs at once on the scripted model.

use serde_json::json;

use crate::args::InitArguments;
use crate::bundle;
use crate::error::CommandResult;
use crate::exit::Exit;
use crate::report::screen::Screen;

/// Runs the command.
pub(crate) fn run(arguments: &InitArguments, screen: &Screen) -> CommandResult {
    bundle::unpack(&arguments.dir)?;
    let folder = arguments.dir.display();
    if screen.json {
        let files: Vec<&str> = bundle::INBOX.iter().map(|(name, _)| *name).collect();
        screen.document(&json!({
            "schema": "layercake.init/1",
            "dir": arguments.dir,
            "example": arguments.example,
            "files": files,
        }));
        return Ok(Exit::Success);
    }
    let messages = bundle::messages();
    screen.data(&format!("wrote a project to {folder}"));
    for (name, what) in [
        ("layercake.toml", "which model stands behind which name"),
        (
            bundle::ROUTINE,
            "the routine: read, decide, draft, ask, send",
        ),
        ("skills/company-voice/SKILL.md", "how replies are written"),
        (bundle::RULES, "what the scripted model answers"),
    ] {
        screen.data(&format!("  {name:<32}{}", screen.out.dim(what)));
    }
    let name = format!("{}/", bundle::MESSAGES);
    let what = format!("{messages} messages to try it on");
    screen.data(&format!("  {name:<32}{}", screen.out.dim(&what)));
    let input = format!(r#"'{{"folder":"{}"}}'"#, bundle::MESSAGES);
    screen.next(&[
        format!("cd {folder}"),
        format!("layercake run {} -i {input}", bundle::ROUTINE),
    ]);
    Ok(Exit::Success)
}
