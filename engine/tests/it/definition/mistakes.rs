//! One mistake at a time: what is said, and where.

use super::{document, remarks};

/// Each line of `expected` is `code line:column message`, then ` → help` where that matters.
#[track_caller]
fn check(source: &str, expected: &str) {
    let expected: Vec<&str> = expected.trim().lines().map(str::trim).collect();
    let said: Vec<String> = remarks(source)
        .iter()
        .zip(expected.iter().copied().chain(std::iter::repeat("")))
        .map(|(remark, expected)| {
            let (line, column) = (remark.line, remark.column);
            let said = format!("{} {line}:{column} {}", remark.code, remark.message);
            match expected.contains(" → ") {
                true => format!("{said} → {}", remark.help.as_deref().unwrap_or("nothing")),
                false => said,
            }
        })
        .collect();
    assert_eq!(said, expected, "\n{source}");
}

/// Checks tasks; they start on line 7.
#[track_caller]
fn check_tasks(tasks: &str, expected: &str) {
    check(&document(tasks), expected);
}

#[test]
fn definitions_without_mistakes() {
    check_tasks("  - a: { set: { x: 1 } }\n", "");
    check_tasks("  []\n", "");
    check(
        "{\"document\": {\"dsl\": \"1.0.0\", \"namespace\": \"n\", \"name\": \"a\", \"version\": \"0.0.1\"}, \"do\": []}",
        "",
    );
}

#[test]
fn several_mistakes_are_told_at_once() {
    check_tasks(
        "  - check:
      switch:
        - one: { when: .a, then: chek }
        - other: { then: end }
  - b:
      sett: { x: 1 }
  - c:
      wait: { second: 1 }
",
        "LC0104 9:34 there is no task `chek` in this list → did you mean `check`?
         LC0115 12:7 unknown task word `sett` → did you mean `set`?
         LC0110 14:15 unknown key `second` → did you mean `seconds`?",
    );
}

#[test]
fn the_head() {
    check(
        "document:\n  dsl: 0.8\n  namespace: a b\n  nam: x\n  version: '1'\nd: []\n",
        "LC0112 2:8 expected text, found a number → put it into quotes
         LC0113 3:14 `a b` cannot be the namespace → letters, digits and inner `-`, 63 characters at most
         LC0110 4:3 unknown key `nam` → did you mean `name`?
         LC0113 5:12 `1` cannot be the version → three numbers, for instance `'1.0.0'`
         LC0110 6:1 unknown key `d` → did you mean `do`?",
    );
    check(
        "document: { dsl: '0.9', namespace: n, name: a, version: 1.0.0 }\ndo: []\n",
        "LC0114 1:18 version `0.9` of the standard is not known → write `dsl: '1.0.3'`; 1.0.0 to 1.0.3 are read",
    );
    check("[1]\n", "LC0112 1:1 expected an object, found a list");
    check(
        "document: {}\n",
        "LC0111 1:1 the key `do` is missing
        LC0111 1:1 the key `dsl` is missing
        LC0111 1:1 the key `name` is missing
        LC0111 1:1 the key `namespace` is missing
        LC0111 1:1 the key `version` is missing",
    );
}

#[test]
fn items_and_their_names() {
    check_tasks(
        "  a: { set: {} }\n",
        "LC0112 7:3 expected a list of tasks, found an object → put `- ` before each task",
    );
    check_tasks(
        "  - a:\n    set: { x: 1 }\n",
        "LC0117 8:5 a task has one name, here are `a` and `set` → indent `set` deeper than `a`",
    );
    check_tasks(
        "  - a: { set: {} }\n  - a: { set: {} }\n  - {}\n  - b:\n",
        "LC0118 8:5 the name `a` is given twice in this list
         LC0117 9:5 a task has a name: `- name: …`
         LC0115 10:5 the task `b` is empty → indent its keys deeper than its name",
    );
    check_tasks(
        "  - a: { set: {}, wait: PT1S }\n  - b: { then: end }\n  - c: { url: x }\n",
        "LC0116 7:19 a task does one thing, this one has `set` and `wait` → make two tasks of it
         LC0115 8:5 the task `b` does not say what it does
         LC0115 9:10 unknown task word `url`",
    );
}

