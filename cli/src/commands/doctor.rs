//! `doctor`: performs what the program needs, for real, and says how to mend what fails.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use layercake_engine::journal::{Journal, JournalReads, RedbJournal};
use layercake_model::{CallContext, Message, Model, Request, Sampling, collect};
use serde::Serialize;

use crate::assemble::JOURNAL_FILE;
use crate::demo::endpoint::Endpoint;
use crate::error::CommandResult;
use crate::exit::Exit;
use crate::host::socket;
use crate::models::{DEFAULT_ALIAS, Models};
use crate::report::screen::Screen;
use crate::settings::Settings;

/// How long a model may take to say something.
const MODEL_PATIENCE: Duration = Duration::from_secs(20);
/// 2024-01-01: a clock that shows less was never set.
const CLOCK_MILLIS_MIN: u64 = 1_704_067_200_000;

/// One check.
#[derive(Debug, Serialize)]
struct Check {
    name: String,
    ok: bool,
    found: String,
    fix: Option<String>,
}

impl Check {
    fn new(name: &str, result: Result<String, String>, fix: &str) -> Self {
        let ok = result.is_ok();
        Self {
            name: name.to_owned(),
            ok,
            found: result.unwrap_or_else(|error| error),
            fix: (!ok).then(|| fix.to_owned()),
        }
    }
}

/// `layercake.doctor/1`.
#[derive(Debug, Serialize)]
struct DoctorView {
    schema: &'static str,
    ok: bool,
    checks: Vec<Check>,
}

/// Runs the command.
pub(crate) async fn run(settings: Settings, screen: &Screen) -> CommandResult {
    let mut checks = vec![
        settings_file(&settings),
        clock(),
        disk(&settings.store),
        store(&settings.store),
        terminals(&settings.store).await,
        network().await,
    ];
    checks.extend(models(&settings).await);
    let view = DoctorView {
        schema: "layercake.doctor/1",
        ok: checks.iter().all(|check| check.ok),
        checks,
    };
    paint(&view, screen);
    Ok(if view.ok { Exit::Success } else { Exit::Failed })
}

fn paint(view: &DoctorView, screen: &Screen) {
    if screen.json {
        screen.document(view);
        return;
    }
    for check in &view.checks {
        let mark = if check.ok {
            screen.out.green("✓")
        } else {
            screen.out.red("✗")
        };
        screen.data(&format!("{mark} {:<20} {}", check.name, check.found));
        if let Some(fix) = &check.fix {
            screen.data(&format!("  {} {fix}", screen.out.yellow("fix:")));
        }
    }
}

fn settings_file(settings: &Settings) -> Check {
    let found = match &settings.config {
        Some(path) => format!("read from {}", path.display()),
        None => "no layercake.toml; everything is as built in".to_owned(),
    };
    Check::new("settings", Ok(found), "")
}

fn clock() -> Check {
    let now = crate::agents::now();
    let result = if now.as_millis() >= CLOCK_MILLIS_MIN {
        Ok(now.to_string())
    } else {
        Err(format!("the clock shows {now}"))
    };
    Check::new("clock", result, "set the clock of this machine")
}

/// Makes a store beside the real one, writes to it, reads it again, and removes it.
fn disk(store: &Path) -> Check {
    let scratch = store.with_extension(format!("doctor-{}", std::process::id()));
    let result = try_disk(&scratch);
    // What cannot be removed was reported by the check itself, or is empty.
    drop(std::fs::remove_dir_all(&scratch));
    let fix = format!("make {} writable, or free some space", store.display());
    Check::new("disk", result, &fix)
}

fn try_disk(scratch: &Path) -> Result<String, String> {
    std::fs::create_dir_all(scratch).map_err(|error| error.to_string())?;
    let file = scratch.join(JOURNAL_FILE);
    let began = std::time::Instant::now();
    {
        let journal = RedbJournal::open(&file).map_err(|error| error.to_string())?;
        journal.claim().map_err(|error| error.to_string())?;
    }
    let journal = RedbJournal::open(&file).map_err(|error| error.to_string())?;
    let facts = journal.facts().map_err(|error| error.to_string())?;
    if facts.epoch.number() == 0 {
        return Err("what was written was not there any more".to_owned());
    }
    Ok(format!(
        "a store was made, written and read again in {} ms",
        began.elapsed().as_millis()
    ))
}

