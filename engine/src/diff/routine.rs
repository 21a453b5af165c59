//! The log of a routine as steps: one for each task that was reached, in the order of their
//! first records, and one for whatever came from outside without being asked for.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::own;
use super::step::{Ending, Step, StepKind};
use crate::{
    Actor, Call, Decision, Definition, Digest, Effect, EffectId, EffectRequest, Payload, Phase,
    Problem, Record, RecordKind, RunStart, RunTree,
};

/// Functions whose results differ in every run.
const VOLATILE: [&str; 2] = ["now", "uuid"];

/// Reads the log of a routine as steps.
pub(super) fn steps(log: &[Record], tree: &RunTree) -> Vec<Step> {
    let Some(first) = log.first() else {
        return Vec::new();
    };
    let mut reading = Reading {
        tree,
        own: own_of(first, tree),
        workflow: None,
        steps: Vec::new(),
        by_key: BTreeMap::new(),
        by_effect: BTreeMap::new(),
        signals: BTreeMap::new(),
    };
    for record in log {
        reading.add(record);
    }
    reading.steps
}

fn own_of(first: &Record, tree: &RunTree) -> BTreeMap<String, Digest> {
    let source = tree.definitions.get(&first.definition);
    match source.and_then(|text| Definition::document_of(text)) {
        Some(document) => own::hashes(&document),
        None => BTreeMap::from([(String::new(), first.definition)]),
    }
}

struct Reading<'a> {
    tree: &'a RunTree,
    /// The hash of every task of the definition, by path.
    own: BTreeMap<String, Digest>,
    /// The hash of `$workflow`, which has the run's id in it, and what stands for it.
    workflow: Option<(Digest, Digest)>,
    steps: Vec<Step>,
    by_key: BTreeMap<String, usize>,
    by_effect: BTreeMap<EffectId, (usize, Option<Digest>)>,
    signals: BTreeMap<String, usize>,
}

