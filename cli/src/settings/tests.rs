//! Who wins: flag over project file over user file.

use std::path::Path;

use super::Settings;
use crate::args::GlobalArguments;

fn global(store: Option<&str>) -> GlobalArguments {
    GlobalArguments {
        store: store.map(Into::into),
        config: None,
        json: false,
        quiet: false,
        verbose: 0,
        no_color: true,
    }
}

fn write(folder: &Path, text: &str) {
    std::fs::write(folder.join("layercake.toml"), text).unwrap();
}

#[test]
fn the_project_file_is_searched_upward_and_paths_in_it_are_relative_to_it() {
    let folder = tempfile::tempdir().unwrap();
    let deep = folder.path().join("a/b");
    std::fs::create_dir_all(&deep).unwrap();
    write(
        folder.path(),
        "store = 'here'\nskills = ['more']\n[models]\nx = 'scripted:r.yaml'\n",
    );
    let settings = Settings::load(&global(None), &deep).unwrap();
    assert_eq!(settings.project, folder.path());
    assert_eq!(settings.store, folder.path().join("here"));
    assert_eq!(settings.skills[0], folder.path().join("more"));
    assert_eq!(settings.models["x"].base, folder.path());
}

#[test]
fn a_flag_wins_over_the_project_file() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "store = 'here'\n");
    let settings = Settings::load(&global(Some("there")), folder.path()).unwrap();
    assert_eq!(settings.store, folder.path().join("there"));
}

#[test]
fn without_a_project_file_the_store_is_in_the_current_folder() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings::load(&global(None), folder.path()).unwrap();
    assert_eq!(settings.store, folder.path().join(".layercake"));
    assert_eq!(settings.project, folder.path());
    assert!(settings.require_store().is_err());
}

#[test]
fn a_named_settings_file_must_exist() {
    let folder = tempfile::tempdir().unwrap();
    let mut arguments = global(None);
    arguments.config = Some("nowhere.toml".into());
    let error = Settings::load(&arguments, folder.path()).unwrap_err();
    assert_eq!(error.code.id, "LC0301");
}
