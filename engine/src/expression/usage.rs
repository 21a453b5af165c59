//! Which parts of its input and variables an expression looks at.
//!
//! Values can be large and expressions usually look at a few keys of them, so only these are
//! handed to jaq. Whatever is not plain counts as looking at the whole.

use std::collections::BTreeMap;

use jaq_core::load::lex::StrPart;
use jaq_core::load::parse::{BinaryOp, Pattern, Term};
use jaq_core::path::{Opt, Part};

/// The parts of one value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Usage {
    /// All of it.
    Whole,
    /// Only these keys, if it is an object.
    Keys(BTreeMap<String, Self>),
}

impl Usage {
    fn nothing() -> Self {
        Self::Keys(BTreeMap::new())
    }

    /// Adds what stands at the end of a path of keys.
    fn add(&mut self, path: &[String]) {
        match (path.split_first(), &mut *self) {
            (_, Self::Whole) => {}
            (None, _) => *self = Self::Whole,
            (Some((key, rest)), Self::Keys(keys)) => {
                keys.entry(key.clone())
                    .or_insert_with(Self::nothing)
                    .add(rest);
            }
        }
    }
}

/// The parts of all values.
#[derive(Debug)]
pub(super) struct Usages {
    pub(super) input: Usage,
    /// In the order of the variables.
    pub(super) variables: Vec<Usage>,
}

impl Usages {
    /// Finds what a term looks at; without a term, everything.
    pub(super) fn of(term: Option<&Term<&str>>, variables: &[String]) -> Self {
        let Some(term) = term else {
            return Self {
                input: Usage::Whole,
                variables: vec![Usage::Whole; variables.len()],
            };
        };
        let mut search = Search {
            names: variables,
            usages: Self {
                input: Usage::nothing(),
                variables: vec![Usage::nothing(); variables.len()],
            },
        };
        search.term(term, true);
        search.usages
    }
}

struct Search<'n> {
    names: &'n [String],
    usages: Usages,
}

impl Search<'_> {
    /// Looks through a term; `on_input` tells whether its `.` is the expression's input.
    fn term(&mut self, term: &Term<&str>, on_input: bool) {
        match term {
            Term::Id | Term::Recurse => self.input(&[], on_input),
            Term::Var(name) => self.variable(name, &[]),
            Term::Num(_) | Term::Break(_) | Term::Arr(None) => {}
            Term::Str(_, parts) => {
                for part in parts {
                    if let StrPart::Term(term) = part {
                        self.term(term, on_input);
                    }
                }
            }
            Term::Arr(Some(inner)) | Term::Neg(inner) | Term::Label(_, inner) => {
                self.term(inner, on_input);
            }
            Term::Obj(entries) => {
                for (key, value) in entries {
                    match value {
                        Some(value) => self.term(value, on_input),
                        None => self.shorthand(key, on_input),
                    }
                    self.term(key, on_input);
                }
            }
            Term::BinOp(left, operator, right) => self.operation(left, operator, right, on_input),
            Term::TryCatch(inner, handler) => {
                self.term(inner, on_input);
                if let Some(handler) = handler {
                    self.term(handler, false);
                }
            }
            Term::IfThenElse(cases, otherwise) => {
                for (when, then) in cases {
                    self.term(when, on_input);
                    self.term(then, on_input);
                }
                match otherwise {
                    Some(otherwise) => self.term(otherwise, on_input),
                    None => self.input(&[], on_input),
                }
            }
            Term::Fold(_, items, pattern, arguments) => {
                self.term(items, on_input);
                self.pattern(pattern);
                let (first, rest) = arguments
                    .split_first()
                    .map_or((None, &[][..]), |(f, r)| (Some(f), r));
                first
                    .into_iter()
                    .for_each(|first| self.term(first, on_input));
                rest.iter().for_each(|argument| self.term(argument, false));
            }
            Term::Call(_, arguments) => {
                self.input(&[], on_input);
                // An argument runs on whatever the filter gives it; the input is whole already.
                arguments
                    .iter()
                    .for_each(|argument| self.term(argument, false));
            }
            Term::Def(defs, inner) => {
                self.input(&[], on_input);
                defs.iter().for_each(|def| self.term(&def.body, false));
                self.term(inner, on_input);
            }
            Term::Path(start, path) => self.path(start, &path.0, on_input),
        }
    }

    fn operation(
        &mut self,
        left: &Term<&str>,
        operator: &BinaryOp<&str>,
        right: &Term<&str>,
        on_input: bool,
    ) {
        match operator {
            BinaryOp::Pipe(None) => {
                self.term(left, on_input);
                self.term(right, false);
            }
            BinaryOp::Pipe(Some(pattern)) => {
                self.term(left, on_input);
                self.pattern(pattern);
                self.term(right, on_input);
            }
            BinaryOp::Comma
            | BinaryOp::Alt
            | BinaryOp::Or
            | BinaryOp::And
            | BinaryOp::Math(_)
            | BinaryOp::Cmp(_) => {
                self.term(left, on_input);
                self.term(right, on_input);
            }
            BinaryOp::Assign | BinaryOp::Update | BinaryOp::UpdateMath(_) | BinaryOp::UpdateAlt => {
                self.input(&[], on_input);
                self.term(left, on_input);
                self.term(right, on_input);
            }
        }
    }

    fn path(&mut self, start: &Term<&str>, parts: &[(Part<Term<&str>>, Opt)], on_input: bool) {
        let keys: Vec<String> = parts.iter().map_while(|(part, _)| key(part)).collect();
        match start {
            Term::Id => self.input(&keys, on_input),
            Term::Var(name) => self.variable(name, &keys),
            other => self.term(other, on_input),
        }
        // What stands in brackets runs on the same input as the whole path.
        for (part, _) in &parts[keys.len()..] {
            match part {
                Part::Index(index) => self.term(index, on_input),
                Part::Range(from, upto) => {
                    from.iter()
                        .chain(upto)
                        .for_each(|bound| self.term(bound, on_input));
                }
            }
        }
    }

    /// `{ a }` is `{ a: .a }`, `{ $x }` is `{ x: $x }`.
    fn shorthand(&mut self, key: &Term<&str>, on_input: bool) {
        match (key, text(key)) {
            (_, Some(name)) => self.input(&[name], on_input),
            (Term::Var(_), None) => {}
            _ => self.input(&[], on_input),
        }
    }

    fn pattern(&mut self, pattern: &Pattern<&str>) {
        match pattern {
            Pattern::Var(_) => {}
            Pattern::Arr(inner) => inner.iter().for_each(|inner| self.pattern(inner)),
            Pattern::Obj(entries) => {
                for (key, inner) in entries {
                    self.term(key, true);
                    self.pattern(inner);
                }
            }
        }
    }

    fn input(&mut self, keys: &[String], on_input: bool) {
        if on_input {
            self.usages.input.add(keys);
        }
    }

    /// A variable that the term binds itself may have the same name; that only adds too much.
    fn variable(&mut self, name: &str, keys: &[String]) {
        let name = name.trim_start_matches('$');
        if let Some(at) = self.names.iter().position(|known| known == name) {
            self.usages.variables[at].add(keys);
        }
    }
}

