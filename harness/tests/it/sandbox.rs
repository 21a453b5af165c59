//! Confined commands cannot get out. Each way out is tried twice: confined, where it must fail,
//! and unconfined, where it must work, so that the attempt itself is known to be a real one.

use std::io::Read;
use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use layercake_harness::Workspace;
use layercake_harness::sandbox::{Limits, Network, Policy, Sandbox};

use crate::shell::{run_in, shell_in};

/// A workspace in a world with something to steal, to break and to reach.
struct Scene {
    _folder: tempfile::TempDir,
    outer: PathBuf,
    victim: Child,
    tcp: TcpListener,
    abstract_name: String,
    _unix: UnixListener,
    _abstract: UnixListener,
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let outer = folder.path().canonicalize().unwrap();
        for made in ["work", "victim/empty"] {
            std::fs::create_dir_all(outer.join(made)).unwrap();
        }
        std::fs::write(outer.join("secret"), "s3cret\n").unwrap();
        for name in ["a", "b", "c", "d", "e", "f", "g"] {
            std::fs::write(outer.join("victim").join(name), "whole\n").unwrap();
        }
        std::fs::write(outer.join("victim/prog"), "#!/bin/sh\necho ESCAPED\n").unwrap();
        let status = Command::new("chmod")
            .arg("+x")
            .arg(outer.join("victim/prog"))
            .status();
        assert!(status.unwrap().success());
        let victim = Command::new("sleep")
            .arg("1000")
            .current_dir(&outer)
            .env("TOKEN", "s3cret")
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let abstract_name = format!("layercake-{}", victim.id());
        let address = SocketAddr::from_abstract_name(&abstract_name).unwrap();
        Self {
            tcp: TcpListener::bind("127.0.0.1:0").unwrap(),
            _unix: UnixListener::bind(outer.join("socket")).unwrap(),
            _abstract: UnixListener::bind_addr(&address).unwrap(),
            _folder: folder,
            outer,
            victim,
            abstract_name,
        }
    }

    /// Fills in the names of this scene.
    fn concrete(&self, command: &str) -> String {
        command
            .replace("{outer}", &self.outer.display().to_string())
            .replace("{victim}", &self.victim.id().to_string())
            .replace("{test}", &std::process::id().to_string())
            .replace("{port}", &self.tcp.local_addr().unwrap().port().to_string())
            .replace("{abstract}", &self.abstract_name)
    }

    async fn attempt(&self, command: &str, sandbox: Sandbox) -> String {
        let shell = shell_in(&self.outer.join("work"), sandbox);
        run_in(&shell, &self.concrete(command), 20_000).await
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        // The victim may be dead already: some attempts kill it.
        drop(self.victim.kill());
        drop(self.victim.wait());
    }
}

fn confined(work: &Path) -> Sandbox {
    Sandbox::confined(Policy::for_workspace(&Workspace::open(work).unwrap())).unwrap()
}