/// Reads the real store whole.
fn store(store: &Path) -> Check {
    let file = store.join(JOURNAL_FILE);
    let result = if file.is_file() {
        try_store(&file)
    } else {
        Ok(format!("none yet; the first run makes {}", store.display()))
    };
    Check::new(
        "store",
        result,
        "restore it from a copy, or name another one: --store DIR",
    )
}

fn try_store(file: &Path) -> Result<String, String> {
    let journal = match RedbJournal::open(file) {
        Ok(journal) => journal,
        Err(layercake_engine::journal::JournalError::InUse) => {
            return Ok("another process works on it, so its content was not read".to_owned());
        }
        Err(error) => return Err(error.to_string()),
    };
    let damage = journal.check().map_err(|error| error.to_string())?;
    if let Some(first) = damage.first() {
        return Err(format!(
            "{} contradictions, the first: {}",
            damage.len(),
            first.message
        ));
    }
    let facts = journal.facts().map_err(|error| error.to_string())?;
    Ok(format!(
        "sound: {} runs, {} KB, format {}",
        facts.runs,
        facts.size_bytes / 1024,
        facts.format
    ))
}

/// Opens a socket like the one that other terminals use, and talks through it.
async fn terminals(store: &Path) -> Check {
    let scratch = store.with_extension(format!("doctor-{}", std::process::id()));
    let result = try_terminals(&scratch)
        .await
        .map_err(|error| error.to_string());
    drop(std::fs::remove_dir_all(&scratch));
    Check::new(
        "second terminal",
        result,
        "put the store on a local file system: --store DIR",
    )
}

async fn try_terminals(scratch: &Path) -> std::io::Result<String> {
    std::fs::create_dir_all(scratch)?;
    let listening = socket::listen(scratch)?;
    let mut client = socket::connect(scratch).await?;
    let (server, _) = listening.listener.accept().await?;
    socket::send(&mut client, &1).await?;
    let mut server = tokio::io::BufReader::new(server);
    match socket::receive::<_, u32>(&mut server).await? {
        Some(1) => Ok("a line went through a socket".to_owned()),
        _ => Err(std::io::ErrorKind::InvalidData.into()),
    }
}

async fn network() -> Check {
    let result = match Endpoint::open().await {
        Ok(endpoint) => tokio::net::TcpStream::connect(endpoint.address())
            .await
            .map(|_| "a loopback connection was made".to_owned()),
        Err(error) => Err(error),
    };
    let result = result.map_err(|error| error.to_string());
    Check::new("loopback", result, "allow connections to 127.0.0.1")
}

/// Asks each configured model for one word. Real models charge for it: a few tokens.
async fn models(settings: &Settings) -> Vec<Check> {
    let models = match Models::open(settings) {
        Ok(models) => models,
        Err(error) => {
            let fix = error.next.join("; ");
            return vec![Check::new("models", Err(error.told()), &fix)];
        }
    };
    let mut aliases: Vec<String> = models
        .aliases()
        .map(|(alias, _)| alias.to_owned())
        .collect();
    if aliases.is_empty() {
        aliases.push(DEFAULT_ALIAS.to_owned());
    }
    let mut checks = Vec::new();
    for alias in aliases {
        let result = match models.get(&alias) {
            Ok(model) => ask(model).await,
            Err(error) => Err(error.told()),
        };
        let fix = format!(
            "look at the line `{alias} = …` under [models], and at the key in the environment"
        );
        checks.push(Check::new(&format!("model {alias}"), result, &fix));
    }
    checks
}

async fn ask(model: Arc<dyn Model>) -> Result<String, String> {
    let request = Request {
        messages: vec![Message::user("Reply with the word ready.")],
        sampling: Sampling {
            output_tokens_max: Some(64),
            ..Sampling::default()
        },
        ..Request::default()
    };
    let context = CallContext {
        timeout: Some(MODEL_PATIENCE),
        ..CallContext::default()
    };
    let reply = async { collect(model.respond(request, context).await?).await };
    let reply = reply.await.map_err(|error| error.message)?;
    let descriptor = model.descriptor();
    let tokens = reply.usage.total_tokens();
    Ok(format!(
        "{}/{} answered ({tokens} tokens)",
        descriptor.provider, reply.model
    ))
}
