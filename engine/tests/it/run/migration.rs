//! Moving a waiting run to another version of its routine.

use layercake_engine::{
    Bundle, Catalog, Definition, Digest, MigrationError, Part, ReplayError, Run,
};
use serde_json::json;

use super::trial::{Trial, catalog, outdent, person, read};

fn version(version: &str, body: &str) -> Definition {
    let head = format!(
        "document: {{ dsl: '1.0.3', namespace: test, name: moved, version: '{version}' }}\n"
    );
    read(&format!("{head}{}", outdent(body)))
}

const OLD: &str = "
    do:
      - first: { set: { n: 1 } }
      - outer:
          do:
            - ask: { call: 'work:1.0.0@default' }
      - last: { set: { old: '${ . }' } }
    ";

const NEW: &str = "
    do:
      - added: { set: { never: seen } }
      - first: { set: { n: 1 } }
      - outer:
          do:
            - before: { set: { n: 2 } }
            - ask: { call: 'work:1.0.0@default' }
            - after: { set: { got: '${ . }' } }
      - last: { set: { new: '${ . }' } }
    ";

#[test]
fn a_waiting_run_goes_on_in_the_new_version() {
    let (old, new) = (version("1.0.0", OLD), version("1.1.0", NEW));
    let mut trial = Trial::start_definition(old.clone(), json!({}));
    let plan = trial.run.migration(&new).expect("it can be moved");
    assert_eq!((plan.from, plan.to), (old.digest(), new.digest()));
    let open: Vec<&str> = plan.open.iter().map(|key| key.as_str()).collect();
    assert_eq!(open, ["outer", "outer/ask"]);
    // A plan changes nothing.
    assert_eq!(trial.run.definition().digest(), old.digest());
    let mut log = trial.records.clone();
    let mut run = trial.run.clone();
    let moved = run
        .migrate(&new, person("ada"), trial.now())
        .expect("as planned");
    assert_eq!(moved.len(), 1);
    assert_eq!(moved[0].definition, new.digest());
    log.extend(moved);
    trial.run = run;
    let effect = trial.effect("outer/ask").id;
    let outcome = layercake_engine::Outcome::completed(json!(7));
    let input = layercake_engine::Input::EffectFinished { effect, outcome };
    log.extend(
        trial
            .run
            .apply(input, trial.now())
            .expect("it waits for it"),
    );
    assert_eq!(trial.run.output(), Some(&json!({ "new": { "got": 7 } })));
    let find = |digest: &Digest| (*digest == new.digest()).then(|| new.clone());
    let replayed = Run::replay_with(old.clone(), &find, log.clone()).expect("it replays");
    assert_eq!(replayed, trial.run);
    let refused = Run::replay(old, log).expect_err("one definition is missing");
    assert!(
        matches!(refused, ReplayError::OtherDefinition { .. }),
        "{refused}"
    );
}

#[test]
fn a_run_is_not_moved_where_it_has_no_place() {
    let trial = Trial::start_definition(version("1.0.0", OLD), json!({}));
    for (body, missing) in [
        (
            "do: [ { outer: { do: [ { other: { set: 1 } } ] } } ]",
            "the task `ask`",
        ),
        ("do: [ { elsewhere: { set: 1 } } ]", "the task `outer`"),
        (
            "do: [ { outer: { try: [ { ask: { call: 'work:1.0.0@default' } } ], catch: {} } } ]",
            "it does something else",
        ),
        (
            "do: [ { outer: { do: [ { ask: { call: 'look:1.0.0@default' } } ] } } ]",
            "it does something else",
        ),
    ] {
        let refused = trial
            .run
            .migration(&version("1.1.0", body))
            .expect_err(body);
        let MigrationError::Missing { missing: found, .. } = &refused else {
            panic!("{refused}");
        };
        assert_eq!(found, missing, "{body}");
    }
    let same = trial.run.migration(&version("1.0.0", OLD));
    assert_eq!(same, Err(MigrationError::Same));
    let picky = format!(
        "input: {{ schema: {{ document: {{ type: object, required: [x] }} }} }}\n{}",
        outdent(OLD)
    );
    let refused = trial.run.migration(&version("1.1.0", &picky));
    assert!(
        matches!(refused, Err(MigrationError::Input(_))),
        "{refused:?}"
    );
    let ended = Trial::start_definition(version("1.0.0", "do: []"), json!({}));
    assert_eq!(
        ended.run.migration(&version("1.1.0", OLD)),
        Err(MigrationError::Ended)
    );
}

#[test]
fn a_bundle_changes_with_everything_that_decides() {
    let body = "
        do:
          - child: { run: { workflow: { namespace: test, name: child, version: '1.0.0' } } }
          - think:
              call: 'agent:1.0.0@default'
              with: { goal: g, model: fast, skills: [voice, tone] }
        ";
    let definition = version("1.0.0", body);
    assert_eq!(
        definition.parts(),
        [
            Part::Routine("test/child@1.0.0".to_owned()),
            Part::Skill("tone".to_owned()),
            Part::Skill("voice".to_owned()),
            Part::Model("fast".to_owned()),
        ]
    );
    let lock = |catalog: &Catalog, child: &str| -> Bundle {
        let digest = |part: &Part| match part {
            Part::Routine(_) => Some(Digest::of_bytes(child.as_bytes())),
            Part::Skill(name) | Part::Model(name) => Some(Digest::of_bytes(name.as_bytes())),
        };
        definition.lock(catalog, &digest).expect("all is at hand")
    };
    let locked = lock(&catalog(), "a");
    assert_eq!(locked, lock(&catalog(), "a"));
    assert_ne!(locked.digest(), lock(&catalog(), "b").digest());
    assert_ne!(locked.digest(), lock(&Catalog::default(), "a").digest());
    let missing = definition
        .lock(&catalog(), &|_| None)
        .expect_err("nothing is at hand");
    assert_eq!(missing.0, Part::Routine("test/child@1.0.0".to_owned()));
}