#[test]
fn where_tasks_go() {
    check_tasks(
        "  - a: { do: [ { b: { set: {}, then: c } } ] }\n  - c: { set: {} }\n",
        "LC0140 7:38 the task `c` is in another list, `then` cannot lead there → leave this list with `exit` and branch outside, or move the task",
    );
    check_tasks(
        "  - a: { set: {}, then: nowhere }\n",
        "LC0104 7:25 there is no task `nowhere` in this list → in this list there are `a`, `continue`, `exit` or `end`",
    );
    check_tasks(
        "  - a: { switch: [ { x: { then: end } }, { y: { when: .a } } ] }\n",
        "LC0143 7:22 the case `x` always holds, but is not the last
         LC0111 7:44 the key `then` is missing",
    );
    check_tasks(
        "  - a: { set: {}, then: end }\n  - b: { set: {} }\n  - c: { set: {} }\n",
        "LC0141 8:5 the task `b` is never reached\nLC0141 9:5 the task `c` is never reached",
    );
    check_tasks(
        "  - a: { if: .x, set: {}, then: end }\n  - b: { raise: { error: { type: 'https://e', status: 400 } } }\n  - c: { set: {} }\n",
        "LC0141 9:5 the task `c` is never reached",
    );
}

#[test]
fn loops() {
    check_tasks(
        "  - a: { set: {} }\n  - b: { set: {}, then: a }\n",
        "LC0142 7:5 the tasks `a`, `b` lead to each other and nowhere else",
    );
    check_tasks(
        "  - a: { wait: PT1S, then: a }\n",
        "LC0142 7:5 the task `a` leads to itself and nowhere else",
    );
    check_tasks(
        "  - a: { timeout: { after: PT1H }, do: [ { b: { wait: PT1S, then: b } } ] }\n",
        "",
    );
    check_tasks(
        "  - a: { switch: [ { x: { when: .a, then: a } } ] }\n",
        "LC0144 7:5 the loop over `a` may spin: nothing in it changes anything",
    );
    check_tasks(
        "  - a: { switch: [ { x: { when: .n > 3, then: end } } ] }\n  - b: { set: { n: '${ .n + 1 }' }, then: a }\n",
        "",
    );
    check_tasks(
        "  - a: { for: { in: .x }, do: [ { b: { set: {} } } ] }\n",
        "",
    );
}

#[test]
fn expressions() {
    check_tasks(
        "  - a: { if: .a ==, set: { x: '${ .b | nope }', y: '${ $contxt }' } }\n",
        "LC0130 7:19 expected a term, found the end
         LC0131 7:40 undefined filter `nope`
         LC0132 7:56 undefined variable `$contxt` → did you mean `$context`?",
    );
    check_tasks(
        "  - a: { set: { x: '${ $output }', y: '${ now }', z: '${ .a' } }\n",
        "LC0132 7:24 undefined variable `$output` → `$output` does not exist at this place
         LC0131 7:43 undefined filter `now` → write `$workflow.startedAt` or `$task.startedAt`, or call `now:1.0.0@default`
         LC0133 7:54 the expression does not end with `}`",
    );
    check_tasks(
        "  - a:\n      set:\n        x: |\n          ${ .a |\n             nope }\n",
        "LC0131 11:14 undefined filter `nope`",
    );
    check_tasks(
        "  - a: { set: { x: .b.c, y: 'Dear ${ .n }', z: .gitignore.d, w: '. and more', v: '$context' } }\n",
        "LC0134 7:20 this looks like an expression, but is taken as plain text → to evaluate it, write `${ .b.c }`
         LC0134 7:29 `${` inside of text is not evaluated
         LC0134 7:48 this looks like an expression, but is taken as plain text
         LC0134 7:82 this looks like an expression, but is taken as plain text",
    );
    check_tasks(
        "  - a: { for: { in: .x, each: dog }, do: [ { b: { set: { x: '${ $dgo }' } } } ] }\n",
        "LC0132 7:65 undefined variable `$dgo` → did you mean `$dog`?",
    );
    check_tasks(
        "  - a: { try: [], catch: { as: e, when: $e.status == 1, do: [ { b: { set: '${ $error }' } } ] } }\n",
        "LC0132 7:79 undefined variable `$error`",
    );
}

