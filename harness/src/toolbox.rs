//! The tools of an agent by name, and the judgement of calls before anything happens.

mod deferred;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use jsonschema::Validator;
use layercake_model::ToolCall;
use serde_json::Value;

use crate::autonomy::Permission;
use crate::rule::{Rule, RuleBook, RuleVerdict};
use crate::session::{Grant, RefusalCause};
use crate::tool::{AnsweredBy, SharedTool, Sharing, Tool, ToolSpec};
use crate::{Autonomy, EffectClass, Workspace};

pub(crate) use deferred::unwrapped;

/// More mistakes than this in one set of arguments teach a model nothing.
const MISTAKES_SHOWN_MAX: usize = 5;

/// Providers refuse longer tool names.
const NAME_BYTES_MAX: usize = 64;

/// The tools of an agent by name, each with its compiled argument schema.
#[derive(Clone, Default)]
pub struct Toolbox {
    tools: BTreeMap<String, Entry>,
    /// What the namespaces of tools that are shown on demand are about.
    namespaces: BTreeMap<String, String>,
    /// The folder that paths in calls are relative to, as rules see them.
    folder: Option<String>,
}

#[derive(Clone)]
struct Entry {
    tool: SharedTool,
    arguments: Arc<Validator>,
    /// The namespace of a tool that the model is not shown until it looks for it.
    namespace: Option<String>,
}

impl Toolbox {
    /// Makes an empty toolbox.
    pub fn new() -> Self {
        Self::default()
    }

    /// Names the folder that paths in calls are relative to: rules see absolute paths below it
    /// as relative ones.
    #[must_use]
    pub fn in_workspace(mut self, workspace: &Workspace) -> Self {
        self.folder = Some(workspace.path().to_string_lossy().into_owned());
        self
    }

    /// Returns the folder that paths in calls are relative to.
    pub(crate) fn folder(&self) -> Option<&str> {
        self.folder.as_deref()
    }

    /// Adds a tool.
    ///
    /// # Errors
    ///
    /// Returns [`ToolboxError`] when the name is taken or no tool name, or the schema is none.
    pub fn with(self, tool: impl Tool + 'static) -> Result<Self, ToolboxError> {
        self.with_shared(Arc::new(tool))
    }

    /// Adds a tool that others hold as well.
    ///
    /// # Errors
    ///
    /// Returns [`ToolboxError`] when the name is taken or no tool name, or the schema is none.
    pub fn with_shared(self, tool: SharedTool) -> Result<Self, ToolboxError> {
        self.with_entry(tool, None)
    }

    /// Adds tools that the model is not shown: it finds them with `tool_search` and calls them
    /// with `tool_call`, so that the request stays small however many there are. `about` says
    /// in a few words what they are for.
    ///
    /// # Errors
    ///
    /// Returns [`ToolboxError`] when a name is taken or no tool name, or a schema is none.
    pub fn with_namespace(
        mut self,
        namespace: &str,
        about: &str,
        tools: Vec<SharedTool>,
    ) -> Result<Self, ToolboxError> {
        for tool in tools {
            self = self.with_entry(tool, Some(namespace.to_owned()))?;
        }
        self.namespaces
            .insert(namespace.to_owned(), about.to_owned());
        self.with_search()
    }

    /// Makes the search anew over what is there to be found.
    fn with_search(mut self) -> Result<Self, ToolboxError> {
        self.tools.remove(deferred::SEARCH);
        self.tools.remove(deferred::CALL);
        let found = self.tools.values().filter_map(|entry| {
            let namespace = entry.namespace.clone()?;
            let spec = entry.tool.spec().for_model();
            Some(deferred::Found { namespace, spec })
        });
        let found: Vec<deferred::Found> = found.collect();
        if found.is_empty() {
            return Ok(self);
        }
        let search = deferred::SearchTools::new(&self.namespaces, found);
        self.with(search)?.with(deferred::CallTool::new())
    }

