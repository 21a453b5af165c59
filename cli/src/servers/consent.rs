//! Logins to MCP servers: the person at this terminal opens an address, and comes back to a
//! port of this machine.

use std::io::{IsTerminal, Write};
use std::net::TcpListener;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use layercake_harness::mcp::{Consent, ConsentError};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};

/// How long a person may take to log in.
const PATIENCE: Duration = Duration::from_secs(300);
/// The longest head of a browser's request, in bytes.
const HEAD_BYTES_MAX: u64 = 64 * 1024;
/// What the person sees afterwards.
const PAGE: &str = "You are logged in and can close this page.\n";

/// Asks the person at this terminal.
#[derive(Debug, Default)]
pub(super) struct TerminalConsent {
    /// Bound when the address is asked for, taken when the person is sent away.
    listener: Mutex<Option<TcpListener>>,
}

impl TerminalConsent {
    fn slot(&self) -> std::sync::MutexGuard<'_, Option<TcpListener>> {
        self.listener.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Consent for TerminalConsent {
    fn redirect_uri(&self) -> String {
        let bound = TcpListener::bind(("127.0.0.1", 0)).ok();
        let port = bound.as_ref().and_then(|it| it.local_addr().ok());
        *self.slot() = bound;
        // Without a port nobody can come back; asking then says so.
        format!(
            "http://127.0.0.1:{}/callback",
            port.map_or(0, |address| address.port())
        )
    }

    async fn ask(&self, server: &str, address: &str) -> Result<String, ConsentError> {
        let refused = |message: String| ConsentError { message };
        let listener = self.slot().take();
        let listener = listener.ok_or_else(|| refused("no port is free to come back to".into()))?;
        if !std::io::stderr().is_terminal() {
            return Err(refused(
                "nobody sits here; run an agent in a terminal once".into(),
            ));
        }
        let words = format!("the MCP server `{server}` wants a login; open {address}\n");
        std::io::stderr()
            .write_all(words.as_bytes())
            .map_err(|error| refused(error.to_string()))?;
        let back = tokio::time::timeout(PATIENCE, come_back(listener)).await;
        let back = back.map_err(|_| refused("nobody came back in time".into()))?;
        back.map_err(|error| refused(error.to_string()))
    }
}

/// Waits for the browser and returns the address that it was sent to.
async fn come_back(listener: TcpListener) -> std::io::Result<String> {
    listener.set_nonblocking(true)?;
    let host = listener.local_addr()?;
    let listener = tokio::net::TcpListener::from_std(listener)?;
    loop {
        let (mut stream, _) = listener.accept().await?;
        let line = first_line(&mut stream).await?;
        let answer = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{PAGE}",
            PAGE.len()
        );
        stream.write_all(answer.as_bytes()).await?;
        let path = line.split(' ').nth(1).unwrap_or_default();
        // Browsers also ask for icons.
        if path.starts_with("/callback?") {
            return Ok(format!("http://{host}{path}"));
        }
    }
}

/// Reads a request to the end of its head, and returns its first line. What is left unread when
/// a connection is closed would cut off the answer.
async fn first_line(stream: &mut tokio::net::TcpStream) -> std::io::Result<String> {
    let mut head = BufReader::new(stream.take(HEAD_BYTES_MAX));
    let mut first = String::new();
    head.read_line(&mut first).await?;
    let mut line = String::new();
    while head.read_line(&mut line).await? > 0 && !line.trim_end().is_empty() {
        line.clear();
    }
    Ok(first)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};

    #[tokio::test]
    async fn a_browser_that_comes_back_is_understood() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let host = listener.local_addr().unwrap();
        let browser = std::thread::spawn(move || {
            for path in ["/favicon.ico", "/callback?code=1&state=2"] {
                let mut stream = TcpStream::connect(host).unwrap();
                write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n").unwrap();
                let mut said = String::new();
                stream.read_to_string(&mut said).unwrap();
                assert!(said.contains("close this page"), "{said}");
            }
        });
        let back = super::come_back(listener).await.unwrap();
        assert_eq!(back, format!("http://{host}/callback?code=1&state=2"));
        browser.join().unwrap();
    }
}
