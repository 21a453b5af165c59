//! `model check`: real calls against what is configured, and advice where nothing is.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;

use crate::world::Project;

/// A server of Chat Completions: it calls the tool it is offered, keeps to a shape, or says ready.
fn serve() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/v1", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for connection in listener.incoming().map_while(Result::ok) {
            let mut reader = BufReader::new(connection);
            let mut length = 0;
            loop {
                let mut line = String::new();
                if reader.read_line(&mut line).unwrap_or(0) == 0 || line.trim().is_empty() {
                    break;
                }
                let line = line.to_lowercase();
                if let Some(value) = line.strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            let body = String::from_utf8_lossy(&body);
            let delta = if body.contains("response_format") {
                r#"{"content":"{\"ready\":true}"}"#
            } else if body.contains("\"tools\"") {
                r#"{"tool_calls":[{"index":0,"id":"c1","function":{"name":"clock","arguments":"{}"}}]}"#
            } else {
                r#"{"content":"ready"}"#
            };
            let frame = format!(
                r#"{{"id":"1","model":"tiny-2","choices":[{{"index":0,"delta":{delta},"finish_reason":"stop"}}],"usage":{{"prompt_tokens":10,"completion_tokens":2}}}}"#
            );
            let reply = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n\
                 data: {frame}\n\ndata: [DONE]\n\n"
            );
            reader.get_mut().write_all(reply.as_bytes()).ok();
        }
    });
    address
}

#[test]
fn a_configured_model_is_asked_and_described() {
    let project = Project::empty();
    let address = serve();
    project.write(
        "layercake.toml",
        &format!(
            "[models]\ndefault = 'mine/tiny'\n[providers.mine]\naddress = '{address}'\n\
             dialect = 'openai-chat'\nkeyNeed = 'optional'\nquirks = {{ answerMeans = 'native' }}\n"
        ),
    );
    let done = project.run(&["model", "check", "--json"]);
    assert_eq!(done.code, 0, "{done:?}");
    let document = done.json();
    assert_eq!(document["schema"], "layercake.models/1");
    let model = &document["models"][0];
    assert_eq!(model["reported"], "tiny-2", "{document}");
    let (can, cannot) = (model["can"].to_string(), model["cannot"].to_string());
    for word in ["answer: it took", "call tools", "answer in a given shape"] {
        assert!(can.contains(word), "{word}: {document}");
    }
    assert!(cannot.contains("its cost is unknown"), "{document}");
    assert_eq!(model["cost_usd"], serde_json::Value::Null, "{document}");
    assert_eq!(model["tokens"], 36, "three calls of twelve: {document}");
}

#[test]
fn without_a_model_or_a_key_it_says_how_to_configure_one() {
    let project = Project::empty();
    let done = project.run(&["model", "check"]);
    assert_eq!(done.code, 0, "{done:?}");
    for word in [
        "no model is configured",
        "layercake.toml",
        "ANTHROPIC_API_KEY",
        "ollama/",
    ] {
        assert!(done.out.contains(word), "{word}: {done:?}");
    }
    project.write(
        "layercake.toml",
        "[models]\ndefault = 'anthropic/claude-haiku-4-5'\n",
    );
    let done = project.run(&["model", "check"]);
    assert_eq!(done.code, 1, "{done:?}");
    assert!(done.out.contains("set ANTHROPIC_API_KEY"), "{done:?}");
    project
        .run(&["model", "check", "unheard-of"])
        .check_error(2, "LC0502", &["unheard-of"]);
}
