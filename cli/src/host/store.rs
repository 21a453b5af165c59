//! How a command reaches the store: it opens it, or asks the process that has it open.

use std::sync::Arc;
use std::time::{Duration, Instant};

use layercake_engine::journal::Journal;
use layercake_engine::{Record, RunId};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::guest::{Guest, Unanswered};
use super::protocol::{Answer, Request, Until};
use super::server;
use super::service::{self, Service};
use super::socket::{self, Listening};
use crate::assemble::{OpenError, assemble, open_journal};
use crate::error::{CommandError, codes};
use crate::models::Models;
use crate::report::run::RunView;
use crate::settings::Settings;

/// How long a taken store is asked for: another process may be opening or closing it.
const PATIENCE: Duration = Duration::from_secs(10);
/// The pause between two tries.
const PAUSE: Duration = Duration::from_millis(25);
/// How long effects under way may take to come back when this process ends.
const SHUTDOWN_PATIENCE: Duration = Duration::from_secs(5);

/// How long answers on their way to other terminals may take when this process ends.
const GRACE: Duration = Duration::from_millis(500);

/// What a command wants of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Only to read; nothing is taken up or changed.
    Look,
    /// To run things.
    Work,
}

/// The way to the store.
#[derive(Debug)]
pub(crate) struct Store {
    settings: Settings,
    purpose: Purpose,
    way: Way,
}

#[derive(Debug)]
enum Way {
    /// This process has it open and serves it.
    Own(Arc<Service>, Option<Serving>),
    /// This process has it open, to read.
    Look(Arc<dyn Journal>),
    /// Another process has it open.
    Guest(Guest),
}

impl Store {
    /// Opens the store, or finds the process that has it open.
    ///
    /// # Errors
    ///
    /// The store cannot be opened, the settings name a model that cannot be opened, or the
    /// process that has the store does not answer.
    pub(crate) async fn open(settings: &Settings, purpose: Purpose) -> Result<Self, CommandError> {
        Ok(Self {
            settings: settings.clone(),
            purpose,
            way: find_way(settings, purpose).await?,
        })
    }

    /// Tells whether another process has the store open.
    pub(crate) fn is_guest(&self) -> bool {
        matches!(self.way, Way::Guest(_))
    }

    /// Opens another way to the same store, for a second conversation at the same time.
    ///
    /// # Errors
    ///
    /// The process that has the store does not answer any more.
    pub(crate) async fn another(&self) -> Result<Self, CommandError> {
        let way = match &self.way {
            // The serving task belongs to the first way and ends with it.
            Way::Own(service, _) => Way::Own(Arc::clone(service), None),
            Way::Look(journal) => Way::Look(Arc::clone(journal)),
            Way::Guest(_) => find_way(&self.settings, self.purpose).await?,
        };
        Ok(Self {
            settings: self.settings.clone(),
            purpose: self.purpose,
            way,
        })
    }

    /// Asks for something that has one answer. When the process that was asked has gone, this
    /// one takes the store over and answers itself; requests can be repeated.
    ///
    /// # Errors
    ///
    /// What was asked for cannot be done.
    pub(crate) async fn ask(&mut self, request: Request) -> Result<Answer, CommandError> {
        loop {
            match &mut self.way {
                Way::Own(service, _) => return service.answer(request).await,
                Way::Look(journal) => {
                    return service::look(&**journal, &request, &|_| false).unwrap_or_else(|| {
                        let happened =
                            format!("{request:?} was asked of a store that is only read");
                        Err(CommandError::new(codes::INTERNAL, happened))
                    });
                }
                Way::Guest(guest) => match guest.ask(&request).await {
                    Ok(answer) => return Ok(answer),
                    Err(Unanswered::Refused(error)) => return Err(*error),
                    Err(Unanswered::Gone(error)) => {
                        tracing::info!(%error, pid = guest.pid, "the other process has gone");
                    }
                },
            }
            self.way = find_way(&self.settings, self.purpose).await?;
        }
    }

