//! What the agents under a contract are told. Made from the log, so that a resumed attempt is
//! told the very same.

use std::fmt::Write;

use super::{Check, Contract, Criterion};

/// What is shown of one finding.
const SEEN_BYTES_MAX: usize = 4_000;

/// Returns the goal of the planner.
pub(super) fn for_planner(goal: &str) -> String {
    format!(
        "Plan the work towards this goal, and say how anybody can check that it is reached. \
         Do not do the work.\n\nGoal: {goal}"
    )
}

/// Returns the goal of one attempt.
pub(super) fn for_maker(goal: &str, contract: &Contract, last: Option<&Check>) -> String {
    let mut text = goal.to_owned();
    if !contract.plan.is_empty() {
        add(&mut text, format_args!("\n\nPlan:\n{}", contract.plan));
    }
    text.push_str("\n\nThe work is done when all of this holds:");
    for criterion in &contract.criteria {
        add(&mut text, format_args!("\n- {}", criterion.words()));
    }
    if let Some(check) = last {
        text.push_str("\n\nAn earlier attempt was checked. What does not hold yet:");
        for (criterion, finding) in contract.criteria.iter().zip(&check.findings) {
            if !finding.holds {
                let words = criterion.words();
                add(
                    &mut text,
                    format_args!("\n- {words}. Seen: {}", finding.seen),
                );
            }
        }
        if let Some(advice) = &check.advice {
            add(&mut text, format_args!("\n\nA person adds: {advice}"));
        }
    }
    text
}

/// Returns the goal of the checker.
pub(super) fn for_checker(contract: &Contract) -> String {
    let mut text = "Check the work of another agent. Look for yourself; believe no claim that \
                    you cannot see to be true. For each statement, in order, say whether it \
                    holds and what you saw."
        .to_owned();
    for statement in statements(contract) {
        add(&mut text, format_args!("\n- {statement}"));
    }
    text
}

/// Returns the statements that the checker decides, in order.
pub(super) fn statements(contract: &Contract) -> impl Iterator<Item = &str> {
    contract
        .criteria
        .iter()
        .filter_map(|criterion| match criterion {
            Criterion::Verdict { statement } => Some(statement.as_str()),
            Criterion::Command { .. } | Criterion::Answer { .. } => None,
        })
}

/// Returns what a person is asked when the attempts are used up.
pub(super) fn for_person(contract: &Contract, check: &Check) -> String {
    let open = contract.criteria.iter().zip(&check.findings);
    let open: Vec<String> = open
        .filter(|(_, finding)| !finding.holds)
        .map(|(criterion, _)| criterion.words())
        .collect();
    format!(
        "After {} attempts this does not hold: {}. What shall be done?",
        check.attempt,
        open.join("; ")
    )
}

/// Cuts what was seen to what others need to read.
pub(super) fn seen(text: &str) -> String {
    crate::output::cut_to(text.trim().to_owned(), SEEN_BYTES_MAX)
}

fn add(text: &mut String, piece: std::fmt::Arguments<'_>) {
    text.write_fmt(piece)
        .expect("writing to a string cannot fail");
}