fn key(part: &Part<Term<&str>>) -> Option<String> {
    match part {
        Part::Index(index) => text(index),
        Part::Range(..) => None,
    }
}

/// Returns the text of a string without anything computed inside.
fn text(term: &Term<&str>) -> Option<String> {
    let Term::Str(None, parts) = term else {
        return None;
    };
    let parts = parts.iter().map(|part| match part {
        StrPart::Str(text) => Some((*text).to_owned()),
        StrPart::Char(c) => Some(c.to_string()),
        StrPart::Term(_) => None,
    });
    parts.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(source: &str, input: &str, context: &str) {
        let term = jaq_core::load::parse(source, |parser| parser.term()).expect("it is jq");
        let usages = Usages::of(Some(&term), &["context".to_owned()]);
        assert_eq!(shown(&usages.input), input, "{source}");
        assert_eq!(shown(&usages.variables[0]), context, "{source}");
    }

    fn shown(usage: &Usage) -> String {
        match usage {
            Usage::Whole => "*".to_owned(),
            Usage::Keys(keys) => {
                let keys: Vec<_> = keys
                    .iter()
                    .map(|(key, usage)| format!("{key}{}", shown(usage)))
                    .collect();
                format!("({})", keys.join(" "))
            }
        }
    }

    #[test]
    fn only_what_is_looked_at_is_used() {
        check(".a.b | map(.c)", "(a(b*))", "()");
        check("$context.todo | map(select(.a))", "()", "(todo*)");
        check(".a + .b[0].c", "(a* b*)", "()");
        check("{ a, b: .c, $context }", "(a* c*)", "*");
        check("map(.a)", "*", "()");
        check("select(.a)", "*", "()");
        check(".a |= 1", "*", "()");
        check(".. | .a", "*", "()");
        check(".a as $x | .b + $x", "(a* b*)", "()");
        check("reduce .a[] as $x (.b; . + $x)", "(a* b*)", "()");
        check(".a[.b] | .c", "(a* b*)", "()");
        check("if .a then .b end", "*", "()");
        check("\"\\(.a) \\($context.b.c)\"", "(a*)", "(b(c*))");
        check(
            "[$context.a[] | . as $context | $context.z]",
            "()",
            "(a* z*)",
        );
        check("try .a catch .b", "(a*)", "()");
        check("def f: .a; f", "*", "()");
        check(".a[\"b\"].\"c d\"", "(a(b(c d*)))", "()");
    }
}
