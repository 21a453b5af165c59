//! The nine tools by name, with arguments and answers as JSON text: what an MCP server needs to
//! stand in for the reference one.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{MemoryEntity, MemoryError, MemoryRelation, MemoryServer};
use crate::Moment;

#[derive(Deserialize)]
struct Entities {
    entities: Vec<MemoryEntity>,
}

#[derive(Deserialize)]
struct Relations {
    relations: Vec<MemoryRelation>,
}

#[derive(Deserialize)]
struct Observations {
    observations: Vec<Contents>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Contents {
    entity_name: String,
    contents: Vec<String>,
}

#[derive(Deserialize)]
struct Deletions {
    deletions: Vec<Deletion>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Deletion {
    entity_name: String,
    observations: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EntityNames {
    entity_names: Vec<String>,
}

#[derive(Deserialize)]
struct Names {
    names: Vec<String>,
}

#[derive(Deserialize)]
struct Query {
    query: String,
}

impl MemoryServer {
    /// The names of the tools, as the reference server has them.
    pub const TOOLS: [&'static str; 9] = [
        "create_entities",
        "create_relations",
        "add_observations",
        "delete_entities",
        "delete_observations",
        "delete_relations",
        "read_graph",
        "search_nodes",
        "open_nodes",
    ];

    /// Performs a tool of the reference server: its arguments as a JSON object, its structured
    /// answer as a JSON object.
    ///
    /// # Errors
    /// [`MemoryError::Arguments`] when the tool is not one of the nine or the arguments are not
    /// its own, otherwise as the operation.
    pub fn call(&self, at: Moment, tool: &str, arguments: &str) -> Result<String, MemoryError> {
        let answer = match tool {
            "create_entities" => {
                let Entities { entities } = read(arguments)?;
                json!({ "entities": self.create_entities(at, &entities)? })
            }
            "create_relations" => {
                let Relations { relations } = read(arguments)?;
                json!({ "relations": self.create_relations(at, &relations)? })
            }
            "add_observations" => {
                let Observations { observations } = read(arguments)?;
                let pairs = observations.into_iter();
                let pairs: Vec<_> = pairs.map(|o| (o.entity_name, o.contents)).collect();
                json!({ "results": self.add_observations(at, &pairs)? })
            }
            "read_graph" => json!(self.read_graph()?),
            "search_nodes" => {
                let Query { query } = read(arguments)?;
                json!(self.search_nodes(&query)?)
            }
            "open_nodes" => {
                let Names { names } = read(arguments)?;
                json!(self.open_nodes(&names)?)
            }
            other => self.delete(at, other, arguments)?,
        };
        Ok(answer.to_string())
    }

    fn delete(&self, at: Moment, tool: &str, arguments: &str) -> Result<Value, MemoryError> {
        let (deleted, of) = match tool {
            "delete_entities" => {
                let EntityNames { entity_names } = read(arguments)?;
                (self.delete_entities(at, &entity_names)?, "entities")
            }
            "delete_observations" => {
                let Deletions { deletions } = read(arguments)?;
                let pairs = deletions.into_iter();
                let pairs: Vec<_> = pairs.map(|d| (d.entity_name, d.observations)).collect();
                (self.delete_observations(at, &pairs)?, "observations")
            }
            "delete_relations" => {
                let Relations { relations } = read(arguments)?;
                (self.delete_relations(at, &relations)?, "relations")
            }
            other => {
                let rule = format!("`{other}` is not a tool of the memory server");
                return Err(MemoryError::Arguments { rule });
            }
        };
        let mut message = format!("{} {of} deleted", deleted.count);
        if !deleted.not_found.is_empty() {
            message += &format!("; not found: {}", deleted.not_found.join(", "));
        }
        Ok(json!({ "success": true, "message": message }))
    }
}

fn read<'a, T: Deserialize<'a>>(arguments: &'a str) -> Result<T, MemoryError> {
    serde_json::from_str(arguments).map_err(|error| MemoryError::Arguments {
        rule: error.to_string(),
    })
}
