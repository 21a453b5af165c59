//! Conversations with other terminals, each in a task of its own.

use std::io;
use std::sync::Arc;

use tokio::io::BufReader;
use tokio::net::UnixStream;
use tokio::net::unix::OwnedWriteHalf;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::protocol::{Answer, Hello, PROTOCOL, Reply, Request};
use super::service::Service;
use super::socket::{self, Listening};
use crate::error::CommandError;

/// How many records may wait for a slow terminal; beyond it, the terminal is sent away and asks
/// again from the journal.
const RECORDS_WAITING_MAX: usize = 65_536;

/// Serves terminals until it is told to close; then nobody new is let in, and what is under way
/// may end. Dropping it ends all conversations.
pub(super) async fn serve(listening: Listening, service: Arc<Service>, closing: CancellationToken) {
    let mut conversations = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listening.listener.accept() => accepted,
            () = closing.cancelled() => break,
        };
        match accepted {
            Ok((stream, _)) => {
                conversations.spawn(converse(stream, Arc::clone(&service), closing.clone()));
            }
            Err(error) => {
                tracing::warn!(%error, "a terminal could not connect");
                // Out of descriptors: wait until some conversation ends.
                conversations.join_next().await;
            }
        }
        while conversations.try_join_next().is_some() {}
    }
    drop(listening);
    while conversations.join_next().await.is_some() {}
}

async fn converse(stream: UnixStream, service: Arc<Service>, closing: CancellationToken) {
    if let Err(error) = talk(stream, &service, &closing).await {
        tracing::debug!(%error, "a terminal has gone");
    }
}

async fn talk(
    stream: UnixStream,
    service: &Arc<Service>,
    closing: &CancellationToken,
) -> io::Result<()> {
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::new(reader);
    let hello: Option<Hello> = socket::receive(&mut reader).await?;
    socket::send(&mut writer, &Hello::own()).await?;
    if hello.is_none_or(|hello| hello.protocol != PROTOCOL) {
        return Ok(());
    }
    loop {
        // A request that is cut off here was not begun; the terminal sends it to the next owner.
        let request = tokio::select! {
            request = socket::receive::<_, Request>(&mut reader) => request?,
            () = closing.cancelled() => None,
        };
        let Some(request) = request else {
            return Ok(());
        };
        let reply = match answer(request, service, &mut writer).await? {
            Ok(answer) => Reply::Answer(Box::new(answer)),
            Err(error) => Reply::Failed(error.into()),
        };
        socket::send(&mut writer, &reply).await?;
    }
}

async fn answer(
    request: Request,
    service: &Arc<Service>,
    writer: &mut OwnedWriteHalf,
) -> io::Result<Result<Answer, CommandError>> {
    let Request::Follow { run, until } = request else {
        return Ok(service.answer(request).await);
    };
    let (records, waiting) = mpsc::channel(RECORDS_WAITING_MAX);
    let mut each = move |record: &layercake_engine::Record| {
        // A full channel drops the record; the view at the end is whole anyway.
        drop(records.try_send(record.clone()));
    };
    let follow = async move {
        let view = service.follow(run, until, &mut each).await;
        // Dropping the sender ends the other arm.
        drop(each);
        view
    };
    let (view, sent) = tokio::join!(follow, send_records(waiting, writer));
    sent?;
    Ok(view.map(|view| Answer::View(Box::new(view))))
}

async fn send_records(
    mut waiting: mpsc::Receiver<layercake_engine::Record>,
    writer: &mut OwnedWriteHalf,
) -> io::Result<()> {
    while let Some(record) = waiting.recv().await {
        socket::send(writer, &Reply::Record(Box::new(record))).await?;
    }
    Ok(())
}