/// Ways out that work for any user of any Linux.
const ESCAPES: [(&str, &str); 51] = [
    ("read beside", "grep -q s3cret ../secret && echo ESCAPED"),
    (
        "read by absolute path",
        "grep -q s3cret {outer}/secret && echo ESCAPED",
    ),
    (
        "read by a link",
        "ln -s ../secret l && grep -q s3cret l && echo ESCAPED",
    ),
    (
        "read by a link to a folder",
        "ln -s .. up && grep -q s3cret up/secret && echo ESCAPED",
    ),
    (
        "read by a hard link",
        "ln ../secret h && grep -q s3cret h && echo ESCAPED",
    ),
    (
        "read from another folder",
        "cd .. && grep -q s3cret secret && echo ESCAPED",
    ),
    (
        "read by a descriptor",
        "exec 3<../secret && grep -q s3cret <&3 && echo ESCAPED",
    ),
    (
        "read by an archiver",
        "tar cf - ../secret 2>&1 | grep -q s3cret && echo ESCAPED",
    ),
    (
        "read by a copy",
        "cp -r ../victim copy && grep -q whole copy/a && echo ESCAPED",
    ),
    (
        "read another program's setting",
        "test -s /etc/hostname && cat /etc/hostname && echo ESCAPED",
    ),
    ("list", "ls ../victim | grep -q prog && echo ESCAPED"),
    (
        "find",
        "find ../victim -name prog | grep -q prog && echo ESCAPED",
    ),
    (
        "list the home folder",
        "ls -A ~root >/dev/null 2>&1 || ls -A /home && echo ESCAPED",
    ),
    ("make a file", "echo x > ../victim/new && echo ESCAPED"),
    ("touch a file", "touch ../victim/touched && echo ESCAPED"),
    (
        "copy out",
        "echo x > own && cp own ../victim/copied && echo ESCAPED",
    ),
    ("append", "echo x >> ../victim/a && echo ESCAPED"),
    ("overwrite", "echo x > ../victim/b && echo ESCAPED"),
    (
        "overwrite in place",
        "sed -i s/whole/half/ ../victim/c && echo ESCAPED",
    ),
    (
        "truncate",
        "perl -e 'truncate(\"../victim/d\", 0) && print qq(ESCAPED\\n)'",
    ),
    ("delete", "rm ../victim/e && echo ESCAPED"),
    ("move in", "mv ../victim/f . && echo ESCAPED"),
    (
        "move out",
        "echo x > own2 && mv own2 ../victim/moved && echo ESCAPED",
    ),
    (
        "swap",
        "echo x > own3 && mv own3 ../victim/g && echo ESCAPED",
    ),
    ("make a folder", "mkdir ../victim/folder && echo ESCAPED"),
    ("remove a folder", "rmdir ../victim/empty && echo ESCAPED"),
    ("make a link", "ln -s x ../victim/link && echo ESCAPED"),
    ("make a pipe", "mkfifo ../victim/pipe && echo ESCAPED"),
    (
        "write to the common temporary folder",
        "echo x > /tmp/layercake-{test} && rm /tmp/layercake-{test} && echo ESCAPED",
    ),
    (
        "write to shared memory",
        "echo x > /dev/shm/layercake-{test} && rm /dev/shm/layercake-{test} && echo ESCAPED",
    ),
    ("run a program", "../victim/prog"),
    ("run a script", "sh ../victim/prog"),
    (
        "run through the process's root",
        "/proc/self/root{outer}/victim/prog",
    ),
    (
        "read through the process's folder",
        "grep -q s3cret /proc/self/cwd/../secret && echo ESCAPED",
    ),
    (
        "read another's environment",
        "tr '\\0' '\\n' < /proc/{victim}/environ | grep -q s3cret && echo ESCAPED",
    ),
    (
        "read the agent's environment",
        "tr '\\0' '\\n' < /proc/{test}/environ | grep -q CARGO && echo ESCAPED",
    ),
    (
        "read another's root",
        "grep -q s3cret /proc/{victim}/root{outer}/secret && echo ESCAPED",
    ),
    (
        "read another's folder",
        "grep -q s3cret /proc/{victim}/cwd/secret && echo ESCAPED",
    ),
    (
        "name another's files",
        "readlink /proc/{victim}/fd/0 && echo ESCAPED",
    ),
    (
        "read another's memory map",
        "grep -q . /proc/{victim}/maps && echo ESCAPED",
    ),
    (
        "read another's program",
        "head -c 1 /proc/{victim}/exe | grep -q . && echo ESCAPED",
    ),
    (
        "offer another to be killed",
        "echo 500 > /proc/{victim}/oom_score_adj && echo ESCAPED",
    ),
    (
        "stop the supervisor",
        "kill -STOP $PPID && kill -CONT $PPID && echo ESCAPED",
    ),
    ("signal the agent", "kill -CONT {test} && echo ESCAPED"),
    (
        "limit another",
        "prlimit --pid {victim} --core=0 && echo ESCAPED",
    ),
    (
        "slow another down",
        "renice -n 5 -p {victim} >/dev/null && echo ESCAPED",
    ),
    (
        "connect",
        "perl -MIO::Socket::INET -e 'IO::Socket::INET->new(q(127.0.0.1:{port})) && print qq(ESCAPED\\n)'",
    ),
    (
        "listen",
        "perl -MIO::Socket::INET -e 'IO::Socket::INET->new(Listen => 1, LocalAddr => q(127.0.0.1)) && print qq(ESCAPED\\n)'",
    ),
    (
        "send a datagram",
        "perl -MSocket -e 'socket(S, PF_INET, SOCK_DGRAM, 0) && send(S, q(x), 0, sockaddr_in({port}, INADDR_LOOPBACK)) && print qq(ESCAPED\\n)'",
    ),
    (
        "reach a socket of another program",
        "perl -MSocket -e 'socket(S, PF_UNIX, SOCK_STREAM, 0) && connect(S, sockaddr_un(q({outer}/socket))) && print qq(ESCAPED\\n)'",
    ),
    (
        "reach a nameless socket",
        "perl -MSocket -e 'socket(S, PF_UNIX, SOCK_STREAM, 0) && connect(S, sockaddr_un(qq(\\0{abstract}))) && print qq(ESCAPED\\n)'",
    ),
];

