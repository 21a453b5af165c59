//! The client that the protocol's conformance suite drives: it connects to the address that it
//! is given, lists the tools and calls them, by nothing but the crate's public face.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::process::ExitCode;
use std::sync::Arc;

use async_trait::async_trait;
use layercake_harness::approval::{Approver, StandingDecision};
use layercake_harness::mcp::{
    Consent, ConsentError, McpAddress, McpEra, McpLogin, McpServer, McpSettings, McpTool, McpWeb,
};
use layercake_harness::tool::{Tool, ToolContext};
use layercake_harness::{CallId, EffectClass, SessionId};
use layercake_model::Secret;
use serde_json::{Map, Value, json};

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime needs nothing special");
    let said = match runtime.block_on(run()) {
        Ok(said) => (said, ExitCode::SUCCESS),
        Err(why) => (why, ExitCode::FAILURE),
    };
    // The suite keeps what a client says; when nobody listens any more, nothing is lost.
    drop(writeln!(std::io::stdout(), "{}", said.0));
    said.1
}

/// Connects, lists, calls; returns what came of it.
async fn run() -> Result<String, String> {
    let url = std::env::args().nth(1).ok_or("an address is expected")?;
    let given = Given::read();
    let server = McpServer::new(given.settings(url), Arc::new(Headless));
    let offer = server.offer().await.map_err(|error| error.to_string())?;
    let approver: Arc<dyn Approver> = Arc::new(StandingDecision::approve("the suite", ""));
    let tools = server.tools(&offer, "conformance", &approver);
    let names: BTreeMap<&str, &McpTool> = offer
        .tools
        .iter()
        .map(|offered| offered.remote.as_str())
        .zip(&tools)
        .collect();
    let calls = if given.calls.is_empty() {
        let all = names.iter();
        all.map(|(name, tool)| match *name {
            // The suite wants to see what a client keeps of another tool's schema.
            ECHO => (ECHO.to_owned(), json!({ "schema": schema_of(&names) })),
            name => (name.to_owned(), arguments(&tool.spec().input_schema)),
        })
        .collect()
    } else {
        given.calls
    };
    let mut said = vec![format!("offer {}: {:?}", offer.revision, names.keys())];
    let session = SessionId::new("conformance").map_err(|error| error.to_string())?;
    for (index, (name, arguments)) in (0..).zip(calls) {
        let Some(tool) = names.get(name.as_str()) else {
            said.push(format!("{name}: is not there"));
            continue;
        };
        let context = ToolContext::alone(session.clone(), CallId { turn: 1, index });
        said.push(format!("{name}: {:?}", tool.call(arguments, context).await));
    }
    server.close().await;
    Ok(said.join("\n"))
}

/// The tool that is called with the schema of another one.
const ECHO: &str = "json_schema_echo";

fn schema_of(names: &BTreeMap<&str, &McpTool>) -> Value {
    let focal = names.get("json_schema_2020_12_tool");
    focal.map_or(Value::Null, |tool| tool.spec().input_schema.clone())
}

/// What the suite says in the environment.
struct Given {
    era: McpEra,
    calls: Vec<(String, Value)>,
    client_id: Option<String>,
    client_secret: Option<Secret>,
}

impl Given {
    fn read() -> Self {
        let variable = |name: &str| std::env::var(name).unwrap_or_default();
        let context: Value =
            serde_json::from_str(&variable("MCP_CONFORMANCE_CONTEXT")).unwrap_or_default();
        let text = |name: &str| context.get(name).and_then(Value::as_str).map(str::to_owned);
        let calls = context.get("toolCalls").and_then(Value::as_array);
        let calls = calls.into_iter().flatten().map(|call| {
            let name = call.get("name").and_then(Value::as_str).unwrap_or_default();
            (
                name.to_owned(),
                call.get("arguments").cloned().unwrap_or_default(),
            )
        });
        Self {
            era: match variable("MCP_CONFORMANCE_PROTOCOL_VERSION").as_str() {
                "" | "2026-07-28" => McpEra::Auto,
                _ => McpEra::Legacy,
            },
            calls: calls.collect(),
            client_id: text("client_id"),
            client_secret: text("client_secret").map(Secret::new),
        }
    }

    fn settings(&self, url: String) -> McpSettings {
        let web = McpWeb {
            url,
            headers: Vec::new(),
            login: McpLogin {
                client_id: self.client_id.clone(),
                client_secret: self.client_secret.clone(),
                client_metadata_url: Some(
                    "https://conformance-test.local/client-metadata.json".to_owned(),
                ),
                ..McpLogin::default()
            },
        };
        McpSettings {
            era: self.era,
            class: EffectClass::Read,
            ..McpSettings::new("suite", McpAddress::Web(web))
        }
    }
}

/// Makes arguments that fit a schema, as far as it is a simple one.
fn arguments(schema: &Value) -> Value {
    let properties = schema.get("properties").and_then(Value::as_object);
    let values = properties.into_iter().flatten().map(|(name, it)| {
        let value = match it.get("type").and_then(Value::as_str) {
            Some("number" | "integer") => json!(1),
            Some("boolean") => json!(true),
            Some("array") => json!([]),
            Some("object") => json!({}),
            _ => json!("text"),
        };
        (name.clone(), value)
    });
    Value::Object(values.collect::<Map<_, _>>())
}

/// A person who agrees to everything, without a browser.
struct Headless;

#[async_trait]
impl Consent for Headless {
    fn redirect_uri(&self) -> String {
        "http://localhost:3000/callback".to_owned()
    }

    async fn ask(&self, _server: &str, address: &str) -> Result<String, ConsentError> {
        location(address).map_err(|message| ConsentError { message })
    }
}

/// Asks for a page and returns where it sends its reader.
fn location(address: &str) -> Result<String, String> {
    let rest = address
        .strip_prefix("http://")
        .ok_or_else(|| format!("{address} is no plain address"))?;
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let mut stream = TcpStream::connect(host).map_err(|error| error.to_string())?;
    let asked = format!("GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream
        .write_all(asked.as_bytes())
        .map_err(|error| error.to_string())?;
    BufReader::new(stream)
        .lines()
        .map_while(Result::ok)
        .take_while(|line| !line.is_empty())
        .find_map(|line| {
            let (name, value) = line.split_once(':')?;
            let is_it = name.eq_ignore_ascii_case("location");
            is_it.then(|| value.trim().to_owned())
        })
        .ok_or_else(|| format!("{address} sends nobody anywhere"))
}
