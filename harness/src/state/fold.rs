//! One event after the other into the state. Refuses what cannot have happened.

use std::collections::{BTreeMap, BTreeSet};

use layercake_model::{Part, Reply, StopReason, ToolResult};
use serde_json::json;

use super::{
    CallState, CallStatus, Entry, LastReply, OpenCall, SessionState, Summary, Watch, WindowSize,
};
use crate::approval::QuestionKind;
use crate::budget::Spent;
use crate::digest::plain;
use crate::session::{
    BelowSettled, CallPurpose, Charge, Compaction, Grant, ModelOutcome, ModelRequested,
    ModelSettled, Notice, NoticeCause, RefusalCause, Resumption, SessionEvent, ToolIntended,
    ToolRefused, Verdict,
};
use crate::tool::RESULT;
use crate::window::{entry_bytes, inline_results, value_bytes};
use crate::{CallId, Digest, Timestamp};

/// An event that cannot have happened after the ones before it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the log holds an event that cannot follow the ones before it: {0}")]
pub struct FoldError(String);

fn impossible<T>(what: impl Into<String>) -> Result<T, FoldError> {
    Err(FoldError(what.into()))
}

impl SessionState {
    /// Makes the state after the first event of a log.
    ///
    /// # Errors
    ///
    /// Returns [`FoldError`] when the event is not the start of a session.
    pub fn begin(event: SessionEvent, at: Timestamp) -> Result<Self, FoldError> {
        let SessionEvent::Started(started) = event else {
            return impossible("a session does not begin with its start");
        };
        let tools = plain(&started.tools);
        let prefix = json!([started.system, started.opening, tools]);
        Ok(Self {
            autonomy: started.autonomy,
            budget: started.budget.clone(),
            rules: started.rules.clone(),
            entries: Vec::new(),
            conversation: Digest::of_value(&prefix),
            digested: 0,
            summaries: Vec::new(),
            has_handles: started.tools.iter().any(|tool| tool.name == RESULT),
            prefix_bytes: value_bytes(&prefix),
            turns_replied: 0,
            attempts: 0,
            request: None,
            request_is_stale: false,
            model_failure: None,
            last_reply: None,
            calls: Vec::new(),
            calls_made: BTreeMap::new(),
            decisions: BTreeMap::new(),
            charges: Vec::new(),
            spent: Spent::default(),
            watch: Watch::default(),
            queued: Vec::new(),
            contract: None,
            checks: Vec::new(),
            settled_below: BTreeSet::new(),
            suspension: None,
            settlement: None,
            last_at: at,
            window: WindowSize {
                known_tokens: 0,
                new_bytes: value_bytes(&prefix),
            },
            started: *started,
        })
    }

    /// Applies the next event of the log.
    ///
    /// # Errors
    ///
    /// Returns [`FoldError`] when the event cannot follow the ones before it.
    pub fn apply(&mut self, event: SessionEvent, at: Timestamp) -> Result<(), FoldError> {
        if let SessionEvent::Forked(_) = event {
            self.forked(at);
            return Ok(());
        }
        if self.settlement.is_some() {
            return impossible("something happened after the end");
        }
        let is_resumption = matches!(event, SessionEvent::Resumed(_));
        if self.suspension.is_some() && !is_resumption {
            return impossible("something happened during a pause");
        }
        if !is_resumption {
            self.spent.work_ms += at.millis_since(self.last_at);
        }
        self.last_at = at;
        match event {
            SessionEvent::Started(_) => return impossible("the session started twice"),
            SessionEvent::Forked(_) => unreachable!("a fork was dealt with above"),
            SessionEvent::ModelRequested(requested) => self.model_requested(requested)?,
            SessionEvent::ModelSettled(settled) => self.model_settled(*settled)?,
            SessionEvent::ToolIntended(intended) => self.tool_intended(intended, at)?,
            SessionEvent::ToolStarted(started) => {
                self.open_call(started.id)?.leases.push(started.lease);
            }
            SessionEvent::ToolSettled(settled) => {
                if !self.may_settle(settled.id) {
                    return impossible("a call returned that was not made");
                }
                self.spent.turns_below += settled.below.turns;
                self.spent.agents += settled.below.agents;
                self.spent.tool_calls += settled.below.tool_calls;
                self.close(settled.id, settled.content, settled.is_error)?;
            }
            SessionEvent::ToolRefused(refused) => self.tool_refused(refused)?,
            SessionEvent::ToolUnknown(unknown) => {
                self.open_call(unknown.id)?;
                self.close(unknown.id, unknown.explanation, true)?;
            }
            SessionEvent::ApprovalAsked(asked) => {
                let call = self.find(asked.question.call)?;
                if call.status != CallStatus::Wanted {
                    return impossible("a question was asked about a call that is under way");
                }
                call.status = CallStatus::Asked(asked.question);
            }
            SessionEvent::ApprovalDecided(decided) => {
                if self.decisions.insert(decided.id, decided).is_some() {
                    return impossible("a question was decided twice");
                }
            }
            SessionEvent::BudgetCharged(charge) => self.charge(charge),
            SessionEvent::Noticed(notice) => self.noticed(notice),
            SessionEvent::Steered(steering) => {
                let words = format!("{} says: {}", steering.by, steering.text);
                self.queued.push(words);
            }
            SessionEvent::Compacted(compaction) => self.compacted(compaction),
            SessionEvent::CompactionUndone => self.compaction_undone()?,
            SessionEvent::Contracted(contract) => self.contract = Some(contract),
            SessionEvent::Checked(check) => self.checks.push(check),
            SessionEvent::BelowSettled(settled) => self.below_settled(settled)?,
            SessionEvent::Suspended(suspension) => self.suspension = Some(suspension.cause),
            SessionEvent::Resumed(resumption) => self.resumed(resumption),
            SessionEvent::Settled(settlement) => self.settlement = Some(settlement),
        }
        Ok(())
    }

