//! Finds an operation in the description of a service, and resolves what it refers to.

use serde_json::Value;

/// The methods that a path may have operations for.
const METHODS: [&str; 8] = [
    "get", "put", "post", "delete", "options", "head", "patch", "trace",
];

/// How many references are followed one after the other: a description may lead in circles.
const REFERENCES_MAX: usize = 16;

/// An operation, in the description that it belongs to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Operation<'a> {
    /// The whole description.
    pub(super) document: &'a Value,
    /// The path, with `{name}` for what is put in.
    pub(super) path: &'a str,
    /// What is said of the path.
    pub(super) item: &'a Value,
    /// The method.
    pub(super) method: &'static str,
    /// What is said of the operation.
    pub(super) body: &'a Value,
}

impl<'a> Operation<'a> {
    /// Finds an operation by its id.
    pub(super) fn find(document: &'a Value, id: &str) -> Option<Self> {
        let paths = document.get("paths")?.as_object()?;
        paths.iter().find_map(|(path, item)| {
            let item = resolve(document, item);
            METHODS.iter().find_map(|method| {
                let body = item.get(method)?;
                (body.get("operationId")?.as_str()? == id).then_some(Self {
                    document,
                    path,
                    item,
                    method,
                    body,
                })
            })
        })
    }

    /// Says whether the description is a Swagger 2.0 one.
    pub(super) fn is_swagger(&self) -> bool {
        self.document.get("swagger").is_some()
    }

    /// Returns what the operation takes; its own words come before those of its path.
    pub(super) fn parameters(&self) -> Vec<&'a Value> {
        let mut found: Vec<&Value> = Vec::new();
        for source in [self.body, self.item] {
            let listed = source.get("parameters").and_then(Value::as_array);
            for parameter in listed.into_iter().flatten() {
                let parameter = resolve(self.document, parameter);
                let is_same = |other: &&Value| {
                    other["name"] == parameter["name"] && other["in"] == parameter["in"]
                };
                if !found.iter().any(is_same) {
                    found.push(parameter);
                }
            }
        }
        found
    }

    /// Returns what is said of the request's body (3.x).
    pub(super) fn request_body(&self) -> Option<&'a Value> {
        let body = self.body.get("requestBody")?;
        Some(resolve(self.document, body))
    }
}

/// Follows references inside the description; what leads nowhere stays what it is.
pub(super) fn resolve<'a>(document: &'a Value, mut value: &'a Value) -> &'a Value {
    for _ in 0..REFERENCES_MAX {
        let reference = value.get("$ref").and_then(Value::as_str);
        let target = reference
            .and_then(|text| text.strip_prefix('#'))
            .and_then(|pointer| document.pointer(pointer));
        match target {
            Some(target) => value = target,
            None => break,
        }
    }
    value
}
