//! Skills are found, checked, and disclosed in three stages; `AGENTS.md` is pinned.

use std::path::Path;

use layercake_harness::Autonomy;
use layercake_harness::guidance::find_guidance;
use layercake_harness::rule::RuleBook;
use layercake_harness::skill::{Skill, SkillError, SkillSet, skill_folders};
use layercake_harness::tool::LoadSkill;
use serde_json::json;

use crate::support::{World, calls, text};

fn put(root: &Path, path: &str, content: &str) {
    let file = root.join(path);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(file, content).unwrap();
}

const LETTERS: &str = "---
name: letters
description: >
  How letters are written.
  Use it for letters.
license: MIT
metadata:
  author: somebody
allowed-tools: read write
---
# Letters

Be brief.
";

#[tokio::test]
async fn a_skill_is_disclosed_in_three_stages() {
    let home = tempfile::tempdir().unwrap();
    put(home.path(), ".agents/skills/letters/SKILL.md", LETTERS);
    put(
        home.path(),
        ".agents/skills/letters/references/names.md",
        "Ada, Bo",
    );
    put(home.path(), "secret", "s3cret");
    let (skills, errors) = SkillSet::scan(skill_folders(None, Some(home.path())));
    assert!(errors.is_empty(), "{errors:?}");
    let script = vec![
        calls(&[("skill", json!({"name": "letters"}))]),
        calls(&[
            (
                "skill",
                json!({"name": "letters", "file": "references/names.md"}),
            ),
            (
                "skill",
                json!({"name": "letters", "file": "../../../secret"}),
            ),
            ("skill", json!({"name": "numbers"})),
        ]),
        text("done"),
    ];
    let mut world = World::new(script);
    world.spec.skills = skills.cards();
    world.toolbox = world.toolbox.with(LoadSkill::new(skills)).unwrap();
    world.run().await.unwrap();
    let requests = world.model.requests.lock().unwrap();
    let shown: Vec<String> = requests
        .iter()
        .map(|request| serde_json::to_string(request).unwrap())
        .collect();
    assert!(shown[0].contains("- letters: How letters are written. Use it for letters."));
    assert!(!shown[0].contains("Be brief"));
    assert!(shown[1].contains("Be brief") && shown[1].contains("references/names.md"));
    assert!(!shown[1].contains("Ada, Bo"));
    assert!(shown[2].contains("Ada, Bo"));
    assert!(shown[2].contains("the skills are: letters"));
    assert!(!shown[2].contains("s3cret"));
}

#[test]
fn the_project_wins_over_the_home() {
    let root = tempfile::tempdir().unwrap();
    let (project, home) = (root.path().join("project"), root.path().join("home"));
    put(&home, ".agents/skills/letters/SKILL.md", LETTERS);
    put(
        &project,
        ".layercake/skills/letters/SKILL.md",
        &LETTERS.replace("Be brief.", "Be long."),
    );
    let (skills, _) = SkillSet::scan(skill_folders(Some(&project), Some(&home)));
    assert!(skills.get("letters").unwrap().body().contains("Be long."));
}

#[test]
fn unusable_skills_are_reported_and_faulty_ones_still_load() {
    let root = tempfile::tempdir().unwrap();
    put(
        root.path(),
        "good/SKILL.md",
        "---\nname: other\ndescription: d\n---\nbody",
    );
    put(root.path(), "headless/SKILL.md", "body");
    put(
        root.path(),
        "silent/SKILL.md",
        "---\nname: silent\n---\nbody",
    );
    put(root.path(), "broken/SKILL.md", "---\nname: [\n---\nbody");
    put(root.path(), "no-skill/README.md", "body");
    let (skills, errors) = SkillSet::scan([root.path().to_owned()]);
    assert_eq!(
        skills.iter().map(Skill::name).collect::<Vec<_>>(),
        ["other"]
    );
    assert_eq!(skills.get("other").unwrap().problems().len(), 1);
    assert_eq!(errors.len(), 3, "{errors:?}");
    assert!(
        errors
            .iter()
            .any(|error| matches!(error, SkillError::NoDescription { .. }))
    );
}

#[tokio::test]
async fn guidance_is_pinned_from_the_root_down() {
    let root = tempfile::tempdir().unwrap();
    put(root.path(), "AGENTS.md", "Use tabs.");
    put(root.path(), "a/b/AGENTS.md", "Use spaces.");
    put(root.path(), "a/c/AGENTS.md", "Use nothing.");
    let guidance = find_guidance(root.path(), &root.path().join("a/b"));
    let texts: Vec<_> = guidance.iter().map(|part| part.text.as_str()).collect();
    assert_eq!(texts, ["Use tabs.", "Use spaces."]);
    let mut world = World::new(vec![text("done")]);
    world.spec.guidance = guidance;
    world.run().await.unwrap();
    let system = world.model.requests.lock().unwrap()[0]
        .system
        .clone()
        .unwrap();
    let (tabs, spaces) = (
        system.find("Use tabs.").unwrap(),
        system.find("Use spaces.").unwrap(),
    );
    assert!(tabs < spaces);
    assert!(system.contains("a/b/AGENTS.md"));
}

#[test]
fn long_guidance_is_cut_and_says_so() {
    let root = tempfile::tempdir().unwrap();
    put(root.path(), "AGENTS.md", &"é".repeat(20_000));
    let guidance = find_guidance(root.path(), root.path());
    assert!(guidance[0].text.len() < 33_000);
    assert!(guidance[0].text.ends_with("bytes are left out]"));
}

/// The header of a skill is a text like any other: only a person can make rules of it.
#[tokio::test]
async fn allowed_tools_become_rules_in_the_name_of_whoever_adopts_them() {
    let folder = tempfile::tempdir().unwrap();
    let header = "---\nname: paying\ndescription: Pays.\nallowed-tools: pay, shell(git status:*) read\n---\nPay.\n";
    put(folder.path(), "paying/SKILL.md", header);
    let skill = Skill::read(folder.path().join("paying")).unwrap();
    let rules = skill.rules("ann");
    let seen: Vec<_> = rules
        .iter()
        .map(|rule| (rule.tool.as_deref().unwrap(), rule.command.as_deref()))
        .collect();
    let status = Some("git status{, *}");
    assert_eq!(seen, [("pay", None), ("shell", status), ("read", None)]);

    let book = RuleBook::new(&rules, None).unwrap();
    let decided = |command: &str| {
        let call = layercake_model::ToolCall {
            id: "c".to_owned(),
            name: "shell".to_owned(),
            arguments: json!({ "command": command }),
        };
        book.decide(&call).map(|rule| rule.by.clone())
    };
    assert_eq!(decided("git status"), Some("ann".to_owned()));
    assert_eq!(decided("git status -s"), Some("ann".to_owned()));
    assert_eq!(decided("git statusx"), None);
    assert_eq!(decided("git push"), None);

    let lines = || vec![calls(&[("pay", json!({"what": "rent"}))]), text("done")];
    let mut world = World::new(lines());
    world.spec.autonomy = Autonomy::Approve;
    world.run().await.unwrap();
    assert!(
        world.outside.effects.lock().unwrap().is_empty(),
        "nobody adopted it"
    );
    let mut world = World::new(lines());
    world.spec.autonomy = Autonomy::Approve;
    world.spec.rules = rules;
    world.run().await.unwrap();
    assert_eq!(world.outside.effects.lock().unwrap()["rent"], 1);
}
