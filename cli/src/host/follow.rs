//! The records of a run and of everything below it, as they come.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use layercake_engine::journal::{Journal, Parent, Scan};
use layercake_engine::runtime::Progress;
use layercake_engine::{Record, RecordKind, RunId, Sequence};

use super::protocol::Until;
use super::reading;
use super::service::Service;
use crate::error::CommandError;
use crate::report::run::RunView;
use crate::settled;

/// The most runs below one run that are looked for at once.
const CHILDREN_MAX: usize = 10_000;

/// What is already told of each run of a tree: the number of the next record.
#[derive(Debug, Default)]
struct Told(BTreeMap<RunId, Sequence>);

impl Service {
    /// Hands on every record of a run and of those below it, from the first one, until the run
    /// has come to the wanted point; then returns its view.
    ///
    /// # Errors
    ///
    /// There is no such run, or the engine has stopped.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: following changes nothing.
    pub(crate) async fn follow(
        self: &Arc<Self>,
        run: RunId,
        until: Until,
        each: &mut (dyn FnMut(&Record) + Send),
    ) -> Result<RunView, CommandError> {
        let journal = Arc::clone(self.engine.journal());
        let mut watch = settled::Watch::new(&self.engine, run);
        let mut told = Told::default();
        told.catch_up(&*journal, run, each)?;
        loop {
            let row = self.engine.row(run)?;
            let reached = match until {
                Until::End => row.phase.is_final(),
                Until::Waiting => {
                    settled::is_settled(&*journal, &row).map_err(crate::store_error::store_error)?
                }
            };
            if reached {
                told.catch_up(&*journal, run, each)?;
                return reading::run(&*journal, run, &|row| self.moves(row));
            }
            match watch.next().await? {
                Progress::Step(records) => {
                    for record in records.iter() {
                        told.tell(record, each);
                    }
                }
                Progress::Lost(_) => told.catch_up(&*journal, run, each)?,
            }
        }
    }
}

impl Told {
    /// Tells a record that belongs to the tree and was not told yet.
    fn tell(&mut self, record: &Record, each: &mut (dyn FnMut(&Record) + Send)) {
        if let RecordKind::RunStarted(start) = &record.kind
            && let Some((parent, _)) = &start.parent
            && self.0.contains_key(parent)
        {
            self.0.entry(record.run).or_insert(1);
        }
        if let Some(next) = self.0.get_mut(&record.run)
            && record.seq >= *next
        {
            *next = record.seq + 1;
            each(record);
        }
    }

    /// Tells what the journal has and was not told yet.
    fn catch_up(
        &mut self,
        journal: &dyn Journal,
        root: RunId,
        each: &mut (dyn FnMut(&Record) + Send),
    ) -> Result<(), CommandError> {
        let mut queue = VecDeque::from([root]);
        while let Some(run) = queue.pop_front() {
            let next = *self.0.entry(run).or_insert(1);
            for record in reading::records(journal, run, next)? {
                self.tell(&record, each);
            }
            let scan = Scan {
                parent: Parent::Run(run),
                ..Scan::newest(CHILDREN_MAX)
            };
            let children = journal
                .scan(&scan)
                .map_err(crate::store_error::store_error)?;
            queue.extend(children.iter().rev().map(|row| row.run));
        }
        Ok(())
    }
}
