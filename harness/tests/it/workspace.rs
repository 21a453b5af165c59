//! Nothing leads out of the workspace.

use std::os::unix::fs::symlink;
use std::path::Path;

use layercake_harness::tool::{Edit, List, Read, Search, Tool, ToolContext, ToolError, Write};
use layercake_harness::{CallId, SessionId, Workspace};
use serde_json::{Value, json};

struct Scene {
    _outer: tempfile::TempDir,
    outer: std::path::PathBuf,
    workspace: Workspace,
}

/// A workspace beside a secret, with links of all kinds.
fn scene() -> Scene {
    let folder = tempfile::tempdir().unwrap();
    let outer = folder.path().canonicalize().unwrap();
    let inner = outer.join("work");
    std::fs::create_dir_all(inner.join("sub/deep")).unwrap();
    std::fs::write(outer.join("secret"), "s3cret").unwrap();
    std::fs::write(inner.join("note.txt"), "one\ntwo\nthree\n").unwrap();
    symlink("../secret", inner.join("up")).unwrap();
    symlink(outer.join("secret"), inner.join("absolute")).unwrap();
    symlink("..", inner.join("sub/deep/back")).unwrap();
    symlink("../..", inner.join("sub/out")).unwrap();
    symlink("loop", inner.join("loop")).unwrap();
    symlink("../note.txt", inner.join("sub/inside")).unwrap();
    symlink(inner.join("note.txt"), inner.join("sub/inside-absolute")).unwrap();
    let workspace = Workspace::open(&inner).unwrap();
    Scene {
        _outer: folder,
        outer,
        workspace,
    }
}

async fn call(tool: &dyn Tool, arguments: Value) -> Result<String, ToolError> {
    let context = ToolContext::alone(SessionId::new("s").unwrap(), CallId { turn: 1, index: 0 });
    tool.call(arguments, context)
        .await
        .map(|output| output.content)
}

const ESCAPES: [&str; 14] = [
    "../secret",
    "sub/../../secret",
    "sub/deep/../../../secret",
    "./../secret",
    "up",
    "sub/../up",
    "absolute",
    "sub/out/secret",
    "sub/deep/back/../up",
    "/etc/passwd",
    "/",
    "..",
    "sub/deep/back/out/secret",
    "loop",
];

#[tokio::test]
async fn no_path_leads_out() {
    let scene = scene();
    let mut paths: Vec<String> = ESCAPES.map(str::to_owned).to_vec();
    paths.push(scene.outer.join("secret").display().to_string());
    paths.push(scene.outer.join("work/../secret").display().to_string());
    for path in &paths {
        let read = call(&Read::new(scene.workspace.clone()), json!({"path": path})).await;
        assert!(read.is_err(), "{path} was read: {read:?}");
        let content = json!({"path": path, "content": "overwritten"});
        let written = call(&Write::new(scene.workspace.clone()), content).await;
        assert!(written.is_err(), "{path} was written: {written:?}");
        let change = json!({"path": path, "old": "s3cret", "new": "x"});
        let edited = call(&Edit::new(scene.workspace.clone()), change).await;
        assert!(edited.is_err(), "{path} was changed: {edited:?}");
        let listed = call(&List::new(scene.workspace.clone()), json!({"path": path})).await;
        assert!(listed.is_err(), "{path} was listed: {listed:?}");
        let wanted = json!({"path": path, "pattern": "s3cret"});
        let found = call(&Search::new(scene.workspace.clone()), wanted).await;
        assert!(found.is_err(), "{path} was searched: {found:?}");
    }
    assert_eq!(
        std::fs::read_to_string(scene.outer.join("secret")).unwrap(),
        "s3cret"
    );
    let entries = std::fs::read_dir(&scene.outer).unwrap().count();
    assert_eq!(entries, 2, "something was made outside");
}

#[tokio::test]
async fn links_within_the_workspace_work() {
    let scene = scene();
    let read = Read::new(scene.workspace.clone());
    let absolute = scene.outer.join("work/note.txt").display().to_string();
    for path in [
        "note.txt",
        "sub/inside",
        "sub/inside-absolute",
        "sub/deep/back/inside",
        absolute.as_str(),
    ] {
        let text = call(&read, json!({"path": path})).await;
        assert_eq!(text.as_deref(), Ok("one\ntwo\nthree\n"), "{path}");
    }
    let write = Write::new(scene.workspace.clone());
    call(&write, json!({"path": "sub/inside", "content": "new"}))
        .await
        .unwrap();
    let note = scene.outer.join("work/note.txt");
    assert_eq!(std::fs::read_to_string(note).unwrap(), "new");
    assert!(scene.outer.join("work/sub/inside").is_symlink());
}

#[tokio::test]
async fn files_are_written_whole_and_folders_made() {
    let scene = scene();
    let write = Write::new(scene.workspace.clone());
    let output = call(&write, json!({"path": "a/b/c.txt", "content": "hello"})).await;
    assert_eq!(output.as_deref(), Ok("Wrote 5 bytes to `a/b/c.txt`."));
    let made = scene.outer.join("work/a/b");
    assert_eq!(
        std::fs::read_to_string(made.join("c.txt")).unwrap(),
        "hello"
    );
    assert_eq!(
        std::fs::read_dir(made).unwrap().count(),
        1,
        "nothing is left over"
    );
}

