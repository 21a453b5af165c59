//! The two kinds of agents that are shipped. They differ in tools, autonomy and feedback, and in
//! nothing else: both run on the same loop.

use crate::contract::{Contract, Criterion};
use crate::spec::{AgentSpec, ToolSelection};
use crate::{Autonomy, Budget};

/// How an agent that writes programs works.
const CODING: &str = "\
You change programs. Read before you write, change as little as the goal needs, and after each \
change let the machine judge it: build it, run its tests, read what they say, and mend what they \
find. A change that was not built and tested is not done; say which command showed that it works.";

/// How an agent that does business works.
const BUSINESS: &str = "\
You do the work of an office. The outcome counts, not the activity: say what is to be different \
afterwards and by which figure or record one can see it, look at it before and after you act, and \
report both. Prefer routines to steps of your own, prefer what can be undone, and ask the person in \
charge before anything leaves the house.";

/// The tools of the coding agent, as the built-in ones are named.
const CODING_TOOLS: [&str; 9] = [
    "read", "list", "search", "write", "edit", "shell", "plan", "note", "result",
];

/// The tools of the business agent.
const BUSINESS_TOOLS: [&str; 9] = [
    "read", "list", "search", "fetch", "ask", "plan", "note", "remember", "recall",
];

/// A kind of agent: who it is, what it has, how far it goes, and what tells it that it is done.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// Its name, for records.
    pub name: String,
    /// Who it is and how it works.
    pub instructions: String,
    /// Its tools by name; those that a toolbox does not have are left out.
    pub tools: Vec<String>,
    /// How far it acts without a person.
    pub autonomy: Autonomy,
    /// What it may spend.
    pub budget: Budget,
    /// The feedback: what must hold before its work counts as done. Without any, its word is
    /// taken for it.
    pub criteria: Vec<Criterion>,
}

impl Profile {
    /// Makes the agent that writes programs: it changes its workspace alone, and the commands
    /// that build and test must succeed.
    pub fn coding(checks: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let checks = checks.into_iter();
        Self {
            name: "coding".to_owned(),
            instructions: CODING.to_owned(),
            tools: CODING_TOOLS.map(str::to_owned).to_vec(),
            autonomy: Autonomy::Edit,
            budget: Budget {
                turns_max: 200,
                tool_calls_max: 1_000,
                ..Budget::standard()
            },
            criteria: checks
                .map(|line| Criterion::Command { line: line.into() })
                .collect(),
        }
    }

    /// Makes the agent that does business: it proposes, and somebody who saw nothing of the
    /// work must find that each outcome is there, by the measure that it names.
    pub fn business(outcomes: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let outcomes = outcomes.into_iter();
        Self {
            name: "business".to_owned(),
            instructions: BUSINESS.to_owned(),
            tools: BUSINESS_TOOLS.map(str::to_owned).to_vec(),
            autonomy: Autonomy::Suggest,
            budget: Budget::standard(),
            criteria: outcomes
                .map(|statement| Criterion::Verdict {
                    statement: statement.into(),
                })
                .collect(),
        }
    }

    /// Returns the specification of such an agent with a goal, for a toolbox that has the named
    /// tools.
    pub fn spec(&self, goal: impl Into<String>, toolbox: &crate::Toolbox) -> AgentSpec {
        let tools = self.tools.iter().filter(|name| toolbox.get(name).is_some());
        AgentSpec {
            instructions: self.instructions.clone(),
            tools: ToolSelection::Only(tools.cloned().collect()),
            autonomy: self.autonomy,
            budget: self.budget.clone(),
            ..AgentSpec::new(self.name.clone(), goal)
        }
    }

    /// Returns the contract that its work is held to; `None` when there is no feedback, and the
    /// agent is simply run.
    pub fn contract(&self) -> Option<Contract> {
        (!self.criteria.is_empty()).then(|| Contract {
            plan: String::new(),
            criteria: self.criteria.clone(),
        })
    }
}
