//! Which variables an expression may use.

/// Where in a definition an expression stands.
///
/// Source: the specification, "Runtime expression arguments".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// The document's `input`.
    RunInput,
    /// The document's `output` and `timeout`.
    Run,
    /// A task, all but its `export`.
    Task,
    /// A task's `export`.
    Export,
}

impl Place {
    fn variables(self) -> &'static [&'static str] {
        match self {
            Self::RunInput => &["authorization", "runtime", "secrets", "workflow"],
            Self::Run => &[
                "authorization",
                "context",
                "input",
                "runtime",
                "secrets",
                "workflow",
            ],
            Self::Task => &[
                "authorization",
                "context",
                "input",
                "runtime",
                "secrets",
                "task",
                "workflow",
            ],
            Self::Export => &[
                "authorization",
                "context",
                "input",
                "output",
                "runtime",
                "secrets",
                "task",
                "workflow",
            ],
        }
    }
}

/// All variables of the standard.
pub(super) const STANDARD: &[&str] = &[
    "authorization",
    "context",
    "input",
    "output",
    "runtime",
    "secrets",
    "task",
    "workflow",
];

/// What is in scope of a task list: variables that loops and catches around it define.
#[derive(Debug, Clone, Default)]
pub(super) struct Scope {
    variables: Vec<String>,
}

impl Scope {
    /// Returns this scope with more variables.
    pub(super) fn with<'v>(&self, names: impl IntoIterator<Item = &'v str>) -> Self {
        let mut variables = self.variables.clone();
        variables.extend(names.into_iter().map(str::to_owned));
        Self { variables }
    }

    /// Returns every variable that may be used at a place, without `$`.
    pub(super) fn variables(&self, place: Place) -> Vec<&str> {
        let own = self.variables.iter().map(String::as_str);
        own.chain(place.variables().iter().copied()).collect()
    }
}
