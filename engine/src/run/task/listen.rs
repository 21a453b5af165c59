//! `listen`: waiting for events, and what is done with each.

use serde_json::Value;

use crate::definition::tree::{EventFilter, Listen, Reading, Strategy, TaskKind, Until};
use crate::run::datum::Datum;
use crate::run::frame::{Branch, BranchId};
use crate::run::inbox::Letter;
use crate::run::machine::{Machine, Step};
use crate::run::work::{Listening, Progress, Work};
use crate::{Problem, Sequence, Template};

/// What an event did to a `listen`.
enum Effect<'a> {
    /// Nothing: it was not meant.
    None,
    /// It was taken, and more are waited for.
    Taken,
    /// It was taken, and the task goes on with this.
    Goes(Step<'a>),
}

impl<'a> Machine<'a> {
    pub(super) fn begin_listen(
        &mut self,
        branch: &mut Branch<Datum>,
        listen: &'a Listen,
    ) -> Result<Step<'a>, Problem> {
        let until = match &listen.to {
            Strategy::Any(_, Until::Events(until)) => filters(until).len(),
            _ => 0,
        };
        branch.top_mut().work = Work::Listen(Box::new(Listening {
            taken: Vec::new(),
            causes: Vec::new(),
            met: vec![false; filters(&listen.to).len()],
            met_until: vec![false; until],
            correlated: std::collections::BTreeMap::new(),
            index: 0,
            item: None,
            progress: Progress::default(),
        }));
        self.listen_on(branch, listen)
    }

    /// Takes what has come in the meantime.
    fn listen_on(
        &mut self,
        branch: &mut Branch<Datum>,
        listen: &'a Listen,
    ) -> Result<Step<'a>, Problem> {
        let mut taken = Vec::new();
        let step = self.take_letters(branch, listen, &mut taken);
        self.state.inbox.take(&taken);
        step
    }

    /// Says whether any task would take an event now.
    pub(in crate::run) fn would_take(&mut self, letter: &Letter<Datum>) -> bool {
        let ids: Vec<BranchId> = self.state.branches.keys().copied().collect();
        ids.into_iter().any(|id| {
            let Some(mut branch) = self.state.branches.remove(&id) else {
                return false;
            };
            let taken = match (
                &branch.top().work,
                self.task(&branch).map(|task| &task.kind),
            ) {
                (Work::Listen(_), Some(TaskKind::Listen(listen))) => {
                    self.is_for(&mut branch, listen, letter)
                }
                _ => false,
            };
            self.keep(branch);
            taken
        })
    }

    fn is_for(
        &mut self,
        branch: &mut Branch<Datum>,
        listen: &'a Listen,
        letter: &Letter<Datum>,
    ) -> bool {
        if let Strategy::Any(_, Until::Events(until)) = &listen.to
            && self
                .place_of(branch, until, letter, |state| &state.met_until)
                .is_some()
        {
            return true;
        }
        self.place_of(branch, &listen.to, letter, |state| &state.met)
            .is_some()
    }

    /// Offers the events that wait to every branch that listens.
    pub(in crate::run) fn offer(&mut self) {
        let listening: Vec<BranchId> = self
            .state
            .branches
            .values()
            .filter(|branch| matches!(branch.top().work, Work::Listen(_)))
            .map(|branch| branch.id)
            .collect();
        let mut taken = Vec::new();
        for id in listening {
            let Some(mut branch) = self.state.branches.remove(&id) else {
                continue;
            };
            let step = match self.task(&branch).map(|task| &task.kind) {
                Some(TaskKind::Listen(listen)) => {
                    let started = branch.top().started;
                    self.take_letters(&mut branch, listen, &mut taken)
                        .unwrap_or_else(|problem| Step::Fault {
                            problem,
                            caused_by: vec![started],
                        })
                }
                _ => Step::Wait,
            };
            self.keep(branch);
            self.wake(id, step);
        }
        // Only what nobody took waits for a later task.
        self.state.inbox.take(&taken);
        self.drive();
    }

    fn take_letters(
        &mut self,
        branch: &mut Branch<Datum>,
        listen: &'a Listen,
        taken: &mut Vec<Sequence>,
    ) -> Result<Step<'a>, Problem> {
        for letter in self.state.inbox.letters() {
            match self.take_letter(branch, listen, &letter)? {
                Effect::None => {}
                Effect::Taken => taken.push(letter.seq),
                Effect::Goes(step) => {
                    taken.push(letter.seq);
                    return Ok(step);
                }
            }
        }
        Ok(Step::Wait)
    }

    fn take_letter(
        &mut self,
        branch: &mut Branch<Datum>,
        listen: &'a Listen,
        letter: &Letter<Datum>,
    ) -> Result<Effect<'a>, Problem> {
        if let Strategy::Any(_, Until::Events(until)) = &listen.to
            && let Some(place) = self.place_of(branch, until, letter, |state| &state.met_until)
        {
            let state = listening(branch);
            state.causes.push(letter.seq);
            if mark(until, &mut state.met_until, place) {
                return Ok(Effect::Goes(enough(branch)));
            }
            return Ok(Effect::Taken);
        }
        let Some(place) = self.place_of(branch, &listen.to, letter, |state| &state.met) else {
            return Ok(Effect::None);
        };
        self.correlate(branch, filters(&listen.to).get(place), letter);
        let item = match listen.read {
            Reading::Envelope => letter.event.clone(),
            Reading::Data => Datum::new(
                letter
                    .event
                    .value()
                    .get("data")
                    .cloned()
                    .unwrap_or_default(),
            ),
        };
        branch.top_mut().reads.push(letter.event.digest());
        let state = listening(branch);
        state.causes.push(letter.seq);
        mark(&listen.to, &mut state.met, place);
        if listen.each.is_some() {
            state.item = Some(item.clone());
            state.progress = Progress::default();
            return Ok(Effect::Goes(Step::Enter {
                position: 0,
                data: item,
                caused_by: vec![letter.seq],
            }));
        }
        state.taken.push(item);
        Ok(if self.has_enough(branch, listen)? {
            Effect::Goes(enough(branch))
        } else {
            Effect::Taken
        })
    }

    /// Goes on after the body of one event.
    pub(in crate::run) fn event_done(
        &mut self,
        branch: &mut Branch<Datum>,
        listen: &'a Listen,
        data: &Datum,
        caused_by: Vec<Sequence>,
    ) -> Result<Step<'a>, Problem> {
        if let Some(each) = &listen.each {
            let made = self.put_out_event(branch, each, data)?;
            let state = listening(branch);
            state.taken.push(made);
            state.item = None;
            state.index += 1;
            state.causes.extend(caused_by);
        }
        if self.has_enough(branch, listen)? {
            return Ok(enough(branch));
        }
        self.listen_on(branch, listen)
    }

    fn has_enough(
        &mut self,
        branch: &mut Branch<Datum>,
        listen: &'a Listen,
    ) -> Result<bool, Problem> {
        match &listen.to {
            Strategy::One(_) | Strategy::Any(_, Until::First) => Ok(true),
            Strategy::All(_) => Ok(listening(branch).met.iter().all(|met| *met)),
            Strategy::Any(_, Until::Events(_)) => Ok(false),
            Strategy::Any(_, Until::Condition(condition)) => {
                let so_far = so_far(branch);
                self.is_true(branch, condition, &so_far)
            }
        }
    }

    /// Finds the filter that an event is for. An event in a shape that a filter does not
    /// expect is not for it: what strangers send must not end a run.
    fn place_of(
        &mut self,
        branch: &mut Branch<Datum>,
        strategy: &'a Strategy,
        letter: &Letter<Datum>,
        met: fn(&Listening<Datum>) -> &Vec<bool>,
    ) -> Option<usize> {
        let filters = filters(strategy);
        if filters.is_empty() {
            return matches!(strategy, Strategy::Any(..)).then_some(0);
        }
        let met = met(listening(branch)).clone();
        let is_all = matches!(strategy, Strategy::All(_));
        filters.iter().enumerate().position(|(place, filter)| {
            let is_open = !is_all || met.get(place) == Some(&false);
            is_open && self.passes(branch, filter, letter)
        })
    }

    fn passes(
        &mut self,
        branch: &mut Branch<Datum>,
        filter: &EventFilter,
        letter: &Letter<Datum>,
    ) -> bool {
        let event = letter.event.value();
        let attributes_fit = filter.with.iter().all(|(name, wanted)| {
            let found = Datum::new(event.get(name).cloned().unwrap_or_default());
            match self.evaluate(branch, wanted, &found) {
                Ok(wanted) if wanted == found => true,
                Ok(said) => {
                    *said.value() == Value::Bool(true) && matches!(wanted, Template::Expression(_))
                }
                Err(_) => false,
            }
        });
        attributes_fit
            && filter.correlate.iter().all(|(name, correlation)| {
                let from = Template::Expression(correlation.from.clone());
                let Ok(found) = self.evaluate(branch, &from, &letter.event) else {
                    return false;
                };
                let input = branch.top().input.clone();
                let expected = match &correlation.expect {
                    Some(expect) => self.evaluate(branch, expect, &input).ok(),
                    None => Some(
                        listening(branch)
                            .correlated
                            .get(name)
                            .unwrap_or(&found)
                            .clone(),
                    ),
                };
                expected == Some(found)
            })
    }

    /// Remembers what the first event has, for those to come.
    fn correlate(
        &mut self,
        branch: &mut Branch<Datum>,
        filter: Option<&EventFilter>,
        letter: &Letter<Datum>,
    ) {
        for (name, correlation) in filter.into_iter().flat_map(|filter| &filter.correlate) {
            let from = Template::Expression(correlation.from.clone());
            if let Ok(value) = self.evaluate(branch, &from, &letter.event) {
                let correlated = &mut listening(branch).correlated;
                correlated.entry(name.clone()).or_insert(value);
            }
        }
    }
}

fn filters(strategy: &Strategy) -> &[EventFilter] {
    match strategy {
        Strategy::One(filter) => std::slice::from_ref(filter),
        Strategy::All(filters) | Strategy::Any(filters, _) => filters,
    }
}

/// Notes that a filter has had its event; says whether that was all.
fn mark(strategy: &Strategy, met: &mut [bool], place: usize) -> bool {
    if let Some(met) = met.get_mut(place) {
        *met = true;
    }
    !matches!(strategy, Strategy::All(_)) || met.iter().all(|met| *met)
}

fn enough<'d>(branch: &mut Branch<Datum>) -> Step<'d> {
    let data = so_far(branch);
    let caused_by = std::mem::take(&mut listening(branch).causes);
    Step::Output {
        data,
        then: None,
        caused_by,
    }
}

fn so_far(branch: &mut Branch<Datum>) -> Datum {
    let taken = listening(branch).taken.iter();
    Datum::new(taken.map(|item| item.value().clone()).collect())
}

fn listening(branch: &mut Branch<Datum>) -> &mut Listening<Datum> {
    match &mut branch.top_mut().work {
        Work::Listen(state) => state,
        other => unreachable!("a `listen` keeps its state, not {other:?}"),
    }
}
