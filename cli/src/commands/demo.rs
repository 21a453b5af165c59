//! `demo`: the offline tour. It starts real workers of this very program, talks to them like a
//! second terminal, kills one in the middle of its work, and lets another one go on.

use std::path::{Path, PathBuf};
use std::time::Duration;

use layercake_engine::{Record, RunId, Verdict};
use serde_json::{Value, json};

use super::follow::deciding;
use super::named::unexpected;
use crate::args::{DemoArguments, GlobalArguments};
use crate::bundle;
use crate::demo::endpoint::Endpoint;
use crate::demo::worker::{Worker, program_name};
use crate::error::{CommandError, CommandResult, codes};
use crate::exit::Exit;
use crate::host::protocol::{Answer, Request, Until};
use crate::host::{Guest, Purpose, Store, Unanswered};
use crate::report::inbox::question;
use crate::report::progress::Progress;
use crate::report::run::{RunView, paint};
use crate::report::screen::Screen;
use crate::settings::Settings;

/// How many replies are sent before the worker is killed: some, not all.
const KILLED_AFTER: usize = 9;
/// The longest that any part of the tour may take before it counts as broken.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs the command.
pub(crate) async fn run(
    arguments: &DemoArguments,
    global: &GlobalArguments,
    screen: &Screen,
) -> CommandResult {
    if !arguments.yes && !screen.can_ask() {
        return Err(
            CommandError::new(codes::RUN_WAITS, "the tour asks one question")
                .because("there is no terminal to ask it on")
                .next("layercake demo --yes   # answers it for you"),
        );
    }
    let tour = Tour::prepare(arguments, global, screen).await?;
    let told = tokio::time::timeout(PATIENCE, tour.go(arguments.yes)).await;
    told.unwrap_or_else(|_| {
        let happened = format!("the tour did not end within {PATIENCE:?}");
        Err(CommandError::new(codes::INTERNAL, happened).next("layercake doctor"))
    })
}

/// The tour: a folder, the other side of the posts, and what is told.
struct Tour<'a> {
    folder: PathBuf,
    settings: Settings,
    endpoint: Endpoint,
    screen: &'a Screen,
}

impl<'a> Tour<'a> {
    async fn prepare(
        arguments: &DemoArguments,
        global: &GlobalArguments,
        screen: &'a Screen,
    ) -> Result<Self, CommandError> {
        let folder = match &arguments.dir {
            Some(folder) => std::path::absolute(folder).unwrap_or_else(|_| folder.clone()),
            None => fresh_folder()?,
        };
        bundle::unpack(&folder)?;
        // The tour stands alone: its own settings and its own store, whatever else is set.
        let own = GlobalArguments {
            store: Some(folder.join(".layercake")),
            config: Some(folder.join(crate::settings::PROJECT_FILE)),
            ..global.clone()
        };
        let endpoint = Endpoint::open().await.map_err(|error| {
            CommandError::new(codes::INTERNAL, "the tour has no loopback network").because(error)
        })?;
        Ok(Self {
            settings: Settings::load(&own, &folder)?,
            folder,
            endpoint,
            screen,
        })
    }

