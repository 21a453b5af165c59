//! Random routines: a small grammar, and how it is written as a definition.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// A routine with the answers that its calls get, in order and over again.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) start: u64,
    pub(super) tasks: Vec<Task>,
    pub(super) answers: Vec<Answer>,
}

/// What a call comes back with.
#[derive(Debug, Clone, Copy)]
pub(super) enum Answer {
    Gives { add: u64, takes: u64 },
    Fails { status: u16, takes: u64 },
}

impl Answer {
    pub(super) fn takes(self) -> u64 {
        match self {
            Self::Gives { takes, .. } | Self::Fails { takes, .. } => takes,
        }
    }
}

/// One task; its name is `t` and its position.
#[derive(Debug, Clone)]
pub(super) struct Task {
    /// Runs only when `n` leaves this remainder by three.
    pub(super) only: Option<u64>,
    /// Adds `n` to the context afterwards.
    pub(super) exports: bool,
    pub(super) limit: Option<u64>,
    pub(super) then: Then,
    pub(super) kind: Kind,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Then {
    Continue,
    Exit,
    End,
    /// The task at this position, modulo the length of the list.
    Jump(usize),
}

#[derive(Debug, Clone)]
pub(super) enum Kind {
    /// `n` becomes `(n * 3 + add) % 1000`.
    Set(u64),
    /// `n` becomes `(n + context) % 1000`.
    Recall,
    Do(Vec<Task>),
    /// For remainders of `n` by four from zero on.
    Switch(Vec<Then>),
    For {
        items: Vec<u64>,
        /// Goes on only while `n` is below this.
        below: Option<u64>,
        body: Vec<Task>,
    },
    Try {
        body: Vec<Task>,
        status: Option<u16>,
        retry: Option<Retry>,
        handler: Option<Vec<Task>>,
    },
    Raise(u16),
    Call,
    Wait(u64),
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Retry {
    pub(super) count: u32,
    pub(super) delay: u64,
    pub(super) attempt_limit: Option<u64>,
}

pub(super) fn plan() -> impl Strategy<Value = Plan> {
    (0..1_000_u64, vec(task(), 1..4), vec(answer(), 1..8)).prop_map(|(start, tasks, answers)| {
        Plan {
            start,
            tasks,
            answers,
        }
    })
}

fn answer() -> impl Strategy<Value = Answer> {
    prop_oneof![
        3 => (0..9_u64, 0..30_u64).prop_map(|(add, takes)| Answer::Gives { add, takes }),
        2 => (status(), 0..30_u64).prop_map(|(status, takes)| Answer::Fails { status, takes }),
    ]
}

fn status() -> impl Strategy<Value = u16> {
    prop_oneof![Just(404), Just(503), Just(408)]
}

fn then() -> impl Strategy<Value = Then> {
    prop_oneof![
        8 => Just(Then::Continue),
        1 => Just(Then::Exit),
        1 => Just(Then::End),
        1 => (0..3_usize).prop_map(Then::Jump),
    ]
}

fn task() -> impl Strategy<Value = Task> {
    let leaf = prop_oneof![
        3 => (0..9_u64).prop_map(Kind::Set),
        1 => Just(Kind::Recall),
        1 => vec(then(), 1..3).prop_map(Kind::Switch),
        1 => status().prop_map(Kind::Raise),
        4 => Just(Kind::Call),
        1 => (0..40_u64).prop_map(Kind::Wait),
    ];
    dressed(leaf).prop_recursive(4, 24, 4, |inner| {
        let list = || vec(inner.clone(), 1..4);
        let each = (vec(0..9_u64, 0..4), option::of(0..1_000_u64), list());
        let retry = (1..4_u32, 0..20_u64, option::of(1..40_u64));
        let retry = retry.prop_map(|(count, delay, attempt_limit)| Retry {
            count,
            delay,
            attempt_limit,
        });
        let tried = (
            list(),
            option::of(status()),
            option::of(retry),
            option::of(list()),
        );
        let kind = prop_oneof![
            list().prop_map(Kind::Do),
            each.prop_map(|(items, below, body)| Kind::For { items, below, body }),
            tried.prop_map(|(body, status, retry, handler)| Kind::Try {
                body,
                status,
                retry,
                handler,
            }),
        ];
        dressed(kind)
    })
}

fn dressed(kind: impl Strategy<Value = Kind>) -> impl Strategy<Value = Task> {
    (
        option::weighted(0.2, 0..3_u64),
        prop::bool::weighted(0.3),
        option::weighted(0.15, 1..60_u64),
        then(),
        kind,
    )
        .prop_map(|(only, exports, limit, then, kind)| Task {
            only,
            exports,
            limit,
            then,
            kind,
        })
}

impl Plan {
    pub(super) fn to_text(&self) -> String {
        json!({
            "document": { "dsl": "1.0.3", "namespace": "test", "name": "random", "version": "1.0.0" },
            // Never reached; the reader wants a way out of a random loop.
            "timeout": { "after": { "days": 1 } },
            "do": list(&self.tasks, false),
        })
        .to_string()
    }
}

/// Writes a list of tasks; `looping` says whether `$item` can be seen.
fn list(tasks: &[Task], looping: bool) -> Value {
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
            task["export"] = json!({ "as": { "n": "${ (($context.n // 0) + .n) % 1000 }" } });
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
            Self::Do(tasks) => json!({ "do": list(tasks, looping) }),
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
                    "do": list(body, true),
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
            } => write_try(
                list(body, looping),
                *status,
                *retry,
                handler.as_ref().map(|h| list(h, looping)),
            ),
            Self::Raise(status) => json!({ "raise": { "error": {
                "type": "https://example.com/raised", "status": status, "title": "raised",
            } } }),
            Self::Call => json!({ "call": "work:1.0.0@default", "with": { "n": "${ .n }" } }),
            Self::Wait(millis) => json!({ "wait": { "milliseconds": millis } }),
        }
    }
}

fn write_try(
    body: Value,
    status: Option<u16>,
    retry: Option<Retry>,
    handler: Option<Value>,
) -> Value {
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
    json!({ "try": body, "catch": catch })
}