    fn model_requested(&mut self, requested: ModelRequested) -> Result<(), FoldError> {
        if self.request.is_some() || self.has_open_calls() {
            return impossible("the model was asked out of turn");
        }
        if requested.purpose == CallPurpose::Turn {
            self.tell_queued();
            self.spent.turns = self.spent.turns.max(requested.turn);
            self.attempts = requested.attempt;
            self.model_failure = None;
        }
        self.request = Some(requested);
        Ok(())
    }

    fn model_settled(&mut self, settled: ModelSettled) -> Result<(), FoldError> {
        let Some(requested) = self.request.take() else {
            return impossible("the model answered without being asked");
        };
        let asked = (requested.purpose, requested.turn, requested.attempt);
        if asked != (settled.purpose, settled.turn, settled.attempt) {
            return impossible("the model answered another question");
        }
        self.request_is_stale = false;
        match (settled.outcome, requested.purpose) {
            (ModelOutcome::Replied(reply), CallPurpose::Turn) => self.replied(settled.turn, reply),
            (ModelOutcome::Failed(error), CallPurpose::Turn) => self.model_failure = Some(error),
            (ModelOutcome::Lost, _) => {
                self.spent.lost_usd += requested.reserved_usd.unwrap_or_default();
            }
            // What became of a summary is in the event that uses it.
            (ModelOutcome::Replied(_) | ModelOutcome::Failed(_), CallPurpose::Compaction) => {}
        }
        Ok(())
    }

    fn replied(&mut self, turn: u32, reply: Reply) {
        self.turns_replied = turn;
        self.attempts = 0;
        if self.watch.unaffordable.1 + 1 < turn {
            self.watch.unaffordable = (0, 0);
        }
        let calls = reply.tool_calls().cloned().zip(0..);
        self.calls = calls
            .map(|(call, index)| CallState {
                id: CallId { turn, index },
                call,
                status: CallStatus::Wanted,
            })
            .collect();
        let text = reply.text();
        let says_nothing = text.trim().is_empty() && self.calls.is_empty();
        self.watch.idle = if says_nothing { self.watch.idle + 1 } else { 0 };
        let is_cut = reply.reason == StopReason::OutputLimit;
        self.watch.truncated = if is_cut { self.watch.truncated + 1 } else { 0 };
        self.last_reply = Some(LastReply {
            text,
            reason: reply.reason,
        });
        // Providers refuse empty messages; a reply that holds nothing leaves no trace.
        let holds_nothing = |part: &Part| matches!(part, Part::Text { text } if text.is_empty());
        if !reply.parts.iter().all(holds_nothing) {
            self.push(Entry::Reply(reply.parts));
        }
        if reply.usage.total_tokens() > 0 {
            // The report covers the request and the reply itself.
            self.window = WindowSize {
                known_tokens: reply.usage.total_tokens(),
                new_bytes: 0,
            };
        }
    }

