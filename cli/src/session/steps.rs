//! The log of an agent as steps to compare: the words of the harness's sessions in those of the
//! engine's diff. Ids that providers give to calls differ in every run and are left out.

use std::collections::BTreeMap;

use layercake_engine::diff::{Ending, Step, StepKind};
use layercake_engine::{Decision, Digest, EffectId, Payload, Phase, Record, RecordKind, RunTree};
use serde_json::{Map, Value, json};

/// Members of the input of an agent's run that are not what it works on, and the part of a
/// request that each belongs to.
const OWN: [(&str, &str); 5] = [
    ("instructions", "prompt.instructions"),
    ("skills", "prompt.skills"),
    ("tools", "prompt.tools"),
    ("model", "model.alias"),
    ("budget", "limit.budget"),
];

/// Reads the log of an agent as steps.
pub(crate) fn steps(log: &[Record], tree: &RunTree) -> Vec<Step> {
    let mut reading = Reading {
        tree,
        steps: Vec::new(),
        open: BTreeMap::new(),
        questions: BTreeMap::new(),
        conversation: Digest::of_bytes(b"conversation"),
    };
    log.iter().for_each(|record| reading.add(record));
    reading.steps
}

struct Reading<'a> {
    tree: &'a RunTree,
    steps: Vec<Step>,
    /// Positions of the steps that have no end yet, by task.
    open: BTreeMap<String, usize>,
    questions: BTreeMap<EffectId, usize>,
    /// The hash of everything that the model was shown so far.
    conversation: Digest,
}

