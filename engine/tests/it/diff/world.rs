//! Pairs of runs that differ by one planted thing: a seeded routine, and a world that answers it
//! the same way every time, but for what is planted.

use std::collections::BTreeMap;

use layercake_engine::{
    Actor, Catalog, Decision, Definition, Digest, Effect, EffectRequest, Input, Outcome, Payload,
    Phase, Problem, ProblemKind, Record, Run, RunId, RunKind, RunStart, RunTree, Timestamp,
    Verdict,
};
use serde_json::{Value, json};

/// A small generator of numbers; the same seed gives the same ones.
#[derive(Debug, Clone)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }

    pub(crate) fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }
}

/// A routine of every kind of step in a seeded order, and where each kind stands.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) tasks: Vec<Value>,
    pub(crate) places: BTreeMap<&'static str, Vec<String>>,
}

impl Plan {
    pub(crate) fn draw(dice: &mut Dice) -> Self {
        let mut kinds = vec![
            "tool", "tool", "model", "human", "set", "set", "loop", "fork", "race", "event",
        ];
        for last in (1..kinds.len()).rev() {
            let other = dice.below(last + 1);
            kinds.swap(last, other);
        }
        let mut plan = Self {
            tasks: Vec::new(),
            places: BTreeMap::new(),
        };
        for (number, kind) in kinds.into_iter().enumerate() {
            plan.add(kind, &format!("{kind}{number}"));
        }
        plan
    }

    fn add(&mut self, kind: &'static str, name: &str) {
        let mut note = |kind, place: String| self.places.entry(kind).or_default().push(place);
        let task = match kind {
            "tool" => {
                note("tool", format!("{name}/call"));
                note("retry", format!("{name}/call"));
                // A failed call is tried again, so that retries can be planted.
                json!({
                    "try": [{ "call": post(name) }],
                    "catch": { "retry": { "delay": { "seconds": 1 }, "limit": { "attempt": { "count": 5 } } } },
                })
            }
            "model" => {
                note("model", name.to_owned());
                json!({
                    "call": "decide:1.0.0@default",
                    "with": { "question": "Which?", "material": "${ . }", "answer": true },
                })
            }
            "human" => {
                note("human", name.to_owned());
                json!({
                    "call": "approval:1.0.0@default",
                    "with": { "title": format!("May {name}?"), "show": "${ {seen: .} }" },
                })
            }
            "set" => {
                note("set", name.to_owned());
                json!({ "set": { "number": 1, "before": "${ . }" } })
            }
            "loop" => {
                note("tool", format!("{name}/each[1]"));
                note("retry", format!("{name}/each[2]"));
                json!({
                    "for": { "each": "item", "in": "${ [1, 2, 3] }" },
                    "do": [{ "each": post("each") }],
                })
            }
            "fork" => {
                note("tool", format!("{name}/left"));
                note("fork", name.to_owned());
                json!({ "fork": { "branches": [{ "left": post("left") }, { "right": post("right") }] } })
            }
            "race" => {
                note("race", name.to_owned());
                json!({
                    "fork": {
                        "compete": true,
                        "branches": [{ "left": post("left") }, { "right": post("right") }],
                    },
                })
            }
            _ => json!({ "listen": { "to": { "one": { "with": { "type": "go" } } } } }),
        };
        self.tasks.push(json!({ name: task }));
    }

    pub(crate) fn source(&self, name: &str, version: &str) -> String {
        json!({
            "document": { "dsl": "1.0.3", "namespace": "test", "name": name, "version": version },
            "do": self.tasks,
        })
        .to_string()
    }
}

fn post(name: &str) -> Value {
    json!({
        "call": "http",
        "with": { "method": "post", "endpoint": format!("http://{name}.test/"), "body": "${ . }" },
    })
}

/// What is planted into the second run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Plant {
    /// Another result of this tool.
    pub(crate) tool: Option<String>,
    /// Another version of this tool, with another result.
    pub(crate) tool_version: Option<String>,
    /// Another reply to the same request.
    pub(crate) sampling: Option<String>,
    /// Another model as reported, or other parameters as sent, with another reply.
    pub(crate) model: Option<(String, bool)>,
    /// Another system text as sent, with another reply.
    pub(crate) prompt: Option<String>,
    /// Another decision: a no, or the same with other words.
    pub(crate) human: Option<(String, bool)>,
    /// A call that a budget stopped.
    pub(crate) limit: Option<String>,
    /// The other branch wins here.
    pub(crate) race: Option<String>,
    /// This many failures before this call works.
    pub(crate) retries: Option<(String, u32)>,
    /// The other order of answers that do not compete.
    pub(crate) is_reordered: bool,
    /// Other data of an event that a person sent.
    pub(crate) event: bool,
}

/// Runs a routine to its end in a world with something planted.
pub(crate) fn run(source: &str, input: Value, identity: u128, plant: &Plant) -> RunTree {
    let checked = Definition::read(source, &Catalog::standard());
    let definition = match checked {
        Ok(checked) => checked.definition,
        Err(diagnostics) => panic!("{diagnostics:#?}\n{source}"),
    };
    let digest = definition.digest();
    let at = Timestamp::from_millis(1_000_000 + 977 * identity as u64);
    let start = RunStart {
        run_kind: RunKind::Routine,
        name: definition.name().to_owned(),
        input: Payload::Inline(input),
        parent: None,
        key: None,
        by: Actor::Engine,
    };
    let (run, records) = Run::start(RunId::from_parts(at, identity), start, definition, at);
    let mut world = World {
        run,
        records,
        now: at,
        plant,
        failures: 0,
    };
    while !world.run.phase().is_final() {
        world.step();
    }
    RunTree {
        logs: vec![world.records],
        payloads: BTreeMap::new(),
        definitions: BTreeMap::from([(digest, source.to_owned())]),
    }
}