#[test]
fn durations_and_retries() {
    check_tasks(
        "  - a: { wait: 5 }\n  - b: { wait: { seconds: x } }\n  - c: { wait: '${ .d }' }\n  - d: { set: {}, timeout: soon }\n",
        "LC0119 7:16 5 is not a duration such as `{ minutes: 5 }` or `PT5M`
         LC0119 8:16 `seconds` is \"x\": a number from 0 is expected
         LC0124 10:28 there is no time limit `soon` → there is nothing under `use.timeouts`",
    );
    check_tasks(
        "  - a:
      try: []
      catch:
        errors: { with: { type: https://x/errors/timeout, status: 500 } }
        retry: { delay: PT1, backoff: exponential, limit: 5 }
  - b: { try: [], catch: { retry: often } }
",
        "LC0145 10:59 problems of the kind `timeout` have the status 408 → leave `status` out
         LC0119 11:25 `PT1` is not an ISO 8601 duration such as `PT15M` or `P1DT12H`
         LC0112 11:39 `backoff` is an object → write `backoff: { exponential: {} }`
         LC0112 11:59 expected an object, found a number
         LC0122 12:35 there is no retry policy `often` → there is nothing under `use.retries`",
    );
}

#[test]
fn calls() {
    check_tasks(
        "  - a: { call: decide, with: {} }\n  - b: { call: 'decide:1.0.0' }\n  - c: { call: 'decide:2.0.0@default' }\n  - d: { call: 'decid:1.0.0@default' }\n  - e: { call: 'decide:1.0.0@mine' }\n",
        "LC0121 7:16 the function `decide` is named without its version → write `call: decide:1.0.0@default`
         LC0121 8:16 the function `decide` is named without its catalog → write `call: decide:1.0.0@default`
         LC0120 9:16 there is no version `2.0.0` of the function `decide` → there is 1.0.0
         LC0120 10:16 there is no function `decid:1.0.0@default` → did you mean `decide:1.0.0@default`?
         LC0150 11:16 the catalog `mine` is not executed by this version",
    );
    check_tasks(
        "  - a: { call: 'files-list:1.0.0@default', with: { foldr: in, parse: xml } }\n",
        "LC0128 7:44 `files-list` is called wrongly: \"folder\" is a required property
         LC0128 7:52 `files-list` is called wrongly: Additional properties are not allowed ('foldr' was unexpected) → did you mean `folder`?
         LC0128 7:63 `files-list` is called wrongly: \"xml\" is not one of \"text\", \"json\" or 2 other candidates",
    );
    check_tasks(
        "  - a: { call: 'files-list:1.0.0@default', with: { folder: '${ .f }', limit: '${ .n }' } }\n",
        "",
    );
    check_tasks(
        "  - a: { call: http, with: { methd: get, url: x } }\n  - b: { call: http, with: { method: get, endpoint: /x } }\n  - c: { call: http }\n  - d: { call: http, with: { method: get, endpoint: 'https://x/{a}{?b}' } }\n  - e: { call: http, with: { method: get, output: all, endpoint: { uri: 'https://x', authentication: { use: mail } } } }\n",
        "LC0111 7:22 the key `endpoint` is missing
         LC0110 7:30 unknown key `methd` → did you mean `method`?
         LC0110 7:42 unknown key `url` → known here: `method`, `endpoint`, `headers`, `body`, `query`, `output` or `redirect`
         LC0113 8:53 `/x` is not an absolute address
         LC0111 9:10 the key `with` is missing
         LC0113 10:53 `{?b}` in an address is not understood
         LC0113 11:51 `all` is not allowed here → allowed: `raw`, `content` or `response`
         LC0125 11:109 there is no authentication `mail` → there is nothing under `use.authentications`",
    );
    check_tasks(
        "  - a: { call: http, with: { method: get, endpoint: { uri: 'https://x', authentication: { bearer: { use: key } } } } }\n",
        "LC0126 7:106 the secret `key` is not declared → add it: `use: { secrets: [key] }`",
    );
}

#[test]
fn functions_of_the_document() {
    let source = document("  - a: { call: one }\n  - b: { call: onee }\n")
        + "use:\n  functions:\n    one: { do: [ { x: { call: two } } ] }\n    two: { call: one }\n    three: { set: { x: '${ $item }', y: '${ $foo }' } }\n";
    check(
        &source,
        "LC0120 8:16 there is no function `onee` → did you mean `one`?
         LC0127 11:20 the functions `one`, `two` call each other
         LC0132 13:45 undefined variable `$foo`",
    );
}

#[test]
fn what_this_version_does_not_execute() {
    check_tasks(
        "  - a: { run: { script: { language: js, code: '1' } } }\n  - b: { run: { shell: { command: ls } } }\n  - c: { call: grpc, with: { proto: {}, service: {}, method: m } }\n",
        "LC0150 7:17 `run: script` is not executed by this version
         LC0150 8:17 `run: shell` is not executed by this version
         LC0150 9:16 `call: grpc` is not executed by this version",
    );
    check(
        &(document("  []\n") + "schedule: { cron: '0 0 * * *' }\nevaluate: { language: js }\n"),
        "LC0150 8:1 `schedule` is not executed by this version
         LC0150 9:23 the language `js` is not executed by this version → write `jq`",
    );
}

#[test]
fn branches_and_events() {
    check_tasks(
        "  - a: { fork: { compete: 1, branches: [ { x: { sett: 1 } } ] } }
  - b: { listen: { to: { one: { wiht: { type: t } } }, read: al } }
  - c: { listen: { to: { any: [] } }, foreach: { item: e, do: [ { d: { set: '${ $f }' } } ] } }
  - d: { emit: { event: { with: { source: 'https://s' } } } }
",
        "LC0112 7:27 expected `true` or `false`, found a number
         LC0115 7:49 unknown task word `sett`
         LC0110 8:33 unknown key `wiht` → did you mean `with`?
         LC0113 8:62 `al` is not allowed here
         LC0132 9:81 undefined variable `$f`
         LC0150 10:16 `emit` is not executed by this version
         LC0111 10:33 the key `type` is missing",
    );
}

#[test]
fn an_unknown_word_does_not_hide_what_else_is_wrong_with_its_task() {
    check_tasks(
        "  - first: { sett: { x: 1 }, if: '${ $nobody }', timeout: { after: { second: 1 } }, then: secnd }
  - second: { set: { x: 1 } }
",
        "LC0115 7:14 unknown task word `sett` → did you mean `set`?
         LC0132 7:38 undefined variable `$nobody`
         LC0110 7:70 unknown key `second` → did you mean `seconds`?
         LC0104 7:91 there is no task `secnd` in this list → did you mean `second`?",
    );
}

#[test]
fn what_is_not_executed_is_checked_all_the_same() {
    check(
        &(document(
            "  - d: { run: { shell: { comand: ls } } }
  - e: { call: openapi, with: { document: {}, operationID: x } }
",
        ) + "schedule: { cron: 1, on: { one: {} } }\nuse: { extensions: [ { x: { extend: cal, before: [ { a: { st: 1 } } ] } } ] }\n"),
        "LC0150 7:17 `run: shell` is not executed by this version
         LC0110 7:26 unknown key `comand` → did you mean `command`?
         LC0150 8:16 `call: openapi` is not executed by this version
         LC0111 8:43 the key `endpoint` is missing
         LC0110 8:47 unknown key `operationID` → did you mean `operationId`?
         LC0150 9:1 `schedule` is not executed by this version
         LC0112 9:19 expected text, found a number
         LC0111 9:33 the key `with` is missing
         LC0113 10:37 `cal` is not allowed here
         LC0115 10:59 unknown task word `st`",
    );
}

#[test]
fn secrets_in_plain_text() {
    check_tasks(
        "  - a: { call: http, with: { method: get, endpoint: { uri: 'https://x', authentication: { bearer: { token: abc } } } } }\n",
        "LC0129 7:108 the token stands in plain text",
    );
}

#[test]
fn schemas() {
    check(
        &(document("  []\n")
            + "input: { schema: { document: { type: strng } } }\noutput: { schema: { document: { $ref: 'https://x' } } }\n"),
        "LC0135 8:32 not a usable schema: \"strng\" is not valid under any of the schemas listed in the 'anyOf' keyword
         LC0135 9:31 not a usable schema: Resource 'https://x' is not present in a registry and retrieving it failed: nothing outside of the schema is fetched",
    );
}

#[test]
fn places_are_pointers_too() {
    let source = document("  - a: { do: [ { b/c: { sett: 1 } } ] }\n");
    let remarks = remarks(&source);
    assert_eq!(remarks[0].pointer, "/do/0/a/do/0/b~1c/sett");
}

/// A document whose input has the keys `folder` and `kind` (one of two words), and a list `items`.
fn with_input(tasks: &str) -> String {
    document(tasks)
        + "input:
  schema:
    document:
      type: object
      additionalProperties: false
      properties:
        folder: { type: string }
        kind: { enum: [question, invoice] }
        items: { type: array, items: { type: object, properties: { name: { type: string } } } }
use: { secrets: [mailKey] }
"
}

#[test]
fn keys_that_are_not_there() {
    check(
        &with_input(
            "  - a: { set: { x: '${ .foldr }', y: '${ .items.name }', z: '${ .items[0].nam }', w: '${ $workflow.input.knd }' } }
  - b: { if: .y, set: { v: '${ .q }', u: '${ .q // 1 }', t: '${ .q? }' } }
  - c: { set: { s: '${ .v }', r: '${ $secrets.mailKee }' } }
",
        ),
        "LC0160 7:25 there is no `foldr` here, so this is always null → did you mean `folder`?
         LC0160 7:49 `name` is taken from a list → take it from each item: `map(.name)`, or from one: `.[0].name`
         LC0160 7:75 the schema does not name `nam` → did you mean `name`?
         LC0160 7:106 there is no `knd` here, so this is always null → did you mean `kind`?
         LC0160 8:33 there is no `q` here, so this is always null
         LC0160 9:47 there is no `mailKee` here, so this is always null → did you mean `mailKey`?",
    );
}

#[test]
fn comparisons_with_one_answer() {
    check(
        &with_input(
            "  - a: { switch: [ { x: { when: '.kind == \"qestion\"', then: end } }, { y: { when: .folder == \"f\", then: end } } ] }
  - b: { switch: [ { x: { when: '(.items | length) != \"0\"', then: end } }, { y: { when: .kind == null, then: end } } ] }
",
        ),
        "LC0161 7:44 this is always false: the value is never `qestion` → did you mean `question`?
         LC0161 8:56 this is always true: a number is compared with text",
    );
}

#[test]
fn the_context_is_replaced_by_each_export() {
    check_tasks(
        "  - a: { set: { x: 1 }, export: { as: { first: '${ .x }' } } }
  - b: { set: { y: 1 }, export: { as: { second: '${ .y }' } } }
  - c: { set: '${ $context.first }' }
",
        "LC0160 9:28 there is no `first` here, so this is always null → there is `second`",
    );
    check_tasks(
        "  - a: { set: { x: 1 }, export: { as: { first: '${ .x }' } } }
  - b: { set: { y: 1 }, export: { as: '${ $context + { second: .y } }' } }
  - c: { set: '${ $context.first + $context.secnd }' }
",
        "LC0160 9:45 there is no `secnd` here, so this is always null → did you mean `second`?",
    );
}

#[test]
fn shapes_follow_loops_jumps_and_catches() {
    check_tasks(
        "  - start: { set: { n: 0 } }
  - next: { set: { n: '${ .n + 1 }', seen: '${ .seen }' } }
  - more: { switch: [ { again: { when: .n < 3, then: next } }, { done: { then: stop } } ] }
  - stop: { set: '${ [.n, .m] }' }
  - each: { for: { in: '${ . }', each: item }, do: [ { x: { set: { last: '${ $item }', prev: '${ .last }', odd: '${ .lost }' } } } ] }
  - try: { try: [ { y: { set: { z: 1 } } } ], catch: { as: e, when: $e.staus == 1, do: [ { q: { set: '${ $e.status }' } } ] } }
  - decide: { call: 'decide:1.0.0@default', with: { question: q, answer: { type: object, properties: { kind: { enum: [a, b] } } } } }
  - use: { set: { k: '${ .kind == \"c\" }', c: '${ .confidence }', knid: '${ .knid }' } }
",
        "LC0160 10:28 there is no `m` here, so this is always null → there is `n` or `seen`
         LC0160 12:72 there is no `staus` here, so this is always null → did you mean `status`?
         LC0161 14:36 this is always false: the value is never `c` → it is one of `a` or `b`
         LC0160 14:77 the schema does not name `knid` → did you mean `kind`?",
    );
}
