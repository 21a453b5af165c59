//! A small world for an agent: a model that says what it is told, tools that count, and a
//! store that can die.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use futures_util::stream;
use layercake_harness::approval::{Approver, StandingDecision};
use layercake_harness::clock::ManualClock;
use layercake_harness::session::{MemorySessions, SessionRecord, SessionStore, StoreError};
use layercake_harness::tool::{Probe, Tool, ToolContext, ToolError, ToolOutput, ToolSpec};
use layercake_harness::{
    Agent, AgentSpec, Autonomy, EffectClass, Fence, HarnessError, NoSink, Report, SessionId,
    Timestamp, Toolbox,
};
use layercake_model::event::PartKind;
use layercake_model::{
    CallContext, Event, EventStream, Model, ModelDescriptor, ModelError, Part, Request, StopReason,
    ToolCall, Usage,
};
use serde_json::{Value, json};

/// What the model says in one turn.
#[derive(Debug, Clone)]
pub(crate) enum Say {
    Parts(Vec<Part>, StopReason),
    Error(ModelError),
}

/// Says a text and is done.
pub(crate) fn text(text: &str) -> Say {
    Say::Parts(vec![Part::text(text)], StopReason::End)
}

/// Asks for calls of tools with arguments.
pub(crate) fn calls(calls: &[(&str, Value)]) -> Say {
    let parts = calls.iter().enumerate().map(|(index, (name, arguments))| {
        Part::ToolCall(ToolCall {
            id: format!("c{index}"),
            name: (*name).to_owned(),
            arguments: arguments.clone(),
        })
    });
    Say::Parts(parts.collect(), StopReason::ToolCalls)
}

/// A model that answers by the number of replies in the conversation, so that it says the same
/// after a restart. Past the end of its script it says the last line again.
pub(crate) struct Script {
    descriptor: ModelDescriptor,
    rule: Box<dyn Fn(&Request) -> Say + Send + Sync>,
    usage: Usage,
    pub(crate) requests: Mutex<Vec<Request>>,
}

impl Script {
    pub(crate) fn new(lines: Vec<Say>) -> Self {
        Self::by(move |request| {
            let roles = request.messages.iter().map(|message| message.role);
            let replies = roles
                .filter(|role| *role == layercake_model::Role::Assistant)
                .count();
            lines
                .get(replies)
                .or(lines.last())
                .cloned()
                .expect("a script has lines")
        })
    }

    /// Makes a model that answers by a rule.
    pub(crate) fn by(rule: impl Fn(&Request) -> Say + Send + Sync + 'static) -> Self {
        Self {
            descriptor: ModelDescriptor::new("test", "script", "test"),
            rule: Box::new(rule),
            usage: Usage::default(),
            requests: Mutex::default(),
        }
    }

    pub(crate) fn with_usage(mut self, usage: Usage) -> Self {
        self.usage = usage;
        self
    }

    pub(crate) fn with_descriptor(mut self, change: impl FnOnce(&mut ModelDescriptor)) -> Self {
        change(&mut self.descriptor);
        self
    }
}

#[async_trait]
impl Model for Script {
    fn descriptor(&self) -> &ModelDescriptor {
        &self.descriptor
    }

    async fn respond(&self, request: Request, _: CallContext) -> Result<EventStream, ModelError> {
        let line = (self.rule)(&request);
        self.requests.lock().unwrap().push(request);
        match line {
            Say::Error(error) => Err(error),
            Say::Parts(parts, reason) => {
                let events = events(parts, reason, self.usage);
                Ok(Box::pin(stream::iter(events.into_iter().map(Ok))))
            }
        }
    }
}

fn events(parts: Vec<Part>, reason: StopReason, usage: Usage) -> Vec<Event> {
    let mut events = vec![Event::Start {
        model: "script-1".to_owned(),
        response_id: String::new(),
    }];
    for (index, part) in parts.into_iter().enumerate() {
        let (part, text) = match part {
            Part::Text { text } => (PartKind::Text, text),
            Part::ToolCall(call) => {
                let kind = PartKind::ToolCall {
                    id: call.id,
                    name: call.name,
                };
                (kind, call.arguments.to_string())
            }
            other => panic!("the script cannot say {other:?}"),
        };
        events.push(Event::PartStart { index, part });
        events.push(Event::Delta { index, text });
        events.push(Event::PartEnd { index });
    }
    events.push(Event::Usage(usage));
    events.push(Event::Finish {
        reason,
        raw_reason: String::new(),
    });
    events
}

/// The world outside: what tools have done to it, by key. It outlives every process.
#[derive(Debug, Default)]
pub(crate) struct Outside {
    /// How often each call had its effect, by what was asked.
    pub(crate) effects: Mutex<BTreeMap<String, u32>>,
}

/// A tool that counts what it does, of any class.
pub(crate) struct Deed {
    spec: ToolSpec,
    outside: Arc<Outside>,
}

impl Deed {
    pub(crate) fn new(name: &str, class: EffectClass, outside: &Arc<Outside>) -> Self {
        let schema = json!({
            "type": "object",
            "properties": {"what": {"type": "string"}},
            "required": ["what"]
        });
        Self {
            spec: ToolSpec::new(name, "does something", schema).class(class),
            outside: Arc::clone(outside),
        }
    }
}

