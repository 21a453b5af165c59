//! `skill`: loads the body of a skill, then its files one by one.

use std::sync::Arc;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Tool, ToolContext, ToolError, ToolOutput, ToolSpec, arguments};
use crate::EffectClass;
use crate::skill::{Skill, SkillSet};

/// Loads skills.
#[derive(Debug, Clone)]
pub struct LoadSkill {
    skills: Arc<SkillSet>,
    spec: ToolSpec,
}

#[derive(Debug, Deserialize)]
struct Arguments {
    name: String,
    file: Option<String>,
}

impl LoadSkill {
    /// Makes the tool for a set of skills.
    pub fn new(skills: SkillSet) -> Self {
        let schema = json!({
            "type": "object",
            "properties": {
                "name": {"type": "string", "description": "The skill's name"},
                "file": {"type": "string", "description": "A file of the skill; its instructions if absent"}
            },
            "required": ["name"],
            "additionalProperties": false
        });
        let about = "Loads the instructions of a skill, or one of its files.";
        Self {
            skills: Arc::new(skills),
            spec: ToolSpec::new("skill", about, schema).class(EffectClass::Read),
        }
    }
}

#[async_trait]
impl Tool for LoadSkill {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    async fn call(&self, arguments_: Value, _: ToolContext) -> Result<ToolOutput, ToolError> {
        let asked: Arguments = arguments(arguments_)?;
        let skills = Arc::clone(&self.skills);
        super::blocking(move || {
            let Some(skill) = skills.get(&asked.name) else {
                let names: Vec<_> = skills.iter().map(Skill::name).collect();
                return Err(ToolError::Failed(format!(
                    "there is no skill `{}`; the skills are: {}",
                    asked.name,
                    names.join(", ")
                )));
            };
            match &asked.file {
                Some(file) => match skill.resource(file) {
                    Ok(text) => Ok(ToolOutput::text(text)),
                    Err(error) => Err(ToolError::Failed(error.to_string())),
                },
                None => Ok(ToolOutput::text(instructions(skill))),
            }
        })
        .await
    }
}

fn instructions(skill: &Skill) -> String {
    let files = skill.files();
    if files.is_empty() {
        return skill.body().to_owned();
    }
    format!(
        "{}\n\nFiles of this skill: {}",
        skill.body(),
        files.join(", ")
    )
}
