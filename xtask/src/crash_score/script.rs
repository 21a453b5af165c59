//! What the scripted model says, and what the world must look like afterwards.
//!
//! The model answers by the number of its own replies in the conversation, so that it says the
//! same after every restart.

use serde_json::{Value, json};

/// What an agent below is told; the word marks its conversations.
const SUB_TASK: &str = "sub-task";

/// One reply of the model.
#[derive(Debug)]
pub(super) enum Say {
    /// Calls of tools, with their arguments.
    Calls(Vec<(&'static str, Value)>),
    /// A final text.
    Text(String),
}

/// Every command that the session runs, by its mark.
pub(super) const COMMANDS: [&str; 7] = ["a", "b", "c", "d", "sub1", "sub2", "sub3"];

/// Every file that the session writes, with its content at the end.
pub(super) const FILES: [(&str, &str); 5] = [
    ("one.txt", "counter: 1\n"),
    ("two.txt", "counter: 1\n"),
    ("sub1.txt", "counter: 0\n"),
    ("sub2.txt", "counter: 0\n"),
    ("sub3.txt", "counter: 0\n"),
];

/// The tools that the agent is given.
pub(super) const TOOLS: &str = "shell,read,write,edit,delegate";

/// Answers a request, given its messages.
pub(super) fn reply(messages: &[Value], token: &str) -> Say {
    let replies = messages
        .iter()
        .filter(|message| message["role"] == "assistant")
        .count();
    let first = messages.iter().find(|message| message["role"] == "user");
    let opening = first.map(|message| message["content"].to_string());
    match opening.as_deref().and_then(sub_task) {
        Some(number) => below(replies, number, token),
        None => above(replies, token),
    }
}

/// Returns the number of the sub-task that a conversation is about.
fn sub_task(opening: &str) -> Option<u32> {
    let (_, rest) = opening.split_once(SUB_TASK)?;
    rest.trim_start().chars().next()?.to_digit(10)
}

fn above(replies: usize, token: &str) -> Say {
    Say::Calls(match replies {
        0 => vec![command("a", token), write("one.txt")],
        1 => vec![edit("one.txt"), ("read", json!({"path": "one.txt"}))],
        2 => vec![delegate(1)],
        3 => vec![command("b", token), write("two.txt")],
        4 => vec![edit("two.txt"), command("c", token)],
        5 => vec![delegate(2), delegate(3)],
        6 => vec![command("d", token)],
        _ => return Say::Text("all done".to_owned()),
    })
}

fn below(replies: usize, number: u32, token: &str) -> Say {
    let (mark, file) = match number {
        1 => ("sub1", "sub1.txt"),
        2 => ("sub2", "sub2.txt"),
        _ => ("sub3", "sub3.txt"),
    };
    match replies {
        0 => Say::Calls(vec![command(mark, token)]),
        1 => Say::Calls(vec![write(file)]),
        _ => Say::Text(format!("{mark} done")),
    }
}

/// A command whose beginning and end leave a line each, with time between them to be killed in,
/// and a background process that would outlive it.
fn command(mark: &str, token: &str) -> (&'static str, Value) {
    let line = format!(
        ": {token}; echo begin-{mark} >> effects.log; (sleep 900 &); sleep 0.02; \
         echo end-{mark} >> effects.log; echo ok-{mark}"
    );
    ("shell", json!({ "command": line }))
}

fn write(file: &str) -> (&'static str, Value) {
    ("write", json!({"path": file, "content": "counter: 0\n"}))
}

fn edit(file: &str) -> (&'static str, Value) {
    (
        "edit",
        json!({"path": file, "old": "counter: 0", "new": "counter: 1"}),
    )
}

fn delegate(number: u32) -> (&'static str, Value) {
    ("delegate", json!({"task": format!("{SUB_TASK} {number}")}))
}
