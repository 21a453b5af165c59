//! Work under a contract: one agent plans, one makes, one checks, until the definition of done
//! holds. Planner and checker can be left out.

mod below;
mod check;
mod people;
mod text;
mod work;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub use work::{Role, Work};

/// The most criteria of one contract; a planner that wants more has not understood the goal.
const CRITERIA_MAX: usize = 20;

/// The definition of done that maker and checker share.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Contract {
    /// How the goal is to be reached; empty when nobody planned it.
    pub plan: String,
    /// What must hold.
    pub criteria: Vec<Criterion>,
}

/// One thing that must hold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub enum Criterion {
    /// A command line ends with status 0.
    Command {
        /// The command line.
        line: String,
    },
    /// The maker's answer is JSON that fits a schema.
    Answer {
        /// The JSON Schema.
        schema: Value,
    },
    /// The checker, who saw nothing of the making, says that it holds.
    Verdict {
        /// What must hold, in words.
        statement: String,
    },
}

impl Criterion {
    /// Returns the criterion in words.
    pub(crate) fn words(&self) -> String {
        match self {
            Self::Command { line } => format!("the command `{line}` succeeds"),
            Self::Answer { .. } => "the answer is JSON that fits its schema".to_owned(),
            Self::Verdict { statement } => statement.clone(),
        }
    }
}

/// What a check of one attempt found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    /// The attempt, from 1.
    pub attempt: u32,
    /// What the maker answered.
    pub answer: String,
    /// One finding for each criterion, in order.
    pub findings: Vec<Finding>,
    /// What a person said to do next, when somebody was asked.
    pub advice: Option<String>,
}

/// What a check found about one criterion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// Whether the criterion holds.
    pub holds: bool,
    /// What was seen.
    pub seen: String,
}

impl Check {
    /// Says whether everything holds.
    pub fn passed(&self) -> bool {
        self.findings.iter().all(|finding| finding.holds)
    }
}

/// The JSON Schema of what a planner answers.
fn plan_schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "plan": {"type": "string", "description": "How to reach the goal, step by step"},
            "criteria": {
                "type": "array",
                "minItems": 1,
                "maxItems": CRITERIA_MAX,
                "description": "What must hold when the goal is reached: commands that succeed, or statements that another agent can check",
                "items": {
                    "oneOf": [
                        {
                            "type": "object",
                            "properties": {"kind": {"const": "command"}, "line": {"type": "string", "minLength": 1}},
                            "required": ["kind", "line"],
                            "additionalProperties": false
                        },
                        {
                            "type": "object",
                            "properties": {"kind": {"const": "verdict"}, "statement": {"type": "string", "minLength": 1}},
                            "required": ["kind", "statement"],
                            "additionalProperties": false
                        }
                    ]
                }
            }
        },
        "required": ["plan", "criteria"],
        "additionalProperties": false
    })
}