impl Reading<'_> {
    fn add(&mut self, record: &Record) {
        match &record.kind {
            RecordKind::RunStarted(start) => self.start(record, start),
            RecordKind::TaskStarted => {
                self.step(record);
            }
            RecordKind::TaskSkipped => self.end(record, Ending::Skipped),
            RecordKind::TaskFinished => self.end(record, Ending::Done),
            RecordKind::TaskCancelled => self.end(record, Ending::GivenUp),
            RecordKind::TaskFaulted { problem } => {
                self.end(record, ending_of(problem));
                let index = self.step(record);
                self.steps[index].output = Some(problem_hash(problem));
            }
            RecordKind::TaskRetried { failed, .. } => {
                let index = self.step(record);
                self.steps[index].attempts = self.steps[index].attempts.max(failed + 1);
            }
            RecordKind::EffectIntended(effect) => self.intend(record, effect),
            RecordKind::EffectFinished {
                effect,
                result,
                evidence,
            } => self.finish(record, *effect, result, evidence.as_ref()),
            RecordKind::EffectAbandoned { effect } => {
                if let Some(&(index, _)) = self.by_effect.get(effect) {
                    self.steps[index].ending = Ending::GivenUp;
                }
            }
            RecordKind::Decided { effect, decision } => self.decide(record, *effect, decision),
            RecordKind::Signalled { signal, data } => self.signal(record, signal, data),
            RecordKind::CancelRequested => self.steer(record, "cancel"),
            RecordKind::UndoRequested => self.steer(record, "undo"),
            RecordKind::RunFinished {
                phase,
                output,
                problem,
            } => self.close(record, *phase, output.as_ref(), problem.as_ref()),
            RecordKind::EffectUnknown { .. }
            | RecordKind::TimePassed
            | RecordKind::SuspendRequested
            | RecordKind::ResumeRequested
            | RecordKind::RetryRequested
            | RecordKind::Migrated { .. }
            | RecordKind::PhaseChanged { .. }
            | RecordKind::Session { .. } => {}
        }
    }

    fn start(&mut self, record: &Record, start: &RunStart) {
        let mut step = Step::at(record, StepKind::Start, start.name.clone());
        step.own.insert("definition".to_owned(), self.own_hash(""));
        step.request = Some(Digest::of_bytes(b"start"));
        step.outcome = Some(start.input.digest());
        step.output = step.outcome;
        step.ending = Ending::Done;
        step.answered = Some(record.seq);
        self.workflow = self.workflow_of(record, start);
        self.steps.push(step);
    }

    /// `$workflow` has the run's id and its time in it; what stands for it has neither.
    fn workflow_of(&self, record: &Record, start: &RunStart) -> Option<(Digest, Digest)> {
        let source = self.tree.definitions.get(&record.definition)?;
        let definition = Definition::document_of(source)?;
        let document = definition.get("document");
        let input = self.tree.value(&start.input)?;
        let workflow = crate::run::workflow_value(record.run, document, input, record.at);
        let stable = json!({ "definition": document, "input": input });
        Some((Digest::of_value(&workflow), Digest::of_value(&stable)))
    }

    fn own_hash(&self, key: &str) -> Digest {
        let path = own::path_of(key);
        self.own
            .get(&path)
            .copied()
            .unwrap_or_else(|| Digest::of_bytes(b"not in the definition"))
    }

    /// Returns the step of a record's task; a later attempt begins it anew.
    fn step(&mut self, record: &Record) -> usize {
        let key = record.task.as_str();
        let index = match self.by_key.get(key) {
            Some(&index) => index,
            None => {
                let mut step = Step::at(record, StepKind::Task, String::new());
                step.own.insert("definition".to_owned(), self.own_hash(key));
                self.by_key.insert(key.to_owned(), self.steps.len());
                self.steps.push(step);
                self.steps.len() - 1
            }
        };
        let step = &mut self.steps[index];
        if record.attempt > step.attempts {
            step.attempts = record.attempt;
            step.reads.clear();
            (step.outcome, step.output, step.ending) = (None, None, Ending::Open);
        }
        for read in &record.reads {
            let read = match self.workflow {
                Some((workflow, stable)) if workflow == *read => stable,
                _ => *read,
            };
            if !step.reads.contains(&read) {
                step.reads.push(read);
            }
        }
        index
    }

    fn end(&mut self, record: &Record, ending: Ending) {
        let index = self.step(record);
        let step = &mut self.steps[index];
        step.output = record.output.or(step.output);
        // What an effect was given up for says more than that its task was.
        step.ending = ending;
        step.answered.get_or_insert(record.seq);
    }

    fn intend(&mut self, record: &Record, effect: &Effect) {
        let index = self.step(record);
        let (kind, name, request, model) = asked(effect);
        let step = &mut self.steps[index];
        step.kind = kind;
        step.is_volatile = VOLATILE.contains(&name.as_str());
        step.name = name;
        step.request = Some(request);
        step.asked = record.seq;
        step.own.extend(model);
        self.by_effect.insert(effect.id, (index, Some(request)));
    }

    fn finish(
        &mut self,
        record: &Record,
        effect: EffectId,
        result: &Result<Payload, Problem>,
        evidence: Option<&Payload>,
    ) {
        let Some(&(index, _)) = self.by_effect.get(&effect) else {
            return;
        };
        let own = evidence
            .and_then(|evidence| self.tree.value(evidence))
            .map(sent)
            .unwrap_or_default();
        let step = &mut self.steps[index];
        step.answered = Some(record.seq);
        step.versions = record.versions.clone();
        step.versions.remove("engine");
        if step.kind == StepKind::Model {
            step.own.extend(own);
        }
        match result {
            Ok(payload) => {
                step.outcome = record.output.or_else(|| Some(payload.digest()));
                step.ending = Ending::Done;
            }
            Err(problem) => {
                step.outcome = Some(problem_hash(problem));
                step.ending = ending_of(problem);
            }
        }
    }

    fn decide(&mut self, record: &Record, effect: EffectId, decision: &Decision) {
        let Some(&(index, _)) = self.by_effect.get(&effect) else {
            return;
        };
        let step = &mut self.steps[index];
        if step.kind != StepKind::Human {
            return;
        }
        step.answered = Some(record.seq);
        step.ending = Ending::Done;
        step.outcome = Some(Digest::of_value(&json!([
            decision.verdict,
            decision.by,
            decision.comment,
            decision.edited,
        ])));
        // The moment of the decision is part of what the task puts out.
        step.is_volatile = true;
    }

    fn signal(&mut self, record: &Record, signal: &str, data: &Payload) {
        let count = self.signals.entry(signal.to_owned()).or_default();
        *count += 1;
        let kind = match record.actor {
            Actor::Person(_) => StepKind::Human,
            _ => StepKind::Timing,
        };
        let mut step = Step::at(record, kind, format!("event {signal}"));
        step.key = format!("event:{signal}#{count}");
        step.request = Some(Digest::of_bytes(signal.as_bytes()));
        step.outcome = Some(record.output.unwrap_or_else(|| data.digest()));
        step.ending = Ending::Done;
        step.answered = Some(record.seq);
        self.steps.push(step);
    }

    fn steer(&mut self, record: &Record, what: &str) {
        let mut step = Step::at(record, StepKind::Human, what);
        step.key = format!("request:{what}");
        step.request = Some(Digest::of_bytes(what.as_bytes()));
        step.ending = Ending::Done;
        step.answered = Some(record.seq);
        self.steps.push(step);
    }

    fn close(
        &mut self,
        record: &Record,
        phase: Phase,
        output: Option<&Payload>,
        problem: Option<&Problem>,
    ) {
        let mut step = Step::at(record, StepKind::End, "end");
        step.key = "@end".to_owned();
        step.output = match (output, problem) {
            (Some(output), _) => Some(output.digest()),
            (None, Some(problem)) => Some(problem_hash(problem)),
            (None, None) => None,
        };
        step.ending = match phase {
            Phase::Completed => Ending::Done,
            Phase::Cancelled => Ending::GivenUp,
            _ => problem.map_or(Ending::Failed, ending_of),
        };
        step.answered = Some(record.seq);
        self.steps.push(step);
    }
}

