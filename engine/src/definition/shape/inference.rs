//! The shape of what an expression gives, and what is odd about it.

use std::collections::BTreeMap;
use std::ops::Range;

use jaq_core::load::lex::StrPart;
use jaq_core::load::parse::{BinaryOp, Pattern, Term};
use jaq_core::ops::{Cmp, Math};
use jaq_core::path::{Opt, Part};

use super::Shape;
use crate::definition::codes;
use crate::definition::suggestion::{alternatives, nearest};

/// What an expression can see.
#[derive(Debug, Clone)]
pub(super) struct Sight {
    pub(super) dot: Shape,
    /// Variables, without `$`.
    pub(super) variables: BTreeMap<String, Shape>,
}

impl Sight {
    fn on(&self, dot: Shape) -> Self {
        Self {
            dot,
            variables: self.variables.clone(),
        }
    }
}

/// Something odd in an expression.
pub(super) struct Finding {
    pub(super) code: &'static str,
    /// Bytes of the expression.
    pub(super) range: Range<usize>,
    pub(super) message: String,
    pub(super) help: String,
}

/// Looks through one expression.
pub(super) struct Inference<'s> {
    source: &'s str,
    pub(super) findings: Vec<Finding>,
    /// Above zero where a missing key is expected: before `//`, in `try`, against `null`.
    forgiving: usize,
}

impl<'s> Inference<'s> {
    pub(super) fn new(source: &'s str) -> Self {
        Self {
            source,
            findings: Vec::new(),
            forgiving: 0,
        }
    }

    fn find(&mut self, code: &'static str, part: &str, message: String, help: String) {
        let start = part
            .as_ptr()
            .addr()
            .wrapping_sub(self.source.as_ptr().addr());
        if self.forgiving == 0 && start + part.len() <= self.source.len() {
            self.findings.push(Finding {
                code,
                range: start..start + part.len(),
                message,
                help,
            });
        }
    }

    fn forgiving(&mut self, term: &Term<&'s str>, sight: &Sight) -> Shape {
        self.forgiving += 1;
        let shape = self.term(term, sight);
        self.forgiving -= 1;
        shape
    }

    /// Returns the shape of what a term gives.
    pub(super) fn term(&mut self, term: &Term<&'s str>, sight: &Sight) -> Shape {
        match term {
            Term::Id => sight.dot.clone(),
            Term::Var(name) => {
                let name = name.trim_start_matches('$');
                sight.variables.get(name).cloned().unwrap_or(Shape::Unknown)
            }
            Term::Num(_) => Shape::Number,
            Term::Neg(inner) => {
                self.term(inner, sight);
                Shape::Number
            }
            Term::Str(_, parts) => self.text(parts, sight),
            Term::Arr(None) => Shape::list_of(Shape::Null),
            Term::Arr(Some(inner)) => Shape::list_of(self.term(inner, sight)),
            Term::Obj(entries) => self.object(entries, sight),
            Term::BinOp(left, operator, right) => self.operation(left, operator, right, sight),
            Term::IfThenElse(cases, otherwise) => {
                let mut shape = match otherwise {
                    Some(otherwise) => self.term(otherwise, sight),
                    None => sight.dot.clone(),
                };
                for (when, then) in cases {
                    self.forgiving(when, sight);
                    shape = shape.or(self.term(then, sight));
                }
                shape
            }
            Term::TryCatch(inner, _) => {
                self.forgiving(inner, sight);
                Shape::Unknown
            }
            Term::Fold(_, items, pattern, arguments) => {
                let item = self.term(items, sight);
                let inside = bound(sight, pattern, item).on(Shape::Unknown);
                for (at, argument) in arguments.iter().enumerate() {
                    self.term(argument, if at == 0 { sight } else { &inside });
                }
                Shape::Unknown
            }
            Term::Call(name, arguments) => self.call(name, arguments, sight),
            Term::Path(start, path) => {
                let start = self.term(start, sight);
                path.0.iter().fold(start, |shape, (part, opt)| {
                    self.part(shape, part, *opt, sight)
                })
            }
            Term::Recurse | Term::Label(..) | Term::Break(_) | Term::Def(..) => Shape::Unknown,
        }
    }

    fn text(&mut self, parts: &[StrPart<&'s str, Term<&'s str>>], sight: &Sight) -> Shape {
        if let Some((text, _)) = plain(parts) {
            return Shape::Words([text].into());
        }
        for part in parts {
            if let StrPart::Term(term) = part {
                self.term(term, sight);
            }
        }
        Shape::Text
    }

