//! A comparison as one page: self-contained, without script, all text from outside escaped.

use std::collections::BTreeSet;

use layercake_engine::diff::{Comparison, Label, Origin, Word, value_diff, words};
use serde_json::Value;

use super::run::RunView;

const STYLE: &str = "\
body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;color:#1c1c1c}\
.card{border:1px solid #c8c8c8;border-radius:8px;padding:1rem;margin:1rem 0}\
.cause{font-size:1.2rem;font-weight:600}\
code,pre{font:13px/1.4 ui-monospace,monospace;white-space:pre-wrap;overflow-wrap:anywhere}\
del{background:#ffd7d5;text-decoration:none}ins{background:#ccf0d1;text-decoration:none}\
table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.2rem .6rem;border-top:1px solid #e4e4e4;vertical-align:top}\
.equal,.volatile{color:#6a6a6a}.origin{font-weight:600;background:#fff5d6}\
@media(prefers-color-scheme:dark){body{background:#161616;color:#e8e8e8}.card{border-color:#444}del{background:#5c2321}ins{background:#1f4d29}.origin{background:#4a3f17}}";

/// The most steps of the table; a page stays small enough to open.
const ROWS_MAX: usize = 2_000;

/// Makes the page.
pub(crate) fn page(
    a: &RunView,
    b: &RunView,
    found: &Comparison,
    ignored: &BTreeSet<String>,
) -> String {
    let mut body = String::new();
    let title = format!("{} and {}", a.run, b.run);
    body.push_str(&format!("<h1>{}</h1>", verdict(found)));
    body.push_str("<table><tr><th></th><th>run</th><th>name</th><th>status</th><th>cost</th></tr>");
    for (name, run) in [("A", a), ("B", b)] {
        let bound = if run.cost.exact { "" } else { "≥ " };
        body.push_str(&format!(
            "<tr><th>{name}</th><td><code>{}</code></td><td>{}</td><td>{}</td><td>{bound}${}</td></tr>",
            escaped(&run.run),
            escaped(&run.name),
            escaped(&run.status),
            run.cost.usd.normalize()
        ));
    }
    body.push_str("</table>");
    for origin in &found.origins {
        body.push_str(&card(origin, ignored));
    }
    body.push_str(&format!(
        "<p>{} steps differ because of this; {} retries absorbed.</p>",
        found.downstream, found.absorbed_retries
    ));
    body.push_str(&table(found));
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>{}</title>\
         <style>{STYLE}</style></head><body>{body}</body></html>\n",
        escaped(&title)
    )
}

fn verdict(found: &Comparison) -> String {
    match (&found.reason, found.origins.first()) {
        (Some(reason), _) => format!("Not comparable: {}", escaped(reason)),
        (None, Some(origin)) => escaped(origin.cause.words()),
        (None, None) => "Same".to_owned(),
    }
}

fn card(origin: &Origin, ignored: &BTreeSet<String>) -> String {
    let mut card = format!(
        "<section class=\"card\"><div class=\"cause\">{} — <code>{}</code></div><p>{}</p>",
        escaped(origin.cause.words()),
        escaped(if origin.task.is_empty() {
            "the run itself"
        } else {
            &origin.task
        }),
        escaped(&origin.explanation)
    );
    card.push_str("<table><tr><th>place</th><th>difference</th></tr>");
    for change in value_diff(&origin.before, &origin.after, ignored).changes {
        let text = |value: &Option<Value>| match value {
            None => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => serde_json::to_string_pretty(other).unwrap_or_default(),
        };
        let mut shown = String::new();
        for word in words(&text(&change.before), &text(&change.after)) {
            match word {
                Word::Same(text) => shown.push_str(&escaped(&text)),
                Word::Removed(text) => shown.push_str(&format!("<del>{}</del>", escaped(&text))),
                Word::Added(text) => shown.push_str(&format!("<ins>{}</ins>", escaped(&text))),
            }
        }
        card.push_str(&format!(
            "<tr><td><code>{}</code></td><td><pre>{shown}</pre></td></tr>",
            escaped(&change.path)
        ));
    }
    card.push_str("</table></section>");
    card
}

fn table(found: &Comparison) -> String {
    let mut table =
        "<table><tr><th>step</th><th>what</th><th>A</th><th>B</th><th></th></tr>".to_owned();
    let mut equal = 0;
    let fold = |equal: &mut usize, table: &mut String| {
        if *equal > 0 {
            table.push_str(&format!(
                "<tr class=\"equal\"><td colspan=\"5\">{equal} equal steps</td></tr>"
            ));
            *equal = 0;
        }
    };
    for pair in found.pairs.iter().take(ROWS_MAX) {
        if pair.label == Label::Equal {
            equal += 1;
            continue;
        }
        fold(&mut equal, &mut table);
        let record = |place: Option<layercake_engine::diff::Place>| {
            place.map_or(String::new(), |place| place.seq.to_string())
        };
        let label = serde_json::to_value(pair.label).unwrap_or_default();
        let label = label.as_str().unwrap_or_default();
        table.push_str(&format!(
            "<tr class=\"{label}\"><td><code>{}</code></td><td>{}</td><td>{}</td><td>{}</td><td>{label}</td></tr>",
            escaped(&pair.task),
            escaped(&pair.name),
            record(pair.a),
            record(pair.b)
        ));
    }
    fold(&mut equal, &mut table);
    table.push_str("</table>");
    table
}

/// Makes text from outside safe in a page.
pub(crate) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}
