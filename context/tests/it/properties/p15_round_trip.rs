//! Property 15: what goes in comes out. The file of the reference memory server is taken over
//! and written again without a loss, whatever stands in it.

use layercake_context::Provenance;
use layercake_context::interchange::{
    FileError, MemoryEntity, MemoryError, MemoryFiles, MemoryGraph, MemoryRelation, MemoryServer,
};
use proptest::prelude::*;

use crate::fixture::{agent, memory, moment, provenance};

fn server() -> MemoryServer {
    let provenance: Provenance = provenance();
    MemoryServer::new(memory(), agent(), provenance)
}

fn entity(name: &str, observations: &[&str]) -> MemoryEntity {
    MemoryEntity {
        name: name.into(),
        entity_type: "person".into(),
        observations: observations.iter().map(|text| (*text).to_owned()).collect(),
    }
}

fn relation(from: &str, word: &str, to: &str) -> MemoryRelation {
    MemoryRelation {
        from: from.into(),
        to: to.into(),
        relation_type: word.into(),
    }
}

/// Names that collide in the context: they differ in case and white space only.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("Ada".to_owned()),
        Just("ada".to_owned()),
        Just("ADA ".to_owned()),
        Just("Bob  Bold".to_owned()),
        Just("bob bold".to_owned()),
        "[a-zA-Z\"\\\\é·]{1,12}",
    ]
}

fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("knows".to_owned()),
        Just(String::new()),
        Just("layercake:alias".to_owned()),
        Just("memory:entity".to_owned()),
        "\\PC{0,12}",
    ]
}