    fn object(
        &mut self,
        entries: &[(Term<&'s str>, Option<Term<&'s str>>)],
        sight: &Sight,
    ) -> Shape {
        let (mut keys, mut closed) = (BTreeMap::new(), true);
        for (key, value) in entries {
            let name = match key {
                Term::Str(None, parts) => plain(parts),
                Term::Var(name) if value.is_none() => {
                    Some((name.trim_start_matches('$').to_owned(), *name))
                }
                _ => None,
            };
            let shape = match (value, key, &name) {
                (Some(value), ..) => self.term(value, sight),
                (None, Term::Var(_), _) => self.term(key, sight),
                (None, _, Some((name, place))) => {
                    self.key(sight.dot.clone(), name, place, Opt::Essential)
                }
                (None, ..) => Shape::Unknown,
            };
            match name {
                Some((name, _)) => {
                    keys.insert(name, shape);
                }
                None => closed = false,
            }
        }
        Shape::Object { keys, closed }
    }

    fn operation(
        &mut self,
        left: &Term<&'s str>,
        operator: &BinaryOp<&'s str>,
        right: &Term<&'s str>,
        sight: &Sight,
    ) -> Shape {
        match operator {
            BinaryOp::Pipe(None) => {
                let dot = self.term(left, sight);
                self.term(right, &sight.on(dot))
            }
            BinaryOp::Pipe(Some(pattern)) => {
                let value = self.term(left, sight);
                self.term(right, &bound(sight, pattern, value))
            }
            BinaryOp::Comma => self.term(left, sight).or(self.term(right, sight)),
            BinaryOp::Alt => self.forgiving(left, sight).or(self.term(right, sight)),
            BinaryOp::Or | BinaryOp::And => {
                self.forgiving(left, sight);
                self.forgiving(right, sight);
                Shape::Bool
            }
            BinaryOp::Cmp(cmp) => {
                self.comparison(left, *cmp, right, sight);
                Shape::Bool
            }
            BinaryOp::Math(math) => {
                let (left, right) = (self.term(left, sight), self.term(right, sight));
                sum(left, *math, right)
            }
            BinaryOp::Assign | BinaryOp::Update | BinaryOp::UpdateMath(_) | BinaryOp::UpdateAlt => {
                self.forgiving(left, sight);
                Shape::Unknown
            }
        }
    }

    fn comparison(&mut self, left: &Term<&'s str>, cmp: Cmp, right: &Term<&'s str>, sight: &Sight) {
        if is_null(left) || is_null(right) {
            self.forgiving(left, sight);
            self.forgiving(right, sight);
            return;
        }
        let (left_shape, right_shape) = (self.term(left, sight), self.term(right, sight));
        if !matches!(cmp, Cmp::Eq | Cmp::Ne) {
            return;
        }
        let answer = if cmp == Cmp::Eq { "false" } else { "true" };
        for (term, shape, other) in [
            (left, &left_shape, &right_shape),
            (right, &right_shape, &left_shape),
        ] {
            let Term::Str(None, parts) = term else {
                continue;
            };
            let (Some((text, place)), Shape::Words(_)) = (plain(parts), shape) else {
                continue;
            };
            match other {
                Shape::Words(words) if !words.contains(&text) => {
                    let help = match nearest(&text, words.iter().map(String::as_str)) {
                        Some(near) => format!("did you mean `{near}`?"),
                        None => format!(
                            "it is one of {}",
                            alternatives(words.iter().map(String::as_str))
                        ),
                    };
                    let message = format!("this is always {answer}: the value is never `{text}`");
                    self.find(codes::NEVER_EQUAL, place, message, help);
                }
                Shape::Words(_) | Shape::Text => {}
                other => {
                    if let Some(kind) = other.kind() {
                        let message =
                            format!("this is always {answer}: {kind} is compared with text");
                        self.find(
                            codes::NEVER_EQUAL,
                            place,
                            message,
                            "compare values of one kind".to_owned(),
                        );
                    }
                }
            }
        }
    }

    fn part(&mut self, shape: Shape, part: &Part<Term<&'s str>>, opt: Opt, sight: &Sight) -> Shape {
        match part {
            Part::Index(Term::Str(None, parts)) => match plain(parts) {
                Some((key, place)) => self.key(shape, &key, place, opt),
                None => Shape::Unknown,
            },
            Part::Index(Term::Num(_)) | Part::Range(None, None) => match shape {
                Shape::List(item) => *item,
                Shape::Object { keys, closed: true } => {
                    keys.into_values().fold(Shape::Null, Shape::or)
                }
                _ => Shape::Unknown,
            },
            Part::Index(index) => {
                self.term(index, sight);
                Shape::Unknown
            }
            Part::Range(from, upto) => {
                from.iter().chain(upto).for_each(|bound| {
                    self.term(bound, sight);
                });
                shape
            }
        }
    }

