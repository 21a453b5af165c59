//! Records on the screen: one JSON document a line, or one line of words.

use layercake_engine::{Actor, Record};
use rust_decimal::Decimal;
use serde::Serialize;
use serde_json::Value;

use super::paint::{Paint, one_line, safe_text};

/// The most characters of a record's body in words.
const BODY_CHARS: usize = 140;

/// One record as `log --json` prints it. Fields are only ever added.
#[derive(Debug, Serialize)]
pub(crate) struct RecordView<'a> {
    seq: u64,
    at: String,
    run: String,
    task: &'a str,
    attempt: u32,
    kind: String,
    reads: Vec<String>,
    caused_by: &'a [u64],
    output: Option<String>,
    actor: String,
    cost: Option<CostLine>,
    costs: Value,
    definition: String,
    versions: &'a std::collections::BTreeMap<String, String>,
    format: u16,
    body: Value,
}

/// The sum of a record's cost entries, with the cause of the first.
#[derive(Debug, Serialize)]
struct CostLine {
    usd: Option<Decimal>,
    cause: Value,
}

impl<'a> RecordView<'a> {
    /// Makes the view of a record.
    pub(crate) fn new(record: &'a Record) -> Self {
        let (kind, body) = kind_and_body(record);
        Self {
            seq: record.seq,
            at: record.at.to_string(),
            run: record.run.to_string(),
            task: record.task.as_str(),
            attempt: record.attempt,
            kind,
            reads: record.reads.iter().map(ToString::to_string).collect(),
            caused_by: &record.caused_by,
            output: record.output.map(|digest| digest.to_string()),
            actor: actor_name(&record.actor),
            cost: cost(record),
            costs: serde_json::to_value(&record.costs).unwrap_or_default(),
            definition: record.definition.to_string(),
            versions: &record.versions,
            format: record.format,
            body,
        }
    }
}

/// Returns the kind of a record as a word, and what belongs to it.
pub(crate) fn kind_and_body(record: &Record) -> (String, Value) {
    match serde_json::to_value(&record.kind) {
        Ok(Value::String(kind)) => (kind, Value::Null),
        Ok(Value::Object(map)) => map
            .into_iter()
            .next()
            .unwrap_or_else(|| ("unknown".to_owned(), Value::Null)),
        _ => ("unknown".to_owned(), Value::Null),
    }
}

/// Returns who did something: `engine`, or a word and a name.
pub(crate) fn actor_name(actor: &Actor) -> String {
    match actor {
        Actor::Engine => "engine".to_owned(),
        Actor::Agent(name) => format!("agent:{name}"),
        Actor::Person(name) => format!("person:{name}"),
        Actor::Tool(name) => format!("tool:{name}"),
    }
}

fn cost(record: &Record) -> Option<CostLine> {
    let first = record.costs.first()?;
    let amounts: Option<Vec<Decimal>> = record.costs.iter().map(|entry| entry.usd).collect();
    Some(CostLine {
        usd: amounts.map(|amounts| amounts.iter().sum()),
        cause: serde_json::to_value(first.cause).unwrap_or_default(),
    })
}

/// Paints a record as one line.
pub(crate) fn paint(record: &Record, paint: Paint) -> String {
    let (kind, body) = kind_and_body(record);
    let moment = record.at.to_string();
    let moment = moment.get(11..23).unwrap_or(&moment).to_owned();
    let body = match body {
        Value::Null => String::new(),
        other => one_line(&other.to_string(), BODY_CHARS),
    };
    format!(
        "{:>5} {} {:<18} {} {}",
        record.seq,
        paint.dim(&moment),
        paint.cyan(&kind),
        record.task,
        paint.dim(&body)
    )
}

/// Paints a record with everything in it.
pub(crate) fn whole(record: &Record, paint: Paint) -> String {
    let text = serde_json::to_string_pretty(&RecordView::new(record)).unwrap_or_default();
    let kind = kind_and_body(record).0;
    let head = format!("record {} {}", record.seq, record.task);
    format!(
        "{} {}\n{}",
        paint.bold(&head),
        paint.cyan(&kind),
        safe_text(&text)
    )
}
