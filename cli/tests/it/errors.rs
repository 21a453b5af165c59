//! Every mistake has its own code, says what to do, ends with the right exit code, and loses
//! nothing.

use crate::world::{Project, names};

const TYPO: &str = "\
document:
  dsl: '1.0.3'
  namespace: test
  name: typo
  version: '1.0.0'
do:
  - first:
      sett: { a: 1 }
";

#[test]
fn a_typo_in_a_definition_names_line_column_the_wrong_word_and_the_right_one() {
    let project = Project::empty();
    project.write("typo.yaml", TYPO);
    let done = project.run(&["run", "typo.yaml"]);
    done.check_error(2, "LC0100", &["typo.yaml:8:7", "sett", "set"]);
    assert!(!project.path(".layercake").exists(), "nothing was started");
    let check = project.run(&["check", "typo.yaml", "--json"]);
    assert_eq!(check.code, 1, "{check:?}");
    let document = check.json();
    assert_eq!(document["schema"], "layercake.check/1");
    let remark = &document["files"][0]["diagnostics"][0];
    assert_eq!(
        (&remark["line"], &remark["column"]),
        (&8.into(), &7.into()),
        "{document}"
    );
    assert!(
        remark["code"].as_str().unwrap().starts_with("LC01"),
        "{document}"
    );
}