    fn with_entry(
        mut self,
        tool: SharedTool,
        namespace: Option<String>,
    ) -> Result<Self, ToolboxError> {
        let spec = tool.spec();
        let name = spec.name.clone();
        if !is_tool_name(&name) {
            return Err(ToolboxError::BadName { name });
        }
        if self.tools.contains_key(&name) {
            return Err(ToolboxError::Duplicate { name });
        }
        let arguments = jsonschema::validator_for(&spec.input_schema).map_err(|error| {
            ToolboxError::BadSchema {
                name: name.clone(),
                message: error.to_string(),
            }
        })?;
        let entry = Entry {
            tool,
            arguments: Arc::new(arguments),
            namespace,
        };
        self.tools.insert(name, entry);
        Ok(self)
    }

    /// Returns a toolbox of only the named tools.
    ///
    /// # Errors
    ///
    /// Returns [`ToolboxError::Absent`] when a name is not in the box.
    pub fn only(&self, names: &[String]) -> Result<Self, ToolboxError> {
        let chosen = names.iter().map(|name| {
            let entry = self.tools.get(name).ok_or_else(|| ToolboxError::Absent {
                name: name.clone(),
                known: self.names(),
            })?;
            Ok((name.clone(), entry.clone()))
        });
        let chosen = Self {
            tools: chosen.collect::<Result<_, ToolboxError>>()?,
            namespaces: self.namespaces.clone(),
            folder: self.folder.clone(),
        };
        chosen.with_search()
    }

    /// Returns the tools as the model sees them from the beginning, by name.
    pub fn for_model(&self) -> Vec<layercake_model::ToolSpec> {
        let shown = self.tools.values();
        shown
            .filter(|entry| entry.namespace.is_none())
            .map(|entry| entry.tool.spec().for_model())
            .collect()
    }

    /// Returns the specifications of all tools, by name.
    pub fn specs(&self) -> impl Iterator<Item = &ToolSpec> {
        self.tools.values().map(|entry| entry.tool.spec())
    }

    /// Returns a tool.
    pub fn get(&self, name: &str) -> Option<&SharedTool> {
        self.tools.get(name).map(|entry| &entry.tool)
    }

    /// Returns the call that a call stands for: `tool_call` stands for the tool that it names.
    pub(crate) fn resolved<'a>(&self, call: &'a ToolCall) -> Cow<'a, ToolCall> {
        match self.tools.contains_key(deferred::CALL) {
            true => unwrapped(call),
            false => Cow::Borrowed(call),
        }
    }

    /// Judges a call before anything happens: whether it can be made, and who says so. Pure.
    pub fn judge(&self, call: &ToolCall, autonomy: Autonomy, rules: &RuleBook) -> Judgement {
        let call = &*self.resolved(call);
        let Some(entry) = self.tools.get(&call.name) else {
            return Judgement::refuse(
                RefusalCause::UnknownTool,
                format!(
                    "There is no tool `{}`. The tools are: {}.",
                    call.name,
                    self.names()
                ),
            );
        };
        if let Some(mistakes) = mistakes(&entry.arguments, &call.arguments) {
            return Judgement::refuse(
                RefusalCause::InvalidArguments,
                format!(
                    "The arguments do not fit the schema of `{}`: {mistakes}.",
                    call.name
                ),
            );
        }
        let spec = entry.tool.spec();
        let rule = rules.decide(call);
        let verdict = rule.map(|rule| rule.verdict);
        if let Some(rule) = rule.filter(|rule| rule.verdict == RuleVerdict::Deny) {
            return Judgement::refuse(RefusalCause::NotAllowed, denied_by(rule, &call.name));
        }
        let passes = |permission| {
            Judgement::Pass(Pass {
                permission,
                class: spec.class,
                sharing: spec.sharing,
            })
        };
        let by_level = match spec.answered_by {
            AnsweredBy::Person => return passes(CallPermission::AnswerNeeded),
            AnsweredBy::Agent => Permission::Allow,
            AnsweredBy::Tool => autonomy.permission(spec.class, spec.reach),
        };
        match (by_level, verdict) {
            (Permission::Allow, Some(RuleVerdict::Ask)) => passes(CallPermission::ApprovalNeeded),
            (Permission::Allow, _) | (Permission::Ask, Some(RuleVerdict::Allow)) => {
                passes(CallPermission::Free)
            }
            (Permission::Ask, _) => passes(CallPermission::ApprovalNeeded),
            (Permission::Deny, _) => Judgement::refuse(
                RefusalCause::NotAllowed,
                format!(
                    "`{}` was not run: its calls are {}, and the autonomy level `{}` does not \
                     allow that. Go on without it, or say what you would have done.",
                    call.name,
                    spec.class.word(),
                    autonomy.word()
                ),
            ),
        }
    }

    /// Says who lets a call happen that nobody is asked about.
    pub(crate) fn grant(&self, call: &ToolCall, autonomy: Autonomy, rules: &RuleBook) -> Grant {
        let spec = self.get(&call.name).map(|tool| tool.spec());
        let by_level = spec.map(|spec| autonomy.permission(spec.class, spec.reach));
        match rules.decide(call) {
            Some(rule) if by_level != Some(Permission::Allow) => Grant::Rule {
                name: rule.name.clone(),
                by: rule.by.clone(),
                why: rule.why.clone(),
            },
            _ => Grant::Autonomy(autonomy),
        }
    }

    fn names(&self) -> String {
        let shown = self.tools.iter();
        let names: Vec<&str> = shown
            .filter(|(_, entry)| entry.namespace.is_none())
            .map(|(name, _)| name.as_str())
            .collect();
        match names.is_empty() {
            true => "none".to_owned(),
            false => names.join(", "),
        }
    }
}

