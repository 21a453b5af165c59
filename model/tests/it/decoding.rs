//! Recorded replies: a stream and the same reply at once fold to the same, however it is cut.

use layercake_model::wire::Dialect;
use layercake_model::{Message, Part, Request, StopReason, Usage};
use proptest::prelude::*;

use crate::ask::{native, read, stream_bytes, stream_events, stream_reply, target, whole_reply};

/// Dialect and name of every reply that is recorded in both forms.
pub(crate) const RECORDINGS: &[(Dialect, &str)] = &[
    (Dialect::AnthropicMessages, "anthropic/tools"),
    (Dialect::OpenaiChat, "openai/tools"),
    (Dialect::OpenaiChat, "openai/text"),
    (Dialect::OpenaiResponses, "responses/tools"),
    (Dialect::Gemini, "gemini/tools"),
    #[cfg(feature = "ollama")]
    (Dialect::OllamaChat, "ollama/tools"),
    #[cfg(feature = "bedrock")]
    (Dialect::BedrockConverse, "bedrock/tools"),
];

#[test]
fn a_stream_folds_to_the_reply_that_comes_at_once() {
    for (dialect, name) in RECORDINGS {
        let streamed = stream_reply(*dialect, &stream_bytes(name)).unwrap();
        let whole = whole_reply(*dialect, &read(&format!("{name}.json"))).unwrap();
        assert_eq!(streamed, whole, "{name}");
    }
}

#[test]
fn byte_by_byte_gives_the_same_events() {
    for (dialect, name) in RECORDINGS {
        let stream = stream_bytes(name);
        let whole = stream_events(*dialect, &[&stream]).unwrap();
        let bytes: Vec<&[u8]> = stream.chunks(1).collect();
        assert_eq!(stream_events(*dialect, &bytes).unwrap(), whole, "{name}");
    }
}

proptest! {
    #[test]
    fn any_split_gives_the_same_events(
        recording in 0..RECORDINGS.len(),
        cuts in prop::collection::vec(0usize..8_000, 0..12),
    ) {
        let (dialect, name) = RECORDINGS[recording];
        let stream = stream_bytes(name);
        let bytes = stream.as_slice();
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut % (bytes.len() + 1)).collect();
        cuts.sort_unstable();
        let mut pieces = Vec::new();
        let mut from = 0;
        for cut in cuts {
            pieces.push(&bytes[from..cut]);
            from = cut;
        }
        pieces.push(&bytes[from..]);
        prop_assert_eq!(stream_events(dialect, &pieces), stream_events(dialect, &[bytes]));
    }
}

#[test]
fn every_truncation_is_interrupted_or_complete() {
    for (dialect, name) in RECORDINGS {
        let stream = stream_bytes(name);
        for end in 0..stream.len() {
            match stream_reply(*dialect, &stream[..end]) {
                Ok(reply) => assert_ne!(reply.reason, StopReason::Other, "{name} {end}"),
                // A cut through the last frame leaves JSON that is not whole.
                Err(error) => assert!(
                    error.remedy() == layercake_model::error::Remedy::Retry,
                    "{error:?}"
                ),
            }
        }
    }
}

#[test]
fn the_usage_is_a_partition() {
    let table = [
        (
            Dialect::AnthropicMessages,
            "anthropic/tools.sse",
            [472, 100, 10, 69, 20],
        ),
        (
            Dialect::OpenaiChat,
            "openai/tools.sse",
            [400, 100, 0, 70, 20],
        ),
    ];
    for (dialect, name, [input, cache_read, cache_write, output, reasoning]) in table {
        let usage = Usage {
            input_tokens: input,
            cache_read_tokens: cache_read,
            cache_write_tokens: cache_write,
            output_tokens: output,
            reasoning_tokens: reasoning,
        };
        assert_eq!(
            stream_reply(dialect, read(name).as_bytes()).unwrap().usage,
            usage,
            "{name}"
        );
    }
}

