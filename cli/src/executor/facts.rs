//! `remember` and `recall`: facts of the shared context, each with the run and the task that it
//! is from. What was read is named by the snapshot's number, so that a replay reads the same.

use std::path::Path;

use layercake_context::{
    Access, Actor, Assertion, Authority, Commit, Confidence, Context, Moment, Object, Op, Pattern,
    Provenance, Recall, Scope, Statement, Value as Fact,
};
use layercake_engine::{Digest, Effect, Outcome, Problem, ProblemKind};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::error::{CommandError, codes};
use crate::host::protocol::Remembering;

const FOLDER: &str = "context";
/// The most facts of one answer; more need a narrower question.
const FACTS_MAX: usize = 100_000;
/// How many facts are read at once; the context's own limit.
const PAGE: usize = 1_000;

/// The shared context of a store, for blocking callers.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    context: Context,
    access: Access,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Remember {
    subject: String,
    predicate: String,
    value: Value,
    #[serde(default)]
    confidence: Option<f64>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Lookup {
    #[serde(default)]
    query: Option<String>,
    #[serde(default)]
    subject: Option<String>,
    #[serde(default)]
    predicate: Option<String>,
    #[serde(default)]
    limit: Option<usize>,
}

impl Facts {
    /// Opens the context of a store.
    ///
    /// # Errors
    ///
    /// It cannot be opened, or was written by a newer version.
    pub(crate) fn open(store: &Path) -> Result<Self, CommandError> {
        let mut entropy = [0; 32];
        getrandom::fill(&mut entropy).map_err(|error| {
            CommandError::new(codes::INTERNAL, "the system gives no random bytes").because(error)
        })?;
        let folder = store.join(FOLDER);
        std::fs::create_dir_all(&folder).map_err(|error| unopened(&error))?;
        let context = Context::open_folder(&folder, entropy).map_err(|error| unopened(&error))?;
        let scope = Scope::tenant("local").and_then(|scope| scope.project("project"));
        let scope = scope.expect("both names are plain words");
        Ok(Self {
            context,
            access: Access::new(scope, Authority::Routine),
        })
    }

    /// Writes a fact. The same effect again changes nothing. Blocking.
    pub(super) fn remember(&self, effect: &Effect, arguments: &Value) -> Outcome {
        match self.try_remember(effect, arguments) {
            Ok(output) => Outcome::completed(output),
            Err(problem) => Outcome::failed(problem),
        }
    }

    fn try_remember(&self, effect: &Effect, arguments: &Value) -> Result<Value, Problem> {
        let arguments: Remember = super::arguments("remember", arguments)?;
        let provenance = Provenance {
            run: Some(effect.run.to_string()),
            task: Some(effect.task.to_string()),
            attempt: effect.attempt,
            ..Provenance::of(Actor::Engine)
        };
        // The moment is the effect's, not the clock's: a repetition must be the same commit.
        let at =
            Moment::from_millis(i64::try_from(effect.asked_at.as_millis()).unwrap_or(i64::MAX));
        let commit = Commit::new(at, provenance, vec![Op::Assert(statement(arguments)?)])
            .with_key(effect.idempotency_key.as_str());
        self.commit(&self.access, commit)
    }

    /// Looks facts up for somebody outside. Blocking.
    ///
    /// # Errors
    ///
    /// What is wanted cannot be read, or the context fails.
    pub(crate) fn look_up(&self, wanted: &Value) -> Result<Value, Problem> {
        self.try_recall(wanted)
    }

    /// Writes a fact of a program outside. It is a candidate until somebody accepts it; the same
    /// key again changes nothing. Blocking.
    ///
    /// # Errors
    ///
    /// The fact cannot be read, or the context does not take it.
    pub(crate) fn note(&self, remembering: &Remembering) -> Result<Value, Problem> {
        let arguments: Remember = super::arguments("remember", &remembering.fact)?;
        let provenance = Provenance::of(Actor::Agent(remembering.by.clone()));
        let at = crate::agents::now();
        let at = Moment::from_millis(i64::try_from(at.as_millis()).unwrap_or(i64::MAX));
        let commit = Commit::new(at, provenance, vec![Op::Assert(statement(arguments)?)])
            .with_key(remembering.key.as_str());
        let access = Access::new(self.access.scope().clone(), Authority::Agent);
        self.commit(&access, commit)
    }

    fn commit(&self, access: &Access, commit: Commit) -> Result<Value, Problem> {
        let receipt = self
            .context
            .commit(access, commit)
            .map_err(|error| failed(&error))?;
        Ok(json!({
            "id": receipt.ids.first().map(ToString::to_string),
            "seq": receipt.snapshot.number(),
        }))
    }

    /// Looks facts up, as of the newest snapshot. Blocking.
    pub(super) fn recall(&self, arguments: &Value) -> Outcome {
        match self.try_recall(arguments) {
            Ok(output) => {
                let reads = vec![Digest::of_value(&output)];
                Outcome {
                    reads,
                    ..Outcome::completed(output)
                }
            }
            Err(problem) => Outcome::failed(problem),
        }
    }

    fn try_recall(&self, arguments: &Value) -> Result<Value, Problem> {
        let arguments: Lookup = super::arguments("recall", arguments)?;
        let view = self.context.latest(&self.access);
        let limit = arguments.limit.unwrap_or(FACTS_MAX).min(FACTS_MAX);
        let mut facts = Vec::new();
        if let Some(query) = arguments.query {
            let wanted = Recall::of(query).limit(limit);
            let wanted = match arguments.predicate {
                Some(predicate) => wanted.predicate(predicate),
                None => wanted,
            };
            let answer = view.recall(&wanted).map_err(|error| failed(&error))?;
            for recalled in answer.items {
                let assertion = view
                    .assertion(recalled.item.id())
                    .map_err(|error| failed(&error))?;
                facts.extend(assertion.as_ref().map(fact));
            }
        } else {
            let mut pattern = match arguments.subject {
                Some(subject) => Pattern::about(subject),
                None => Pattern::anything(),
            };
            if let Some(predicate) = arguments.predicate {
                pattern = pattern.predicate(predicate);
            }
            let mut next = Some(pattern.limit(PAGE.min(limit)));
            while let Some(pattern) = next.take() {
                let found = view.query(&pattern).map_err(|error| failed(&error))?;
                let page = found.assertions.len();
                facts.extend(found.assertions.iter().map(fact));
                let last = found.assertions.last().map(|assertion| assertion.id);
                if page == PAGE && facts.len() < limit {
                    next = last.map(|last| pattern.after(last));
                }
            }
        }
        facts.truncate(limit);
        Ok(json!({ "facts": facts, "seq": view.snapshot().number() }))
    }
}

fn statement(arguments: Remember) -> Result<Statement, Problem> {
    let value = Fact::json(&arguments.value.to_string()).map_err(|error| failed(&error))?;
    let statement = Statement::new(arguments.subject, arguments.predicate, value);
    Ok(match arguments.confidence {
        None => statement,
        Some(confidence) => statement.confidence(Confidence {
            extraction_permille: (confidence * 1_000.0) as u16,
            ..Confidence::FULL
        }),
    })
}

fn fact(assertion: &Assertion) -> Value {
    let value = match &assertion.object {
        Object::Entity(entity) => Value::String(entity.name.clone()),
        Object::Value(value) => serde_json::from_str(&value.to_json()).unwrap_or_default(),
    };
    json!({
        "id": assertion.id.to_string(),
        "subject": assertion.subject.name,
        "predicate": assertion.predicate,
        "value": value,
        "trust": assertion.trust.to_string(),
        "run": assertion.provenance.run,
        "task": assertion.provenance.task,
        "at": assertion.committed_at.to_string(),
    })
}

fn failed(error: &dyn std::error::Error) -> Problem {
    Problem::standard(
        ProblemKind::Runtime,
        "the context did not take or give the fact",
    )
    .with_detail(error.to_string())
}

fn unopened(error: &dyn std::error::Error) -> CommandError {
    CommandError::new(
        codes::STORE_UNREADABLE,
        "the context of the store cannot be opened",
    )
    .caused_by(error)
    .next("layercake doctor")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Facts;
    use crate::executor::decide::tests::effect;

    #[test]
    fn a_fact_is_remembered_once_and_recalled_with_where_it_is_from() {
        let store = tempfile::tempdir().unwrap();
        let facts = Facts::open(store.path()).unwrap();
        let with = json!({"subject": "message:1", "predicate": "answered", "value": {"to": "a@b"}});
        let first = facts.remember(&effect(), &with).result.unwrap();
        let again = facts.remember(&effect(), &with).result.unwrap();
        assert_eq!(first, again);
        let found = facts
            .recall(&json!({"predicate": "answered"}))
            .result
            .unwrap();
        let found_facts = found["facts"].as_array().unwrap();
        assert_eq!(found_facts.len(), 1);
        assert_eq!(found_facts[0]["subject"], "message:1");
        assert_eq!(found_facts[0]["value"], json!({"to": "a@b"}));
        assert_eq!(found_facts[0]["run"], effect().run.to_string());
    }
}
