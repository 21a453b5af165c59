//! The scripted model over real HTTP: a loopback server that speaks the chat dialect.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::script::{self, Say};

/// A request larger than this is not read: no conversation of the script comes near it.
const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The server; it ends with the process.
#[derive(Debug)]
pub(super) struct Endpoint {
    /// The base address.
    pub(super) address: String,
    /// The messages of every request, in the order of arrival.
    requests: Arc<Mutex<Vec<Vec<Value>>>>,
}

impl Endpoint {
    /// Opens the server. `token` marks the commands that the model asks for.
    pub(super) fn open(token: &str) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).context("no loopback port is free")?;
        let address = format!("http://{}/v1", listener.local_addr()?);
        let requests: Arc<Mutex<Vec<Vec<Value>>>> = Arc::default();
        let (kept, token) = (Arc::clone(&requests), token.to_owned());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (kept, token) = (Arc::clone(&kept), token.clone());
                // A client that was killed breaks its connection; that is what this is about.
                std::thread::spawn(move || drop(serve(stream, &kept, &token)));
            }
        });
        Ok(Self { address, requests })
    }

    /// Takes the messages of all requests that have arrived.
    pub(super) fn take(&self) -> Vec<Vec<Value>> {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *requests)
    }
}

fn serve(stream: TcpStream, requests: &Mutex<Vec<Vec<Value>>>, token: &str) -> Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        if line.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse::<usize>()?.min(BODY_BYTES_MAX);
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let request: Value = serde_json::from_slice(&body)?;
    let messages = request["messages"].as_array().cloned().unwrap_or_default();
    let said = script::reply(&messages, token);
    let mut kept = requests.lock().unwrap_or_else(PoisonError::into_inner);
    kept.push(messages);
    drop(kept);
    answer(stream, &said)
}

/// Streams a reply as the chat dialect does.
fn answer(mut stream: TcpStream, said: &Say) -> Result<()> {
    let (delta, reason) = match said {
        Say::Text(text) => (json!({"role": "assistant", "content": text}), "stop"),
        Say::Calls(calls) => {
            let calls = calls.iter().enumerate().map(|(index, (name, arguments))| {
                json!({
                    "index": index,
                    "id": format!("call_{index}"),
                    "type": "function",
                    "function": {"name": name, "arguments": arguments.to_string()},
                })
            });
            let calls: Vec<Value> = calls.collect();
            (
                json!({"role": "assistant", "content": null, "tool_calls": calls}),
                "tool_calls",
            )
        }
    };
    let chunk = |choices: Value| {
        json!({
            "id": "reply", "object": "chat.completion.chunk", "created": 1, "model": "script",
            "choices": choices,
        })
    };
    let first = chunk(json!([{"index": 0, "delta": delta, "finish_reason": null}]));
    let last = chunk(json!([{"index": 0, "delta": {}, "finish_reason": reason}]));
    let body = format!("data: {first}\n\ndata: {last}\n\ndata: [DONE]\n\n");
    write!(
        stream,
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: {}\r\n\
         connection: close\r\n\r\n{body}",
        body.len()
    )?;
    stream.flush()?;
    Ok(())
}