    /// Follows a run. When the process that drives it has gone, this one goes on with it.
    ///
    /// # Errors
    ///
    /// There is no such run, or the store fails.
    pub(crate) async fn follow(
        &mut self,
        run: RunId,
        until: Until,
        each: &mut (dyn FnMut(&Record) + Send),
    ) -> Result<RunView, CommandError> {
        loop {
            match &mut self.way {
                Way::Own(service, _) => return service.follow(run, until, each).await,
                Way::Look(_) => {
                    let happened = "a store that is only read has nothing to follow";
                    return Err(CommandError::new(codes::INTERNAL, happened));
                }
                Way::Guest(guest) => match guest.follow(run, until, each).await {
                    Ok(view) => return Ok(view),
                    Err(Unanswered::Refused(error)) => return Err(*error),
                    Err(Unanswered::Gone(error)) => {
                        tracing::info!(%error, pid = guest.pid, "the other process has gone");
                    }
                },
            }
            self.way = find_way(&self.settings, self.purpose).await?;
            self.ask(Request::Resume { run }).await?;
        }
    }

    /// Ends this process's work on the store in good order.
    pub(crate) async fn close(self) {
        if let Way::Own(service, serving) = self.way {
            if let Some(serving) = serving {
                serving.close().await;
            }
            service.shutdown(SHUTDOWN_PATIENCE).await;
        }
    }
}

/// The task that talks to other terminals.
#[derive(Debug)]
struct Serving {
    closing: CancellationToken,
    task: JoinHandle<()>,
}

impl Serving {
    fn start(listening: Listening, service: &Arc<Service>) -> Self {
        let closing = CancellationToken::new();
        let serve = server::serve(listening, Arc::clone(service), closing.clone());
        Self {
            closing,
            task: tokio::spawn(serve),
        }
    }

    /// Lets what is under way end, for a moment; whoever is cut off asks the next owner.
    async fn close(mut self) {
        self.closing.cancel();
        if tokio::time::timeout(GRACE, &mut self.task).await.is_err() {
            self.task.abort();
            // Waiting for the end removes the socket before the store is free.
            drop(self.task.await);
        }
    }
}

async fn find_way(settings: &Settings, purpose: Purpose) -> Result<Way, CommandError> {
    // A mistake in the settings shows before anything is made or taken.
    let mut models = match purpose {
        Purpose::Work => Some(Models::open(settings)?),
        Purpose::Look => None,
    };
    let began = Instant::now();
    loop {
        match open_journal(&settings.store) {
            Ok(journal) => {
                return match models.take() {
                    Some(models) => own(settings, models, journal),
                    None => Ok(Way::Look(journal)),
                };
            }
            Err(OpenError::Failed(error)) => return Err(*error),
            Err(OpenError::InUse) => {}
        }
        let gone = match Guest::connect(&settings.store).await {
            Ok(guest) => return Ok(Way::Guest(guest)),
            Err(Unanswered::Refused(error)) => return Err(*error),
            Err(Unanswered::Gone(error)) => error,
        };
        if began.elapsed() > PATIENCE {
            let happened = format!("the store {} is taken", settings.store.display());
            return Err(CommandError::new(codes::STORE_TAKEN, happened)
                .because(format!(
                    "another process has it open and does not answer: {gone}"
                ))
                .next("end that process, or use another store: --store DIR"));
        }
        tokio::time::sleep(PAUSE).await;
    }
}

fn own(
    settings: &Settings,
    models: Models,
    journal: Arc<dyn Journal>,
) -> Result<Way, CommandError> {
    let assembly = assemble(settings, models, journal)?;
    let service = Arc::new(Service::new(assembly, settings.clone()));
    let serving = match socket::listen(&settings.store) {
        Ok(listening) => Some(Serving::start(listening, &service)),
        Err(error) => {
            // Without a socket the command still works; only other terminals cannot join.
            tracing::warn!(%error, "other terminals cannot use this store now");
            None
        }
    };
    Ok(Way::Own(service, serving))
}