    /// Takes the value of a key out of something.
    fn key(&mut self, shape: Shape, key: &str, place: &'s str, opt: Opt) -> Shape {
        let optional = matches!(opt, Opt::Optional);
        match shape {
            Shape::Null => Shape::Null,
            Shape::Unknown => Shape::Unknown,
            Shape::Object { mut keys, closed } => {
                if let Some(shape) = keys.remove(key) {
                    return shape;
                }
                let near = nearest(key, keys.keys().map(String::as_str));
                if !optional && (closed || near.is_some()) {
                    let help = match near {
                        Some(near) => format!("did you mean `{near}`?"),
                        None => {
                            format!("there is {}", alternatives(keys.keys().map(String::as_str)))
                        }
                    };
                    let message = match closed {
                        true => format!("there is no `{key}` here, so this is always null"),
                        false => format!("the schema does not name `{key}`"),
                    };
                    self.find(codes::NO_SUCH_KEY, place, message, help);
                }
                if closed { Shape::Null } else { Shape::Unknown }
            }
            other => {
                if let (Some(kind), false) = (other.kind(), optional) {
                    let help = match other {
                        Shape::List(_) => format!(
                            "take it from each item: `map(.{key})`, or from one: `.[0].{key}`"
                        ),
                        _ => "only objects have keys".to_owned(),
                    };
                    self.find(
                        codes::NO_SUCH_KEY,
                        place,
                        format!("`{key}` is taken from {kind}"),
                        help,
                    );
                }
                Shape::Unknown
            }
        }
    }

    fn call(&mut self, name: &str, arguments: &[Term<&'s str>], sight: &Sight) -> Shape {
        let dot = sight.dot.clone();
        let item = dot.item();
        match (name, arguments) {
            ("length" | "tonumber" | "floor" | "round" | "ceil" | "fromdate", []) => Shape::Number,
            ("not" | "true" | "false", []) => Shape::Bool,
            ("null", []) => Shape::Null,
            (
                "tostring" | "tojson" | "ascii_downcase" | "ascii_upcase" | "todate" | "type"
                | "trim",
                [],
            ) => Shape::Text,
            ("keys", []) => Shape::list_of(Shape::Text),
            ("sort" | "unique" | "reverse" | "values", []) => dot,
            ("first" | "last" | "min" | "max", []) => item,
            ("map", [f]) => Shape::list_of(self.term(f, &sight.on(item))),
            ("select", [f]) => {
                self.forgiving(f, sight);
                dot
            }
            ("sort_by" | "unique_by", [f]) => {
                self.term(f, &sight.on(item));
                dot
            }
            ("min_by" | "max_by", [f]) => {
                self.term(f, &sight.on(item.clone()));
                item
            }
            ("group_by", [f]) => {
                self.term(f, &sight.on(item));
                Shape::list_of(dot)
            }
            ("any" | "all", [f]) => {
                self.forgiving(f, &sight.on(item));
                Shape::Bool
            }
            ("has" | "test" | "contains" | "startswith" | "endswith" | "any" | "all", _) => {
                Shape::Bool
            }
            ("join" | "ltrimstr" | "rtrimstr", _) => Shape::Text,
            ("split", [_]) => Shape::list_of(Shape::Text),
            _ => {
                let blind = sight.on(Shape::Unknown);
                arguments.iter().for_each(|argument| {
                    self.forgiving(argument, &blind);
                });
                Shape::Unknown
            }
        }
    }
}

/// Returns the text of a string without interpolation, and its place.
fn plain<'s>(parts: &[StrPart<&'s str, Term<&'s str>>]) -> Option<(String, &'s str)> {
    match parts {
        [StrPart::Str(text)] => Some(((*text).to_owned(), *text)),
        _ => None,
    }
}

fn is_null(term: &Term<&str>) -> bool {
    matches!(term, Term::Call("null", arguments) if arguments.is_empty())
}

/// Binds the variables of a pattern.
fn bound(sight: &Sight, pattern: &Pattern<&str>, value: Shape) -> Sight {
    let mut sight = sight.clone();
    bind(pattern, value, &mut sight.variables);
    sight
}

fn bind(pattern: &Pattern<&str>, value: Shape, variables: &mut BTreeMap<String, Shape>) {
    match pattern {
        Pattern::Var(name) => {
            variables.insert(name.trim_start_matches('$').to_owned(), value);
        }
        Pattern::Arr(inner) => {
            inner
                .iter()
                .for_each(|inner| bind(inner, Shape::Unknown, variables));
        }
        Pattern::Obj(entries) => {
            entries
                .iter()
                .for_each(|(_, inner)| bind(inner, Shape::Unknown, variables));
        }
    }
}

/// Returns the shape of a sum; other calculations give numbers, if they give anything sure.
fn sum(left: Shape, math: Math, right: Shape) -> Shape {
    match (left, math, right) {
        (shape, Math::Add, Shape::Null) | (Shape::Null, Math::Add, shape) => shape,
        (
            Shape::Object { mut keys, closed },
            Math::Add,
            Shape::Object {
                keys: more,
                closed: other,
            },
        ) => {
            keys.extend(more);
            Shape::Object {
                keys,
                closed: closed && other,
            }
        }
        (Shape::List(left), Math::Add, Shape::List(right)) => Shape::list_of(left.or(*right)),
        (Shape::Text | Shape::Words(_), Math::Add, Shape::Text | Shape::Words(_)) => Shape::Text,
        (Shape::Number, _, Shape::Number) => Shape::Number,
        _ => Shape::Unknown,
    }
}
