//! MCP on both sides of the program: `layercake mcp` for the agents of others, driven by the
//! official client library, and servers of `layercake.toml` for our own.

use serde_json::Value;

use crate::peers::{documents, lines, path_of, script};
use crate::world::{Project, QUESTION};

/// Processes that share one store.
const SHIMS: usize = 4;
/// Facts that each of them writes.
const FACTS: usize = 25;

fn remember(subject: &str) -> String {
    format!(r#"["remember",{{"subject":"{subject}","predicate":"seen","value":1}}]"#)
}

/// Counts the facts in the store, page by page.
fn facts(project: &Project) -> usize {
    let call = r#"["recall",{"predicate":"seen","limit":1000}]"#;
    let said = lines(project, "mcp.mjs", &["one", call]).unwrap();
    let page: Value = serde_json::from_str(said[1]["text"].as_str().unwrap()).unwrap();
    usize::try_from(page["total"].as_u64().unwrap()).unwrap()
}

#[test]
fn a_client_of_others_runs_routines_and_shares_facts() {
    let project = Project::with_example();
    project.write("one/a.eml", QUESTION);
    assert_eq!(project.run(&["routine", "publish", "inbox.yaml"]).code, 0);
    let list = project.run(&["routine", "ls", "--json"]).json();
    let name = list.to_string();
    let name = name
        .split('"')
        .find(|it| it.contains('/') && it.contains('@'))
        .unwrap();
    let run = format!(r#"["routine_run",{{"name":"{name}","input":{{"folder":"one"}}}}]"#);
    let calls = [
        "one",
        r#"["routine_list",{}]"#,
        &run,
        r#"["inbox_list",{}]"#,
        r#"["run_list",{}]"#,
        r#"["remember",{"subject":"customer:1","predicate":"likes","value":"racks"}]"#,
        r#"["recall",{"predicate":"likes"}]"#,
        r#"["no_such_tool",{}]"#,
    ];
    let Some(said) = lines(&project, "mcp.mjs", &calls) else {
        return;
    };
    assert!(said[0]["tools"].as_array().unwrap().len() <= 8);
    let text = |at: usize| said[at]["text"].as_str().unwrap().to_owned();
    assert!(text(1).contains(name), "{}", text(1));
    assert!(text(2).contains("\"status\":\"waiting\""), "{}", text(2));
    assert!(text(3).contains("\"total\":1"), "{}", text(3));
    assert!(text(4).contains("waiting"), "{}", text(4));
    assert_eq!(said[5]["failed"], false, "{}", text(5));
    assert!(
        text(6).contains("racks") && text(6).contains("candidate"),
        "{}",
        text(6)
    );
    assert_eq!(said[7]["failed"], true);
    let longest = said[1..]
        .iter()
        .map(|it| it["bytes"].as_u64().unwrap())
        .max();
    assert!(longest.unwrap() < 16 * 1024, "{said:#?}");
}

#[test]
fn nothing_is_lost_when_a_client_writes_all_at_once() {
    let project = Project::empty();
    let calls: Vec<String> = (0..200).map(|n| remember(&format!("thing:{n}"))).collect();
    let mut arguments = vec!["together"];
    arguments.extend(calls.iter().map(String::as_str));
    let Some(said) = lines(&project, "mcp.mjs", &arguments) else {
        return;
    };
    assert!(
        said[1..].iter().all(|it| it["failed"] == false),
        "{said:#?}"
    );
    assert_eq!(facts(&project), 200);
}

#[test]
fn several_clients_with_a_server_each_share_one_store() {
    let project = Project::empty();
    let mut shims = Vec::new();
    for shim in 0..SHIMS {
        let calls: Vec<String> = (0..FACTS)
            .map(|n| remember(&format!("{shim}:{n}")))
            .collect();
        let mut arguments = vec!["one"];
        arguments.extend(calls.iter().map(String::as_str));
        let Some(mut command) = script(&project, "mcp.mjs", &arguments) else {
            return;
        };
        shims.push(command.spawn().unwrap());
    }
    for shim in shims {
        let output = shim.wait_with_output().unwrap();
        let err = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{err}");
        let said = documents(&output.stdout);
        assert!(
            said[1..].iter().all(|it| it["failed"] == false),
            "{said:#?}"
        );
    }
    assert_eq!(facts(&project), SHIMS * FACTS);
}

#[test]
fn an_agent_gets_the_tools_of_configured_servers() {
    let Some(server) = path_of("shop.mjs") else {
        return;
    };
    let project = Project::empty();
    let server = server.display();
    project.write(
        "layercake.toml",
        &format!(
            "[models]\ndefault = \"scripted:rules.yaml\"\n\
             [mcp.servers.shop]\ncommand = [\"node\", \"{server}\"]\nreadable = [\"{server}\"]\n\
             classes = {{ price = \"read\" }}\nenv = {{ GREETING = \"hello\" }}\n"
        ),
    );
    project.write(
        "rules.yaml",
        "version: 1\nrules:\n\
         \x20 - match: {turn: 0}\n    tool_calls:\n      - {name: shop__price, arguments: {item: rack}}\n\
         \x20 - match: {after_tool: true}\n    text: \"{{tool.text}}\"\n",
    );
    let mut command = project.command(&["agent", "What does a rack cost?", "--json"]);
    let output = command.env("SECRET", "a key").output().unwrap();
    let done = crate::world::Done::of(&output);
    assert_eq!(done.code, 0, "{done:?}");
    let text = done.json()["output"]["text"].as_str().unwrap().to_owned();
    assert!(text.contains("price rack: 5, and no secret"), "{text}");
}

#[test]
fn a_server_that_cannot_be_used_is_named() {
    let project = Project::empty();
    project.write(
        "layercake.toml",
        "[mcp.servers.shop]\ncommand = [\"no-such-program\"]\n",
    );
    let done = project.run(&["agent", "hello"]);
    done.check_error(6, "LC0903", &["`shop`", "layercake.toml"]);
}
