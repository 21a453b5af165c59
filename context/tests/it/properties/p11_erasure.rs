//! Property 11: what was forgotten is found by no question, at no snapshot, in no file; all
//! other answers stay, and the audit trail holds.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use layercake_context::audit::verify_consistency;
use layercake_context::feed::Filter;
use layercake_context::store::RedbStore;
use layercake_context::view::Walk;
use layercake_context::{
    Access, Confidence, Context, ContextError, FileVault, MemoryVault, Merge, Observation, Op,
    Pattern, Recall, Recommendation, RootKey, Snapshot, Stance, Statement, Vault, VaultError,
};

use crate::fixture::{Place, agent, commit, moment, person, provenance, says};

const SECRETS: [&str; 6] = [
    "Zebulon",
    "Quetzal",
    "Xanthippe",
    "Wolframite",
    "Yggdrasil",
    "Zeppelin",
];

/// Everything that speaks of the one who will be forgotten, and of two others.
fn write(context: &Context) {
    let observation = Observation {
        about: "Zebulon".into(),
        content: "seen with a Wolframite lamp".into(),
        source: "mail from Xanthippe".into(),
        observed_at: moment(1),
    };
    let merge = Merge {
        a: "Zebulon".into(),
        b: "Z. Quetzal".into(),
        confidence: Confidence::FULL,
        derived_from: Vec::new(),
    };
    let recommendation = Recommendation {
        about: "Zebulon".into(),
        action: "book the Zeppelin".into(),
        stance: Stance::Take,
        rationale: Vec::new(),
        expires: moment(1_000),
    };
    let ops = [
        says("Zebulon", "prefers", "Xanthippe wine"),
        says("Z. Quetzal", "lives under", "Yggdrasil"),
        Op::Alias {
            entity: "Zebulon".into(),
            alias: "Quetzal the elder".into(),
        },
        Op::Observe(observation),
        Op::Merge(merge),
        Op::Recommend(recommendation),
        says("Ada", "prefers", "green tea"),
        says("Bob", "prefers", "black tea"),
    ];
    context.commit(&person(), commit(ops)).unwrap();
    let knows = Statement::new(
        "Ada",
        "knows",
        layercake_context::EntityRef::from("Zebulon"),
    );
    context
        .commit(&person(), commit([Op::Assert(knows)]))
        .unwrap();
}

fn forget(context: &Context) {
    let erasure = context.forget(&person(), "Zebulon", moment(9), provenance());
    let erasure = erasure.unwrap();
    assert_eq!(erasure.entities.len(), 2, "the one, and who is the same");
    assert_eq!(erasure.items.len(), 6);
}

/// Everything that can be asked, at one snapshot, as text.
fn answers(context: &Context, snapshot: Snapshot) -> String {
    let view = context.view(&person(), snapshot).unwrap();
    let mut text = format!("{:?}", view.query(&Pattern::anything()).unwrap());
    let questions = SECRETS.join(" ") + " prefers lamp wine book elder knows";
    let answer = view.recall(&Recall::of(questions).limit(100)).unwrap();
    for item in answer.items {
        text += &format!("{:?}", item.item);
    }
    for name in ["Zebulon", "Z. Quetzal", "Quetzal the elder"] {
        text += &format!("{:?}", view.entity(name).unwrap());
    }
    let walk = Walk::hops(4);
    text += &format!("{:?}", view.neighbours("Ada", &walk).ok());
    let changes = context.changes(&person(), Snapshot::default(), &Filter::default());
    text + &format!("{:?}", changes.unwrap())
}

fn check_gone(text: &str) {
    for secret in SECRETS {
        assert!(!text.contains(secret), "`{secret}` is in {text}");
    }
}

/// Looks for the secrets in all files of a folder, in any letters.
fn check_files(folder: &Path) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap().to_ascii_lowercase();
        for secret in SECRETS {
            let secret = secret.to_lowercase();
            let found = bytes.windows(secret.len()).any(|w| w == secret.as_bytes());
            assert!(!found, "`{secret}` is in {}", path.display());
        }
    }
}

#[test]
fn property_11_what_was_forgotten_is_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    let context = Context::open_folder(folder.path(), [1; 32]).unwrap();
    write(&context);
    let before = context.snapshot();
    assert!(answers(&context, before).contains("Zebulon"), "a control");
    let others = |context: &Context| {
        let view = context.latest(&person());
        let tea = view.recall(&Recall::of("tea")).unwrap().items;
        let ada = view.query(&Pattern::about("Ada").predicate("prefers"));
        let bob = view.history("Bob", "prefers").unwrap();
        format!("{tea:?} {:?} {bob:?}", ada.unwrap())
    };
    let unchanged = others(&context);
    let audit = context.audit();
    let size = audit.size().unwrap();
    let root = audit.root(size).unwrap();
    forget(&context);
    drop(audit);
    let check = |context: Context| {
        check_gone(&answers(&context, before));
        check_gone(&answers(&context, context.snapshot()));
        check_files(folder.path());
        assert_eq!(others(&context), unchanged);
        let report = context.audit().verify().unwrap();
        assert_eq!(report.flaws, []);
        let proof = context.audit().consistency(size, report.size).unwrap();
        let consistent = verify_consistency(size, root, report.size, report.root, &proof);
        assert!(consistent, "the erasure appended, and changed nothing");
    };
    check(context);
    check(Context::open_folder(folder.path(), [2; 32]).unwrap());
}

