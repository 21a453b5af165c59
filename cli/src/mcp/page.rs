//! Answers in pages of a bounded size: a client pays for every byte that it is shown.

use serde_json::{Value, json};

/// The most bytes of items in one answer.
const PAGE_BYTES: usize = 12 * 1024;
/// The longest single item, in bytes; more is cut, and says so.
const ITEM_BYTES: usize = 4 * 1024;

/// Returns the items from a position on, as many as fit, and the position of the next page.
pub(super) fn page(items: Vec<Value>, from: usize) -> Value {
    let total = items.len();
    let mut shown = Vec::new();
    let mut bytes = 0;
    for item in items.into_iter().skip(from) {
        let item = cut(item);
        bytes += item.to_string().len();
        if bytes > PAGE_BYTES && !shown.is_empty() {
            break;
        }
        shown.push(item);
    }
    let next = from + shown.len();
    let next = (next < total).then_some(next);
    json!({ "items": shown, "total": total, "next": next })
}

/// Cuts what is too long for one item.
pub(super) fn cut(item: Value) -> Value {
    let text = match &item {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    if text.len() <= ITEM_BYTES {
        return item;
    }
    let end = text.floor_char_boundary(ITEM_BYTES);
    json!({ "cut": &text[..end], "bytes": text.len() })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::page;

    #[test]
    fn pages_hold_everything_once_and_none_is_too_long() {
        let items: Vec<Value> = (0..100)
            .map(|n| json!({"n": n, "text": "x".repeat(900)}))
            .collect();
        let (mut from, mut seen) = (0, 0);
        loop {
            let page = page(items.clone(), from);
            assert!(page.to_string().len() < 13 * 1024);
            for item in page["items"].as_array().unwrap() {
                assert_eq!(item["n"], seen);
                seen += 1;
            }
            match page["next"].as_u64() {
                Some(next) => from = next as usize,
                None => break,
            }
        }
        assert_eq!(seen, 100);
    }

    #[test]
    fn one_long_item_is_cut_and_says_so() {
        let page = page(vec![json!("ä".repeat(9_000))], 0);
        assert_eq!(page["items"][0]["bytes"], 18_000);
        assert!(page["next"].is_null());
    }
}