#[test]
fn a_definition_in_an_unknown_format_is_refused() {
    let project = Project::empty();
    project.write("flow.bpmn", "<definitions/>");
    project.write("flow.json", r#"{"nodes": [], "connections": {}}"#);
    for file in ["flow.bpmn", "flow.json"] {
        project
            .run(&["run", file])
            .check_error(2, "LC0204", &[file, "layercake init"]);
    }
}

#[test]
fn a_missing_file_suggests_a_near_one() {
    let project = Project::with_example();
    let done = project.run(&["run", "inbx.yaml"]);
    done.check_error(2, "LC0201", &["inbx.yaml", "inbox.yaml"]);
    project
        .run(&["run", "office/unheard-of"])
        .check_error(2, "LC0201", &["layercake routine ls"]);
}

#[test]
fn a_folder_without_mail_is_its_own_problem() {
    let project = Project::with_example();
    project.write("nothing/notes.txt", "no mail");
    let done = project.run(&["run", "inbox.yaml", "-i", r#"{"folder":"nothing"}"#]);
    done.check_error(1, "LC0205", &["holds no message"]);
    let done = project.run(&["run", "inbox.yaml", "-i", r#"{"folder":"nowhere"}"#]);
    done.check_error(1, "LC0206", &["nowhere"]);
}

#[test]
fn an_input_that_does_not_fit_starts_nothing() {
    let project = Project::with_example();
    let bad = project.run(&["run", "inbox.yaml", "-i", "{folder"]);
    bad.check_error(2, "LC0203", &["JSON"]);
    let bad = project.run(&["run", "inbox.yaml", "-i", r#"{"foldr":"messages"}"#]);
    bad.check_error(2, "LC0203", &["folder"]);
    let bad = project.run(&["run", "inbox.yaml", "-i", "@nowhere.json"]);
    bad.check_error(2, "LC0203", &["nowhere.json"]);
}

#[test]
fn a_store_of_a_newer_version_is_not_touched() {
    let project = Project::with_example();
    let file = project.path(".layercake/journal.redb");
    newer::make(&file);
    for command in [
        &["ls"][..],
        &["run", "inbox.yaml", "-i", r#"{"folder":"one"}"#][..],
    ] {
        project
            .run(command)
            .check_error(6, "LC0402", &["newer", "--store"]);
    }
}

#[test]
fn what_is_no_store_is_not_touched_either() {
    let project = Project::empty();
    let file = project.write(
        ".layercake/journal.redb",
        "this is no database, only some text",
    );
    project.run(&["ls"]).check_error(6, "LC0401", &["store"]);
    assert_eq!(
        std::fs::read_to_string(file).unwrap(),
        "this is no database, only some text"
    );
}

#[test]
fn a_full_disk_stops_the_run_and_loses_nothing() {
    let project = Project::with_example();
    let binary = env!("CARGO_BIN_EXE_layercake");
    let input = r#"{"folder":"messages"}"#;
    // The shell's limit on the size of files stands in for a small disk: the store's next
    // write fails like one on a full disk does, in the real program, at the real seam.
    let script =
        format!("trap '' XFSZ; ulimit -f 1100; exec '{binary}' run inbox.yaml -i '{input}'");
    let mut command = project.command(&[]);
    let mut shell = std::process::Command::new("bash");
    shell
        .args(["-c", &script])
        .current_dir(command.get_current_dir().unwrap());
    shell.env("HOME", project.path(""));
    command.stdout(std::process::Stdio::null());
    let full = crate::world::Done::of(&shell.output().unwrap());
    full.check_error(6, "LC0404", &["disk", "resume"]);
    let resumed = project.run(&["resume", "@last"]);
    assert_eq!(
        resumed.code, 4,
        "it goes on until it asks a person: {resumed:?}"
    );
}

#[test]
fn a_broken_model_script_is_a_mistake_of_the_settings() {
    let project = Project::with_example();
    project.write("rules.yaml", "rules: [ { when: 1 ]\n");
    let done = project.run(&["run", "inbox.yaml", "-i", r#"{"folder":"messages"}"#]);
    done.check_error(2, "LC0501", &["rules.yaml"]);
    assert!(
        !project.path(".layercake/journal.redb").exists(),
        "nothing was started"
    );
}

#[test]
fn an_unreachable_endpoint_keeps_the_drafts() {
    let project = Project::with_example();
    project.write("one/a.eml", crate::world::QUESTION);
    // A port that was free a moment ago: nobody listens there.
    let port = std::net::TcpListener::bind(("127.0.0.1", 0))
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let input = format!(r#"{{"folder":"one","endpoint":"http://127.0.0.1:{port}/replies"}}"#);
    let asked = project.run(&["run", "inbox.yaml", "-i", &input]);
    asked.check_error(4, "LC0707", &["layercake inbox"]);
    assert_eq!(project.run(&["inbox", "approve"]).code, 0);
    let done = project.run(&["resume", "@last"]);
    done.check_error(6, "LC0601", &["could not be posted", &port.to_string()]);
    assert_eq!(names(&project.path("outbox")).len(), 1, "the reply is kept");
}

#[test]
fn a_wrong_setting_names_its_line() {
    let project = Project::empty();
    project.write(
        "layercake.toml",
        "[models]\ndefault = \"scripted\"\n[agnt]\nmodel = \"x\"\n",
    );
    project
        .run(&["ls"])
        .check_error(2, "LC0302", &["layercake.toml:3:", "agnt"]);
    project.write("layercake.toml", "[models]\ndefault = \"gpt\"\n");
    project.write("a.yaml", &TYPO.replace("sett", "set"));
    project
        .run(&["run", "a.yaml"])
        .check_error(2, "LC0502", &["gpt"]);
}

#[test]
fn runs_that_are_not_there_are_named() {
    let project = Project::empty();
    project
        .run(&["show", "@last"])
        .check_error(2, "LC0405", &["layercake demo"]);
    project.write("a.yaml", &TYPO.replace("sett", "set"));
    assert_eq!(project.run(&["run", "a.yaml"]).code, 0);
    project
        .run(&["show", "7ZZZ"])
        .check_error(2, "LC0701", &["7ZZZ", "layercake ls"]);
    project
        .run(&["show", "@prev"])
        .check_error(2, "LC0701", &["@prev"]);
    project
        .run(&["show", "@last:nothing"])
        .check_error(2, "LC0705", &["nothing"]);
    project
        .run(&["cancel", "@last"])
        .check_error(2, "LC0704", &["ended"]);
    project
        .run(&["inbox", "approve", "0123"])
        .check_error(2, "LC0801", &["layercake inbox"]);
}

#[test]
fn every_code_can_be_explained() {
    let project = Project::empty();
    let all = project.run(&["explain", "--json"]).json();
    let codes = all["codes"].as_array().unwrap();
    assert!(codes.len() > 50, "{}", codes.len());
    for code in ["LC0104", "LC0205", "LC0402"] {
        let done = project.run(&["explain", code]);
        assert_eq!(done.code, 0, "{done:?}");
        assert!(done.out.starts_with(code), "{done:?}");
    }
    project
        .run(&["explain", "LC9999"])
        .check_error(2, "LC1002", &[]);
}

#[test]
fn a_wrong_flag_is_a_usage_error() {
    let project = Project::empty();
    let done = project.run(&["run", "--colour"]);
    assert_eq!(done.code, 2, "{done:?}");
    assert!(done.err.contains("--colour"), "{done:?}");
    assert_eq!(project.run(&["--version"]).code, 0);
}

/// A store as a later version of the program would leave it.
mod newer {
    use std::path::Path;

    const ROWS: &str = include_str!("../data/store-of-format-9.txt");

    /// Writes the store from its rows.
    pub(super) fn make(file: &Path) {
        let mut lines = ROWS.lines().filter(|line| !line.starts_with('#'));
        let size = lines.next().unwrap().parse().unwrap();
        let mut bytes = vec![0; size];
        for line in lines {
            let (offset, row) = line.split_once(' ').unwrap();
            let offset: usize = offset.parse().unwrap();
            for (i, byte) in bytes[offset..offset + row.len() / 2].iter_mut().enumerate() {
                *byte = u8::from_str_radix(&row[2 * i..2 * i + 2], 16).unwrap();
            }
        }
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, bytes).unwrap();
    }
}