    fn tool_intended(&mut self, intended: ToolIntended, at: Timestamp) -> Result<(), FoldError> {
        let is_approved = match &intended.grant {
            Grant::Approval(id) => self
                .decisions
                .get(id)
                .is_some_and(|decided| decided.verdict == Verdict::Approve),
            Grant::Autonomy(_) | Grant::Rule { .. } | Grant::Unrecorded => false,
        };
        let made = self
            .calls_made
            .entry(intended.call.name.clone())
            .or_default();
        *made += 1;
        let call = self.find(intended.id)?;
        match (&call.status, &intended.grant) {
            (CallStatus::Asked(question), Grant::Approval(id)) => {
                let fits = question.id == *id && question.arguments_digest == intended.arguments;
                if !(fits && is_approved) {
                    return impossible("a call was made with an approval that is not its own");
                }
            }
            (CallStatus::Wanted, Grant::Autonomy(_) | Grant::Rule { .. } | Grant::Unrecorded) => {}
            _ => return impossible("a call was made that was not due"),
        }
        call.status = CallStatus::Intended(Box::new(OpenCall {
            intended,
            at,
            leases: Vec::new(),
            is_stale: false,
            is_of_parent: false,
        }));
        self.spent.tool_calls += 1;
        Ok(())
    }

    fn tool_refused(&mut self, refused: ToolRefused) -> Result<(), FoldError> {
        if matches!(self.find(refused.id)?.status, CallStatus::Intended(_)) {
            return impossible("a call was refused after it was made");
        }
        if refused.cause == RefusalCause::Budget {
            self.unaffordable(refused.id.turn);
        }
        self.close(refused.id, refused.message, true)
    }

    fn compacted(&mut self, compaction: Compaction) {
        let digest = Digest::of_bytes(compaction.summary.as_bytes());
        self.conversation = self.conversation().then(digest);
        self.window = WindowSize {
            known_tokens: compaction.tokens_after,
            new_bytes: 0,
        };
        self.summaries.push(Summary {
            entries_before: compaction.entries_before.min(self.entries.len()),
            text: compaction.summary,
        });
        self.model_failure = None;
        self.last_reply = None;
    }

    fn compaction_undone(&mut self) -> Result<(), FoldError> {
        if self.summaries.pop().is_none() {
            return impossible("a summary was undone that was never made");
        }
        self.conversation = self.conversation().then(Digest::ZERO);
        // Nothing has counted the window as it is now.
        self.window = WindowSize {
            known_tokens: 0,
            new_bytes: crate::compaction::window_bytes(self),
        };
        Ok(())
    }

    fn find(&mut self, id: CallId) -> Result<&mut CallState, FoldError> {
        let mut calls = self.calls.iter_mut();
        calls
            .find(|call| call.id == id && !matches!(call.status, CallStatus::Closed(_)))
            .ok_or_else(|| FoldError(format!("call {id} is not open")))
    }

    fn open_call(&mut self, id: CallId) -> Result<&mut OpenCall, FoldError> {
        match &mut self.find(id)?.status {
            CallStatus::Intended(open) => Ok(open),
            CallStatus::Wanted | CallStatus::Asked(_) | CallStatus::Closed(_) => {
                impossible(format!("call {id} has an outcome and no intent"))
            }
        }
    }

    /// Says whether a call was made, or is a question that a person answered.
    fn may_settle(&self, id: CallId) -> bool {
        match self.call(id).map(|call| &call.status) {
            Some(CallStatus::Intended(_)) => true,
            Some(CallStatus::Asked(question)) => {
                question.kind == QuestionKind::Answer && self.decisions.contains_key(&question.id)
            }
            Some(CallStatus::Wanted | CallStatus::Closed(_)) | None => false,
        }
    }

    fn close(&mut self, id: CallId, content: String, is_error: bool) -> Result<(), FoldError> {
        let call = self.find(id)?;
        call.status = CallStatus::Closed(ToolResult {
            call_id: call.call.id.clone(),
            content,
            is_error,
        });
        if !self.has_open_calls() {
            self.close_turn();
        }
        Ok(())
    }

