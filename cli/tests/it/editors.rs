//! `layercake agent --acp`, driven by the protocol's own client library.

use serde_json::Value;

use crate::peers::lines;
use crate::world::Project;

const RULES: &str = r#"
version: 1
rules:
  - name: again
    match: {user_contains: ["what came before", "The call came back."]}
    text: "You asked me to write."
  - name: write
    match: {turn: 0, user_contains: ["please write"]}
    tool_calls:
      - {name: write, arguments: {path: note.txt, content: kept}}
  - name: after
    match: {after_tool: true}
    text: "The call came back."
  - name: file
    match: {user_contains: ["not saved yet"]}
    text: "I see what is not saved."
  - name: nothing
    text: "There is nothing to do."
"#;

fn project() -> Project {
    let project = Project::empty();
    project.write(
        "layercake.toml",
        "[models]\ndefault = \"scripted:rules.yaml\"\n",
    );
    project.write("rules.yaml", RULES);
    project
}

fn of<'a>(said: &'a [Value], what: &str) -> Vec<&'a Value> {
    said.iter().filter(|it| it["what"] == what).collect()
}

/// The texts of the updates of a kind.
fn texts(said: &[Value], kind: &str) -> Vec<String> {
    let updates = of(said, "update").into_iter().map(|it| &it["update"]);
    updates
        .filter(|it| it["sessionUpdate"] == kind)
        .map(|it| {
            it["content"]["text"]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        })
        .collect()
}

fn updates<'a>(said: &'a [Value], kind: &str) -> Vec<&'a Value> {
    let updates = of(said, "update").into_iter().map(|it| &it["update"]);
    updates.filter(|it| it["sessionUpdate"] == kind).collect()
}

#[test]
fn an_editor_prompts_allows_and_asks_again() {
    let project = project();
    let prompts = ["approve", "please write it", "what came before?"];
    let Some(said) = lines(&project, "acp.mjs", &prompts) else {
        return;
    };
    let greeting = of(&said, "greeting")[0];
    assert_eq!(greeting["protocolVersion"], 1);
    assert_eq!(greeting["agentCapabilities"]["loadSession"], true);
    assert_eq!(of(&said, "permission").len(), 1, "{said:#?}");
    assert_eq!(
        std::fs::read_to_string(project.path("note.txt")).unwrap(),
        "kept"
    );
    let calls = updates(&said, "tool_call");
    assert_eq!(calls[0]["title"], "write");
    assert_eq!(calls[0]["kind"], "edit");
    let ended = updates(&said, "tool_call_update");
    assert_eq!(ended[0]["toolCallId"], calls[0]["toolCallId"]);
    assert_eq!(ended[0]["status"], "completed");
    assert_eq!(
        texts(&said, "agent_message_chunk"),
        ["The call came back.", "You asked me to write."]
    );
    let stops: Vec<_> = of(&said, "stopped")
        .iter()
        .map(|it| it["stopReason"].clone())
        .collect();
    assert_eq!(stops, ["end_turn", "end_turn"]);
    assert_eq!(of(&said, "ended")[0]["code"], 0);

    // Everything is a run like any other.
    let list = project.run(&["ls", "--json"]).json();
    assert_eq!(list["runs"].as_array().unwrap().len(), 2);

    let session = of(&said, "session")[0]["sessionId"].as_str().unwrap();
    let said = lines(&project, "acp.mjs", &["load", session]).unwrap();
    assert_eq!(
        texts(&said, "user_message_chunk"),
        ["please write it", "what came before?"]
    );
    assert_eq!(texts(&said, "agent_message_chunk").len(), 2);
}

#[test]
fn a_person_who_says_no_is_obeyed() {
    let project = project();
    let Some(said) = lines(&project, "acp.mjs", &["reject", "please write it"]) else {
        return;
    };
    assert!(!project.path("note.txt").exists());
    assert_eq!(of(&said, "stopped")[0]["stopReason"], "end_turn");
}

#[test]
fn an_editor_cancels_in_the_middle() {
    let project = project();
    let Some(said) = lines(&project, "acp.mjs", &["cancel", "please write it"]) else {
        return;
    };
    assert_eq!(of(&said, "stopped")[0]["stopReason"], "cancelled");
    assert!(!project.path("note.txt").exists());
    let list = project.run(&["ls", "--json"]).json();
    assert_eq!(list["runs"][0]["status"], "cancelled");
}

#[test]
fn a_linked_file_is_read_as_the_editor_has_it() {
    let project = project();
    project.write("draft.txt", "saved long ago");
    let Some(said) = lines(&project, "acp.mjs", &["approve", "look at this file"]) else {
        return;
    };
    assert_eq!(of(&said, "read").len(), 1);
    assert_eq!(
        texts(&said, "agent_message_chunk"),
        ["I see what is not saved."]
    );
}
