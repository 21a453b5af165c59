//! How fast streamed replies are decoded: frames, JSON and events, on one core.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use layercake_model::fold::Fold;
use layercake_model::wire::{Dialect, SseDecoder};

/// The size of a network read.
const PIECE_BYTES: usize = 16 << 10;
const DELTAS: usize = 10_000;

/// The frames of a stream: those at its beginning, the one that is repeated, those at its end.
type Frames = (
    &'static [&'static str],
    &'static str,
    &'static [&'static str],
);

const ANTHROPIC: Frames = (
    &[
        r#"{"type":"message_start","message":{"id":"m","model":"c"}}"#,
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
    ],
    r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"The quick brown "}}"#,
    &[
        r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":9}}"#,
        r#"{"type":"message_stop"}"#,
    ],
);
const RESPONSES: Frames = (
    &[r#"{"type":"response.created","response":{"id":"r","model":"m"}}"#],
    r#"{"type":"response.output_text.delta","sequence_number":17,"item_id":"msg_67c9fdcf37fc8190ba82116e33fb28c5","output_index":0,"content_index":0,"delta":"The quick brown ","logprobs":[],"obfuscation":"kYpZ3fGm"}"#,
    &[r#"{"type":"response.completed","response":{"id":"r","model":"m","status":"completed"}}"#],
);
const CHAT: Frames = (
    &[],
    r#"{"id":"chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT","object":"chat.completion.chunk","created":1741570283,"model":"gpt-4.1","service_tier":"default","system_fingerprint":"fp_50cad350e4","choices":[{"index":0,"delta":{"content":"The quick brown "},"logprobs":null,"finish_reason":null}],"usage":null}"#,
    &[
        r#"{"id":"c","model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#,
        "[DONE]",
    ],
);
const GEMINI: Frames = (
    &[],
    r#"{"candidates": [{"content": {"parts": [{"text": "The quick brown "}],"role": "model"},"index": 0}],"usageMetadata": {"promptTokenCount": 11,"candidatesTokenCount": 20,"totalTokenCount": 31},"modelVersion": "gemini-2.5-flash","responseId": "abc"}"#,
    &[r#"{"candidates": [{"finishReason": "STOP","index": 0}],"modelVersion": "g"}"#],
);

/// A stream of many small pieces of text, as a dialect writes them.
fn stream(dialect: Dialect) -> String {
    let (first, piece, last) = match dialect {
        Dialect::AnthropicMessages => ANTHROPIC,
        Dialect::OpenaiResponses => RESPONSES,
        Dialect::OpenaiChat => CHAT,
        _ => GEMINI,
    };
    let has_names = matches!(
        dialect,
        Dialect::AnthropicMessages | Dialect::OpenaiResponses
    );
    let name = if has_names {
        "event: content_block_delta\n"
    } else {
        ""
    };
    let pieces = std::iter::repeat_n(&piece, DELTAS);
    let frames = first.iter().chain(pieces).chain(last);
    frames
        .map(|data| format!("{name}data: {data}\n\n"))
        .collect()
}

fn decode(dialect: Dialect, stream: &[u8]) -> usize {
    let mut decoder = dialect.decoder(0);
    let mut events = Vec::new();
    let mut count = 0;
    for piece in stream.chunks(PIECE_BYTES) {
        decoder
            .push(piece, &mut events)
            .expect("the stream is well formed");
        count += events.len();
        black_box(&events);
        events.clear();
    }
    decoder.end(&mut events).expect("the stream is complete");
    count + events.len()
}

fn decoding(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decode");
    let dialects = [
        Dialect::AnthropicMessages,
        Dialect::OpenaiResponses,
        Dialect::OpenaiChat,
        Dialect::Gemini,
    ];
    for dialect in dialects {
        let stream = stream(dialect);
        group.throughput(Throughput::Bytes(stream.len() as u64));
        group.bench_function(dialect.name(), |bench| {
            bench.iter(|| decode(dialect, black_box(stream.as_bytes())));
        });
    }
    group.finish();
}

fn parts_of_decoding(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("parts of decoding");
    let stream = stream(Dialect::AnthropicMessages);
    group.throughput(Throughput::Bytes(stream.len() as u64));
    group.bench_function("frames only", |bench| {
        bench.iter(|| {
            let mut decoder = SseDecoder::new();
            for piece in stream.as_bytes().chunks(PIECE_BYTES) {
                decoder
                    .push(piece, |frame| {
                        black_box(frame);
                        Ok(())
                    })
                    .expect("the stream is well formed");
            }
        });
    });
    group.bench_function("with fold", |bench| {
        bench.iter(|| {
            let mut decoder = Dialect::AnthropicMessages.decoder(0);
            let mut fold = Fold::new();
            let mut events = Vec::new();
            for piece in stream.as_bytes().chunks(PIECE_BYTES) {
                decoder
                    .push(piece, &mut events)
                    .expect("the stream is well formed");
                for event in events.drain(..) {
                    fold.push(event).expect("the events are in order");
                }
            }
            black_box(fold.finish())
        });
    });
    group.finish();
}

criterion_group!(benches, decoding, parts_of_decoding);
criterion_main!(benches);