    /// Puts the results of a turn into the conversation, in call order.
    fn close_turn(&mut self) {
        let results: Vec<ToolResult> = self
            .calls
            .iter()
            .filter_map(|call| match &call.status {
                CallStatus::Closed(result) => Some(result.clone()),
                CallStatus::Wanted | CallStatus::Asked(_) | CallStatus::Intended(_) => None,
            })
            .collect();
        let calls = self.calls.iter().map(|call| &call.call);
        let asked: Vec<_> = calls
            .map(|call| json!([call.name, call.arguments]))
            .collect();
        let got: Vec<_> = results.iter().map(|result| &result.content).collect();
        let signature = Digest::of_value(&json!([asked, got]));
        let is_same = self.watch.signature == Some(signature);
        self.watch.repeated = if is_same { self.watch.repeated + 1 } else { 1 };
        self.watch.signature = Some(signature);
        self.push(Entry::Results {
            turn: self.turns_replied,
            results,
        });
        self.tell_queued();
    }

    fn unaffordable(&mut self, turn: u32) {
        let (turns, newest) = self.watch.unaffordable;
        if newest != turn {
            self.watch.unaffordable = (turns + 1, turn);
        }
    }

    fn below_settled(&mut self, settled: BelowSettled) -> Result<(), FoldError> {
        self.spent.turns_below += settled.below.turns;
        self.spent.agents += settled.below.agents;
        self.spent.tool_calls += settled.below.tool_calls;
        if !self.settled_below.insert(settled.session) {
            return impossible("a session below was counted twice");
        }
        Ok(())
    }

    fn noticed(&mut self, notice: Notice) {
        if notice.cause == NoticeCause::BudgetWarning {
            self.watch.budget_warned = true;
        } else {
            self.watch.noticed = Some((notice.cause, self.turns_replied));
        }
        if notice.cause == NoticeCause::AnswerRepair {
            self.watch.misfits += 1;
        }
        self.queued.push(notice.text);
        if !self.has_open_calls() {
            self.tell_queued();
        }
    }

    fn resumed(&mut self, resumption: Resumption) {
        self.suspension = None;
        self.model_failure = None;
        self.autonomy = resumption.autonomy;
        self.rules = resumption.rules;
        if self.budget != resumption.budget {
            self.budget = resumption.budget;
            self.watch.budget_warned = false;
            self.watch.unaffordable = (0, 0);
        }
        self.request_is_stale = self.request.is_some();
        for call in &mut self.calls {
            if let CallStatus::Intended(open) = &mut call.status {
                open.is_stale = true;
            }
        }
    }

    /// Goes on from here as another session: what was under way is the parent's, and what
    /// people decided was about the parent's calls.
    fn forked(&mut self, at: Timestamp) {
        self.last_at = at;
        self.settlement = None;
        self.suspension = None;
        self.model_failure = None;
        self.decisions.clear();
        self.request_is_stale = self.request.is_some();
        for call in &mut self.calls {
            match &mut call.status {
                CallStatus::Asked(_) => call.status = CallStatus::Wanted,
                CallStatus::Intended(open) => {
                    open.is_stale = true;
                    open.is_of_parent = true;
                }
                CallStatus::Wanted | CallStatus::Closed(_) => {}
            }
        }
    }

    fn charge(&mut self, charge: Charge) {
        self.spent.usage = self.spent.usage.plus(&charge.usage);
        match charge.usd {
            Some(usd) => self.spent.usd += usd,
            None => self.spent.unpriced += 1,
        }
        self.charges.push(charge);
    }

    fn tell_queued(&mut self) {
        for text in std::mem::take(&mut self.queued) {
            self.push(Entry::Told(text));
        }
    }

    fn push(&mut self, entry: Entry) {
        self.window.new_bytes += entry_bytes(&entry, self);
        self.entries.push(entry);
    }

    /// Returns the digest of everything that the model has been shown, in order. Entries are
    /// digested when somebody asks, not while a long log is read.
    pub(crate) fn conversation(&mut self) -> Digest {
        for entry in &self.entries[self.digested..] {
            let value = match entry {
                Entry::Reply(parts) => plain(parts),
                Entry::Results { turn, results } => {
                    let shown: Vec<Part> = inline_results(*turn, results, self).collect();
                    plain(&shown)
                }
                Entry::Told(text) => plain(text),
            };
            self.conversation = self.conversation.then(Digest::of_value(&value));
        }
        self.digested = self.entries.len();
        self.conversation
    }
}