struct World<'a> {
    run: Run,
    records: Vec<Record>,
    now: Timestamp,
    plant: &'a Plant,
    failures: u32,
}

impl World<'_> {
    fn step(&mut self) {
        self.now = self.now.plus_millis(7);
        let pending: Vec<Effect> = self.run.pending().cloned().collect();
        let Some(effect) = self.choose(&pending) else {
            if let Some(due) = self.run.next_due() {
                self.now = due;
                return self.apply(Input::TimePassed);
            }
            let data = if self.plant.event {
                json!("planted")
            } else {
                json!("go on")
            };
            return self.apply(Input::Signalled {
                signal: "go".to_owned(),
                data,
                by: Actor::Person("ada".to_owned()),
            });
        };
        let input = self.answer(&effect);
        self.apply(input);
    }

    fn choose(&self, pending: &[Effect]) -> Option<Effect> {
        let in_race = |effect: &Effect| {
            let race = self.plant.race.as_deref();
            race.is_some_and(|race| effect.task.as_str().starts_with(race))
        };
        let last = self.plant.is_reordered || pending.iter().any(in_race);
        let is_race = pending
            .iter()
            .any(|effect| effect.task.as_str().starts_with("race"));
        let chosen = if last && (!is_race || pending.iter().any(in_race)) {
            pending.last()
        } else {
            pending.first()
        };
        chosen.cloned()
    }

    fn apply(&mut self, input: Input) {
        let records = self
            .run
            .apply(input, self.now)
            .expect("the input is admissible");
        self.records.extend(records);
    }

    fn answer(&mut self, effect: &Effect) -> Input {
        let task = effect.task.as_str();
        let outcome = match &effect.request {
            EffectRequest::Approval(approval) => {
                return Input::Decided {
                    effect: effect.id,
                    decision: self.decision(task, approval.shown_hash),
                };
            }
            EffectRequest::Call(call) if call.function == "decide" => {
                self.reply(task, &call.arguments)
            }
            EffectRequest::Call(call) => self.result(task, &call.arguments),
            EffectRequest::Timer { .. } | EffectRequest::Run { .. } => return Input::TimePassed,
        };
        Input::EffectFinished {
            effect: effect.id,
            outcome,
        }
    }

    fn decision(&self, task: &str, shown_hash: Digest) -> Decision {
        let planted = self.plant.human.as_ref();
        let planted = planted.filter(|(place, _)| place == task);
        let says_no = planted.is_some_and(|(_, no)| *no);
        Decision {
            verdict: if says_no {
                Verdict::Reject
            } else {
                Verdict::Approve
            },
            by: "ada".to_owned(),
            at: self.now,
            comment: planted.map(|_| "because".to_owned()),
            edited: None,
            roles: Vec::new(),
            shown_hash,
        }
    }

    fn reply(&self, task: &str, arguments: &Value) -> Outcome {
        let is = |place: &Option<String>| place.as_deref() == Some(task);
        let model = self.plant.model.as_ref().filter(|(place, _)| place == task);
        let (reported, temperature) = match model {
            Some((_, true)) => ("m-2", 0.1),
            Some((_, false)) => ("m-1", 0.9),
            None => ("m-1", 0.1),
        };
        let system = if is(&self.plant.prompt) {
            "Think twice."
        } else {
            "Think."
        };
        let request = json!({
            "system": system,
            "messages": [{ "role": "user", "parts": [arguments["material"]] }],
            "sampling": { "temperature": temperature },
        });
        let other = is(&self.plant.prompt) || is(&self.plant.sampling) || model.is_some();
        let mut outcome = if is(&self.plant.limit) {
            Outcome::failed(Problem {
                kind: "https://layercake.dev/problems/stopped".to_owned(),
                ..Problem::standard(ProblemKind::Runtime, "the budget is used up")
            })
        } else {
            Outcome::completed(hashed(arguments, other))
        };
        outcome
            .versions
            .insert("model".to_owned(), reported.to_owned());
        outcome.evidence = Some(json!({ "request": request, "attempts": [] }));
        outcome
    }

    fn result(&mut self, task: &str, arguments: &Value) -> Outcome {
        let is = |place: &Option<String>| place.as_deref() == Some(task);
        if let Some((place, times)) = &self.plant.retries
            && place == task
            && self.failures < *times
        {
            self.failures += 1;
            let problem = Problem::standard(ProblemKind::Communication, "not now");
            return Outcome::failed(problem.with_status(503));
        }
        let other = is(&self.plant.tool) || is(&self.plant.tool_version);
        let mut outcome = Outcome::completed(hashed(arguments, other));
        let version = if is(&self.plant.tool_version) {
            "2"
        } else {
            "1"
        };
        outcome
            .versions
            .insert("tool".to_owned(), version.to_owned());
        outcome
    }
}

/// The same arguments give the same result; a planted one gives another.
fn hashed(arguments: &Value, other: bool) -> Value {
    let digest = Digest::of_value(&json!([timeless(arguments), other]));
    json!({ "result": digest.to_hex()[..12] })
}

/// No tool here looks at the clock.
fn timeless(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let kept = members.iter().filter(|(name, _)| *name != "at");
            kept.map(|(name, value)| (name.clone(), timeless(value)))
                .collect()
        }
        Value::Array(items) => items.iter().map(timeless).collect(),
        other => other.clone(),
    }
}

/// Says whether the run of a tree completed.
pub(crate) fn completed(tree: &RunTree) -> bool {
    let last = tree.logs[0].last().map(|record| &record.kind);
    matches!(
        last,
        Some(layercake_engine::RecordKind::RunFinished {
            phase: Phase::Completed,
            ..
        })
    )
}