impl fmt::Debug for Toolbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.tools.keys()).finish()
    }
}

/// What is to happen with a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judgement {
    /// It can be made.
    Pass(Pass),
    /// It is not made, and the model is told why.
    Refuse {
        /// Why, for the record.
        cause: RefusalCause,
        /// Why, for the model.
        message: String,
    },
}

impl Judgement {
    fn refuse(cause: RefusalCause, message: String) -> Self {
        Self::Refuse { cause, message }
    }
}

/// A call that can be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pass {
    /// Who must agree.
    pub permission: CallPermission,
    /// What repeating the call means.
    pub class: EffectClass,
    /// Whether it may run beside others.
    pub sharing: Sharing,
}

/// Who must agree to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallPermission {
    /// Nobody.
    Free,
    /// A person.
    ApprovalNeeded,
    /// A person, whose answer is the result.
    AnswerNeeded,
}

fn denied_by(rule: &Rule, tool: &str) -> String {
    let mut text = format!(
        "`{tool}` was not run: the rule `{}` of {} denies it.",
        rule.name, rule.by
    );
    if !rule.why.is_empty() {
        text.push_str(&format!(" Why: {}", rule.why));
    }
    text
}

fn is_tool_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    (1..=NAME_BYTES_MAX).contains(&name.len()) && name.bytes().all(allowed)
}

/// Lists what is wrong with a value, for the model that wrote it.
pub(crate) fn mistakes(schema: &Validator, value: &Value) -> Option<String> {
    let mistakes: Vec<String> = schema
        .iter_errors(value)
        .take(MISTAKES_SHOWN_MAX)
        .map(|error| match error.instance_path().as_str() {
            "" => error.to_string(),
            path => format!("at {path}: {error}"),
        })
        .collect();
    (!mistakes.is_empty()).then(|| mistakes.join("; "))
}

/// A tool cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ToolboxError {
    /// The name is no tool name.
    #[error("`{name}` cannot name a tool: 1 to 64 letters, digits, `_` and `-` are expected")]
    BadName {
        /// The name.
        name: String,
    },
    /// Another tool has the name.
    #[error("two tools are named `{name}`")]
    Duplicate {
        /// The name.
        name: String,
    },
    /// The schema of the arguments is no JSON Schema.
    #[error("the argument schema of tool `{name}` cannot be used: {message}")]
    BadSchema {
        /// The tool.
        name: String,
        /// What is wrong with the schema.
        message: String,
    },
    /// A tool was asked for that is not there.
    #[error("there is no tool `{name}`; the tools are: {known}")]
    Absent {
        /// The name.
        name: String,
        /// The names that there are.
        known: String,
    },
}