/// Ways out that some machines close by themselves, for instance inside a container or for
/// users who are not the superuser. They count where the attempt works unconfined.
const ESCAPES_OF_SOME: [(&str, &str); 12] = [
    ("kill another", "kill -KILL {victim} && echo ESCAPED"),
    ("a user namespace", "unshare --user true && echo ESCAPED"),
    ("a mount namespace", "unshare --mount true && echo ESCAPED"),
    ("a network namespace", "unshare --net true && echo ESCAPED"),
    (
        "a mount",
        "mkdir -p m && mount -t tmpfs none m && umount m && echo ESCAPED",
    ),
    (
        "another root",
        "chroot {outer} /victim/prog || chroot / true && echo ESCAPED",
    ),
    (
        "the superuser's secrets",
        "test -s /etc/shadow && cat /etc/shadow >/dev/null && echo ESCAPED",
    ),
    ("the kernel's messages", "dmesg >/dev/null && echo ESCAPED"),
    (
        "the kernel's settings",
        "cat /proc/sys/vm/swappiness > s && cat s > /proc/sys/vm/swappiness && echo ESCAPED",
    ),
    (
        "a ring",
        "perl -e '$p = qq(\\0) x 120; exit 1 if syscall(425, 4, $p) < 0; print qq(ESCAPED\\n)'",
    ),
    (
        "netlink",
        "perl -e 'socket(S, 16, 3, 0) && print qq(ESCAPED\\n)'",
    ),
    (
        "six",
        "perl -MSocket -e 'socket(S, PF_INET6, SOCK_STREAM, 0) && print qq(ESCAPED\\n)'",
    ),
];

#[tokio::test]
async fn no_way_leads_out() {
    for (name, command) in ESCAPES {
        let (jailed, free) = both(command).await;
        assert!(!jailed.contains("ESCAPED"), "{name}: {jailed}");
        assert!(
            free.contains("ESCAPED"),
            "{name} is no way out at all: {free}"
        );
    }
    for (name, command) in ESCAPES_OF_SOME {
        let (jailed, free) = both(command).await;
        assert!(
            !jailed.contains("ESCAPED"),
            "{name}: {jailed} (unconfined: {free})"
        );
    }
}

/// Tries a command confined, then unconfined, in one scene.
async fn both(command: &str) -> (String, String) {
    let scene = Scene::new();
    let jailed = scene
        .attempt(command, confined(&scene.outer.join("work")))
        .await;
    let intact = std::fs::read_to_string(scene.outer.join("victim/a")).unwrap();
    assert_eq!(intact, "whole\n", "{command}");
    // What the first attempt left in the workspace must not hinder the second.
    std::fs::remove_dir_all(scene.outer.join("work")).unwrap();
    std::fs::create_dir(scene.outer.join("work")).unwrap();
    let free = scene.attempt(command, Sandbox::Unconfined).await;
    (jailed, free)
}

/// Some calls have no program: their numbers are tried.
#[cfg(target_arch = "x86_64")]
#[tokio::test]
async fn dangerous_calls_are_refused_by_number() {
    let scene = Scene::new();
    let names = [
        (101, "ptrace"),
        (310, "process_vm_readv"),
        (311, "process_vm_writev"),
        (321, "bpf"),
        (250, "keyctl"),
        (248, "add_key"),
        (298, "perf_event_open"),
        (323, "userfaultfd"),
        (155, "pivot_root"),
        (304, "open_by_handle_at"),
        (438, "pidfd_getfd"),
        (426, "io_uring_enter"),
        (428, "open_tree"),
        (0x4000_0000 + 101, "ptrace with short pointers"),
        (0x4000_0000 + 41, "socket with short pointers"),
    ];
    for (number, name) in names {
        // EPERM is 1. Arguments are nonsense: an allowed call would fail in another way.
        let command = format!("perl -e 'syscall({number}, -1, -1, -1, -1, -1); print $!+0'");
        let text = scene
            .attempt(&command, confined(&scene.outer.join("work")))
            .await;
        assert_eq!(text, "1", "{name}");
    }
}

