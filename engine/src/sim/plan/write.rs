//! How a routine is written as a definition.

use serde_json::{Map, Value, json};

use super::{Kind, Plan, Retry, Task, Then};

impl Plan {
    /// Writes the routine as a definition.
    pub fn to_text(&self) -> String {
        json!({
            "document": {
                "dsl": "1.0.3",
                "namespace": "sim",
                "name": format!("plan-{:x}", self.seed),
                "version": "1.0.0",
            },
            // Never reached; the reader wants a way out of every loop.
            "timeout": { "after": { "days": 1_000_000_000_u64 } },
            "do": write_list(&self.tasks, false),
        })
        .to_string()
    }
}

fn write_list(tasks: &[Task], looping: bool) -> Value {
    let written = tasks.iter().enumerate().map(|(i, task)| {
        let mut entry = Map::new();
        entry.insert(format!("t{i}"), task.write(tasks.len(), looping));
        Value::Object(entry)
    });
    written.collect()
}

impl Task {
    fn write(&self, siblings: usize, looping: bool) -> Value {
        let mut task = self.kind.write(siblings, looping);
        if let Some(remainder) = self.only {
            task["if"] = json!(format!("${{ .n % 3 == {remainder} }}"));
        }
        if self.exports {
            task["export"] = json!({ "as": { "n": "${ ($context.n + .n) % 1000 }" } });
        }
        if let Some(limit) = self.limit {
            task["timeout"] = json!({ "after": { "milliseconds": limit } });
        }
        if let Some(target) = self.then.write(siblings) {
            task["then"] = json!(target);
        }
        task
    }
}

impl Then {
    fn write(self, siblings: usize) -> Option<String> {
        match self {
            Self::Continue => None,
            Self::Exit => Some("exit".to_owned()),
            Self::End => Some("end".to_owned()),
            Self::Jump(position) => Some(format!("t{}", position % siblings)),
        }
    }
}

impl Kind {
    fn write(&self, siblings: usize, looping: bool) -> Value {
        match self {
            Self::Set(add) if looping => {
                json!({ "set": { "n": format!("${{ (.n * 3 + {add} + $item) % 1000 }}") } })
            }
            Self::Set(add) => json!({ "set": { "n": format!("${{ (.n * 3 + {add}) % 1000 }}") } }),
            Self::Recall => json!({ "set": { "n": "${ (.n + $context.n) % 1000 }" } }),
            Self::Do(tasks) => json!({ "do": write_list(tasks, looping) }),
            Self::Switch(cases) => {
                let cases = cases.iter().enumerate().map(|(i, then)| {
                    let target = then
                        .write(siblings)
                        .unwrap_or_else(|| "continue".to_owned());
                    json!({ format!("c{i}"): {
                        "when": format!("${{ .n % 4 == {i} }}"),
                        "then": target,
                    } })
                });
                json!({ "switch": cases.collect::<Vec<_>>() })
            }
            Self::For { items, below, body } => {
                let mut task = json!({
                    "for": { "each": "item", "in": format!("${{ {} }}", json!(items)) },
                    "do": write_list(body, true),
                });
                if let Some(below) = below {
                    task["while"] = json!(format!("${{ .n < {below} }}"));
                }
                task
            }
            Self::Try {
                body,
                status,
                retry,
                handler,
            } => {
                let handler = handler.as_ref().map(|tasks| write_list(tasks, looping));
                let catch = write_catch(*status, *retry, handler);
                json!({ "try": write_list(body, looping), "catch": catch })
            }
            Self::Fork { branches, compete } => write_fork(branches, *compete, looping),
            Self::Raise(status) => json!({ "raise": { "error": {
                "type": "https://example.com/raised", "status": status, "title": "raised",
            } } }),
            Self::Call(function) => {
                json!({ "call": format!("{function}:1.0.0@default"), "with": { "n": "${ .n }" } })
            }
            Self::Wait(millis) => json!({ "wait": { "milliseconds": millis } }),
        }
    }
}

fn write_fork(branches: &[Vec<Task>], compete: bool, looping: bool) -> Value {
    let branches = branches.iter().enumerate();
    let branches: Vec<Value> = branches
        .map(|(i, tasks)| json!({ format!("b{i}"): { "do": write_list(tasks, looping) } }))
        .collect();
    let mut task = json!({ "fork": { "branches": branches, "compete": compete } });
    if !compete {
        task["output"] = json!({ "as": { "n": "${ (map(.n) | add) % 1000 }" } });
    }
    task
}

fn write_catch(status: Option<u16>, retry: Option<Retry>, handler: Option<Value>) -> Value {
    let mut catch = Map::new();
    if let Some(status) = status {
        catch.insert("errors".to_owned(), json!({ "with": { "status": status } }));
    }
    if let Some(retry) = retry {
        let mut attempt = json!({ "count": retry.count });
        if let Some(limit) = retry.attempt_limit {
            attempt["duration"] = json!({ "milliseconds": limit });
        }
        let policy = json!({
            "delay": { "milliseconds": retry.delay },
            "limit": { "attempt": attempt },
        });
        catch.insert("retry".to_owned(), policy);
    }
    if let Some(handler) = handler {
        catch.insert("do".to_owned(), handler);
    }
    Value::Object(catch)
}
