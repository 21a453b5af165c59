//! The contract of `decide` and `agent`: an answer is checked against its schema and by an
//! evaluator; a wrong one is asked for again with the reasons, then put to a person, and never
//! quietly passed on.

use serde_json::{Value, json};

use crate::definition::tree::{CallTask, Task, TaskKind};
use crate::run::dataflow::conform;
use crate::run::datum::Datum;
use crate::run::frame::Branch;
use crate::run::log::Entry;
use crate::run::machine::{Machine, Step};
use crate::run::work::{Contract, ContractStage, Progress, Work};
use crate::{
    Call, EffectRequest, Problem, ProblemKind, RecordKind, Schema, SecretUse, Sequence,
    canonical_json,
};

/// The kind of problem of an answer that nothing could make right.
const UNMET: &str = "urn:layercake:error:contract-unmet";

/// Its status: understood, and not acceptable.
const UNMET_STATUS: u16 = 422;

/// How much of a refused answer is shown to whoever tries again, in characters.
const SHOWN_CHARS_MAX: usize = 4_000;

/// How many reasons are passed on; more help nobody.
const REASONS_MAX: usize = 20;

impl<'a> Machine<'a> {
    pub(super) fn begin_contract(
        &mut self,
        branch: &mut Branch<Datum>,
        call: &'a CallTask,
        arguments: Datum,
        secrets: Vec<SecretUse>,
    ) -> Step<'a> {
        let contract = Contract {
            attempt: 1,
            stage: ContractStage::Judgement,
            arguments,
            secrets,
            answer: None,
            progress: Progress::default(),
        };
        self.ask(branch, call, contract, &[])
    }

    /// Asks for an answer; `reasons` say why the last one was not right.
    fn ask(
        &mut self,
        branch: &mut Branch<Datum>,
        call: &CallTask,
        mut contract: Contract<Datum>,
        reasons: &[String],
    ) -> Step<'a> {
        let arguments = Datum::new(instructed(&contract, reasons));
        let request = EffectRequest::Call(Call {
            function: call.function.clone(),
            version: call.version.clone(),
            arguments: arguments.value().clone(),
            class: call.class,
            secrets: contract.secrets.clone(),
        });
        let key = branch.top().key.clone();
        let key = match contract.attempt {
            1 => key,
            attempt => key.part("answer", &attempt.to_string()),
        };
        let intent = self.intend_as(branch, &key, request, Some(arguments.digest()));
        contract.stage = ContractStage::Answer(intent);
        branch.top_mut().work = Work::Contract(Box::new(contract));
        Step::Wait
    }

    /// Goes on with an answer, or with a person's decision on one.
    pub(super) fn contract_settled(
        &mut self,
        branch: &mut Branch<Datum>,
        task: &'a Task,
        call: &'a CallTask,
        result: Result<Datum, Problem>,
        caused_by: Vec<Sequence>,
    ) -> Step<'a> {
        let work = std::mem::replace(&mut branch.top_mut().work, Work::Leaf);
        let Work::Contract(contract) = work else {
            return Step::Wait;
        };
        let fault = |mut problem: Problem, caused_by| {
            problem.instance = Some(task.pointer.clone());
            Step::Fault { problem, caused_by }
        };
        let value = match result {
            Ok(value) => value,
            Err(problem) => return fault(problem, caused_by),
        };
        if let ContractStage::Decision(_) = contract.stage {
            return match decided(&contract, value.value()) {
                Ok(answer) => finish(answer, caused_by),
                Err(problem) => fault(problem, caused_by),
            };
        }
        if let Err(problem) = conform(call.result.as_ref(), &value, "the answer") {
            return fault(problem, caused_by);
        }
        let reasons = match complaints(&contract, value.value()) {
            Ok(reasons) => reasons,
            Err(problem) => return fault(problem, caused_by),
        };
        if !reasons.is_empty() {
            return self.refused(branch, call, *contract, Some(value), reasons, caused_by);
        }
        if call.evaluator.is_none() {
            return finish(value, caused_by);
        }
        let data = Datum::new(json!({
            "answer": value.value(),
            "arguments": without_contract(contract.arguments.value()),
            "done": term(&contract, "done"),
            "attempt": contract.attempt,
        }));
        let mut contract = contract;
        contract.stage = ContractStage::Judgement;
        contract.answer = Some(value);
        contract.progress = Progress::default();
        branch.top_mut().work = Work::Contract(contract);
        Step::Enter {
            position: 0,
            data,
            caused_by,
        }
    }

    /// Goes on with an evaluator's judgement.
    pub(in crate::run) fn judged(
        &mut self,
        branch: &mut Branch<Datum>,
        task: &'a Task,
        judgement: &Datum,
        caused_by: Vec<Sequence>,
    ) -> Step<'a> {
        let work = std::mem::replace(&mut branch.top_mut().work, Work::Leaf);
        let (Work::Contract(mut contract), TaskKind::Call(call)) = (work, &task.kind) else {
            return Step::Wait;
        };
        let answer = contract.answer.take();
        match (judgement.value().get("accepted"), answer) {
            (Some(Value::Bool(true)), Some(answer)) => finish(answer, caused_by),
            (Some(Value::Bool(false)), answer) => {
                let reasons = reasons_of(judgement.value());
                self.refused(branch, call, *contract, answer, reasons, caused_by)
            }
            _ => {
                let title = "the evaluator does not say whether the answer is `accepted`";
                Step::Fault {
                    problem: Problem::standard(ProblemKind::Validation, title),
                    caused_by,
                }
            }
        }
    }

    /// Asks again with the reasons, puts the answer to a person, or gives up.
    fn refused(
        &mut self,
        branch: &mut Branch<Datum>,
        call: &'a CallTask,
        mut contract: Contract<Datum>,
        answer: Option<Datum>,
        mut reasons: Vec<String>,
        caused_by: Vec<Sequence>,
    ) -> Step<'a> {
        reasons.truncate(REASONS_MAX);
        let problem = unmet("the answer does not satisfy its contract", &reasons);
        contract.answer = answer;
        let attempts = term(&contract, "attempts").as_u64().unwrap_or(1);
        if u64::from(contract.attempt) < attempts {
            let kind = RecordKind::TaskRetried {
                problem,
                failed: contract.attempt,
                due: self.state.now,
            };
            self.append(Entry::of_task(branch.top_mut(), kind, caused_by));
            self.state.counts.retries += 1;
            contract.attempt += 1;
            return self.ask(branch, call, contract, &reasons);
        }
        let to = term(&contract, "escalate").clone();
        if matches!(to, Value::Null | Value::Bool(false)) {
            return Step::Fault { problem, caused_by };
        }
        let shown = json!({
            "asked": without_contract(contract.arguments.value()),
            "done": term(&contract, "done"),
            "answer": contract.answer.as_ref().map(Datum::value),
            "reasons": reasons,
        });
        let title = format!(
            "`{}` gives no acceptable answer; accept it, or write one?",
            call.function
        );
        let reviewers = self.addressee(&to);
        match self.question(&title, shown, reviewers, &Value::Null) {
            Ok(request) => {
                let key = branch.top().key.part("escalate", "answer");
                let produced = contract.answer.as_ref().map(Datum::digest);
                let intent = self.intend_as(branch, &key, request, produced);
                contract.stage = ContractStage::Decision(intent);
                branch.top_mut().work = Work::Contract(Box::new(contract));
                Step::Wait
            }
            Err(problem) => Step::Fault { problem, caused_by },
        }
    }
}

