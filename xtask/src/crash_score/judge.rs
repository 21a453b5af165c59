//! Whether a session that was killed and resumed told the truth: its record, what the model was
//! shown, and the world are held beside each other.

use std::collections::BTreeMap;

use serde_json::Value;

use super::project::Project;
use super::script::{COMMANDS, FILES};

/// What is counted. Everything but the last two must be zero.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Score {
    /// Records that stood in the log before a kill and did not afterwards.
    pub(super) lost: usize,
    /// Commands that ran more than once.
    pub(super) duplicated: usize,
    /// Results that the world contradicts.
    pub(super) untrue: usize,
    /// Processes that outlived the one that they belonged to.
    pub(super) orphans: usize,
    /// Processes that were killed.
    pub(super) kills: usize,
    /// Sessions, and how many of them came to their end.
    pub(super) sessions: usize,
    pub(super) finished: usize,
}

impl Score {
    /// Adds another score.
    pub(super) fn add(&mut self, other: Self) {
        self.lost += other.lost;
        self.duplicated += other.duplicated;
        self.untrue += other.untrue;
        self.orphans += other.orphans;
        self.kills += other.kills;
        self.sessions += other.sessions;
        self.finished += other.finished;
    }

    /// Says whether nothing went wrong.
    pub(super) fn is_perfect(&self) -> bool {
        let faults = self.lost + self.duplicated + self.untrue + self.orphans;
        faults == 0 && self.finished == self.sessions && self.sessions > 0
    }
}

/// Counts the records of before that are missing or different now.
pub(super) fn lost(
    before: &BTreeMap<(String, u64), Value>,
    now: &BTreeMap<(String, u64), Value>,
) -> usize {
    let changed = before
        .iter()
        .filter(|(at, record)| now.get(*at) != Some(*record));
    changed.count()
}

/// Counts the commands that ran more than once.
pub(super) fn duplicated(project: &Project) -> usize {
    let log = project.read("effects.log");
    let twice = COMMANDS
        .iter()
        .filter(|mark| times(&log, "begin", mark) > 1);
    twice.count()
}

/// Says what is untrue about the results that the model was shown.
pub(super) fn untruths(project: &Project, conversations: &[Vec<Value>]) -> Vec<String> {
    let log = project.read("effects.log");
    let mut found = Vec::new();
    for messages in conversations {
        for (call, result) in results(messages) {
            found.extend(contradiction(project, &log, &call, &result));
        }
    }
    for (file, content) in FILES {
        let seen = project.read(file);
        if seen != content {
            found.push(format!("{file} holds {seen:?} at the end"));
        }
    }
    found.sort();
    found.dedup();
    found
}

/// Returns the calls of a conversation, each with the result that the model was shown.
fn results(messages: &[Value]) -> Vec<(Value, String)> {
    let mut calls: BTreeMap<String, Value> = BTreeMap::new();
    let mut found = Vec::new();
    for message in messages {
        for call in message["tool_calls"].as_array().into_iter().flatten() {
            // Names repeat from turn to turn: the newest is the one that is answered.
            calls.insert(call["id"].to_string(), call["function"].clone());
        }
        if message["role"] == "tool"
            && let Some(call) = calls.get(&message["tool_call_id"].to_string())
        {
            let content = match &message["content"] {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            // The dialect has no flag for failed calls; the words before the result are the flag.
            let content = content.strip_prefix("Error: ").unwrap_or(&content);
            found.push((call.clone(), content.to_owned()));
        }
    }
    found
}

/// Holds one result beside the world.
fn contradiction(project: &Project, log: &str, call: &Value, result: &str) -> Option<String> {
    let arguments = call["arguments"].as_str().unwrap_or_default();
    let is_unknown = result.starts_with("The outcome is unknown");
    let wrong = match call["name"].as_str().unwrap_or_default() {
        "shell" => {
            let mark = COMMANDS
                .iter()
                .find(|mark| arguments.contains(&format!("begin-{mark} ")))?;
            let (begun, ended) = (times(log, "begin", mark), times(log, "end", mark));
            if is_unknown {
                begun > 1 || ended > begun
            } else {
                let says_done = result.contains(&format!("ok-{mark}"));
                !(says_done && begun == 1 && ended == 1)
            }
        }
        "write" => !result.starts_with("Wrote 11 bytes") || !file_is_there(project, arguments),
        "edit" => !result.starts_with("Changed one place"),
        "read" => !result.contains("counter: 1"),
        "delegate" => !result.contains("done"),
        _ => true,
    };
    wrong.then(|| format!("{} was told {result:?}", call["name"]))
}

fn file_is_there(project: &Project, arguments: &str) -> bool {
    let arguments: Value = serde_json::from_str(arguments).unwrap_or_default();
    let path = arguments["path"].as_str().unwrap_or_default();
    project.read(path).starts_with("counter: ")
}

fn times(log: &str, what: &str, mark: &str) -> usize {
    let line = format!("{what}-{mark}");
    log.lines().filter(|found| *found == line).count()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Project, duplicated, lost, untruths};
    use crate::crash_score::script::FILES;

    /// A folder that looks as after a session, with a log of effects.
    fn project(token: &str, log: &str) -> Project {
        let project = Project::new("true".as_ref(), "http://127.0.0.1:9", token)
            .expect("a folder can be made");
        project.write("effects.log", log);
        for (file, content) in FILES {
            project.write(file, content);
        }
        project
    }

    /// A conversation in which the command `a` was asked for and this came back.
    fn told(result: &str) -> Vec<Vec<serde_json::Value>> {
        let call = json!({"id": "c", "function": {
            "name": "shell", "arguments": "{\"command\":\"echo begin-a >> effects.log\"}"
        }});
        vec![vec![
            json!({"role": "assistant", "tool_calls": [call]}),
            json!({"role": "tool", "tool_call_id": "c", "content": result}),
        ]]
    }

    #[test]
    fn each_kind_of_lie_is_found() {
        let twice = project("judge-twice", "begin-a\nend-a\nbegin-a\n");
        assert_eq!(duplicated(&twice), 1);
        assert_eq!(untruths(&twice, &told("ok-a\n")).len(), 1);
        let never = project("judge-never", "");
        assert_eq!(untruths(&never, &told("ok-a\n")).len(), 1);
        assert_eq!(untruths(&never, &told("[killed]")).len(), 1);
        let unknown = "Error: The outcome is unknown: it was about to be made.";
        assert!(untruths(&never, &told(unknown)).is_empty());
        let once = project("judge-once", "begin-a\nend-a\n");
        assert_eq!(duplicated(&once), 0);
        assert!(untruths(&once, &told("ok-a\n")).is_empty());
        once.write("one.txt", "counter: 0\n");
        assert_eq!(untruths(&once, &told("ok-a\n")).len(), 1);
    }

    #[test]
    fn a_record_that_is_gone_or_changed_is_lost() {
        let record = |kind: &str| [(("run".to_owned(), 1), json!({ "kind": kind }))].into();
        assert_eq!(lost(&record("a"), &record("a")), 0);
        assert_eq!(lost(&record("a"), &record("b")), 1);
        assert_eq!(lost(&record("a"), &std::collections::BTreeMap::new()), 1);
    }
}
