//! A loopback server that says exactly what a test wants, one script for each connection.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What the server does after it has read a request.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    Send(String),
    /// Says nothing more until the client goes away.
    Hang,
}

/// A request as it was heard.
#[derive(Debug, Clone)]
pub(crate) struct Heard {
    pub(crate) head: String,
    pub(crate) body: String,
}

pub(crate) struct Server {
    pub(crate) address: String,
    heard: Arc<Mutex<Vec<Heard>>>,
}

impl Server {
    /// Serves one connection for each script, in order, and then no more.
    pub(crate) async fn start(scripts: Vec<Vec<Act>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let heard: Arc<Mutex<Vec<Heard>>> = Arc::default();
        let ears = Arc::clone(&heard);
        tokio::spawn(async move {
            for script in scripts {
                let (connection, _) = listener.accept().await.unwrap();
                tokio::spawn(serve(connection, script, Arc::clone(&ears)));
            }
        });
        Self { address, heard }
    }

    pub(crate) fn heard(&self) -> Vec<Heard> {
        self.heard.lock().unwrap().clone()
    }
}

async fn serve(mut connection: TcpStream, script: Vec<Act>, ears: Arc<Mutex<Vec<Heard>>>) {
    let Some(heard) = hear(&mut connection).await else {
        return;
    };
    ears.lock().unwrap().push(heard);
    for act in script {
        match act {
            Act::Send(bytes) => {
                if connection.write_all(bytes.as_bytes()).await.is_err() {
                    return;
                }
            }
            Act::Hang => {
                let mut rest = [0; 64];
                while connection
                    .read(&mut rest)
                    .await
                    .is_ok_and(|count| count > 0)
                {}
                return;
            }
        }
    }
    connection.shutdown().await.ok();
}

async fn hear(connection: &mut TcpStream) -> Option<Heard> {
    let mut bytes = Vec::new();
    loop {
        let mut piece = [0; 4096];
        let count = connection
            .read(&mut piece)
            .await
            .ok()
            .filter(|count| *count > 0)?;
        bytes.extend_from_slice(&piece[..count]);
        let text = String::from_utf8_lossy(&bytes);
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let lower = head.to_lowercase();
        let length = lower.split_once("content-length: ").map_or(0, |(_, rest)| {
            rest.lines().next().unwrap().trim().parse().unwrap()
        });
        if body.len() >= length {
            return Some(Heard {
                head: lower,
                body: body.to_owned(),
            });
        }
    }
}

/// A whole answer.
pub(crate) fn answer(status: &str, headers: &str, body: &str) -> Vec<Act> {
    let length = body.len();
    vec![Act::Send(format!(
        "HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}"
    ))]
}

/// The head of a stream in chunks.
pub(crate) fn stream_head() -> Act {
    Act::Send(
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nrequest-id: req_9\r\n\
         transfer-encoding: chunked\r\n\r\n"
            .to_owned(),
    )
}

pub(crate) fn chunk(text: &str) -> Act {
    Act::Send(format!("{:x}\r\n{text}\r\n", text.len()))
}

pub(crate) fn last_chunk() -> Act {
    Act::Send("0\r\n\r\n".to_owned())
}