fn finish<'d>(answer: Datum, caused_by: Vec<Sequence>) -> Step<'d> {
    Step::Output {
        data: answer,
        then: None,
        caused_by,
    }
}

/// Returns a term of the contract; `null` when it has none.
fn term<'v>(contract: &'v Contract<Datum>, key: &str) -> &'v Value {
    let terms = contract.arguments.value().get("contract");
    terms
        .and_then(|terms| terms.get(key))
        .unwrap_or(&Value::Null)
}

fn without_contract(arguments: &Value) -> Value {
    let mut arguments = arguments.clone();
    if let Some(map) = arguments.as_object_mut() {
        map.remove("contract");
    }
    arguments
}

/// Makes the arguments of an attempt: what done means, and what was wrong with the last answer,
/// are instructions.
fn instructed(contract: &Contract<Datum>, reasons: &[String]) -> Value {
    let mut arguments = without_contract(contract.arguments.value());
    let given = arguments.get("instructions").and_then(Value::as_str);
    let mut parts: Vec<String> = given.map(str::to_owned).into_iter().collect();
    if let Some(done) = term(contract, "done").as_str() {
        parts.push(format!("The work is done when this holds: {done}"));
    }
    if let (false, Some(answer)) = (reasons.is_empty(), &contract.answer) {
        let answer = canonical_json(answer.value());
        let shown: String = answer.chars().take(SHOWN_CHARS_MAX).collect();
        parts.push(format!("The last answer was not accepted: {shown}"));
    }
    parts.extend(reasons.iter().map(|reason| format!("- {reason}")));
    if !parts.is_empty()
        && let Some(map) = arguments.as_object_mut()
    {
        map.insert("instructions".to_owned(), Value::String(parts.join("\n")));
    }
    arguments
}

/// Checks an answer against the schema that was asked for.
fn complaints(contract: &Contract<Datum>, answer: &Value) -> Result<Vec<String>, Problem> {
    let Some(schema) = contract.arguments.value().get("answer") else {
        return Ok(Vec::new());
    };
    let schema = Schema::compile(schema).map_err(|error| {
        Problem::standard(
            ProblemKind::Configuration,
            "`answer` is not a usable schema",
        )
        .with_detail(error.to_string())
    })?;
    Ok(schema.check(answer).err().unwrap_or_default())
}

fn reasons_of(judgement: &Value) -> Vec<String> {
    let text = |value: &Value| match value.as_str() {
        Some(text) => text.to_owned(),
        None => canonical_json(value),
    };
    match judgement.get("reasons") {
        Some(Value::Array(reasons)) => reasons.iter().map(text).collect(),
        Some(Value::Null) | None => vec!["the evaluator did not accept it".to_owned()],
        Some(reason) => vec![text(reason)],
    }
}

/// Makes the answer of a person's decision: as it was, or as the person wrote it.
fn decided(contract: &Contract<Datum>, decision: &Value) -> Result<Datum, Problem> {
    if decision.get("decision").and_then(Value::as_str) != Some("approve") {
        let comment = decision.get("comment").and_then(Value::as_str);
        let reasons: Vec<String> = comment.map(str::to_owned).into_iter().collect();
        return Err(unmet("a person refused the answer", &reasons));
    }
    match decision.get("edited").filter(|edited| !edited.is_null()) {
        Some(edited) => {
            let reasons = complaints(contract, edited)?;
            match reasons.is_empty() {
                true => Ok(Datum::new(edited.clone())),
                false => Err(unmet(
                    "what a person wrote does not fit the schema",
                    &reasons,
                )),
            }
        }
        None => contract
            .answer
            .clone()
            .ok_or_else(|| unmet("there is no answer to accept", &[])),
    }
}

fn unmet(title: &str, reasons: &[String]) -> Problem {
    Problem {
        kind: UNMET.to_owned(),
        status: UNMET_STATUS,
        title: title.to_owned(),
        detail: (!reasons.is_empty()).then(|| reasons.join("; ")),
        instance: None,
    }
}