#[test]
fn reasoning_keeps_its_signature_and_its_place() {
    let reply = stream_reply(
        Dialect::AnthropicMessages,
        read("anthropic/tools.sse").as_bytes(),
    )
    .unwrap();
    let Part::Reasoning(reasoning) = &reply.parts[0] else {
        panic!("the first part is reasoning");
    };
    assert_eq!(reasoning.text, "Two cities, two calls.");
    assert_eq!(
        reasoning.signature.as_deref(),
        Some("EqQBCgIYAhIM1gbcDa9GJwZA2b3h")
    );
    assert!(
        matches!(&reply.parts[1], Part::Opaque { item, .. } if item["data"] == "EmwKAhgBEgy3va3pzix")
    );
}

/// What a reply says goes back to its own dialect with nothing lost.
#[test]
fn a_reply_is_handed_back_whole() {
    for (dialect, name) in RECORDINGS
        .iter()
        .filter(|(_, name)| !name.starts_with("openai"))
    {
        let reply = whole_reply(*dialect, &read(&format!("{name}.json"))).unwrap();
        let request = Request {
            messages: vec![Message::user("x"), reply.into_message(), Message::user("y")],
            ..Request::default()
        };
        let target = target("p", "newest", native());
        assert_eq!(dialect.check(&request, &target), [], "{name}");
        let body = dialect.encode(&request, &target).unwrap().body;
        for (recording, kept) in [
            (
                "anthropic/tools",
                vec!["EqQBCgIYAhIM1gbcDa9GJwZA2b3h", "EmwKAhgBEgy3va3pzix"],
            ),
            (
                "responses/tools",
                vec![
                    "gAAAAABn",
                    "rs_1",
                    "web_search_call",
                    "\"phase\":\"commentary\"",
                ],
            ),
            (
                "gemini/tools",
                vec!["c2lnbmF0dXJl", "fc-2", "executableCode"],
            ),
        ] {
            for word in kept.into_iter().filter(|_| *name == recording) {
                assert_eq!(body.matches(word).count(), 1, "{word} in {body}");
            }
        }
    }
}

/// The same conversation can be told to every dialect, and what gets lost is said.
#[test]
fn a_conversation_can_change_its_model() {
    for (from, name) in RECORDINGS {
        let reply = whole_reply(*from, &read(&format!("{name}.json"))).unwrap();
        let foreign = reply
            .parts
            .iter()
            .filter(|part| matches!(part, Part::Reasoning(_) | Part::Opaque { .. }));
        let foreign = foreign.count();
        let request = Request {
            messages: vec![Message::user("x"), reply.into_message(), Message::user("y")],
            ..Request::default()
        };
        for (to, _) in RECORDINGS.iter().filter(|(to, _)| to != from) {
            let losses = to.check(&request, &target("p", "newest", native()));
            if to.name() == "ollama-chat" {
                // It takes readable reasoning of any origin; only signatures get lost.
                assert!(losses.len() <= foreign, "{name} to {to:?}: {losses:?}");
                continue;
            }
            assert_eq!(losses.len(), foreign, "{name} to {to:?}: {losses:?}");
        }
    }
}

/// Nearly all frames are read by a short way. The same frames, written so that only the long
/// way reads them, give the same events.
#[test]
fn the_short_way_gives_the_events_of_the_long_way() {
    let detours = [
        (
            Dialect::AnthropicMessages,
            "\"content_block_delta\",",
            "\"content_bloc\\u006b_delta\",",
        ),
        (
            Dialect::OpenaiChat,
            "\"finish_reason\":null}]",
            "\"finish_reason\":null}],\"x_groq\":{}",
        ),
        (
            Dialect::Gemini,
            "\"index\":0",
            "\"index\":0,\"avgLogprobs\":1",
        ),
    ];
    for (dialect, short, long) in detours {
        for (_, name) in RECORDINGS.iter().filter(|(other, _)| *other == dialect) {
            let stream = read(&format!("{name}.sse"));
            let detour = stream.replace(short, long);
            assert_ne!(stream, detour, "{name}");
            let expected = stream_events(dialect, &[stream.as_bytes()]).unwrap();
            assert_eq!(
                stream_events(dialect, &[detour.as_bytes()]).unwrap(),
                expected,
                "{name}"
            );
        }
    }
}
