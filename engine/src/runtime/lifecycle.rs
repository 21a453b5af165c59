//! Tells a sink the lifecycle of runs and tasks, as it becomes durable.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::core::{Core, Stage};
use super::events::EventSink;
use super::feed::{Feed, Progress};
use crate::journal::JournalReads;
use crate::{Record, RunId, RunKind, lifecycle_event};

/// How many names of runs are remembered.
const NAMES_MAX: usize = 1024;

/// How often an event is offered before it is given up: the sink is not the journal.
const TRIES_MAX: u32 = 3;

/// Tells a sink what happens, until the engine ends. A slow sink misses events rather than
/// slowing the runs down; the journal has them all.
pub(super) async fn report(core: Arc<Core>, mut feed: Feed, sink: Arc<dyn EventSink>) {
    let mut stage = core.stage.subscribe();
    let mut names = Names::default();
    loop {
        let progress = tokio::select! {
            progress = feed.next() => progress,
            _ = stage.wait_for(|stage| *stage == Stage::Stopped) => None,
        };
        match progress {
            Some(Progress::Step(records)) => {
                for record in records.iter() {
                    let Some(head) = names.find(&core, record) else {
                        continue;
                    };
                    if let Some(event) = lifecycle_event(record, &head) {
                        offer(&*sink, &event).await;
                    }
                }
            }
            Some(Progress::Lost(steps)) => {
                tracing::warn!(steps, "a slow sink has missed lifecycle events");
            }
            None => return,
        }
    }
}

async fn offer(sink: &dyn EventSink, event: &Value) {
    for attempt in 1..=TRIES_MAX {
        match sink.publish(event).await {
            Ok(()) => return,
            Err(error) if attempt == TRIES_MAX => {
                tracing::warn!(%error, "a lifecycle event was given up");
            }
            Err(error) => tracing::debug!(%error, "a lifecycle event was not taken"),
        }
    }
}

/// The names of routines by their runs.
#[derive(Default)]
struct Names(BTreeMap<RunId, String>);

impl Names {
    fn find(&mut self, core: &Core, record: &Record) -> Option<String> {
        if let Some(name) = self.0.get(&record.run) {
            return Some(name.clone());
        }
        let row = core.journal.row(record.run).ok()??;
        if row.kind != RunKind::Routine {
            return None;
        }
        if self.0.len() >= NAMES_MAX {
            self.0.pop_first();
        }
        self.0.insert(record.run, row.name.clone());
        Some(row.name)
    }
}
