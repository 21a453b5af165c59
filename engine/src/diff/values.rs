//! The difference of two JSON values: by key in objects, by identity in lists of things that
//! have one, and as a JSON Patch (RFC 6902) where one is wanted.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use similar::{Algorithm, DiffOp, capture_diff_slices};

/// Members that identify an element of a list, the best first.
const IDENTITIES: [&str; 4] = ["id", "tool_call_id", "key", "name"];

/// One change at one place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ValueChange {
    /// The place: a JSON pointer (RFC 6901), into the second value for what was added and into
    /// the first for everything else.
    pub path: String,
    /// What it was; nothing when it was added.
    pub before: Option<Value>,
    /// What it is; nothing when it was removed.
    pub after: Option<Value>,
}

/// What differs between two values.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ValueDiff {
    /// The changes, in the order of the places.
    pub changes: Vec<ValueChange>,
    /// How many places differ that were said to be volatile.
    pub ignored: usize,
}

/// Compares two values. Places whose pointer ends with one of `volatile` do not count.
pub fn value_diff(a: &Value, b: &Value, volatile: &BTreeSet<String>) -> ValueDiff {
    let mut diff = ValueDiff::default();
    let mut open = vec![(String::new(), a, b)];
    while let Some((path, a, b)) = open.pop() {
        if a == b {
            continue;
        }
        if volatile.iter().any(|end| path.ends_with(end.as_str())) {
            diff.ignored += 1;
            continue;
        }
        match (a, b) {
            (Value::Object(ours), Value::Object(theirs)) => {
                let names: BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
                for name in names.into_iter().rev() {
                    let path = format!("{path}/{}", escaped(name));
                    match (ours.get(name), theirs.get(name)) {
                        (Some(a), Some(b)) => open.push((path, a, b)),
                        (a, b) => diff.push(path, a, b),
                    }
                }
            }
            (Value::Array(ours), Value::Array(theirs)) => {
                list(&path, ours, theirs, &mut open, &mut diff);
            }
            _ => diff.push(path, Some(a), Some(b)),
        }
    }
    diff.changes.sort_by(|a, b| a.path.cmp(&b.path));
    diff
}

impl ValueDiff {
    fn push(&mut self, path: String, before: Option<&Value>, after: Option<&Value>) {
        self.changes.push(ValueChange {
            path,
            before: before.cloned(),
            after: after.cloned(),
        });
    }

    /// Returns a JSON Patch that makes the second value of the first, for values whose lists
    /// kept their lengths; places in lists that grew or shrank are those of the value itself.
    ///
    /// Source: RFC 6902.
    pub fn to_patch(&self) -> Value {
        // What is removed is removed from the back, so that the places before it stay.
        let removed = self.changes.iter().rev().filter(|it| it.after.is_none());
        let others = self.changes.iter().filter(|it| it.after.is_some());
        let operation = |change: &ValueChange| match (&change.before, &change.after) {
            (Some(_), Some(after)) => json!({"op": "replace", "path": change.path, "value": after}),
            (None, Some(after)) => json!({"op": "add", "path": change.path, "value": after}),
            (_, None) => json!({"op": "remove", "path": change.path}),
        };
        removed.chain(others).map(operation).collect()
    }
}

/// Compares two lists: by identity when every element of both has one, by content otherwise.
fn list<'a>(
    path: &str,
    ours: &'a [Value],
    theirs: &'a [Value],
    open: &mut Vec<(String, &'a Value, &'a Value)>,
    diff: &mut ValueDiff,
) {
    if let Some(member) = identity(ours, theirs) {
        let places: BTreeMap<String, usize> = theirs
            .iter()
            .enumerate()
            .map(|(place, value)| (value[member].to_string(), place))
            .collect();
        let mut met = BTreeSet::new();
        for (place, value) in ours.iter().enumerate() {
            let path = format!("{path}/{place}");
            match places.get(&value[member].to_string()) {
                Some(&other) => {
                    met.insert(other);
                    open.push((path, value, &theirs[other]));
                }
                None => diff.push(path, Some(value), None),
            }
        }
        for (place, value) in theirs.iter().enumerate() {
            if !met.contains(&place) {
                diff.push(format!("{path}/{place}"), None, Some(value));
            }
        }
        return;
    }
    let text = |values: &[Value]| values.iter().map(Value::to_string).collect::<Vec<_>>();
    for op in capture_diff_slices(Algorithm::Myers, &text(ours), &text(theirs)) {
        let (old, new) = (op.old_range(), op.new_range());
        if matches!(op, DiffOp::Equal { .. }) {
            continue;
        }
        let paired = old.len().min(new.len());
        for i in 0..paired {
            let path = format!("{path}/{}", old.start + i);
            open.push((path, &ours[old.start + i], &theirs[new.start + i]));
        }
        for (place, value) in ours
            .iter()
            .enumerate()
            .take(old.end)
            .skip(old.start + paired)
        {
            diff.push(format!("{path}/{place}"), Some(value), None);
        }
        for (place, value) in theirs
            .iter()
            .enumerate()
            .take(new.end)
            .skip(new.start + paired)
        {
            diff.push(format!("{path}/{place}"), None, Some(value));
        }
    }
}

/// Returns a member that names every element of both lists, each element differently.
fn identity(ours: &[Value], theirs: &[Value]) -> Option<&'static str> {
    let names = |list: &[Value], member: &str| {
        let texts: BTreeSet<String> = list
            .iter()
            .filter_map(|value| value.get(member))
            .filter(|value| value.is_string() || value.is_number())
            .map(Value::to_string)
            .collect();
        texts.len() == list.len()
    };
    IDENTITIES
        .into_iter()
        .find(|member| names(ours, member) && names(theirs, member))
        .filter(|_| !ours.is_empty() && !theirs.is_empty())
}

fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::{Value, json};

    use super::value_diff;

    #[track_caller]
    fn check(a: Value, b: Value, expected: &[&str]) {
        let diff = value_diff(&a, &b, &BTreeSet::from(["/at".to_owned()]));
        let paths: Vec<&str> = diff.changes.iter().map(|it| it.path.as_str()).collect();
        assert_eq!(paths, expected, "{diff:?}");
    }

    #[test]
    fn places_are_pointers_and_lists_go_by_identity() {
        check(json!({"a": 1}), json!({"a": 1}), &[]);
        check(
            json!({"a": 1, "x/y": 2}),
            json!({"b": 1, "x/y": 3}),
            &["/a", "/b", "/x~1y"],
        );
        check(
            json!([{"id": 1, "v": 1}, {"id": 2, "v": 2}]),
            json!([{"id": 2, "v": 3}, {"id": 1, "v": 1}]),
            &["/1/v"],
        );
        check(json!([1, 2, 3]), json!([0, 1, 2, 3]), &["/0"]);
        check(json!({"at": 1}), json!({"at": 2}), &[]);
    }

    #[test]
    fn a_patch_has_an_operation_for_each_change() {
        let diff = value_diff(
            &json!({"a": 1, "b": 2}),
            &json!({"b": 3, "c": 4}),
            &BTreeSet::new(),
        );
        assert_eq!(
            diff.to_patch(),
            json!([
                {"op": "remove", "path": "/a"},
                {"op": "replace", "path": "/b", "value": 3},
                {"op": "add", "path": "/c", "value": 4},
            ])
        );
    }
}
