//! A tree without its secrets that still replays: what came from outside is redacted, and the
//! machine computes everything else again from that.

use std::collections::BTreeMap;

use super::BundleError;
use crate::run::input_of;
use crate::{
    Catalog, Decision, Definition, EffectId, EffectRequest, Payload, Problem, Record, RecordKind,
    Redaction, RedactionReport, Run, RunKind, RunStart, RunTree,
};

/// Redacts the log of an agent, for whoever knows how its events name each other.
pub type Rechain<'a> = &'a dyn Fn(&[Record], &mut dyn FnMut(&mut serde_json::Value)) -> Vec<Record>;

impl RunTree {
    /// Returns the tree without its secrets, and what was replaced.
    ///
    /// # Errors
    ///
    /// A run does not come to an end of the same kind without its secrets. Nothing is given out
    /// then.
    pub fn redacted(
        &self,
        redaction: &Redaction,
        rechain: Rechain<'_>,
    ) -> Result<(Self, RedactionReport), BundleError> {
        let mut report = RedactionReport::default();
        let mut tree = Self {
            logs: Vec::new(),
            payloads: BTreeMap::new(),
            definitions: BTreeMap::new(),
        };
        for log in &self.logs {
            let Some(first) = log.first() else { continue };
            let RecordKind::RunStarted(start) = &first.kind else {
                continue;
            };
            let redacted = match start.run_kind {
                RunKind::Agent => {
                    let mut clean = |value: &mut serde_json::Value| {
                        redaction.value(value, &mut report);
                    };
                    rechain(&self.inline(log), &mut clean)
                }
                RunKind::Routine => {
                    let mut again = Again {
                        tree: self,
                        redaction,
                        report: &mut report,
                    };
                    let (source, records) = again.routine(log, first, start).map_err(|why| {
                        BundleError::NotRedactable {
                            run: first.run.to_string(),
                            why,
                        }
                    })?;
                    let digest = records.first().map(|first| first.definition);
                    tree.definitions
                        .extend(digest.map(|digest| (digest, source)));
                    records
                }
            };
            tree.logs.push(redacted);
        }
        Ok((tree, report))
    }

    /// Returns a log with every value that it refers to in place.
    fn inline(&self, log: &[Record]) -> Vec<Record> {
        let mut log = log.to_vec();
        for record in &mut log {
            let place = match &mut record.kind {
                RecordKind::RunStarted(start) => Some(&mut start.input),
                RecordKind::Session { body, .. } => Some(body),
                RecordKind::RunFinished { output, .. } => output.as_mut(),
                _ => None,
            };
            if let Some(place) = place
                && let Some(value) = self.value(place).cloned()
            {
                *place = Payload::Inline(value);
            }
        }
        log
    }
}

struct Again<'a> {
    tree: &'a RunTree,
    redaction: &'a Redaction,
    report: &'a mut RedactionReport,
}

impl Again<'_> {
    fn routine(
        &mut self,
        log: &[Record],
        first: &Record,
        start: &RunStart,
    ) -> Result<(String, Vec<Record>), String> {
        let source = self.tree.definitions.get(&first.definition);
        let source = source.ok_or("its definition is not at hand")?;
        let source = self.redaction.text(source, self.report);
        let checked = Definition::read(&source, &Catalog::standard());
        let definition = checked
            .map_err(|remarks| remarks.first().map(ToString::to_string).unwrap_or_default())?;
        let mut start = start.clone();
        start.input = self.payload(&start.input);
        let (mut run, mut records) = Run::start(first.run, start, definition.definition, first.at);
        for record in log.iter().skip(1).filter(|record| record.kind.is_input()) {
            let record = self.record(record, &run);
            let input = input_of(&record).map_err(|error| error.to_string())?;
            let Some(input) = input else { continue };
            let applied = run.apply(input, record.at);
            records.extend(applied.map_err(|error| format!("record {}: {error}", record.seq))?);
        }
        let ended = log.last().map(|last| last.kind.clone());
        match (ended, run.phase()) {
            (Some(RecordKind::RunFinished { phase, .. }), now) if phase != now => {
                Err("it ends differently without its secrets".to_owned())
            }
            _ => Ok((source, records)),
        }
    }

    /// Redacts a record that came from outside.
    fn record(&mut self, record: &Record, run: &Run) -> Record {
        let mut record = record.clone();
        match &mut record.kind {
            RecordKind::EffectFinished {
                result, evidence, ..
            } => {
                match result {
                    Ok(payload) => *payload = self.payload(payload),
                    Err(problem) => self.problem(problem),
                }
                if let Some(evidence) = evidence {
                    *evidence = self.payload(evidence);
                }
            }
            RecordKind::EffectUnknown { explanation, .. } => {
                *explanation = self.redaction.text(explanation, self.report);
            }
            RecordKind::Signalled { data, .. } => *data = self.payload(data),
            RecordKind::Decided { effect, decision } => self.decision(*effect, decision, run),
            _ => {}
        }
        record
    }

    fn payload(&mut self, payload: &Payload) -> Payload {
        let mut value = self.tree.value(payload).cloned().unwrap_or_default();
        self.redaction.value(&mut value, self.report);
        Payload::Inline(value)
    }

    fn problem(&mut self, problem: &mut Problem) {
        problem.title = self.redaction.text(&problem.title, self.report);
        if let Some(detail) = &mut problem.detail {
            *detail = self.redaction.text(detail, self.report);
        }
    }

    /// The person saw a secret; the decision stands for what is shown without it.
    fn decision(&mut self, effect: EffectId, decision: &mut Decision, run: &Run) {
        if let Some(comment) = &mut decision.comment {
            *comment = self.redaction.text(comment, self.report);
        }
        if let Some(edited) = &mut decision.edited {
            self.redaction.value(edited, self.report);
        }
        if let Some(effect) = run.effect(&effect)
            && let EffectRequest::Approval(approval) = &effect.request
        {
            decision.shown_hash = approval.shown_hash;
        }
    }
}
