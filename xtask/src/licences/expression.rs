//! A licence expression in the SPDX form: names, `AND`, `OR`, `WITH` and parentheses; `AND`
//! binds tighter than `OR`. The older `/` means `OR`.
//!
//! Source: SPDX specification 2.3, annex D.

/// A licence expression.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Expression {
    /// A licence, with its exception if it has one.
    Name(String),
    /// All of them apply.
    All(Vec<Expression>),
    /// One may choose.
    Any(Vec<Expression>),
}

impl Expression {
    /// Reads an expression; `None` when it is not well formed.
    pub(super) fn read(text: &str) -> Option<Self> {
        let spaced = text
            .replace('(', " ( ")
            .replace(')', " ) ")
            .replace('/', " OR ");
        let words: Vec<&str> = spaced.split_whitespace().collect();
        let mut rest = words.as_slice();
        let expression = any(&mut rest)?;
        rest.is_empty().then_some(expression)
    }

    /// Says whether it can be satisfied with accepted licences alone.
    pub(super) fn holds(&self, accepts: &dyn Fn(&str) -> bool) -> bool {
        match self {
            Self::Name(name) => accepts(name),
            Self::All(parts) => parts.iter().all(|part| part.holds(accepts)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(accepts)),
        }
    }
}

fn any(rest: &mut &[&str]) -> Option<Expression> {
    let mut parts = vec![all(rest)?];
    while take(rest, "OR") {
        parts.push(all(rest)?);
    }
    Some(Expression::Any(parts))
}

fn all(rest: &mut &[&str]) -> Option<Expression> {
    let mut parts = vec![one(rest)?];
    while take(rest, "AND") {
        parts.push(one(rest)?);
    }
    Some(Expression::All(parts))
}

fn one(rest: &mut &[&str]) -> Option<Expression> {
    if take(rest, "(") {
        let inner = any(rest)?;
        return take(rest, ")").then_some(inner);
    }
    let mut name = name(rest)?;
    if take(rest, "WITH") {
        name = format!("{name} WITH {}", self::name(rest)?);
    }
    Some(Expression::Name(name))
}

fn take(rest: &mut &[&str], word: &str) -> bool {
    let found = rest.first() == Some(&word);
    if found {
        *rest = &rest[1..];
    }
    found
}

fn name(rest: &mut &[&str]) -> Option<String> {
    let (first, others) = rest.split_first()?;
    let is_name = !["AND", "OR", "WITH", "(", ")"].contains(first);
    *rest = others;
    is_name.then(|| (*first).to_owned())
}

#[cfg(test)]
mod tests {
    use super::Expression;

    fn check(text: &str, accepted: &[&str], expected: bool) {
        let expression = Expression::read(text).expect("the expression is well formed");
        assert_eq!(
            expression.holds(&|name| accepted.contains(&name)),
            expected,
            "{text}"
        );
    }

    #[test]
    fn and_binds_tighter_than_or() {
        check("A OR B AND C", &["A"], true);
        check("A OR B AND C", &["B"], false);
        check("(A OR B) AND C", &["A"], false);
        check("(A OR B) AND C", &["A", "C"], true);
    }

    #[test]
    fn an_exception_makes_another_licence() {
        check("A WITH E", &["A"], false);
        check("A WITH E", &["A WITH E"], true);
    }

    #[test]
    fn what_is_not_well_formed_is_refused() {
        for text in ["", "A B", "A OR", "(A", "A)", "OR A", "A WITH"] {
            assert_eq!(Expression::read(text), None, "{text}");
        }
    }
}