#[async_trait]
impl Tool for Deed {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    async fn call(&self, arguments: Value, context: ToolContext) -> Result<ToolOutput, ToolError> {
        let what = arguments["what"].as_str().unwrap().to_owned();
        if what == "panic" {
            panic!("as asked");
        }
        let class = self.spec.class;
        let mut effects = self.outside.effects.lock().unwrap();
        let applies_once = matches!(class, EffectClass::Idempotent | EffectClass::Resumable);
        let key = if applies_once {
            format!("{what} by {}", context.idempotency_key)
        } else {
            what.clone()
        };
        let count = effects.entry(key).or_default();
        if !(applies_once && *count > 0) {
            *count += 1;
        }
        Ok(ToolOutput::text(format!("did {what}")))
    }

    async fn probe(&self, arguments: &Value, _: Option<&Value>) -> Probe {
        let what = arguments["what"].as_str().unwrap();
        match self.outside.effects.lock().unwrap().get(what) {
            Some(_) => Probe::Happened(ToolOutput::text(format!("did {what}"))),
            None => Probe::DidNotHappen,
        }
    }
}

/// A store that dies at one of its appends: before or after it became durable.
pub(crate) struct MortalStore {
    inner: Arc<dyn SessionStore>,
    appends_left: AtomicUsize,
    death: Death,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Death {
    BeforeAppend,
    AfterAppend,
}

impl MortalStore {
    pub(crate) fn new(inner: Arc<dyn SessionStore>, appends: usize, death: Death) -> Self {
        Self {
            inner,
            appends_left: AtomicUsize::new(appends),
            death,
        }
    }
}

#[async_trait]
impl SessionStore for MortalStore {
    async fn claim(&self, session: &SessionId) -> Result<Fence, StoreError> {
        self.inner.claim(session).await
    }

    async fn append(
        &self,
        session: &SessionId,
        fence: Fence,
        records: &[SessionRecord],
    ) -> Result<(), StoreError> {
        let left = self.appends_left.fetch_sub(1, Ordering::Relaxed);
        if left > 0 {
            return self.inner.append(session, fence, records).await;
        }
        if matches!(self.death, Death::AfterAppend) {
            self.inner.append(session, fence, records).await?;
        }
        // A killed process never returns; the test drops it.
        std::future::pending().await
    }

    async fn load(&self, session: &SessionId) -> Result<Vec<SessionRecord>, StoreError> {
        self.inner.load(session).await
    }

    async fn sessions(&self) -> Result<Vec<SessionId>, StoreError> {
        self.inner.sessions().await
    }
}

/// Everything that one session needs.
pub(crate) struct World {
    pub(crate) model: Arc<Script>,
    pub(crate) outside: Arc<Outside>,
    pub(crate) toolbox: Toolbox,
    pub(crate) store: Arc<dyn SessionStore>,
    pub(crate) approver: Arc<dyn Approver>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) spec: AgentSpec,
}

impl World {
    pub(crate) fn new(lines: Vec<Say>) -> Self {
        Self::of(Script::new(lines))
    }

    pub(crate) fn of(model: Script) -> Self {
        Self::beside(model, Arc::new(Outside::default()))
    }

    /// Makes a world whose tools act on the outside of another one.
    pub(crate) fn beside(model: Script, outside: Arc<Outside>) -> Self {
        let classes = [
            ("think", EffectClass::Pure),
            ("look", EffectClass::Read),
            ("put", EffectClass::Idempotent),
            ("file", EffectClass::Verifiable),
            ("job", EffectClass::Resumable),
            ("pay", EffectClass::Unsafe),
        ];
        let mut toolbox = Toolbox::new();
        for (name, class) in classes {
            toolbox = toolbox.with(Deed::new(name, class, &outside)).unwrap();
        }
        let mut spec = AgentSpec::new("tester", "the goal");
        spec.autonomy = Autonomy::Full;
        Self {
            model: Arc::new(model),
            outside,
            toolbox,
            store: Arc::new(MemorySessions::new()),
            approver: Arc::new(StandingDecision::reject("nobody", "")),
            clock: Arc::new(ManualClock::at(Timestamp::from_millis(1_790_000_000_000))),
            spec,
        }
    }

    pub(crate) fn with_store(mut self, store: Arc<dyn SessionStore>) -> Self {
        self.store = store;
        self
    }

    pub(crate) fn agent(&self) -> Agent {
        self.agent_on(Arc::clone(&self.store))
    }

    pub(crate) fn agent_on(&self, store: Arc<dyn SessionStore>) -> Agent {
        Agent::new(
            self.model.clone(),
            self.toolbox.clone(),
            store,
            Arc::clone(&self.approver),
            Arc::new(NoSink),
            self.clock.clone(),
        )
    }

    pub(crate) async fn run(&self) -> Result<Report, HarnessError> {
        self.agent().run(&session(), &self.spec).await
    }

    /// Returns the kinds of all records.
    pub(crate) async fn kinds(&self) -> Vec<String> {
        let records = self.store.load(&session()).await.unwrap();
        records.into_iter().map(|record| record.kind).collect()
    }

    /// Returns what the model was shown in the newest request, as JSON text.
    pub(crate) fn last_request(&self) -> String {
        let requests = self.model.requests.lock().unwrap();
        serde_json::to_string(requests.last().unwrap()).unwrap()
    }
}

pub(crate) fn session() -> SessionId {
    SessionId::new("s").unwrap()
}