    async fn go(&self, yes: bool) -> CommandResult {
        self.chapter(
            1,
            "an agent gets a goal, and decides to call a routine by name",
        );
        Worker::start(&self.settings, &["routine", "publish", bundle::ROUTINE])?
            .finished()
            .await?;
        let mut worker = Worker::start(&self.settings, &self.agent_arguments())?;
        let mut guest = self.join(&mut worker).await?;
        let run = self.started(&mut guest).await?;
        let mut progress = Progress::new(self.screen);
        self.follow(&mut guest, run, Until::Waiting, &mut progress)
            .await?;
        let view = self.view(&mut guest, run).await?;
        self.say(&format!(
            "  the model read {} messages: {} calls; now the routine waits on disk",
            bundle::messages(),
            view.model_calls
        ));

        self.chapter(2, "a person approves, from another process");
        self.approve(&mut guest, yes).await?;

        self.chapter(
            3,
            "the worker is killed in the middle of sending (SIGKILL, really)",
        );
        self.endpoint.applied(KILLED_AFTER).await;
        worker.kill().await?;
        let sent = self.endpoint.ledger().applied();
        self.say(&format!(
            "  process {} is gone; {sent} replies had arrived",
            worker.pid()
        ));

        self.chapter(4, "another worker goes on where the record ends");
        let mut worker = Worker::start(&self.settings, &["resume", &run.to_string(), "--wait"])?;
        let mut guest = self.join(&mut worker).await?;
        self.follow(&mut guest, run, Until::End, &mut progress)
            .await?;
        drop(guest);
        worker.finished().await?;
        self.tell_posts();

        self.chapter(5, "a later run recalls what was learned");
        let input = json!({"folder": "messages", "endpoint": self.endpoint.url}).to_string();
        Worker::start(&self.settings, &["run", bundle::ROUTINE, "-i", &input])?
            .finished()
            .await?;
        self.end(run).await
    }

    fn agent_arguments(&self) -> [&str; 6] {
        [
            "agent",
            self.goal(),
            "--autonomy",
            "approve",
            "--wait",
            "--quiet",
        ]
    }

    fn goal(&self) -> &str {
        // The worker needs the text as long as the tour lives; there is one tour in a process.
        static GOAL: std::sync::OnceLock<String> = std::sync::OnceLock::new();
        GOAL.get_or_init(|| {
            let places =
                json!({"folder": self.folder.join("messages"), "endpoint": self.endpoint.url});
            format!("Answer the mail of this morning. Where things are: {places}")
        })
    }