#[tokio::test]
async fn reading_goes_by_lines_and_says_what_is_missing() {
    let scene = scene();
    let read = Read::new(scene.workspace.clone());
    let part = call(
        &read,
        json!({"path": "note.txt", "from_line": 2, "lines": 1}),
    )
    .await;
    assert_eq!(
        part.as_deref(),
        Ok("two\n[more follows; go on with from_line 3]\n")
    );
    let past = call(&read, json!({"path": "note.txt", "from_line": 9})).await;
    assert_eq!(past.as_deref(), Ok("[the file has only 3 lines]"));
    let big = scene.outer.join("work/big.txt");
    std::fs::write(&big, "0123456789\n".repeat(100_000)).unwrap();
    let text = call(&read, json!({"path": "big.txt"})).await.unwrap();
    assert!(text.len() < 25_000 && text.contains("[more follows; go on with from_line"));
    std::fs::write(&big, [0, 159, 146, 150]).unwrap();
    assert!(call(&read, json!({"path": "big.txt"})).await.is_err());
}

#[tokio::test]
async fn an_edit_needs_exactly_one_place() {
    let scene = scene();
    let edit = Edit::new(scene.workspace.clone());
    let note = scene.outer.join("work/note.txt");
    std::fs::write(&note, "aaa b").unwrap();
    for old in ["a", "aa", "c"] {
        let edited = call(&edit, json!({"path": "note.txt", "old": old, "new": "x"})).await;
        assert!(edited.is_err(), "{old}");
    }
    call(&edit, json!({"path": "note.txt", "old": "aaa", "new": "c"}))
        .await
        .unwrap();
    assert_eq!(std::fs::read_to_string(note).unwrap(), "c b");
}

#[tokio::test]
async fn a_folder_is_listed_in_order() {
    let scene = scene();
    let list = List::new(scene.workspace.clone());
    let text = call(&list, json!({"path": "sub"})).await;
    assert_eq!(
        text.as_deref(),
        Ok("deep/\ninside -> a link\ninside-absolute -> a link\nout -> a link")
    );
    let deep = call(&list, json!({"depth": 3})).await.unwrap();
    assert!(deep.contains("sub/deep/back -> a link"), "{deep}");
}

/// After a crash, files tell what happened to them.
#[tokio::test]
async fn writes_and_edits_can_be_looked_up() {
    use layercake_harness::tool::Probe;
    let scene = scene();
    let cases: [(Box<dyn Tool>, Value); 3] = [
        (
            Box::new(Write::new(scene.workspace.clone())),
            json!({"path": "new.txt", "content": "x"}),
        ),
        (
            Box::new(Write::new(scene.workspace.clone())),
            json!({"path": "note.txt", "content": "x"}),
        ),
        (
            Box::new(Edit::new(scene.workspace.clone())),
            json!({"path": "sub/inside", "old": "x", "new": "xx"}),
        ),
    ];
    for (tool, arguments) in cases {
        let mark = tool.mark(&arguments).await;
        assert_eq!(
            tool.probe(&arguments, mark.as_ref()).await,
            Probe::DidNotHappen
        );
        let output = call(&*tool, arguments.clone()).await.unwrap();
        let Probe::Happened(found) = tool.probe(&arguments, mark.as_ref()).await else {
            panic!("{arguments} happened and was not found");
        };
        assert_eq!(found.content, output);
        let path = arguments["path"].as_str().unwrap();
        std::fs::write(scene.outer.join("work").join(path), "somebody else").unwrap();
        let probed = tool.probe(&arguments, mark.as_ref()).await;
        assert!(matches!(probed, Probe::Unclear(_)), "{probed:?}");
        std::fs::write(scene.outer.join("work").join(path), "x").unwrap();
    }
}

#[test]
fn only_a_folder_is_a_workspace() {
    assert!(Workspace::open(Path::new("/no/such/folder")).is_err());
    assert!(Workspace::open("/etc/passwd").is_err());
}

#[tokio::test]
async fn searching_finds_lines_and_files() {
    let scene = scene();
    let work = scene.outer.join("work");
    let many = "match\n".repeat(50);
    let files = [
        ("a.rs", "fn one() {}\nfn two() {}\n"),
        ("sub/b.txt", "One and two\n"),
        ("sub/many.txt", many.as_str()),
        (".gitignore", "ignored\n"),
        ("ignored/c.rs", "fn one() {}\n"),
        (".hidden", "fn one() {}\n"),
        ("binary", "one\0one\n"),
    ];
    for (name, content) in files {
        std::fs::create_dir_all(work.join(name).parent().unwrap()).unwrap();
        std::fs::write(work.join(name), content).unwrap();
    }
    let search = Search::new(scene.workspace.clone());
    let found = async |arguments| call(&search, arguments).await.unwrap();
    assert_eq!(
        found(json!({"pattern": r"fn \w+\("})).await,
        "a.rs:1: fn one() {}\na.rs:2: fn two() {}"
    );
    assert_eq!(
        found(json!({"pattern": "ONE", "ignore_case": true, "glob": "*.txt"})).await,
        "note.txt:1: one\nsub/b.txt:1: One and two"
    );
    assert_eq!(found(json!({"glob": "*.rs"})).await, "a.rs");
    assert_eq!(
        found(json!({"path": "sub", "glob": "b*"})).await,
        "sub/b.txt"
    );
    assert_eq!(
        found(json!({"pattern": "s3cret"})).await,
        "[nothing was found]"
    );
    let lines = found(json!({"pattern": "match"})).await;
    assert_eq!(lines.lines().count(), 31);
    assert!(
        lines.ends_with("sub/many.txt: [more lines match]"),
        "{lines}"
    );
    assert!(call(&search, json!({"pattern": "("})).await.is_err());
    assert!(
        call(&search, json!({"pattern": "x{1000}{1000}{1000}"}))
            .await
            .is_err()
    );
}
