//! A server that answers as a test wants, and remembers what it was asked.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// A server; it ends when it is dropped.
pub(crate) struct Server {
    port: u16,
    requests: Arc<Mutex<Vec<Request>>>,
    task: JoinHandle<()>,
}

/// A request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) line: String,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }
}

/// What a server says.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    status: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Answer {
    pub(crate) fn new(status: &str, kind: &str, body: &[u8]) -> Self {
        Self {
            status: status.to_owned(),
            headers: vec![("content-type".to_owned(), kind.to_owned())],
            body: body.to_vec(),
        }
    }

    pub(crate) fn json(status: &str, body: &str) -> Self {
        Self::new(status, "application/json", body.as_bytes())
    }

    pub(crate) fn text(status: &str, body: &str) -> Self {
        Self::new(status, "text/plain", body.as_bytes())
    }

    pub(crate) fn with_status(mut self, status: &str) -> Self {
        status.clone_into(&mut self.status);
        self
    }

    pub(crate) fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    fn bytes(&self) -> Vec<u8> {
        let headers = self.headers.iter();
        let headers: String = headers
            .map(|(name, value)| format!("{name}: {value}\r\n"))
            .collect();
        let head = format!(
            "HTTP/1.1 {}\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n",
            self.status,
            self.body.len(),
        );
        [head.as_bytes(), &self.body].concat()
    }
}

type Answering = Box<dyn FnMut(&Request) -> Answer + Send>;

impl Server {
    pub(crate) async fn answering(status: &str, kind: &str, body: &[u8]) -> Self {
        let answer = Answer::new(status, kind, body);
        Self::with(move |_| answer.clone()).await
    }

    pub(crate) async fn redirecting(location: &str) -> Self {
        let answer = Answer::text("302 Found", "").with_header("location", location);
        Self::with(move |_| answer.clone()).await
    }

    pub(crate) async fn with(answer: impl FnMut(&Request) -> Answer + Send + 'static) -> Self {
        Self::start(Some(Box::new(answer))).await
    }

    pub(crate) async fn silent() -> Self {
        Self::start(None).await
    }

    pub(crate) fn address(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// Returns the only request.
    pub(crate) fn request(&self) -> Request {
        let mut requests = self.take_requests();
        assert_eq!(requests.len(), 1, "one request is expected: {requests:?}");
        requests.remove(0)
    }

    /// Takes the requests since the last time.
    pub(crate) fn take_requests(&self) -> Vec<Request> {
        let requests = self.requests.lock();
        std::mem::take(&mut *requests.expect("nobody panics while it is held"))
    }

    async fn start(mut answering: Option<Answering>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        let task = tokio::spawn(async move {
            let mut open = Vec::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                let Some(request) = read(&mut stream).await else {
                    continue;
                };
                let answer = answering.as_mut().map(|answer| answer(&request));
                seen.lock()
                    .expect("nobody panics while it is held")
                    .push(request);
                match answer {
                    // The client may go away in the middle of a long answer.
                    Some(answer) => drop(stream.write_all(&answer.bytes()).await),
                    None => open.push(stream),
                }
            }
        });
        Self {
            port,
            requests,
            task,
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn read(stream: &mut TcpStream) -> Option<Request> {
    let mut bytes = Vec::new();
    let head_end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        let mut buffer = [0; 4096];
        match stream.read(&mut buffer).await.ok()? {
            0 => return None,
            length => bytes.extend_from_slice(&buffer[..length]),
        }
    };
    let head = String::from_utf8(bytes[..head_end].to_vec()).ok()?;
    let mut lines = head.lines();
    let line = lines.next()?.to_owned();
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let mut request = Request {
        line,
        headers,
        body: bytes[head_end + 4..].to_vec(),
    };
    let length = request
        .header("content-length")
        .and_then(|l| l.parse().ok())
        .unwrap_or(0);
    while request.body.len() < length {
        let mut buffer = [0; 4096];
        match stream.read(&mut buffer).await.ok()? {
            0 => return None,
            read => request.body.extend_from_slice(&buffer[..read]),
        }
    }
    Some(request)
}
