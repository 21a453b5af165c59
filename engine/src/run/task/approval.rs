//! `approval` and `escalate`: questions to people, who may answer them, and what comes of it.

use serde_json::{Value, json};

use crate::run::machine::Machine;
use crate::{
    Actor, Approval, Decision, Digest, EffectRequest, Problem, ProblemKind, Reviewers, Timestamp,
    Verdict, duration_millis,
};

impl Machine<'_> {
    /// Makes the question of `approval`; the arguments satisfy their schema.
    pub(super) fn approval(&self, arguments: &Value) -> Result<EffectRequest, Problem> {
        let shown = arguments.get("show").cloned().unwrap_or(Value::Null);
        let reviewers = self.reviewers(arguments.get("reviewers").unwrap_or(&Value::Null));
        self.question(text(arguments, "title"), shown, reviewers, arguments)
    }

    /// Makes the question of `escalate`; the arguments satisfy their schema.
    pub(super) fn escalation(&self, arguments: &Value) -> Result<EffectRequest, Problem> {
        let problem = arguments.get("problem").cloned().unwrap_or_default();
        let title = match (text(arguments, "title"), text(&problem, "title")) {
            ("", "") => "a problem needs a person".to_owned(),
            ("", title) => format!("a problem needs a person: {title}"),
            (title, _) => title.to_owned(),
        };
        let mut shown = json!({ "problem": problem });
        if let Some(more) = arguments.get("show") {
            shown["show"] = more.clone();
        }
        let reviewers = self.addressee(arguments.get("to").unwrap_or(&Value::Null));
        self.question(&title, shown, reviewers, arguments)
    }

    /// Makes a question that may expire, with what counts then.
    pub(super) fn question(
        &self,
        title: &str,
        shown: Value,
        reviewers: Reviewers,
        arguments: &Value,
    ) -> Result<EffectRequest, Problem> {
        let lapses_to = match text(arguments, "default") {
            "approve" => Some(Verdict::Approve),
            "reject" => Some(Verdict::Reject),
            _ => None,
        };
        Ok(EffectRequest::Approval(Approval {
            title: title.to_owned(),
            shown_hash: Digest::of_value(&shown),
            shown,
            expires_at: self.expiry(arguments)?,
            reviewers,
            lapses_to,
        }))
    }

    fn expiry(&self, arguments: &Value) -> Result<Option<Timestamp>, Problem> {
        let Some(expires) = arguments.get("expires").filter(|given| !given.is_null()) else {
            return Ok(None);
        };
        let millis = duration_millis(expires).map_err(|error| {
            Problem::standard(ProblemKind::Expression, "`expires` is not a duration")
                .with_detail(error.to_string())
        })?;
        Ok(Some(self.state.now.plus_millis(millis)))
    }

    /// Reads who an escalation is for: a name or a role, several of them, or `reviewers` of an
    /// approval.
    pub(super) fn addressee(&self, to: &Value) -> Reviewers {
        if to.is_object() {
            return self.reviewers(to);
        }
        let meant = texts(to);
        Reviewers {
            names: meant.clone(),
            roles: meant,
            ..Reviewers::default()
        }
    }

    fn reviewers(&self, given: &Value) -> Reviewers {
        let list = |key: &str| given.get(key).map(texts).unwrap_or_default();
        let not_self = given.get("notSelf").and_then(Value::as_bool);
        let approvals = given.get("approvals").and_then(Value::as_u64);
        Reviewers {
            names: list("names"),
            roles: [list("role"), list("roles")].concat(),
            not: match (not_self, &self.state.asked_by) {
                (Some(true), Actor::Person(name) | Actor::Agent(name)) => vec![name.clone()],
                _ => Vec::new(),
            },
            approvals: approvals.map_or(0, |n| u32::try_from(n).unwrap_or(u32::MAX)),
        }
    }
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value.get(key).and_then(Value::as_str).unwrap_or("")
}

/// Reads one text, or several.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect(),
        _ => Vec::new(),
    }
}

/// Writes a decision as the output of `approval`.
pub(in crate::run) fn decision_value(decision: &Decision) -> Value {
    json!({
        "decision": word(decision.verdict),
        "by": decision.by,
        "at": decision.at.to_string(),
        "comment": decision.comment,
        "edited": decision.edited,
    })
}

/// Writes what a question that nobody answered in time counts as.
pub(in crate::run) fn lapse_value(verdict: Verdict, at: Timestamp) -> Value {
    json!({
        "decision": word(verdict),
        "by": null,
        "at": at.to_string(),
        "comment": null,
        "edited": null,
        "lapsed": true,
    })
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Approve => "approve",
        Verdict::Reject => "reject",
    }
}
