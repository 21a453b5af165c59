//! What each task of a definition is made of, by its path: so that a changed definition shows
//! at the tasks that changed, and nowhere else.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::{Definition, Digest};

/// The members of a task in which other tasks stand.
const LISTS: [&str; 2] = ["do", "branches"];

/// The hash of every task of a definition by its path, the root's under the empty path.
pub(super) fn hashes(document: &Value) -> BTreeMap<String, Digest> {
    let mut found = BTreeMap::new();
    let mut root = document.clone();
    if let Value::Object(members) = &mut root {
        // Names and versions change with every publication.
        members.remove("document");
        members.remove("do");
    }
    found.insert(String::new(), Digest::of_value(&root));
    if let Some(tasks) = document.get("do") {
        walk(tasks, "", &mut found);
    }
    found
}

fn walk(tasks: &Value, path: &str, found: &mut BTreeMap<String, Digest>) {
    for entry in tasks.as_array().into_iter().flatten() {
        for (name, task) in entry.as_object().into_iter().flatten() {
            let path = match path {
                "" => name.clone(),
                path => format!("{path}/{name}"),
            };
            found.insert(path.clone(), Digest::of_value(&without_inside(task)));
            inside(task, &path, found);
        }
    }
}

/// Walks the lists of tasks inside a task.
fn inside(task: &Value, path: &str, found: &mut BTreeMap<String, Digest>) {
    let Value::Object(members) = task else { return };
    for (member, value) in members {
        match (member.as_str(), value) {
            ("do" | "try", tasks @ Value::Array(_)) => walk(tasks, path, found),
            ("fork", fork) => walk(&fork["branches"], path, found),
            ("catch", catch) => walk(&catch["do"], &format!("{path}/@catch"), found),
            ("foreach", each) => walk(&each["do"], path, found),
            _ => {}
        }
    }
}

/// Returns a task with the names, not the content, of the tasks inside it.
fn without_inside(task: &Value) -> Value {
    let Value::Object(members) = task else {
        return task.clone();
    };
    let mut shallow = Map::new();
    for (member, value) in members {
        let value = match (member.as_str(), value) {
            ("do" | "try", Value::Array(tasks)) => names(tasks),
            ("fork" | "catch" | "foreach", Value::Object(_)) => without_lists(value),
            _ => value.clone(),
        };
        shallow.insert(member.clone(), value);
    }
    Value::Object(shallow)
}

fn without_lists(value: &Value) -> Value {
    let mut value = value.clone();
    for list in LISTS {
        if let Some(Value::Array(tasks)) = value.get(list) {
            let names = names(tasks);
            value[list] = names;
        }
    }
    value
}

fn names(tasks: &[Value]) -> Value {
    let entries = tasks.iter().filter_map(Value::as_object);
    json!(entries.flat_map(Map::keys).collect::<Vec<_>>())
}

/// Returns the task at a path of a definition's document.
pub(super) fn task_at(document: &Value, path: &str) -> Option<Value> {
    if path.is_empty() {
        let mut root = document.clone();
        root.as_object_mut()?.remove("do");
        return Some(root);
    }
    let mut place = document.clone();
    for name in path.split('/') {
        if name == "@catch" {
            place = place.get("catch")?.clone();
            continue;
        }
        let lists = [
            &place["do"],
            &place["try"],
            &place["fork"]["branches"],
            &place["foreach"]["do"],
        ];
        let tasks = lists.into_iter().filter_map(Value::as_array).flatten();
        let found = tasks.filter_map(|task| task.get(name)).next()?.clone();
        place = found;
    }
    Some(place)
}

/// Says whether a definition has a task at a path; when it cannot be read, it may have.
pub(super) fn has(source: &str, path: &str) -> bool {
    let document = Definition::document_of(source);
    document.is_none_or(|document| hashes(&document).contains_key(path))
}

/// Returns the path of a stable key: its names without passes and visits.
pub(super) fn path_of(key: &str) -> String {
    let mut path = String::new();
    let mut depth = 0_usize;
    let mut is_visit = false;
    for letter in key.chars() {
        match letter {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            '#' if depth == 0 => is_visit = true,
            '/' if depth == 0 => {
                is_visit = false;
                path.push('/');
            }
            other if depth == 0 && !is_visit => path.push(other),
            _ => {}
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{hashes, path_of};

    #[test]
    fn a_key_has_a_path() {
        assert_eq!(path_of("a[3]/b#2/c[x/y]/@catch/d"), "a/b/c/@catch/d");
        assert_eq!(path_of(""), "");
    }

    #[test]
    fn only_the_changed_task_has_another_hash() {
        let document = |inner: &str| {
            json!({
                "document": {"name": "n"},
                "do": [
                    {"loop": {"for": {"in": "${ . }"}, "do": [{"x": {"set": {"v": inner}}}]}},
                    {"y": {"set": {"v": 1}}},
                ],
            })
        };
        let (a, b) = (hashes(&document("1")), hashes(&document("2")));
        let differing: Vec<&String> = a.keys().filter(|key| a.get(*key) != b.get(*key)).collect();
        assert_eq!(differing, ["loop/x"]);
    }
}