#[test]
fn property_11_others_keep_what_they_know_of_the_forgotten() {
    let context = Place::in_memory().open();
    write(&context);
    forget(&context);
    let view = context.latest(&person());
    let knows = view
        .query(&Pattern::about("Ada").predicate("knows"))
        .unwrap();
    assert_eq!(knows.assertions[0].to_string(), "Ada · knows · (forgotten)");
    context
        .commit(&person(), commit([says("Zebulon", "is", "somebody else")]))
        .unwrap();
    let found = context
        .latest(&person())
        .as_of("Zebulon", moment(0))
        .unwrap();
    assert_eq!(found.len(), 1, "the name can be used anew");
}

#[test]
fn property_11_agents_cannot_forget() {
    let context = Place::in_memory().open();
    write(&context);
    let access: Access = agent();
    let refused = context.forget(&access, "Zebulon", moment(9), provenance());
    assert!(matches!(
        refused.unwrap_err(),
        ContextError::NotAllowed { .. }
    ));
}

/// A vault that refuses to take a new key for some time.
#[derive(Debug, Default)]
struct StubbornVault {
    vault: MemoryVault,
    refusals: AtomicU32,
}

impl Vault for StubbornVault {
    fn load(&self) -> Result<Option<RootKey>, VaultError> {
        self.vault.load()
    }

    fn replace(&self, key: &RootKey) -> Result<(), VaultError> {
        let left = self.refusals.load(Ordering::Relaxed);
        if left > 0 {
            self.refusals.store(left - 1, Ordering::Relaxed);
            return Err(VaultError::Missing);
        }
        self.vault.replace(key)
    }
}

#[test]
fn property_11_a_vault_that_refuses_is_asked_again_and_nothing_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let vault = Arc::new(StubbornVault::default());
    let open = |entropy| {
        let store = RedbStore::open(&folder.path().join("context.redb")).unwrap();
        Context::open(
            Arc::new(store),
            Arc::clone(&vault) as Arc<dyn Vault>,
            [entropy; 32],
        )
    };
    let context = open(1).unwrap();
    write(&context);
    vault.refusals.store(1, Ordering::Relaxed);
    let refused = context.forget(&person(), "Zebulon", moment(9), provenance());
    assert!(matches!(refused.unwrap_err(), ContextError::Vault(_)));
    check_gone(&answers(&context, context.snapshot()));
    let root = vault.load().unwrap();
    drop(context);
    let context = open(2).unwrap();
    assert_ne!(vault.load().unwrap(), root, "the opening went on");
    check_gone(&answers(&context, context.snapshot()));
    context
        .commit(&person(), commit([says("Cyd", "is", "new")]))
        .unwrap();
    assert_eq!(context.audit().verify().unwrap().flaws, []);
    drop(context);
    let context = open(3).unwrap();
    let found = context.latest(&person()).as_of("Ada", moment(0)).unwrap();
    assert_eq!(found.len(), 2);
}

#[test]
fn property_11_the_old_root_key_opens_nothing_any_more() {
    let folder = tempfile::tempdir().unwrap();
    let context = Context::open_folder(folder.path(), [1; 32]).unwrap();
    write(&context);
    let key = folder.path().join("context.key");
    let old = std::fs::read_to_string(&key).unwrap();
    forget(&context);
    drop(context);
    assert_ne!(std::fs::read_to_string(&key).unwrap(), old);
    std::fs::write(&key, old).unwrap();
    let error = Context::open_folder(folder.path(), [2; 32]).unwrap_err();
    assert!(matches!(error, ContextError::Vault(VaultError::WrongKey)));
    let vault = FileVault::at(key);
    assert!(vault.load().unwrap().is_some());
}

#[test]
fn property_11_forgetting_many_leaves_the_others_readable() {
    let mut place = Place::in_memory();
    let context = place.open();
    for i in 0..600 {
        let fact = says(&format!("person {i}"), "number", &format!("n{i}"));
        context.commit(&person(), commit([fact])).unwrap();
    }
    for i in (0..600).step_by(50) {
        let name = format!("person {i}");
        context
            .forget(&person(), name, moment(1), provenance())
            .unwrap();
    }
    drop(context);
    let context = place.open();
    let view = context.latest(&person());
    for i in 0..600 {
        let found = view.as_of(format!("person {i}"), moment(0)).unwrap();
        assert_eq!(found.len(), usize::from(i % 50 != 0), "person {i}");
    }
    assert_eq!(context.audit().verify().unwrap().flaws, []);
}