impl Reading<'_> {
    fn add(&mut self, record: &Record) {
        match &record.kind {
            RecordKind::RunStarted(start) => {
                let input = self.value(&start.input);
                self.start(record, &start.name, &input);
            }
            RecordKind::EffectIntended(effect) => {
                let mut step = Step::at(record, StepKind::Human, "question");
                if let layercake_engine::EffectRequest::Approval(approval) = &effect.request {
                    step.name.clone_from(&approval.title);
                    step.request = Some(Digest::of_value(&json!([approval.title, approval.shown])));
                }
                step.key = format!("{}?", step.key);
                self.questions.insert(effect.id, self.steps.len());
                self.steps.push(step);
            }
            RecordKind::Decided { effect, decision } => self.decide(record, *effect, decision),
            RecordKind::CancelRequested => {
                let mut step = Step::at(record, StepKind::Human, "cancel");
                step.key = "request:cancel".to_owned();
                step.ending = Ending::Done;
                self.steps.push(step);
            }
            RecordKind::RunFinished {
                phase,
                output,
                problem,
            } => {
                let mut step = Step::at(record, StepKind::End, "end");
                step.key = "@end".to_owned();
                let problem = problem.as_ref().map(|problem| &problem.title);
                step.output = match output {
                    Some(output) => Some(output.digest()),
                    None => Some(Digest::of_value(&json!(problem))),
                };
                step.ending = match phase {
                    Phase::Completed => Ending::Done,
                    Phase::Cancelled => Ending::GivenUp,
                    _ => Ending::Failed,
                };
                self.steps.push(step);
            }
            RecordKind::Session { event, body } => {
                let body = self.value(body);
                self.session(record, event, &body);
            }
            _ => {}
        }
    }

    fn start(&mut self, record: &Record, name: &str, input: &Value) {
        let mut step = Step::at(record, StepKind::Start, name);
        let mut rest = input.as_object().cloned().unwrap_or_default();
        // Where it works is a folder of this machine.
        rest.remove("cwd");
        for (member, _) in OWN {
            rest.remove(member);
        }
        step.request = Some(Digest::of_bytes(b"start"));
        step.outcome = Some(Digest::of_value(&Value::Object(rest)));
        step.ending = Ending::Done;
        step.answered = Some(record.seq);
        self.steps.push(step);
        let mut set_up = Step::at(record, StepKind::Task, "set up");
        set_up.key = "@setup".to_owned();
        set_up.ending = Ending::Done;
        set_up.output = Some(Digest::of_bytes(b"set up"));
        for (member, part) in OWN {
            let value = input.get(member).unwrap_or(&Value::Null);
            set_up.own.insert(part.to_owned(), Digest::of_value(value));
        }
        self.steps.push(set_up);
    }

    fn session(&mut self, record: &Record, event: &str, body: &Value) {
        match event {
            "started" => self.set_up(body),
            "model-requested" => {
                let mut step = Step::at(record, StepKind::Model, "model");
                step.request = Some(self.conversation);
                step.reads = vec![self.conversation];
                self.open(step);
            }
            "model-settled" => self.replied(record, &body["outcome"]),
            "tool-intended" => {
                let name = body["call"]["name"].as_str().unwrap_or_default();
                let mut step = Step::at(record, StepKind::Tool, name);
                let arguments = &body["call"]["arguments"];
                step.request = Some(Digest::of_value(&json!([name, arguments])));
                self.open(step);
            }
            "tool-settled" => {
                let failed = body["isError"] == json!(true);
                let ending = if failed { Ending::Failed } else { Ending::Done };
                self.returned(record, ending, Digest::of_value(&body["content"]));
            }
            "tool-refused" => self.refused(record, body),
            "compacted" => self.told(&body["summary"]),
            "noticed" => {
                self.told(&body["text"]);
                if body["cause"] == json!("budget-warning") {
                    self.alone(record, "budget-warning", &body["cause"]);
                }
            }
            "steered" => {
                self.told(&body["text"]);
                let count = self.steps.len();
                let mut step = Step::at(record, StepKind::Human, "steering");
                step.key = format!("event:steering#{count}");
                step.request = Some(Digest::of_bytes(b"steering"));
                step.outcome = Some(Digest::of_value(&body["text"]));
                step.ending = Ending::Done;
                step.answered = Some(record.seq);
                self.steps.push(step);
            }
            "suspended" if !body["cause"]["budget"].is_null() => {
                self.alone(record, "budget", &body["cause"]);
            }
            _ => {}
        }
    }

    /// The prompt as the model saw it belongs to what the agent is made of.
    fn set_up(&mut self, body: &Value) {
        self.conversation =
            Digest::of_value(&json!([body["system"], body["opening"], body["tools"]]));
        let parts = [
            ("prompt.system", &body["system"]),
            ("prompt.tools", &body["tools"]),
        ];
        let Some(step) = self.steps.iter_mut().find(|step| step.key == "@setup") else {
            return;
        };
        for (part, value) in parts {
            step.own.insert(part.to_owned(), Digest::of_value(value));
        }
        step.output = Some(Digest::of_value(&json!(
            step.own
                .iter()
                .map(|(name, digest)| (name.clone(), json!(digest)))
                .collect::<Map<_, _>>()
        )));
    }

    fn open(&mut self, step: Step) {
        self.open.insert(step.key.clone(), self.steps.len());
        self.steps.push(step);
    }

    fn replied(&mut self, record: &Record, outcome: &Value) {
        let Some(index) = self.open.remove(record.task.as_str()) else {
            return;
        };
        let reply = &outcome["replied"];
        let said = said(&reply["parts"]);
        let step = &mut self.steps[index];
        step.answered = Some(record.seq);
        step.versions = record.versions.clone();
        step.versions.retain(|name, _| name == "model");
        step.attempts = record.attempt;
        step.ending = match (reply.is_null(), is_limit(&outcome["failed"])) {
            (false, _) => Ending::Done,
            (true, true) => Ending::Stopped,
            (true, false) => Ending::Failed,
        };
        step.outcome = Some(Digest::of_value(&said));
        if reply.is_null() {
            // A failed call is made again; what it would have said was never shown.
            return;
        }
        self.conversation = Digest::of_value(&json!([self.conversation, said]));
    }

    fn returned(&mut self, record: &Record, ending: Ending, result: Digest) {
        if let Some(index) = self.open.remove(record.task.as_str()) {
            let step = &mut self.steps[index];
            step.answered = Some(record.seq);
            step.outcome = Some(result);
            step.ending = ending;
        }
        self.conversation = Digest::of_value(&json!([self.conversation, result]));
    }

    fn refused(&mut self, record: &Record, body: &Value) {
        if body["cause"] == json!("budget") {
            self.alone(record, "budget", &body["cause"]);
        }
        self.told(&body["message"]);
    }

    fn told(&mut self, text: &Value) {
        self.conversation = Digest::of_value(&json!([self.conversation, text]));
    }

    /// Something that happens at most in one of two runs that are alike.
    fn alone(&mut self, record: &Record, name: &str, what: &Value) {
        let mut step = Step::at(record, StepKind::Task, name);
        step.key = format!("limit:{name}");
        step.request = Some(Digest::of_bytes(name.as_bytes()));
        step.outcome = Some(Digest::of_value(what));
        step.ending = Ending::Stopped;
        step.answered = Some(record.seq);
        self.steps.push(step);
    }

    fn decide(&mut self, record: &Record, effect: EffectId, decision: &Decision) {
        let Some(&index) = self.questions.get(&effect) else {
            return;
        };
        let step = &mut self.steps[index];
        step.answered = Some(record.seq);
        step.ending = Ending::Done;
        step.outcome = Some(Digest::of_value(&json!([
            decision.verdict,
            decision.comment,
            decision.edited,
        ])));
    }

    fn value(&self, payload: &Payload) -> Value {
        self.tree.value(payload).cloned().unwrap_or_default()
    }
}

fn is_limit(error: &Value) -> bool {
    error["kind"] == json!("budgetExceeded")
}

/// Returns what a model said, without the ids that the provider gave to its calls and without
/// what only the provider can read.
fn said(parts: &Value) -> Value {
    let parts = parts.as_array().into_iter().flatten();
    let kept = parts.filter_map(|part| {
        let mut part = part.clone();
        let members = part.as_object_mut()?;
        for volatile in ["id", "signature", "item"] {
            members.remove(volatile);
        }
        for member in members.values_mut() {
            if let Value::Object(inner) = member {
                inner.remove("id");
                inner.remove("signature");
            }
        }
        Some(part)
    });
    kept.collect()
}
