//! The mail service of the tour: a loopback HTTP endpoint that applies each key once, and that
//! refuses one post on purpose.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// The largest body that is read, in bytes; a reply is a few thousand.
const BODY_BYTES_MAX: usize = 1024 * 1024;
/// The most header lines of a request.
const HEADERS_MAX: usize = 100;
/// The post that is refused, counted from 1.
const REFUSED_POST: u64 = 2;

/// What arrived, by idempotency key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Ledger {
    /// How often each key arrived and was not refused.
    pub(crate) arrivals: BTreeMap<String, u64>,
    /// All posts, the refused ones as well.
    pub(crate) posts: u64,
    /// How many were refused.
    pub(crate) refused: u64,
}

impl Ledger {
    /// Returns how many posts were applied: one for each key.
    pub(crate) fn applied(&self) -> usize {
        self.arrivals.len()
    }

    /// Returns how many posts arrived again under a known key and were not applied again.
    pub(crate) fn repeated(&self) -> u64 {
        self.arrivals.values().map(|count| count - 1).sum()
    }
}

/// The endpoint; it ends with the task that serves it.
#[derive(Debug)]
pub(crate) struct Endpoint {
    /// Where it listens, as a URL.
    pub(crate) url: String,
    address: std::net::SocketAddr,
    ledger: Arc<Mutex<Ledger>>,
    changed: watch::Receiver<u64>,
    serving: tokio::task::JoinHandle<()>,
}

impl Endpoint {
    /// Listens on a free loopback port.
    ///
    /// # Errors
    ///
    /// Fails when there is no loopback network.
    pub(crate) async fn open() -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let url = format!("http://{address}/replies");
        let ledger = Arc::new(Mutex::new(Ledger::default()));
        let (notice, changed) = watch::channel(0);
        let serving = tokio::spawn(serve(listener, Arc::clone(&ledger), notice));
        Ok(Self {
            url,
            address,
            ledger,
            changed,
            serving,
        })
    }

    /// Returns where it listens.
    pub(crate) fn address(&self) -> std::net::SocketAddr {
        self.address
    }

    /// Returns what arrived so far.
    pub(crate) fn ledger(&self) -> Ledger {
        self.ledger
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Waits until that many posts were applied. Cancel safe.
    pub(crate) async fn applied(&self, count: usize) {
        let mut changed = self.changed.clone();
        while self.ledger().applied() < count {
            if changed.changed().await.is_err() {
                return;
            }
        }
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(listener: TcpListener, ledger: Arc<Mutex<Ledger>>, notice: watch::Sender<u64>) {
    let mut connections = tokio::task::JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(converse(stream, Arc::clone(&ledger), notice.clone()));
        while connections.try_join_next().is_some() {}
    }
}

async fn converse(stream: TcpStream, ledger: Arc<Mutex<Ledger>>, notice: watch::Sender<u64>) {
    let mut stream = BufReader::new(stream);
    while let Ok(Some(key)) = request(&mut stream).await {
        let answer = {
            let mut ledger = ledger.lock().unwrap_or_else(PoisonError::into_inner);
            enter(&mut ledger, key)
        };
        notice.send_modify(|count| *count += 1);
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

fn enter(ledger: &mut Ledger, key: String) -> String {
    ledger.posts += 1;
    if ledger.posts == REFUSED_POST {
        ledger.refused += 1;
        return answer(
            "503 Service Unavailable",
            r#"{"error":"the tour refuses one post"}"#,
        );
    }
    let arrivals = ledger.arrivals.entry(key).or_default();
    *arrivals += 1;
    match *arrivals {
        1 => answer("201 Created", r#"{"applied":true}"#),
        _ => answer(
            "200 OK",
            r#"{"applied":false,"because":"this key was applied before"}"#,
        ),
    }
}

fn answer(status: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Reads one request and returns its idempotency key; nothing at the end of the connection.
async fn request(stream: &mut BufReader<TcpStream>) -> io::Result<Option<String>> {
    let mut line = String::new();
    if stream.read_line(&mut line).await? == 0 {
        return Ok(None);
    }
    let mut key = String::new();
    let mut length = 0;
    for _ in 0..HEADERS_MAX {
        line.clear();
        stream.read_line(&mut line).await?;
        let Some((name, value)) = line.split_once(':') else {
            break;
        };
        match name.to_ascii_lowercase().as_str() {
            "idempotency-key" => key = value.trim().to_owned(),
            "content-length" => length = value.trim().parse().unwrap_or(0),
            _ => {}
        }
    }
    let mut body = vec![0; length.min(BODY_BYTES_MAX)];
    stream.read_exact(&mut body).await?;
    Ok(Some(key))
}
