//! Work that is done when its contract holds, and not when somebody says so.

use std::sync::Arc;

use layercake_harness::approval::{Approver, Decision, MemoryInbox, StandingDecision};
use layercake_harness::clock::ManualClock;
use layercake_harness::contract::{Contract, Criterion, Role, Work};
use layercake_harness::session::{MemorySessions, SessionStore};
use layercake_harness::{AgentOutcome, AgentSpec, Autonomy, Budget, SessionId, SystemClock};
use serde_json::{Value, json};

use crate::shell::shell_in;
use crate::support::{Death, MortalStore, Script, World, session, text};

/// Roles on one store, beside a folder that commands run in.
struct Site {
    store: Arc<dyn SessionStore>,
    folder: tempfile::TempDir,
}

impl Site {
    fn new() -> Self {
        Self {
            store: Arc::new(MemorySessions::new()),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn role(&self, name: &str, model: Script) -> Role {
        let world = World::of(model).with_store(self.store.clone());
        let mut spec = AgentSpec::new(name, "");
        spec.autonomy = Autonomy::Full;
        Role {
            agent: world.agent(),
            spec,
        }
    }

    fn work(&self, maker: Script, approver: Arc<dyn Approver>) -> Work {
        let shell = shell_in(
            self.folder.path(),
            layercake_harness::sandbox::Sandbox::Unconfined,
        );
        Work::new(
            self.store.clone(),
            approver,
            Arc::new(SystemClock),
            self.role("maker", maker),
            Budget::standard(),
        )
        .with_shell(Arc::new(shell))
    }
}

fn no() -> Arc<dyn Approver> {
    Arc::new(StandingDecision::reject("nobody", ""))
}

/// A maker that does better from attempt to attempt: it says how many faults it was told of.
fn learner() -> Script {
    Script::by(|request| {
        let goal = serde_json::to_string(&request.messages[0]).unwrap();
        text(match goal.matches("Seen:").count() {
            0 => "draft",
            _ => "final",
        })
    })
}

fn statement(text: &str) -> Contract {
    Contract {
        plan: String::new(),
        criteria: vec![Criterion::Verdict {
            statement: text.to_owned(),
        }],
    }
}

/// A checker that wants to see a word in the maker's answer.
fn strict(word: &'static str) -> Script {
    Script::by(move |request| {
        let material = serde_json::to_string(&request.messages[0].parts).unwrap();
        let holds = material.contains(word);
        let verdict = json!({"verdicts": [{"holds": holds, "seen": "I looked"}]});
        text(&verdict.to_string())
    })
}

async fn finish(work: &Work, contract: Option<Contract>) -> AgentOutcome {
    work.run(&session(), "write it", contract)
        .await
        .unwrap()
        .outcome
}

fn done(answer: &str, data: Option<Value>) -> AgentOutcome {
    AgentOutcome::Finished {
        text: answer.to_owned(),
        answer: data,
    }
}

#[tokio::test]
async fn an_attempt_that_fails_is_made_again_with_what_was_seen() {
    let site = Site::new();
    let work = site
        .work(learner(), no())
        .with_checker(site.role("checker", strict("final")));
    let outcome = finish(&work, Some(statement("it is ready"))).await;
    assert_eq!(outcome, done("final", None));
    let sessions = site.store.sessions().await.unwrap();
    let names: Vec<&str> = sessions.iter().map(SessionId::as_str).collect();
    assert_eq!(
        names,
        ["s", "s/check.1", "s/check.2", "s/make.1", "s/make.2"]
    );
}

#[tokio::test]
async fn the_checker_sees_nothing_of_the_making() {
    let site = Site::new();
    let maker = Script::new(vec![
        crate::support::calls(&[("look", json!({"what": "my private thoughts"}))]),
        text("final"),
    ]);
    let checker = Script::by(|request| {
        let all = serde_json::to_string(request).unwrap();
        let holds = !all.contains("private thoughts") && all.contains("final");
        text(&json!({"verdicts": [{"holds": holds, "seen": ""}]}).to_string())
    });
    let work = site
        .work(maker, no())
        .with_checker(site.role("checker", checker));
    assert_eq!(
        finish(&work, Some(statement("x"))).await,
        done("final", None)
    );
}

#[tokio::test]
async fn commands_and_schemas_are_checked_without_a_model() {
    let site = Site::new();
    std::fs::write(site.folder.path().join("tried"), "").unwrap();
    let contract = Contract {
        plan: String::new(),
        criteria: vec![
            Criterion::Command {
                line: "echo x >> tried; test $(wc -l < tried) -ge 2".to_owned(),
            },
            Criterion::Answer {
                schema: json!({"type": "integer"}),
            },
        ],
    };
    let work = site.work(Script::new(vec![text("42")]), no());
    assert_eq!(
        finish(&work, Some(contract)).await,
        done("42", Some(json!(42)))
    );
}

#[tokio::test]
async fn people_are_asked_when_the_attempts_are_used_up() {
    let site = Site::new();
    let inbox = Arc::new(MemoryInbox::new());
    let maker = Script::by(|request| {
        let goal = serde_json::to_string(&request.messages[0]).unwrap();
        text(if goal.contains("use ink") {
            "inked"
        } else {
            "pencilled"
        })
    });
    let work = site
        .work(maker, inbox.clone())
        .with_attempts_max(2)
        .with_checker(site.role("checker", strict("inked")));
    let contract = || Some(statement("it stays"));
    for _ in 0..2 {
        assert!(matches!(
            finish(&work, contract()).await,
            AgentOutcome::Waiting { .. }
        ));
    }
    let question = inbox.open().remove(0);
    assert!(
        question
            .title
            .starts_with("After 2 attempts this does not hold: it stays")
    );
    let answer = Decision::Answered {
        by: "olga".to_owned(),
        text: "use ink".to_owned(),
    };
    inbox.settle(question.id, answer);
    assert_eq!(finish(&work, contract()).await, done("inked", None));
}

#[tokio::test]
async fn a_planner_proposes_and_a_person_allows_its_commands() {
    let site = Site::new();
    let inbox = Arc::new(MemoryInbox::new());
    let plan = json!({"plan": "1. write", "criteria": [{"kind": "command", "line": "true"}]});
    let planner = site.role("planner", Script::new(vec![text(&plan.to_string())]));
    let mut work = site.work(learner(), inbox.clone());
    work = work.with_planner(planner);
    assert_eq!(
        finish(&work, None).await,
        done("draft", None),
        "full autonomy asks nobody"
    );
    let site = Site::new();
    let planner = site.role("planner", Script::new(vec![text(&plan.to_string())]));
    let mut maker = site.role("maker", learner());
    maker.spec.autonomy = Autonomy::Approve;
    let shell = shell_in(
        site.folder.path(),
        layercake_harness::sandbox::Sandbox::Unconfined,
    );
    let clock = Arc::new(ManualClock::default());
    let work = Work::new(
        site.store.clone(),
        inbox.clone(),
        clock,
        maker,
        Budget::standard(),
    )
    .with_planner(planner)
    .with_shell(Arc::new(shell));
    assert!(matches!(
        finish(&work, None).await,
        AgentOutcome::Waiting { .. }
    ));
    let yes = Decision::Approved {
        by: "olga".to_owned(),
        why: String::new(),
    };
    inbox.settle(inbox.open()[0].id, yes);
    assert_eq!(finish(&work, None).await, done("draft", None));
}

/// The process dies at any append of any of the sessions: the work ends the same, and each
/// session's costs are counted once.
#[tokio::test]
async fn work_survives_a_death() {
    let lines: fn() -> Script = learner;
    for dies_at in 0..30 {
        let mut site = Site::new();
        let durable = site.store.clone();
        site.store = Arc::new(MortalStore::new(
            durable.clone(),
            dies_at,
            Death::AfterAppend,
        ));
        let doomed = site
            .work(lines(), no())
            .with_checker(site.role("checker", strict("final")));
        let contract = || Some(statement("it is ready"));
        let id = session();
        let mut run = Box::pin(doomed.run(&id, "write it", contract()));
        drop(futures_util::FutureExt::now_or_never(run.as_mut()));
        drop(run);
        site.store = durable;
        let work = site
            .work(lines(), no())
            .with_checker(site.role("checker", strict("final")));
        let report = work.run(&id, "write it", contract()).await.unwrap();
        assert_eq!(report.outcome, done("final", None), "{dies_at}");
        let productive = report.charges.iter().filter(|charge| charge.usd.is_none());
        assert!(
            (4..=5).contains(&productive.count()),
            "{dies_at}: {:?}",
            report.charges
        );
    }
}

#[tokio::test]
async fn statements_without_a_checker_are_a_mistake() {
    let site = Site::new();
    let work = site.work(Script::new(vec![text("x")]), no());
    let outcome = finish(&work, Some(statement("x"))).await;
    assert!(
        matches!(outcome, AgentOutcome::Failed { .. }),
        "{outcome:?}"
    );
}
