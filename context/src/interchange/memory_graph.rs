//! The graph of the reference MCP memory server, and its file: one JSON object on each line.
//!
//! Source: `@modelcontextprotocol/server-memory`, the file that `MEMORY_FILE_PATH` names.

use serde::{Deserialize, Serialize};

/// Entities and relations.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemoryGraph {
    /// The entities, the oldest first.
    pub entities: Vec<MemoryEntity>,
    /// The relations, the oldest first.
    pub relations: Vec<MemoryRelation>,
}

/// A named thing and what was noted about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MemoryEntity {
    /// The name; upper and lower case are different names.
    pub name: String,
    /// What kind of thing it is.
    pub entity_type: String,
    /// What was noted, in order.
    pub observations: Vec<String>,
}

/// A relation between two things.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MemoryRelation {
    /// The name of the one.
    pub from: String,
    /// The name of the other.
    pub to: String,
    /// What relates them, in active voice.
    pub relation_type: String,
}

/// One line of the file.
#[derive(Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Line {
    Entity(MemoryEntity),
    Relation(MemoryRelation),
}

/// A line of the file is not what the reference server writes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} is neither an entity nor a relation: {detail}")]
pub struct InvalidLine {
    /// Which line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub detail: String,
}

impl MemoryGraph {
    /// Reads the file of the reference server.
    ///
    /// # Errors
    /// [`InvalidLine`] for the first line that is not an entity or a relation; the reference
    /// server would leave it out without a word.
    pub fn from_jsonl(text: &str) -> Result<Self, InvalidLine> {
        let mut graph = Self::default();
        for (line, text) in (1..).zip(text.lines()) {
            if text.trim().is_empty() {
                continue;
            }
            match serde_json::from_str(text) {
                Ok(Line::Entity(entity)) => graph.entities.push(entity),
                Ok(Line::Relation(relation)) => graph.relations.push(relation),
                Err(error) => {
                    let detail = error.to_string();
                    return Err(InvalidLine { line, detail });
                }
            }
        }
        Ok(graph)
    }

    /// Writes the file of the reference server: entities first, as it does.
    #[expect(clippy::missing_panics_doc, reason = "strings always become JSON")]
    pub fn to_jsonl(&self) -> String {
        let entities = self.entities.iter().cloned().map(Line::Entity);
        let relations = self.relations.iter().cloned().map(Line::Relation);
        let lines = entities.chain(relations);
        lines
            .map(|line| serde_json::to_string(&line).expect("strings become JSON") + "\n")
            .collect()
    }
}
