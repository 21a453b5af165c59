//! What all contestants share: the server, the questions that are asked line by line, the clock.

#![expect(clippy::print_stdout, reason = "the figures are its output")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What one reply was: its pieces of text, and when the first came after the call.
pub(crate) struct Heard {
    pub(crate) tokens: u64,
    pub(crate) first: Duration,
}

/// The tokens of each reply, where many are read together.
const TOKENS_OF_EACH: u64 = 500;
/// What the server writes at once.
const WRITE_BYTES: usize = 16 << 10;

/// Serves, when the program was started for that; otherwise returns.
pub(crate) fn serve_if_asked() {
    if std::env::args().nth(1).as_deref() != Some("server") {
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let address = listener.local_addr().expect("it is bound");
    println!("http://{address}/v1");
    for connection in listener.incoming().map_while(Result::ok) {
        std::thread::spawn(move || {
            // A client that goes away is none of the server's business.
            drop(serve(connection));
        });
    }
}

fn serve(connection: TcpStream) -> std::io::Result<()> {
    connection.set_nodelay(true)?;
    let mut reader = BufReader::new(connection);
    loop {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
            let line = line.trim().to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or(0);
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let body = String::from_utf8_lossy(&body);
        let wanted = body.split("tokens=").nth(1).unwrap_or("0");
        let wanted = wanted.split(|c: char| !c.is_ascii_digit()).next();
        let wanted = wanted.and_then(|digits| digits.parse().ok()).unwrap_or(0);
        reply(reader.get_mut(), wanted)?;
    }
}

fn reply(to: &mut TcpStream, tokens: u64) -> std::io::Result<()> {
    let frame = |delta: &str, end: &str| {
        format!(
            "data: {{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1,\
             \"model\":\"tiny\",\"choices\":[{{\"index\":0,\"delta\":{delta},\
             \"finish_reason\":{end}}}]}}\n\n"
        )
    };
    let word = frame("{\"content\":\"word \"}", "null");
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\
                transfer-encoding: chunked\r\n\r\n";
    to.write_all(head.as_bytes())?;
    let mut piece = String::with_capacity(WRITE_BYTES + word.len());
    for _ in 0..tokens {
        piece.push_str(&word);
        if piece.len() >= WRITE_BYTES {
            chunk(to, &piece)?;
            piece.clear();
        }
    }
    piece.push_str(&frame("{}", "\"stop\""));
    piece.push_str("data: [DONE]\n\n");
    chunk(to, &piece)?;
    to.write_all(b"0\r\n\r\n")
}

fn chunk(to: &mut TcpStream, piece: &str) -> std::io::Result<()> {
    to.write_all(format!("{:x}\r\n{piece}\r\n", piece.len()).as_bytes())
}

/// The server in its own process; it ends with this value.
pub(crate) struct Server {
    pub(crate) address: String,
    process: Child,
}

impl Server {
    pub(crate) fn start() -> Result<Self, Failure> {
        let mut process = Command::new(std::env::current_exe()?)
            .arg("server")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let said = process.stdout.take().ok_or("no output")?;
        let mut address = String::new();
        BufReader::new(said).read_line(&mut address)?;
        let address = address.trim().to_owned();
        Ok(Self { address, process })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// What is asked for a reply of so many tokens.
pub(crate) fn question(tokens: u64) -> String {
    format!("Say tokens={tokens} words.")
}

/// Answers the questions on standard input with figures. `ask` reads one reply to its end.
pub(crate) async fn perform<A, F>(name: &str, ask: A) -> Result<(), Failure>
where
    A: Fn(u64) -> F,
    F: Future<Output = Result<Heard, Failure>> + Send + 'static,
{
    println!("{{\"ready\": \"{name}\"}}");
    let mut line = String::new();
    while std::io::stdin().read_line(&mut line)? > 0 {
        let (scenario, count) = line
            .trim()
            .split_once(' ')
            .ok_or("a scenario and a count")?;
        let value = measure(scenario, count.parse()?, &ask).await?;
        println!("{{\"value\": {value}}}");
        line.clear();
    }
    Ok(())
}

async fn measure<A, F>(scenario: &str, count: u64, ask: &A) -> Result<f64, Failure>
where
    A: Fn(u64) -> F,
    F: Future<Output = Result<Heard, Failure>> + Send + 'static,
{
    let began = Instant::now();
    match scenario {
        "stream" => {
            let heard = ask(count).await?;
            check(heard.tokens, count)?;
            Ok(count as f64 / began.elapsed().as_secs_f64())
        }
        "together" => {
            let calls = (0..count).map(|_| tokio::spawn(ask(TOKENS_OF_EACH)));
            let calls: Vec<_> = calls.collect();
            for call in calls {
                check(call.await??.tokens, TOKENS_OF_EACH)?;
            }
            Ok((count * TOKENS_OF_EACH) as f64 / began.elapsed().as_secs_f64())
        }
        "first" => {
            let mut times = Vec::new();
            for _ in 0..count {
                times.push(ask(1).await?.first);
            }
            times.sort_unstable();
            Ok(times[times.len() / 2].as_secs_f64() * 1e3)
        }
        "memory" => resident_megabytes(),
        "size" => {
            let program = std::fs::metadata(std::env::current_exe()?)?;
            Ok(program.len() as f64 / 1e6)
        }
        other => Err(format!("`{other}` is unknown").into()),
    }
}

fn check(tokens: u64, expected: u64) -> Result<(), Failure> {
    if tokens == expected {
        return Ok(());
    }
    Err(format!("{tokens} tokens came instead of {expected}").into())
}

/// Reads the most memory that was ever resident, from Linux's own count.
pub(crate) fn resident_megabytes() -> Result<f64, Failure> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next());
    let kilobytes: f64 = kilobytes.ok_or("no such count")?.parse()?;
    Ok(kilobytes * 1024.0 / 1e6)
}
