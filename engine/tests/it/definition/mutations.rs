//! Good definitions with small damage: the reader explains or accepts, and never panics.

use layercake_engine::{Catalog, Definition, StandardCall};
use proptest::prelude::*;

/// A definition with a bit of everything.
const WHOLE: &str = "
document: { dsl: '1.0.3', namespace: test, name: whole, version: '1.0.0' }
schedule: { cron: '0 8 * * 1-5', on: { one: { with: { type: a } } } }
input: { schema: { document: { type: object } }, from: '${ . }' }
use:
  secrets: [key]
  authentications: { mail: { oauth2: { authority: 'https://e.com', client: { id: a, secret: '${ $secrets.key }' } } } }
  retries: { often: { delay: PT1S, backoff: { linear: {} }, limit: { attempt: { count: 3 } } } }
  timeouts: { short: { after: { seconds: 1 } } }
  errors: { broken: { type: 'https://e.com/broken', status: 500 } }
  extensions: [ { log: { extend: call, when: '${ .x }', before: [ { note: { set: { y: 1 } } } ] } } ]
  functions: { judge: { set: { accepted: true } } }
do:
  - ask:
      call: 'decide:1.0.0@default'
      timeout: short
      with: { question: '${ .q }', answer: { type: string }, contract: { attempts: 2, evaluator: judge, escalate: boss } }
  - many:
      for: { each: one, in: '${ .items }', at: n }
      while: '${ $n < 3 }'
      do: [ { post: { call: http, with: { method: post, endpoint: { uri: 'https://e.com/{id}', authentication: { use: mail } } } } } ]
  - choose: { switch: [ { yes: { when: '${ .ok }', then: last } }, { no: { then: many } } ] }
  - safe:
      try: [ { fork: { fork: { branches: [ { a: { wait: PT1S } }, { b: { raise: { error: broken } } } ] } } } ]
      catch: { as: e, retry: often, do: [ { tell: { emit: { event: { with: { type: t, data: '${ $e }' } } } } } ], then: last }
  - hear: { listen: { to: { any: [ { with: { type: x } } ], until: '${ length > 2 }' } }, foreach: { item: i, do: [ { s: { set: '${ $i }' } } ] } }
  - go: { run: { shell: { command: ls, arguments: ['${ .f }'] }, return: all } }
  - last: { run: { workflow: { namespace: n, name: m, version: '1.0.0' }, await: false }, then: end }
";

/// One small damage to a text.
#[derive(Debug, Clone)]
enum Damage {
    /// Takes out some characters.
    Cut(usize, usize),
    /// Puts a piece of the text somewhere else.
    Copy(usize, usize, usize),
    /// Puts in something that means something.
    Insert(usize, &'static str),
}

const PIECES: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ": ",
    ", ",
    "'",
    "\"",
    "\n",
    "  ",
    "- ",
    "${",
    " }",
    "|",
    "$",
    "0",
    "-",
    "null",
    "&a ",
    "*a",
    "\u{1F4A3}",
    "\\",
    "do: ",
    "then: ",
    "#",
];

fn damage() -> impl Strategy<Value = Damage> {
    let at = || 0..WHOLE.len();
    prop_oneof![
        (at(), 1..30_usize).prop_map(|(at, count)| Damage::Cut(at, count)),
        (at(), 1..40_usize, at()).prop_map(|(from, count, to)| Damage::Copy(from, count, to)),
        (at(), proptest::sample::select(PIECES)).prop_map(|(at, piece)| Damage::Insert(at, piece)),
    ]
}

fn damaged(damages: &[Damage]) -> String {
    let mut text: Vec<char> = WHOLE.chars().collect();
    for damage in damages {
        let end = |at: usize, count: usize| (at + count).min(text.len());
        match *damage {
            Damage::Cut(at, count) => {
                let (at, end) = (at.min(text.len()), end(at, count));
                text.drain(at..end.max(at));
            }
            Damage::Copy(from, count, to) => {
                let from = from.min(text.len());
                let piece: Vec<char> = text[from..end(from, count)].to_vec();
                let to = to.min(text.len());
                text.splice(to..to, piece);
            }
            Damage::Insert(at, piece) => {
                let at = at.min(text.len());
                text.splice(at..at, piece.chars());
            }
        }
    }
    text.into_iter().collect()
}

fn catalog() -> Catalog {
    StandardCall::ALL
        .into_iter()
        .fold(Catalog::standard(), Catalog::with_standard)
        .with_schedules()
}

#[test]
fn the_whole_is_good() {
    let checked = Definition::read(WHOLE, &catalog());
    assert!(checked.is_ok(), "{:#?}", checked.err());
}

proptest! {
    #[test]
    fn damage_is_explained(damages in proptest::collection::vec(damage(), 1..4)) {
        let text = damaged(&damages);
        match Definition::read(&text, &catalog()) {
            Ok(checked) => {
                // What can be read can be drawn, and reads the same again.
                prop_assert!(checked.definition.to_svg().ends_with("</svg>\n"));
                let again = Definition::read(&text, &catalog()).map(|again| again.definition);
                prop_assert_eq!(again.ok(), Some(checked.definition));
            }
            Err(remarks) => {
                prop_assert!(!remarks.is_empty());
                for remark in remarks {
                    prop_assert!(text.get(remark.span.start..remark.span.end).is_some());
                }
            }
        }
    }
}
