//! Secrets: only marks of them are in records, and only the performer sees the values.

use layercake_engine::{EffectRequest, MissingSecret};
use serde_json::json;

use super::trial::Trial;

const ROUTINE: &str = "
    use: { secrets: [token, key] }
    do:
      - ask:
          call: http
          with:
            method: get
            endpoint: https://example.com/items
            headers: { Authorization: '${ \"Bearer \\($secrets.token)\" }', X: plain }
            query: { key: '${ $secrets.key }', given: '${ .given }' }
    ";

fn value(name: &str) -> Option<String> {
    Some(format!("value of {name}"))
}

#[test]
fn the_performer_puts_the_values_in() {
    let trial = Trial::start(ROUTINE, json!({ "given": "x" }));
    let revealed = trial.effect("ask").revealed(&value).expect("all are set");
    assert_eq!(
        revealed["headers"],
        json!({ "Authorization": "Bearer value of token", "X": "plain" })
    );
    assert_eq!(
        revealed["query"],
        json!({ "key": "value of key", "given": "x" })
    );
    let records = format!("{:?}", trial.records);
    assert!(!records.contains("value of"), "{records}");
    assert_eq!(
        trial.effect("ask").revealed(&|_| None),
        Err(MissingSecret("token".to_owned()))
    );
}

#[test]
fn a_mark_that_came_with_the_data_is_not_replaced() {
    let trial = Trial::start(ROUTINE, json!({ "given": "x" }));
    let EffectRequest::Call(call) = trial.effect("ask").request else {
        panic!("it is a call");
    };
    let mark = call.arguments["query"]["key"].as_str().expect("a mark");
    // The same run, given the mark as data, does not let it pass.
    let trial = Trial::start(ROUTINE, json!({ "given": mark }));
    trial.expect_problem("expression", "/do/0/ask");
}

#[test]
fn a_secret_that_is_changed_is_a_mistake() {
    let trial = Trial::start(
        "
        use: { secrets: [token] }
        do:
          - ask:
              call: 'look:1.0.0@default'
              with: { basic: '${ $secrets.token | @base64 }' }
        ",
        json!({}),
    );
    trial.expect_problem("expression", "/do/0/ask");
}

#[test]
fn every_authentication_is_an_argument_of_the_call() {
    let trial = Trial::start(
        "
        use:
          secrets: [pair, client]
          authentications:
            shared: { digest: { use: pair } }
        do:
          - ask:
              call: openapi
              with:
                document: { endpoint: 'https://example.com/api.json' }
                operationId: list
                parameters: { n: '${ .n }' }
                authentication: { use: shared }
          - talk:
              call: mcp
              with:
                method: tools/call
                parameters: { name: add }
                transport:
                  http:
                    endpoint:
                      uri: https://example.com/mcp
                      authentication:
                        oauth2:
                          authority: https://example.com
                          grant: client_credentials
                          client: { id: me, secret: '${ $secrets.client }' }
        ",
        json!({ "n": 1 }),
    );
    let revealed = trial
        .effect("ask")
        .revealed(&value)
        .expect("nothing is needed");
    assert_eq!(
        revealed,
        json!({
            "document": { "endpoint": "https://example.com/api.json" },
            "operationId": "list",
            "parameters": { "n": 1 },
            "authentication": { "digest": { "use": "pair" } },
        })
    );
    let mut trial = trial;
    trial.finish("ask", json!([]));
    let revealed = trial.effect("talk").revealed(&value).expect("it is set");
    let oauth2 = "/transport/http/endpoint/authentication/oauth2/client/secret";
    assert_eq!(revealed.pointer(oauth2), Some(&json!("value of client")));
}