    /// Talks to the worker, as a second terminal would.
    async fn join(&self, worker: &mut Worker) -> Result<Guest, CommandError> {
        loop {
            if let Ok(guest) = Guest::connect(&self.settings.store).await {
                return Ok(guest);
            }
            worker.must_live()?;
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    async fn started(&self, guest: &mut Guest) -> Result<RunId, CommandError> {
        loop {
            let request = Request::Runs {
                status: None,
                all: false,
                limit: 1,
            };
            if let Answer::Runs(list) = self.ask(guest, request).await?
                && let Some(run) = list.runs.first()
            {
                return run.run.parse().map_err(|_| unexpected());
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn approve(&self, guest: &mut Guest, yes: bool) -> Result<(), CommandError> {
        let Answer::Inbox(inbox) = self.ask(guest, Request::Inbox).await? else {
            return Err(unexpected());
        };
        let item = inbox.items.first().ok_or_else(unexpected)?;
        if !yes {
            self.screen.note(&question(item, self.screen.err));
            self.screen
                .draw("send them? They go to a loopback address of this tour. [Y/n] ");
            let mut line = String::new();
            drop(std::io::stdin().read_line(&mut line));
            if line.trim().to_lowercase().starts_with('n') {
                return Err(CommandError::new(
                    codes::RUN_WAITS,
                    "the tour ends here: nothing was sent",
                )
                .next(format!(
                    "cd {} && {} inbox",
                    self.folder.display(),
                    program_name()
                )));
            }
        }
        let deciding = deciding(item, Verdict::Approve, &self.settings.person)?;
        self.ask(guest, Request::Decide(deciding)).await?;
        self.say(&format!("  approved: {}", item.title));
        Ok(())
    }

    /// Follows the run until the worker says that it is there, or has ended its own work: then
    /// the store says the rest.
    async fn follow(
        &self,
        guest: &mut Guest,
        run: RunId,
        until: Until,
        progress: &mut Progress<'_>,
    ) -> Result<(), CommandError> {
        let mut each = |record: &Record| progress.record(record);
        let view = guest.follow(run, until, &mut each).await;
        progress.clear();
        match view {
            Ok(_) | Err(Unanswered::Gone(_)) => Ok(()),
            Err(refused) => Err(refused.into_error()),
        }
    }

    async fn view(&self, guest: &mut Guest, run: RunId) -> Result<RunView, CommandError> {
        match self.ask(guest, Request::View { run }).await? {
            Answer::View(view) => Ok(*view),
            _ => Err(unexpected()),
        }
    }

    async fn ask(&self, guest: &mut Guest, request: Request) -> Result<Answer, CommandError> {
        let answer = guest.ask(&request).await;
        answer.map_err(|unanswered| unanswered.into_error())
    }

    fn tell_posts(&self) {
        let ledger = self.endpoint.ledger();
        self.say(&format!(
            "  {} replies were applied once each: {} posts, {} refused on purpose and tried again, \
             {} repeated after the crash and recognised by its key",
            ledger.applied(),
            ledger.posts,
            ledger.refused,
            ledger.repeated()
        ));
    }

    /// Tells what it cost, which runs there are, and what to type next.
    async fn end(&self, agent: RunId) -> CommandResult {
        let mut store = Store::open(&self.settings, Purpose::Look).await?;
        let Answer::View(view) = store.ask(Request::View { run: agent }).await? else {
            return Err(unexpected());
        };
        let later = self.later_run(&mut store).await?;
        let before = later.output["answeredBefore"]
            .as_array()
            .map_or(0, Vec::len);
        self.say(&format!(
            "  run {} left {before} messages alone: they are answered",
            later.run
        ));
        let ledger = self.endpoint.ledger();
        let sound = view.status == "completed"
            && later.status == "completed"
            && ledger.applied() == before
            && before > KILLED_AFTER;
        if self.screen.json {
            self.screen.document(&json!({
                "schema": "layercake.demo/1",
                "dir": self.folder,
                "ok": sound,
                "runs": [view.run, later.run],
                "applied": ledger.applied(),
                "posts": ledger.posts,
                "refused": ledger.refused,
                "repeated": ledger.repeated(),
                "cost": view.cost,
            }));
        } else {
            self.screen
                .data(&format!("\n{}", paint(&brief(&view), self.screen.out)));
            self.screen.data(&format!(
                "\nruns: {} (agent), {} (later)",
                view.run, later.run
            ));
            self.screen
                .data("prices of the scripted model are pretended");
        }
        let name = program_name();
        self.screen.next(&[
            format!("cd {}", self.folder.display()),
            format!("{name} show {}", view.run),
            format!("{name} ls --all"),
            format!(
                "{name} log {}",
                view.runs.first().map_or(&view.run, |run| &run.run)
            ),
        ]);
        if sound {
            return Ok(Exit::Success);
        }
        Err(
            CommandError::new(codes::INTERNAL, "the tour did not come out as it should").next(
                format!("cd {} && {name} show {}", self.folder.display(), view.run),
            ),
        )
    }

    async fn later_run(&self, store: &mut Store) -> Result<RunView, CommandError> {
        let request = Request::Runs {
            status: None,
            all: false,
            limit: 1,
        };
        let Answer::Runs(list) = store.ask(request).await? else {
            return Err(unexpected());
        };
        let run = list
            .runs
            .first()
            .and_then(|run| run.run.parse().ok())
            .ok_or_else(unexpected)?;
        match store.ask(Request::View { run }).await? {
            Answer::View(view) => Ok(*view),
            _ => Err(unexpected()),
        }
    }

    fn chapter(&self, number: u32, title: &str) {
        self.say(&self.screen.out.bold(&format!("{number}. {title}")));
    }

    fn say(&self, text: &str) {
        if !self.screen.json {
            self.screen.data(text);
        }
    }
}

/// The view without what would fill the screen.
fn brief(view: &RunView) -> RunView {
    RunView {
        runs: view
            .runs
            .iter()
            .filter(|run| run.parent.as_deref() == Some(&view.run))
            .cloned()
            .collect(),
        output: Value::Null,
        ..view.clone()
    }
}

fn fresh_folder() -> Result<PathBuf, CommandError> {
    let base = std::env::temp_dir();
    let name = super::run::fresh_id()?.to_string().to_lowercase();
    Ok(Path::new(&base).join(format!("layercake-demo-{}", &name[16..])))
}
