//! `model check`: asks every configured model for real, and says what it can do, what it cannot,
//! and what it costs. Real models charge for it: a few hundred tokens each.

use std::sync::Arc;
use std::time::{Duration, Instant};

use layercake_model::structured::ask_structured;
use layercake_model::{
    AnswerSchema, CallContext, Message, Model, Part, Reply, Request, Sampling, ToolChoice,
    ToolSpec, Usage, collect,
};
use rust_decimal::Decimal;
use serde::Serialize;
use serde_json::json;

use crate::args::{ModelAction, ModelArguments};
use crate::error::CommandResult;
use crate::exit::Exit;
use crate::models::{DEFAULT_ALIAS, Models};
use crate::report::screen::Screen;
use crate::settings::Settings;

/// How long a model may take to answer one question.
const PATIENCE: Duration = Duration::from_secs(60);
/// Enough for a model that thinks before it says one word.
const OUTPUT_TOKENS_MAX: u32 = 1_024;

/// `layercake.models/1`.
#[derive(Debug, Serialize)]
struct ModelsView {
    schema: &'static str,
    ok: bool,
    models: Vec<ModelView>,
    /// How to configure a model, when none is.
    advice: Vec<String>,
}

/// One model.
#[derive(Debug, Default, Serialize)]
struct ModelView {
    alias: String,
    spec: String,
    ok: bool,
    /// The model's name as it reports it.
    reported: Option<String>,
    can: Vec<String>,
    cannot: Vec<String>,
    /// US dollars that the questions cost; `None` when the price is unknown.
    cost_usd: Option<String>,
    tokens: u64,
    problem: Option<String>,
}

/// Runs the command.
pub(crate) async fn run(
    arguments: &ModelArguments,
    settings: Settings,
    screen: &Screen,
) -> CommandResult {
    let ModelAction::Check { aliases: wanted } = &arguments.action;
    let models = Models::unopened(&settings)?;
    let configured = models.aliases();
    let mut aliases: Vec<(String, String)> = configured
        .map(|(alias, spec)| (alias.to_owned(), spec.to_owned()))
        .collect();
    let mut advice = Vec::new();
    if aliases.is_empty() {
        aliases.push((DEFAULT_ALIAS.to_owned(), "scripted".to_owned()));
        advice = how_to_configure();
    }
    aliases.retain(|(alias, _)| wanted.is_empty() || wanted.contains(alias));
    let mut views = Vec::new();
    for (alias, spec) in aliases {
        views.push(one(&models, alias, spec).await);
    }
    for alias in wanted {
        if !views.iter().any(|view| view.alias == *alias) {
            models.get(alias)?;
        }
    }
    let view = ModelsView {
        schema: "layercake.models/1",
        ok: views.iter().all(|view| view.ok),
        models: views,
        advice,
    };
    paint(&view, screen);
    Ok(if view.ok { Exit::Success } else { Exit::Failed })
}

fn how_to_configure() -> Vec<String> {
    let lines = [
        "no model is configured, so the scripted one answers; it is no language model",
        "name one in layercake.toml: [models] default = \"anthropic/claude-haiku-4-5\"",
        "and set its key: ANTHROPIC_API_KEY, OPENAI_API_KEY, GEMINI_API_KEY, …",
        "without a key, a server of your own: default = \"ollama/llama3\" or \"llamacpp/any\"",
        "another address: [providers] llamacpp = \"http://localhost:8081/v1\"",
        "another provider: [providers.mine] address = \"…\", dialect = \"openai-chat\"",
    ];
    lines.map(str::to_owned).to_vec()
}

async fn one(models: &Models, alias: String, spec: String) -> ModelView {
    let mut view = ModelView {
        alias,
        spec,
        ..ModelView::default()
    };
    let model = match models.get(&view.alias) {
        Ok(model) => model,
        Err(error) => {
            view.problem = Some(error.told());
            return view;
        }
    };
    describe(&*model, &mut view);
    let mut usage = Usage::default();
    match text(&model, &mut view).await {
        Ok(used) => usage = usage.plus(&used),
        Err(problem) => {
            view.problem = Some(problem);
            return view;
        }
    }
    view.ok = true;
    for asked in [
        tool(&model, &mut view).await,
        structured(&model, &mut view).await,
    ] {
        usage = usage.plus(&asked);
    }
    let price = model.descriptor().price;
    view.tokens = usage.total_tokens();
    view.cost_usd = price.map(|price| price.cost(&usage).round_dp(6).normalize().to_string());
    view
}

/// Says what is known without a call: limits, price, and what would be lost of a request that
/// uses everything.
fn describe(model: &dyn Model, view: &mut ModelView) {
    let descriptor = model.descriptor();
    if let Some(limit) = descriptor.context_tokens_max {
        view.can.push(format!("read {limit} tokens"));
    }
    if let Some(limit) = descriptor.output_tokens_max {
        view.can.push(format!("write {limit} tokens"));
    }
    if let Some(price) = &descriptor.price {
        let per_million = |amount: Decimal| amount.normalize();
        view.can.push(format!(
            "be paid: {} USD for a million tokens read, {} USD written",
            per_million(price.input),
            per_million(price.output)
        ));
    } else {
        view.cannot
            .push("be priced: it is not in the table, so its cost is unknown".to_owned());
    }
    let losses = model.check(&demanding()).into_iter();
    view.cannot
        .extend(losses.map(|loss| format!("{}: {}", loss.at, loss.message)));
}