#[tokio::test]
async fn work_goes_on_inside() {
    let scene = Scene::new();
    let commands = [
        "echo x > f && mkdir d && mv f d/g && cat d/g && rm -r d && echo WORKS",
        "ln -s f l && readlink l && mkfifo p && rm p l && echo WORKS",
        "echo x > \"$TMPDIR/f\" && cat \"$TMPDIR/f\" && echo WORKS",
        "cd && touch f && echo WORKS",
        "sleep 0.01 & wait && kill -0 $$ && echo WORKS",
        "perl -e 'print qq(WORKS\\n)'",
        "printf '#!/bin/sh\\necho WORKS\\n' > s && chmod +x s && ./s",
        "echo x > /dev/null && head -c 1 /dev/urandom > r && echo WORKS",
        "test -r /proc/cpuinfo && ls / > /dev/null 2>&1; echo WORKS",
        "sh -c 'ulimit -c' | grep -q '^0$' && echo WORKS",
    ];
    for command in commands {
        let text = scene
            .attempt(command, confined(&scene.outer.join("work")))
            .await;
        assert!(text.contains("WORKS"), "{command}: {text}");
    }
}

#[tokio::test]
async fn a_granted_network_is_the_internet_and_nothing_else() {
    let scene = Scene::new();
    let mut policy = Policy::for_workspace(&Workspace::open(scene.outer.join("work")).unwrap());
    policy.network = Network::Allowed;
    let sandbox = Sandbox::confined(policy).unwrap();
    let connect = ESCAPES
        .iter()
        .find(|(name, _)| *name == "connect")
        .unwrap()
        .1;
    assert!(
        scene
            .attempt(connect, sandbox.clone())
            .await
            .contains("ESCAPED")
    );
    let unix = ESCAPES
        .iter()
        .find(|(name, _)| name.starts_with("reach a socket"))
        .unwrap()
        .1;
    assert!(!scene.attempt(unix, sandbox).await.contains("ESCAPED"));
}

#[tokio::test]
async fn limits_hold() {
    let scene = Scene::new();
    let mut policy = Policy::for_workspace(&Workspace::open(scene.outer.join("work")).unwrap());
    policy.limits = Limits {
        cpu_seconds: 1,
        file_bytes: 1_000,
        open_files: 20,
        memory_bytes: Some(256 << 20),
    };
    let sandbox = Sandbox::confined(policy).unwrap();
    let commands = [
        "head -c 2000 /dev/zero > f; wc -c < f | grep -q '^2000$' && echo ESCAPED",
        "perl -e 'open($f[$_], q(<), q(/dev/null)) || exit for 1..30; print qq(ESCAPED\\n)'",
        "perl -e '$x = q(x) x (400 << 20); print qq(ESCAPED\\n)'",
        "perl -e '1 while (times)[0] < 3; print qq(ESCAPED\\n)'",
    ];
    for command in commands {
        let text = scene.attempt(command, sandbox.clone()).await;
        assert!(!text.contains("ESCAPED"), "{command}: {text}");
    }
}

/// The folder that each command has for itself goes with it.
#[tokio::test]
async fn nothing_is_left_over() {
    let scene = Scene::new();
    let sandbox = confined(&scene.outer.join("work"));
    let text = scene
        .attempt("echo x > \"$TMPDIR/f\"; echo \"$TMPDIR\"", sandbox)
        .await;
    assert!(text.contains("layercake-"), "{text}");
    assert!(!Path::new(text.trim()).exists(), "{text}");
    let mut victim = String::new();
    let mut file = std::fs::File::open(scene.outer.join("victim/a")).unwrap();
    file.read_to_string(&mut victim).unwrap();
    assert_eq!(victim, "whole\n");
}
