//! The log of an agent without its secrets: every event names the one before it by its hash, so
//! the chain is made again.

use layercake_engine::{Digest, Payload, Record, RecordKind};
use layercake_harness::session::SessionRecord;
use serde_json::Value;

use super::record::{to_engine, to_session};

/// Redacts the log of an agent and makes its chain of hashes again.
pub(crate) fn rechain(log: &[Record], clean: &mut dyn FnMut(&mut Value)) -> Vec<Record> {
    let mut log = log.to_vec();
    let mut last: Option<SessionRecord> = None;
    let mut seq = 0;
    for record in &mut log {
        match &mut record.kind {
            RecordKind::RunStarted(start) => clean_payload(&mut start.input, clean),
            RecordKind::RunFinished {
                output, problem, ..
            } => {
                if let Some(output) = output {
                    clean_payload(output, clean);
                }
                if let Some(problem) = problem {
                    problem.title = cleaned(&problem.title, clean);
                    problem.detail = problem.detail.as_ref().map(|it| cleaned(it, clean));
                }
            }
            RecordKind::Session { body, .. } => {
                clean_payload(body, clean);
                record.output = Some(body.digest());
                seq += 1;
                if let (Some(last), Some(hash)) = (&last, record.reads.first_mut()) {
                    *hash = to_engine(last.hash());
                }
                last = to_session(record, seq).or(last);
            }
            RecordKind::EffectIntended(effect) => {
                if let layercake_engine::EffectRequest::Approval(approval) = &mut effect.request {
                    approval.title = cleaned(&approval.title, clean);
                    clean(&mut approval.shown);
                    approval.shown_hash = Digest::of_value(&approval.shown);
                }
            }
            RecordKind::Decided { decision, .. } => {
                decision.comment = decision.comment.as_ref().map(|it| cleaned(it, clean));
                if let Some(edited) = &mut decision.edited {
                    clean(edited);
                }
            }
            _ => {}
        }
    }
    log
}

fn clean_payload(payload: &mut Payload, clean: &mut dyn FnMut(&mut Value)) {
    if let Payload::Inline(value) = payload {
        clean(value);
    }
}

fn cleaned(text: &str, clean: &mut dyn FnMut(&mut Value)) -> String {
    let mut value = Value::String(text.to_owned());
    clean(&mut value);
    value.as_str().unwrap_or_default().to_owned()
}
