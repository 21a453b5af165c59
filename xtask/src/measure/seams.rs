//! The seams: how wide each trait is that another crate may implement, and how many do.

use std::fmt;

use super::production::Production;
use crate::syntax::Source;

/// The traits of the design's table of seams.
const SEAMS: [(&str, &str); 9] = [
    ("model", "Model"),
    ("model", "CountTokens"),
    ("model", "Embed"),
    ("harness", "Tool"),
    ("harness", "SessionStore"),
    ("harness", "Approver"),
    ("harness", "EventSink"),
    ("engine", "Executor"),
    ("engine", "Journal"),
];

/// The store of the context, whose name other crates use for other things.
const CONTEXT_STORE: (&str, &str) = ("context", "Store");

/// One seam as it stands.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Seam {
    krate: &'static str,
    name: &'static str,
    methods: usize,
    required: usize,
    implementations: usize,
}

impl fmt::Display for Seam {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = format!("{}::{}", self.krate, self.name);
        write!(
            f,
            "{name:<24}{:>2} ({}) {:>3}",
            self.methods, self.required, self.implementations
        )
    }
}

/// The seams that exist.
pub(super) fn find(files: &[Production]) -> Vec<Seam> {
    SEAMS
        .into_iter()
        .chain([CONTEXT_STORE])
        .filter_map(|(krate, name)| seam(files, krate, name))
        .collect()
}

fn seam(files: &[Production], krate: &'static str, name: &'static str) -> Option<Seam> {
    let folder = format!("{krate}/");
    let own = files.iter().filter(|file| file.path.starts_with(&folder));
    let body = own
        .map(|file| file.code.join("\n"))
        .find_map(|code| body(&code, name))?;
    let methods = body.matches("fn ").count();
    let provided = Source::read(&body).functions().len();
    let implementations = files.iter().map(|file| implementations(file, name)).sum();
    Some(Seam {
        krate,
        name,
        methods,
        required: methods - provided,
        implementations,
    })
}

/// The text of `pub trait NAME`, to the brace that closes it at the beginning of a line.
fn body(code: &str, name: &str) -> Option<String> {
    let heads = ["{", ":", "<", " "].map(|end| format!("pub trait {name}{end}"));
    let start = heads.iter().find_map(|head| code.find(head))?;
    let end = code[start..].find("\n}")?;
    Some(code[start..start + end + 2].to_owned())
}

fn implementations(file: &Production, name: &str) -> usize {
    let lines = file.code.iter();
    lines
        .filter(|line| line.trim_start().starts_with("impl"))
        .filter(|line| {
            let head = line.split(" for ").next().unwrap_or_default();
            let path = head.rsplit([' ', ':']).next().unwrap_or_default();
            line.contains(" for ") && path.split('<').next() == Some(name)
        })
        .count()
}

#[cfg(test)]
mod tests {
    use super::{Production, Seam, find};

    #[test]
    fn methods_and_implementations_are_counted() {
        let files = [
            Production::of(
                "engine/src/journal.rs",
                "pub trait Journal: Send {\n    fn append(&self);\n    fn read(&self) -> u8 {\n        1\n    }\n}\n",
            ),
            Production::of(
                "cli/src/a.rs",
                "impl engine::Journal for A {}\nimpl<T> Journal for B<T> {}\nimpl Journals for C {}\nimpl Journal {}\n",
            ),
        ];
        let expected = Seam {
            krate: "engine",
            name: "Journal",
            methods: 2,
            required: 1,
            implementations: 2,
        };
        assert_eq!(find(&files), [expected]);
    }
}