/// Returns what an effect asks for, without what differs in every run, and what a question to a
/// model is made of.
fn asked(effect: &Effect) -> (StepKind, String, Digest, BTreeMap<String, Digest>) {
    let mut model = BTreeMap::new();
    let (kind, name, request) = match &effect.request {
        EffectRequest::Call(call) => {
            let is_model = call.function == "decide";
            if is_model {
                model = model_parts(call);
            }
            let kind = match call.function.as_str() {
                "decide" => StepKind::Model,
                "agent" => StepKind::Run,
                _ => StepKind::Tool,
            };
            let request = json!([call.function, call.version, call.arguments]);
            (kind, call.function.clone(), request)
        }
        EffectRequest::Timer { due } => {
            let millis = due.as_millis().saturating_sub(effect.asked_at.as_millis());
            (StepKind::Timing, "timer".to_owned(), json!(millis))
        }
        EffectRequest::Approval(approval) => {
            let request = json!([approval.title, approval.shown_hash]);
            (StepKind::Human, approval.title.clone(), request)
        }
        EffectRequest::Run {
            routine,
            input,
            wait,
            ..
        } => (
            StepKind::Run,
            routine.clone(),
            json!([routine, input, wait]),
        ),
    };
    (kind, name, Digest::of_value(&request), model)
}

fn model_parts(call: &Call) -> BTreeMap<String, Digest> {
    let alias = call.arguments.get("model").unwrap_or(&Value::Null);
    BTreeMap::from([("model.alias".to_owned(), Digest::of_value(alias))])
}

/// Returns what a model was sent, by the layer of each part, from the evidence of the call.
fn sent(evidence: &Value) -> BTreeMap<String, Digest> {
    let Some(Value::Object(request)) = evidence.get("request") else {
        return BTreeMap::new();
    };
    let part = |(name, value): (&String, &Value)| {
        let layer = match name.as_str() {
            "system" | "messages" | "tools" | "answer" => "prompt",
            _ => "model",
        };
        (format!("{layer}.{name}"), Digest::of_value(value))
    };
    request.iter().map(part).collect()
}

/// The place of a problem names a definition's pointer, which moves with every edit.
fn problem_hash(problem: &Problem) -> Digest {
    Digest::of_value(&json!([
        problem.kind,
        problem.status,
        problem.title,
        problem.detail
    ]))
}

fn ending_of(problem: &Problem) -> Ending {
    match problem.kind.rsplit('/').next().unwrap_or_default() {
        "timeout" => Ending::TimedOut,
        "stopped" => Ending::Stopped,
        _ => Ending::Failed,
    }
}
