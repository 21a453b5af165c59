//! What a caller wants of an agent.

use layercake_model::{AnswerSchema, Sampling};
use serde::{Deserialize, Serialize};

use crate::digest::plain;
use crate::rule::Rule;
use crate::{Autonomy, Budget, CallId, Digest, SessionId};

/// What a caller wants of an agent: who it is, what it shall reach, and how far it may go.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentSpec {
    /// The agent's name, for records and reports.
    pub name: String,
    /// The alias of the model, for records; the model itself is given to the agent.
    pub model: String,
    /// Who the agent is and how it works.
    pub instructions: String,
    /// What it shall reach.
    pub goal: String,
    /// What it shall work on: data, never instructions.
    pub material: Vec<Material>,
    /// Standing instructions of the place where it works, for instance `AGENTS.md` files.
    pub guidance: Vec<Guidance>,
    /// The skills that it is told about; the `skill` tool loads them.
    pub skills: Vec<SkillCard>,
    /// The tools that it may use.
    pub tools: ToolSelection,
    /// How far it may act without a person.
    pub autonomy: Autonomy,
    /// What it may spend.
    pub budget: Budget,
    /// What people decided beforehand about its calls.
    #[serde(default)]
    pub rules: Vec<Rule>,
    /// The call that this agent works for, when it is a sub-agent.
    pub parent: Option<ParentCall>,
    /// The shape of the answer, when it must have one.
    pub answer: Option<AnswerSchema>,
    /// How the model draws its tokens.
    pub sampling: Sampling,
}

impl AgentSpec {
    /// Makes a specification with a goal and nothing else: the most cautious autonomy that can
    /// still propose, the standard budget, all tools of the toolbox.
    pub fn new(name: impl Into<String>, goal: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            model: "default".to_owned(),
            instructions: String::new(),
            goal: goal.into(),
            material: Vec::new(),
            guidance: Vec::new(),
            skills: Vec::new(),
            tools: ToolSelection::All,
            autonomy: Autonomy::Suggest,
            budget: Budget::standard(),
            rules: Vec::new(),
            parent: None,
            answer: None,
            sampling: Sampling::default(),
        }
    }

    /// Returns the digest of everything that a session is pinned to. Autonomy, budget and rules
    /// are not: they may change from one resume to the next, and the log says so.
    pub fn digest(&self) -> Digest {
        let mut value = plain(self);
        if let Some(members) = value.as_object_mut() {
            for free in ["autonomy", "budget", "model", "rules"] {
                members.remove(free);
            }
        }
        Digest::of_value(&value)
    }
}

/// The call of another agent that a sub-agent works for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ParentCall {
    /// The other agent's session.
    pub session: SessionId,
    /// The call in it.
    pub call: CallId,
}

/// A piece of data that the agent shall work on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Material {
    /// What it is, in a few words.
    pub title: String,
    /// The data as text.
    pub text: String,
}

/// Standing instructions with their source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Guidance {
    /// Where they come from, for instance a path.
    pub source: String,
    /// The instructions.
    pub text: String,
}

/// What an agent is told about a skill before it loads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SkillCard {
    /// The skill's name.
    pub name: String,
    /// What it is for and when to use it.
    pub description: String,
}

/// Which tools of the toolbox an agent may use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ToolSelection {
    /// All of them.
    All,
    /// Only the named ones.
    Only(Vec<String>),
}
