//! `try`, `catch`, `retry` and `raise`.

use crate::definition::codes;
use crate::definition::node::{Node, Shape};
use crate::definition::tree::{Backoff, ErrorTemplate, ProblemFilter, RetryPolicy, TaskKind, Try};
use crate::expression::{Expression, Template};

use super::Reader;
use super::scope::{Place, Scope};
use super::task::Siblings;
use super::value::STAND_IN;

pub(in crate::definition) const CATCH_KEYS: &[&str] =
    &["errors", "as", "when", "exceptWhen", "retry", "do", "then"];
pub(in crate::definition) const RETRY_KEYS: &[&str] =
    &["when", "exceptWhen", "delay", "backoff", "limit", "jitter"];
pub(in crate::definition) const ERROR_KEYS: &[&str] =
    &["type", "status", "title", "detail", "instance"];
pub(in crate::definition) const FILTER_KEYS: &[&str] =
    &["type", "status", "instance", "title", "detail", "details"];

/// The standard's kinds of problems whose status is always the same.
///
/// Source: the specification, "Standard Error Types".
const FIXED_STATUS: &[(&str, u16)] = &[
    ("configuration", 400),
    ("validation", 400),
    ("expression", 400),
    ("authentication", 401),
    ("authorization", 403),
    ("timeout", 408),
];

/// The status codes of HTTP, which problems borrow.
const STATUS: std::ops::RangeInclusive<u64> = 100..=599;