prop_compose! {
    fn graph()(
        entities in prop::collection::btree_map(name(), (word(), prop::collection::vec("\\PC{0,20}", 0..4)), 0..8),
        relations in prop::collection::vec((name(), word(), name()), 0..8),
    ) -> MemoryGraph {
        let entities = entities.into_iter().map(|(name, (entity_type, observations))| {
            MemoryEntity { name, entity_type, observations }
        });
        let relations = relations.into_iter().map(|(from, word, to)| relation(&from, &word, &to));
        MemoryGraph { entities: entities.collect(), relations: relations.collect() }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn property_15_the_file_of_the_reference_server_round_trips(graph in graph()) {
        let text = graph.to_jsonl();
        let server = server();
        server.import(moment(1), &MemoryGraph::from_jsonl(&text).unwrap()).unwrap();
        prop_assert_eq!(server.read_graph().unwrap().to_jsonl(), text);
    }
}

#[test]
fn property_15_a_line_that_is_neither_is_named() {
    let text = "{\"type\":\"relation\",\"from\":\"a\",\"to\":\"b\",\"relationType\":\"c\"}\n\n{}\n";
    assert_eq!(MemoryGraph::from_jsonl(text).unwrap_err().line, 3);
}

#[test]
fn the_nine_tools_answer_as_the_reference_server_does() {
    let server = server();
    let call = |tool: &str, arguments: &str| server.call(moment(1), tool, arguments).unwrap();
    let made = call(
        "create_entities",
        r#"{"entities":[{"name":"Ada","entityType":"person","observations":["likes tea"]},
            {"name":"Ada","entityType":"cat","observations":[]},
            {"name":"Bob","entityType":"person","observations":[]}]}"#,
    );
    assert!(!made.contains("cat"), "the first of a name wins: {made}");
    let relates = r#"{"relations":[{"from":"Ada","to":"Bob","relationType":"knows"}]}"#;
    assert!(call("create_relations", relates).contains("knows"));
    assert_eq!(call("create_relations", relates), r#"{"relations":[]}"#);
    let adds = r#"{"observations":[{"entityName":"Ada","contents":["likes tea","is tall"]}]}"#;
    let added = call("add_observations", adds);
    assert_eq!(
        added,
        r#"{"results":[{"addedObservations":["is tall"],"entityName":"Ada"}]}"#
    );
    let found = call("search_nodes", r#"{"query":"TALL"}"#);
    assert!(found.contains("Ada") && found.contains("knows") && !found.contains("\"Bob\",\"obs"));
    assert!(call("open_nodes", r#"{"names":["Bob"]}"#).contains("knows"));
    let deletes = r#"{"deletions":[{"entityName":"Ada","observations":["is tall"]},
        {"entityName":"Eve","observations":[]}]}"#;
    let deleted = call("delete_observations", deletes);
    assert!(
        deleted.contains("1 observations deleted; not found: Eve"),
        "{deleted}"
    );
    call("delete_entities", r#"{"entityNames":["Bob"]}"#);
    let graph = server.read_graph().unwrap();
    assert_eq!(graph.entities, [entity("Ada", &["likes tea"])]);
    assert!(graph.relations.is_empty(), "relations go with their entity");
    let again = server.create_entities(moment(2), &[entity("Bob", &["is back"])]);
    assert_eq!(again.unwrap().len(), 1, "a deleted name is free");
}

#[test]
fn unknown_names_and_tools_are_refused_and_nothing_is_made() {
    let server = server();
    let relations = [relation("Ada", "knows", "Bob")];
    let refused = server.create_relations(moment(1), &relations).unwrap_err();
    assert_eq!(refused.to_string(), "entity with name Ada not found");
    let refused = server.call(moment(1), "drop_tables", "{}").unwrap_err();
    assert!(matches!(refused, MemoryError::Arguments { .. }));
    assert_eq!(server.read_graph().unwrap(), MemoryGraph::default());
}

#[test]
fn two_hundred_parallel_calls_are_all_kept() {
    let server = server();
    std::thread::scope(|threads| {
        for i in 0..200 {
            let server = server.clone();
            threads.spawn(move || {
                let made = server.create_entities(moment(1), &[entity(&format!("n{i}"), &["x"])]);
                assert_eq!(made.unwrap().len(), 1);
            });
        }
    });
    assert_eq!(server.read_graph().unwrap().entities.len(), 200);
    std::thread::scope(|threads| {
        for _ in 0..8 {
            let server = server.clone();
            threads.spawn(move || {
                server
                    .create_entities(moment(2), &[entity("one", &[])])
                    .unwrap()
            });
        }
    });
    let graph = server.read_graph().unwrap();
    assert_eq!(graph.entities.len(), 201, "the same name is made once");
}

#[test]
fn the_memory_folder_does_what_its_six_commands_say() {
    let files = MemoryFiles::new(memory(), agent(), provenance());
    files
        .create(moment(1), "/memories/notes/a.md", "one\ntwo\n")
        .unwrap();
    files.create(moment(1), "/memories/b.md", "tea").unwrap();
    assert_eq!(
        files.view("/memories").unwrap(),
        "/memories/b.md\n/memories/notes/a.md\n"
    );
    files
        .insert(moment(2), "/memories/notes/a.md", 1, "and a half")
        .unwrap();
    files
        .str_replace(moment(2), "/memories/notes/a.md", "two", "three")
        .unwrap();
    assert_eq!(
        files.view("/memories/notes/a.md").unwrap(),
        "one\nand a half\nthree\n"
    );
    let twice = files.str_replace(moment(2), "/memories/notes/a.md", "e\n", "x");
    assert!(matches!(
        twice.unwrap_err(),
        FileError::NotOnce { times: 2, .. }
    ));
    files
        .rename(moment(3), "/memories/notes", "/memories/old")
        .unwrap();
    assert!(files.view("/memories/old/a.md").unwrap().contains("half"));
    let taken = files.rename(moment(3), "/memories/old", "/memories/b.md");
    assert!(matches!(taken.unwrap_err(), FileError::Exists { .. }));
    files.delete(moment(4), "/memories/old").unwrap();
    assert!(matches!(
        files.view("/memories/old").unwrap_err(),
        FileError::NotFound { .. }
    ));
    files
        .create(moment(5), "/memories/old/a.md", "new")
        .unwrap();
    assert_eq!(files.view("/memories/old/a.md").unwrap(), "new");
    for path in [
        "/memories/../etc",
        "/etc/passwd",
        "/memories/%2e%2e/x",
        "/memoriesx",
    ] {
        assert!(
            matches!(files.view(path).unwrap_err(), FileError::Path { .. }),
            "{path}"
        );
    }
}