/// A request that asks for everything a backend may lack.
fn demanding() -> Request {
    let picture = Part::Image {
        media_type: "image/png".to_owned(),
        data: "iVBORw0KGgo=".to_owned(),
    };
    let mut message = Message::user("?");
    message.parts.push(picture);
    message.cache_mark = true;
    Request {
        messages: vec![message],
        tools: vec![clock()],
        tool_choice: ToolChoice::Required,
        answer: Some(shape()),
        sampling: Sampling {
            temperature: Some(0.0),
            seed: Some(1),
            stop: vec!["END".to_owned()],
            ..Sampling::default()
        },
        ..Request::default()
    }
}

fn clock() -> ToolSpec {
    ToolSpec {
        name: "clock".to_owned(),
        description: "Tells the time.".to_owned(),
        input_schema: json!({"type": "object", "properties": {}}),
    }
}

fn shape() -> AnswerSchema {
    AnswerSchema {
        name: "readiness".to_owned(),
        schema: json!({
            "type": "object",
            "properties": {"ready": {"type": "boolean"}},
            "required": ["ready"],
            "additionalProperties": false,
        }),
    }
}

fn question(text: &str) -> Request {
    Request {
        messages: vec![Message::user(text)],
        sampling: Sampling {
            output_tokens_max: Some(OUTPUT_TOKENS_MAX),
            ..Sampling::default()
        },
        ..Request::default()
    }
}

fn patience() -> CallContext {
    CallContext {
        timeout: Some(PATIENCE),
        ..CallContext::default()
    }
}

async fn ask(model: &Arc<dyn Model>, request: Request) -> Result<Reply, String> {
    let reply = async { collect(model.respond(request, patience()).await?).await };
    reply.await.map_err(|error| error.message)
}

async fn text(model: &Arc<dyn Model>, view: &mut ModelView) -> Result<Usage, String> {
    let began = Instant::now();
    let reply = ask(model, question("Reply with the word ready.")).await?;
    let took = began.elapsed().as_millis();
    view.can.push(format!("answer: it took {took} ms"));
    view.reported = Some(reply.model.clone()).filter(|name| !name.is_empty());
    Ok(reply.usage)
}

async fn tool(model: &Arc<dyn Model>, view: &mut ModelView) -> Usage {
    let request = Request {
        tools: vec![clock()],
        ..question("What time is it? Call the tool.")
    };
    match ask(model, request).await {
        Ok(reply) if reply.tool_calls().next().is_some() => {
            view.can.push("call tools".to_owned());
            reply.usage
        }
        Ok(reply) => {
            let why = "call tools: it answered in words";
            view.cannot.push(why.to_owned());
            reply.usage
        }
        Err(problem) => {
            view.cannot.push(format!("call tools: {problem}"));
            Usage::default()
        }
    }
}

async fn structured(model: &Arc<dyn Model>, view: &mut ModelView) -> Usage {
    let request = question("Are you ready? Answer with JSON.");
    match ask_structured(&**model, request, &shape(), &patience()).await {
        Ok(answer) => {
            view.can.push("answer in a given shape".to_owned());
            let usages = answer.attempts.iter().map(|attempt| attempt.reply.usage);
            usages.fold(Usage::default(), |sum, usage| sum.plus(&usage))
        }
        Err(problem) => {
            view.cannot
                .push(format!("answer in a given shape: {problem}"));
            Usage::default()
        }
    }
}

fn paint(view: &ModelsView, screen: &Screen) {
    if screen.json {
        screen.document(view);
        return;
    }
    for model in &view.models {
        paint_one(model, screen);
    }
    for line in &view.advice {
        screen.data(line);
    }
}

fn paint_one(model: &ModelView, screen: &Screen) {
    let mark = if model.ok {
        screen.out.green("✓")
    } else {
        screen.out.red("✗")
    };
    let head = screen.out.bold(&model.alias);
    let reported = model.reported.as_deref().unwrap_or_default();
    screen.data(&format!("{mark} {head}  {}  {reported}", model.spec));
    for line in &model.can {
        screen.data(&format!("    can {line}"));
    }
    for line in &model.cannot {
        screen.data(&format!("    cannot {line}"));
    }
    if let Some(problem) = &model.problem {
        screen.data(&format!("    {} {problem}", screen.out.yellow("problem:")));
    } else {
        let cost = model.cost_usd.as_deref();
        let cost = cost.map_or("unknown".to_owned(), |cost| format!("{cost} USD"));
        screen.data(&format!(
            "    cost of these questions: {cost} ({} tokens)",
            model.tokens
        ));
    }
}