impl Reader<'_> {
    pub(super) fn try_catch(
        &mut self,
        task: &Node,
        node: &Node,
        pointer: &str,
        scope: &Scope,
        siblings: &Siblings<'_>,
    ) -> TaskKind {
        let body = self.task_list(node, &format!("{pointer}/try"), scope);
        let mut attempt = Try {
            body,
            filter: ProblemFilter::default(),
            binding: "error".to_owned(),
            when: None,
            except_when: None,
            retry: None,
            handler: None,
            then: None,
        };
        let place = task.place_of("/try");
        if let Some(catch) = self.required(task, "catch", place)
            && self.keys(catch, CATCH_KEYS)
        {
            self.catch(&mut attempt, catch, pointer, scope, siblings);
        }
        TaskKind::Try(Box::new(attempt))
    }

    fn catch(
        &mut self,
        attempt: &mut Try,
        catch: &Node,
        pointer: &str,
        scope: &Scope,
        siblings: &Siblings<'_>,
    ) {
        if let Some(name) = catch.get("as").and_then(|node| self.variable(node)) {
            attempt.binding = name;
        }
        let scope = scope.with([attempt.binding.as_str()]);
        if let Some(errors) = catch.get("errors")
            && self.keys(errors, &["with"])
            && let Some(with) = errors.get("with")
        {
            attempt.filter = self.filter(with);
        }
        attempt.when = self.condition(catch, "when", &scope);
        attempt.except_when = self.condition(catch, "exceptWhen", &scope);
        attempt.retry = catch.get("retry").and_then(|node| {
            match self.shared_by_name(node, "retries", codes::UNKNOWN_RETRY, "retry policy") {
                Some(shared) => shared.map(|node| self.retry_policy(node, &scope)),
                None => Some(self.retry_policy(node, &scope)),
            }
        });
        attempt.handler = catch
            .get("do")
            .map(|node| self.task_list(node, &format!("{pointer}/catch/do"), &scope));
        attempt.then = catch
            .get("then")
            .map(|node| self.flow(Some(node), siblings));
    }

    fn condition(&mut self, node: &Node, key: &str, scope: &Scope) -> Option<Expression> {
        let node = node.get(key)?;
        self.expression(node, Place::Task, scope)
    }

    fn filter(&mut self, node: &Node) -> ProblemFilter {
        let mut filter = ProblemFilter::default();
        if !self.keys(node, FILTER_KEYS) {
            return filter;
        }
        let mut text = |key| {
            let value = node.get(key)?;
            let text = self.text(value)?;
            if text.trim_start().starts_with("${") {
                let message = "an expression is not evaluated here";
                self.report
                    .error(codes::NOT_ALLOWED, value.span, message)
                    .help(
                        "compare in `catch.when`, for instance `when: ${ $error.status == 503 }`",
                    );
            }
            Some(text.to_owned())
        };
        filter.kind = text("type");
        filter.instance = text("instance");
        filter.title = text("title");
        filter.detail = text("detail").or_else(|| text("details"));
        filter.status = node.get("status").and_then(|node| self.status(node));
        self.warn_of_impossible_filter(node, &filter);
        filter
    }

    /// Warns of a standard kind of problem with a status that it never has.
    fn warn_of_impossible_filter(&mut self, node: &Node, filter: &ProblemFilter) {
        let name = filter
            .kind
            .as_deref()
            .and_then(|kind| kind.rsplit('/').next());
        let fixed = FIXED_STATUS.iter().find(|(kind, _)| Some(*kind) == name);
        if let (Some((kind, fixed)), Some(status)) = (fixed, filter.status)
            && *fixed != status
        {
            let message = format!("problems of the kind `{kind}` have the status {fixed}");
            self.report
                .warning(codes::NEVER_CAUGHT, node.place_of("/status"), message)
                .help("leave `status` out");
        }
    }

    fn status(&mut self, node: &Node) -> Option<u16> {
        let status = match &node.shape {
            Shape::Number(number) => number.as_u64().filter(|status| STATUS.contains(status)),
            _ => None,
        };
        if status.is_none() {
            self.wrong_kind(node, "a status from 100 to 599");
        }
        status.and_then(|status| u16::try_from(status).ok())
    }

    pub(super) fn retry_policy(&mut self, node: &Node, scope: &Scope) -> RetryPolicy {
        let mut policy = RetryPolicy::default();
        if !self.keys(node, RETRY_KEYS) {
            return policy;
        }
        policy.when = self.condition(node, "when", scope);
        policy.except_when = self.condition(node, "exceptWhen", scope);
        policy.delay = self.optional_duration(node, "delay", scope);
        if let Some(backoff) = node.get("backoff") {
            policy.backoff = self.backoff(backoff);
        }
        if let Some(limit) = node.get("limit")
            && self.keys(limit, &["attempt", "duration"])
        {
            policy.duration = self.optional_duration(limit, "duration", scope);
            if let Some(attempt) = limit.get("attempt")
                && self.keys(attempt, &["count", "duration"])
            {
                policy.attempts_max = attempt.get("count").and_then(|node| self.count(node));
                policy.attempt_duration = self.optional_duration(attempt, "duration", scope);
            }
        }
        if let Some(jitter) = node.get("jitter")
            && self.keys(jitter, &["from", "to"])
        {
            let mut bound = |key| match self.required(jitter, key, jitter.span) {
                Some(node) => self.duration(node, Place::Task, scope),
                None => STAND_IN,
            };
            policy.jitter = Some((bound("from"), bound("to")));
        }
        policy
    }

    fn optional_duration(&mut self, node: &Node, key: &str, scope: &Scope) -> Option<Template> {
        node.get(key)
            .map(|node| self.duration(node, Place::Task, scope))
    }

    fn backoff(&mut self, node: &Node) -> Backoff {
        let kinds = ["constant", "linear", "exponential"];
        if let Shape::Text(_) = node.shape {
            let found = self.word(node, &kinds).map(str::to_owned);
            if let Some(word) = found {
                let message = "`backoff` is an object";
                self.report
                    .error(codes::WRONG_KIND, node.span, message)
                    .help(format!("write `backoff: {{ {word}: {{}} }}`"));
            }
            return Backoff::Constant;
        }
        if !self.keys(node, &kinds) {
            return Backoff::Constant;
        }
        for entry in node.entries() {
            if !matches!(&entry.value.shape, Shape::Map(_) | Shape::Null) {
                self.wrong_kind(&entry.value, "an object (`{}`)");
            } else if let Some(first) = entry.value.entries().first() {
                let what = format!("`{}` of a backoff", first.key);
                self.not_executed(first.key_span, &what, "the standard gives it no meaning");
            }
        }
        match node.entries() {
            [only] => match only.key.as_str() {
                "linear" => Backoff::Linear,
                "exponential" => Backoff::Exponential,
                _ => Backoff::Constant,
            },
            _ => {
                let message = "`backoff` has exactly one of `constant`, `linear` and `exponential`";
                self.report.error(codes::NOT_ALLOWED, node.span, message);
                Backoff::Constant
            }
        }
    }

    pub(super) fn raise(&mut self, node: &Node, scope: &Scope) -> TaskKind {
        let unknown = || TaskKind::Unsupported("raise".to_owned());
        if !self.keys(node, &["error"]) {
            return unknown();
        }
        let Some(error) = self.required(node, "error", node.span) else {
            return unknown();
        };
        match self.shared_by_name(error, "errors", codes::UNKNOWN_ERROR, "error") {
            Some(Some(shared)) => TaskKind::Raise(self.error_template(shared, scope)),
            Some(None) => unknown(),
            None => TaskKind::Raise(self.error_template(error, scope)),
        }
    }

    pub(super) fn error_template(&mut self, node: &Node, scope: &Scope) -> ErrorTemplate {
        let mut error = ErrorTemplate {
            kind: STAND_IN,
            status: STAND_IN,
            title: None,
            detail: None,
            instance: None,
        };
        if !self.keys(node, ERROR_KEYS) {
            return error;
        }
        if let Some(kind) = self.required(node, "type", node.span)
            && self.text(kind).is_some()
        {
            error.kind = self.template(kind, Place::Task, scope);
        }
        if let Some(status) = self.required(node, "status", node.span) {
            error.status = self.template(status, Place::Task, scope);
            if error.status.literal().is_some() {
                self.status(status);
            }
        }
        let mut text = |key| {
            let value = node.get(key)?;
            self.text(value)?;
            Some(self.template(value, Place::Task, scope))
        };
        error.title = text("title");
        error.detail = text("detail");
        error.instance = text("instance");
        error
    }
}
