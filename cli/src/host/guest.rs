//! This process asks another one, which has the store open.

use std::io;
use std::path::Path;
use std::time::Duration;

use layercake_engine::{Record, RunId};
use tokio::io::BufReader;
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};

use super::protocol::{Answer, Hello, PROTOCOL, Reply, Request, Until};
use super::socket;
use crate::error::{CommandError, codes};
use crate::report::run::RunView;

/// How long the other process may take to say hello: it answers from a task of its own.
const HELLO_TIMEOUT: Duration = Duration::from_secs(3);

/// A conversation with the process that has the store open.
#[derive(Debug)]
pub(crate) struct Guest {
    reader: BufReader<OwnedReadHalf>,
    writer: OwnedWriteHalf,
    /// The other process.
    pub(crate) pid: u32,
}

/// Why the other process gave no answer.
#[derive(Debug)]
pub(crate) enum Unanswered {
    /// It is gone; the store is free, or will be soon.
    Gone(io::Error),
    /// It answered that it cannot, or cannot be understood.
    Refused(Box<CommandError>),
}

impl Unanswered {
    /// Returns the error for a caller that cannot go on by itself.
    pub(crate) fn into_error(self) -> CommandError {
        match self {
            Self::Refused(error) => *error,
            Self::Gone(error) => CommandError::new(
                codes::STORE_TAKEN,
                "the process that has the store open has gone",
            )
            .because(error)
            .next("layercake resume @last"),
        }
    }
}

impl Guest {
    /// Begins a conversation.
    ///
    /// # Errors
    ///
    /// Nobody listens, or somebody who speaks another version.
    pub(crate) async fn connect(store: &Path) -> Result<Self, Unanswered> {
        let stream = socket::connect(store).await.map_err(Unanswered::Gone)?;
        let hello = tokio::time::timeout(HELLO_TIMEOUT, Self::greet(stream)).await;
        hello.unwrap_or_else(|_| Err(Unanswered::Gone(io::ErrorKind::TimedOut.into())))
    }

    async fn greet(stream: UnixStream) -> Result<Self, Unanswered> {
        let (reader, mut writer) = stream.into_split();
        let mut reader = BufReader::new(reader);
        socket::send(&mut writer, &Hello::own())
            .await
            .map_err(Unanswered::Gone)?;
        let hello: Option<Hello> = socket::receive(&mut reader)
            .await
            .map_err(Unanswered::Gone)?;
        let hello = hello.ok_or_else(|| Unanswered::Gone(io::ErrorKind::UnexpectedEof.into()))?;
        if hello.protocol != PROTOCOL {
            let happened = format!(
                "process {} has the store open and is another version",
                hello.pid
            );
            let error = CommandError::new(codes::STORE_TAKEN, happened)
                .because(format!(
                    "it speaks protocol {}, this program {PROTOCOL}",
                    hello.protocol
                ))
                .next("use the same version of layercake in all terminals");
            return Err(Unanswered::Refused(Box::new(error)));
        }
        Ok(Self {
            reader,
            writer,
            pid: hello.pid,
        })
    }

    /// Asks for something that has one answer.
    ///
    /// # Errors
    ///
    /// The other process is gone, or says that it cannot.
    pub(crate) async fn ask(&mut self, request: &Request) -> Result<Answer, Unanswered> {
        self.send(request).await?;
        match self.receive().await? {
            Reply::Answer(answer) => Ok(*answer),
            Reply::Failed(failure) => Err(Unanswered::Refused(Box::new(failure.into()))),
            Reply::Record(_) => Err(Unanswered::Gone(io::ErrorKind::InvalidData.into())),
        }
    }

    /// Follows a run; every record is handed on, the view comes at the end.
    ///
    /// # Errors
    ///
    /// The other process is gone, or says that it cannot.
    pub(crate) async fn follow(
        &mut self,
        run: RunId,
        until: Until,
        each: &mut (dyn FnMut(&Record) + Send),
    ) -> Result<RunView, Unanswered> {
        self.send(&Request::Follow { run, until }).await?;
        loop {
            match self.receive().await? {
                Reply::Record(record) => each(&record),
                Reply::Failed(failure) => {
                    return Err(Unanswered::Refused(Box::new(failure.into())));
                }
                Reply::Answer(answer) => match *answer {
                    Answer::View(view) => return Ok(*view),
                    _ => return Err(Unanswered::Gone(io::ErrorKind::InvalidData.into())),
                },
            }
        }
    }

    async fn send(&mut self, request: &Request) -> Result<(), Unanswered> {
        socket::send(&mut self.writer, request)
            .await
            .map_err(Unanswered::Gone)
    }

    async fn receive(&mut self) -> Result<Reply, Unanswered> {
        let reply = socket::receive(&mut self.reader)
            .await
            .map_err(Unanswered::Gone)?;
        reply.ok_or_else(|| Unanswered::Gone(io::ErrorKind::UnexpectedEof.into()))
    }
}
