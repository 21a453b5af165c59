//! What an expression calls and which variables it mentions.

use std::collections::BTreeSet;

use jaq_core::load::lex::StrPart;
use jaq_core::load::parse::{BinaryOp, Def, Pattern, Term};
use jaq_core::path::Part;

/// Name and number of arguments of a filter.
pub(super) type Signature = (String, usize);

/// Filters that are called.
pub(super) type Calls = BTreeSet<Signature>;

/// What a term mentions.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// Filters.
    pub(super) calls: Calls,
    /// Variables, without `$`; those that the term itself binds are among them.
    pub(super) variables: BTreeSet<String>,
    /// Whether the term may nest calls or grow paths without bound.
    pub(super) loops: bool,
}

/// Filters of the library that call themselves, or that collect paths.
const LOOPING: &[&str] = &[
    "recurse",
    "repeat",
    "while",
    "until",
    "path",
    "paths",
    "leaf_paths",
    "combinations",
    "pick",
    "tostream",
    "fromstream",
    "limit",
    "skip",
    "flatten",
    "walk",
];

/// Returns what a term mentions.
pub(super) fn names_of(term: &Term<&str>) -> Names {
    let mut names = Names::default();
    names.term(term);
    names
}

/// Returns what a definition calls.
pub(super) fn calls_of_def(def: &Def<&str>) -> Calls {
    let mut names = Names::default();
    names.term(&def.body);
    names.calls
}

impl Names {
    fn call(&mut self, name: &str, arguments: usize) {
        self.loops |= LOOPING.contains(&name);
        self.calls.insert((name.to_owned(), arguments));
    }

    fn variable(&mut self, name: &str) {
        self.variables
            .insert(name.trim_start_matches('$').to_owned());
    }

    fn terms<'t>(&mut self, terms: impl IntoIterator<Item = &'t Term<&'t str>>) {
        terms.into_iter().for_each(|term| self.term(term));
    }

    fn term(&mut self, term: &Term<&str>) {
        match term {
            Term::Id | Term::Recurse | Term::Num(_) | Term::Break(_) | Term::Arr(None) => {}
            Term::Str(format, parts) => {
                if let Some(format) = format {
                    self.call(format, 0);
                }
                // Interpolation without a format makes text of values.
                self.call("tostring", 0);
                for part in parts {
                    if let StrPart::Term(term) = part {
                        self.term(term);
                    }
                }
            }
            Term::Arr(Some(inner)) | Term::Neg(inner) => self.term(inner),
            Term::Obj(entries) => {
                for (key, value) in entries {
                    self.term(key);
                    self.terms(value);
                }
            }
            Term::BinOp(left, operator, right) => {
                if let BinaryOp::Pipe(Some(pattern)) = operator {
                    self.pattern(pattern);
                }
                self.terms([&**left, &**right]);
            }
            Term::Label(_, inner) => {
                self.loops = true;
                self.term(inner);
            }
            Term::Fold(_, items, pattern, arguments) => {
                self.loops = true;
                self.term(items);
                self.pattern(pattern);
                self.terms(arguments);
            }
            Term::TryCatch(inner, handler) => {
                self.call("!empty", 0);
                self.term(inner);
                self.terms(handler.as_deref());
            }
            Term::IfThenElse(cases, otherwise) => {
                cases
                    .iter()
                    .for_each(|(when, then)| self.terms([when, then]));
                self.terms(otherwise.as_deref());
            }
            Term::Def(defs, inner) => {
                self.loops = true;
                self.terms(defs.iter().map(|def| &def.body));
                self.term(inner);
            }
            Term::Call(name, arguments) => {
                self.call(name, arguments.len());
                self.terms(arguments);
            }
            Term::Var(name) => self.variable(name),
            Term::Path(start, path) => {
                self.term(start);
                for (part, _) in &path.0 {
                    match part {
                        Part::Index(index) => self.term(index),
                        Part::Range(from, upto) => self.terms(from.iter().chain(upto)),
                    }
                }
            }
        }
    }

    fn pattern(&mut self, pattern: &Pattern<&str>) {
        match pattern {
            Pattern::Var(_) => {}
            Pattern::Arr(inner) => inner.iter().for_each(|inner| self.pattern(inner)),
            Pattern::Obj(entries) => {
                for (key, inner) in entries {
                    self.term(key);
                    self.pattern(inner);
                }
            }
        }
    }
}
