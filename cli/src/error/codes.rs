//! The table of codes: what `explain` prints, and which exit code each one has.
//!
//! LC01xx belong to the engine (definitions). Here: 02 files and input, 03 settings,
//! 04 store, 05 models, 06 network, 07 runs, 08 people, 09 agents, 10 limits.

use crate::exit::Exit;

/// One code: a name for a mistake that can be looked up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Code {
    meaning: &'static Meaning,
}

/// What stands behind a code.
#[derive(Debug)]
pub(crate) struct Meaning {
    /// `LC` and four digits.
    pub(crate) id: &'static str,
    /// The exit code of a command that ends with it.
    pub(crate) exit: Exit,
    /// One line.
    pub(crate) title: &'static str,
    /// What it means and what to do, in whole sentences.
    pub(crate) text: &'static str,
}

impl std::ops::Deref for Code {
    type Target = Meaning;

    fn deref(&self) -> &Meaning {
        self.meaning
    }
}

const fn meaning(id: &'static str, exit: Exit, title: &'static str, text: &'static str) -> Meaning {
    Meaning {
        id,
        exit,
        title,
        text,
    }
}

pub(crate) const DEFINITION: Code = Code {
    meaning: &meaning(
        "LC0100",
        Exit::Usage,
        "the definition cannot be run",
        "The routine's file has mistakes. Each is listed with its own code, its place and, where one \
         is near, the word that was probably meant. Nothing was started. `layercake check FILE` \
         lists them again without running anything.",
    ),
};
pub(crate) const FILE_MISSING: Code = Code {
    meaning: &meaning(
        "LC0201",
        Exit::Usage,
        "there is no such file or routine",
        "The name was looked for as a file and, when it has the form `namespace/name` or \
         `namespace/name@version`, among the published routines. Check the spelling and the folder; \
         `layercake routine ls` lists what is published.",
    ),
};
pub(crate) const FILE_UNREADABLE: Code = Code {
    meaning: &meaning(
        "LC0202",
        Exit::Environment,
        "a file or folder cannot be read or written",
        "The file exists, but the operating system refused. Check its permissions and its owner.",
    ),
};
pub(crate) const INPUT_INVALID: Code = Code {
    meaning: &meaning(
        "LC0203",
        Exit::Usage,
        "the input is not usable",
        "`-i` takes JSON, `@FILE` for a file that holds JSON, or `-` for JSON on standard input. \
         It must also satisfy the input schema of the routine. Nothing was started.",
    ),
};
pub(crate) const FORMAT_UNKNOWN: Code = Code {
    meaning: &meaning(
        "LC0204",
        Exit::Usage,
        "the file is not a definition",
        "A routine is an Open Workflow Specification document in YAML or JSON: a file that ends in \
         .yaml, .yml or .json and has a `document` with `dsl`, `namespace`, `name` and `version`. \
         `layercake init` writes one to start from.",
    ),
};
pub(crate) const FOLDER_EMPTY: Code = Code {
    meaning: &meaning(
        "LC0205",
        Exit::Failed,
        "the folder holds no file of the wanted kind",
        "The routine asked for at least one file that matches a pattern, and found none; it stopped \
         before it did anything else. Point it at the right folder. Files in sub-folders do not \
         count.",
    ),
};
pub(crate) const FOLDER_MISSING: Code = Code {
    meaning: &meaning(
        "LC0206",
        Exit::Failed,
        "there is no such folder",
        "The routine was told to read a folder that does not exist, or that is a file. Relative \
         paths given with `-i` are meant from the folder in which the command was typed.",
    ),
};
pub(crate) const SETTINGS_MISSING: Code = Code {
    meaning: &meaning(
        "LC0301",
        Exit::Usage,
        "there is no such settings file",
        "`--config` or LAYERCAKE_CONFIG names a file that does not exist. Without either, the \
         nearest layercake.toml upwards is used, if there is one.",
    ),
};
pub(crate) const SETTINGS_INVALID: Code = Code {
    meaning: &meaning(
        "LC0302",
        Exit::Usage,
        "a settings file is wrong",
        "layercake.toml has a mistake: not TOML, a key that does not exist, or a value of the wrong \
         type. The message names line and column. Known keys: store, skills, [models] with one \
         `alias = \"spec\"` a line, [agent] with model, autonomy, tools, turns, budget.",
    ),
};
pub(crate) const STORE_UNREADABLE: Code = Code {
    meaning: &meaning(
        "LC0401",
        Exit::Environment,
        "the store cannot be read",
        "The store's files are damaged or are not a store. Nothing was changed. Move the folder \
         away and start again, or restore it from a copy.",
    ),
};
pub(crate) const STORE_NEWER: Code = Code {
    meaning: &meaning(
        "LC0402",
        Exit::Environment,
        "the store was written by a newer version",
        "This program would not understand everything in the store, so it does nothing with it. Use \
         the newer program, or another store with `--store`.",
    ),
};
pub(crate) const STORE_TAKEN: Code = Code {
    meaning: &meaning(
        "LC0403",
        Exit::Environment,
        "another process holds the store and does not answer",
        "One process works on a store at a time; others talk to it through a socket in the store. \
         The process that holds this one did not answer in time. End it, or use another store.",
    ),
};
pub(crate) const STORE_FULL: Code = Code {
    meaning: &meaning(
        "LC0404",
        Exit::Environment,
        "the store cannot grow: the disk is full",
        "A record could not be written, so the program stopped before doing anything that the record \
         should have said. What was recorded before is safe. Free some space, then resume the run.",
    ),
};
pub(crate) const STORE_MISSING: Code = Code {
    meaning: &meaning(
        "LC0405",
        Exit::Usage,
        "there is no store here",
        "The command reads what earlier runs left, and no run was made here yet. Change to the \
         folder of the project, or name the store with `--store` or LAYERCAKE_STORE.",
    ),
};
pub(crate) const MODEL_SCRIPT: Code = Code {
    meaning: &meaning(
        "LC0501",
        Exit::Usage,
        "the scripted model's rules are wrong",
        "The scripted model answers from a YAML file of rules, and this file cannot be read or has a \
         mistake. Nothing was started.",
    ),
};
pub(crate) const MODEL_SPEC: Code = Code {
    meaning: &meaning(
        "LC0502",
        Exit::Usage,
        "a model cannot be set up",
        "An alias in [models] or after `--model` has a value that names no known model, or whose key \
         is not in the environment. Values look like `scripted`, `scripted:rules.yaml`, \
         `anthropic/MODEL` or `openai/MODEL`; keys come from ANTHROPIC_API_KEY and OPENAI_API_KEY.",
    ),
};
pub(crate) const MODEL_FAILED: Code = Code {
    meaning: &meaning(
        "LC0503",
        Exit::Failed,
        "a model gave no usable answer",
        "The model was asked, also again with the reasons, and did not give an answer of the wanted \
         form. The run has ended with that problem; every question and answer is in its log.",
    ),
};
pub(crate) const MODEL_UNREACHABLE: Code = Code {
    meaning: &meaning(
        "LC0504",
        Exit::Environment,
        "a model cannot be reached",
        "The provider did not answer, or refused for a reason that is not the question: no network, \
         too many requests, no credit, a wrong key. What was recorded before is safe.",
    ),
};
pub(crate) const ENDPOINT_UNREACHABLE: Code = Code {
    meaning: &meaning(
        "LC0601",
        Exit::Environment,
        "an endpoint cannot be reached",
        "An HTTP call of the run failed, also when it was tried again as the routine says. Everything \
         before it is recorded, and files that were written are in place. When the other side works \
         again, run the routine again: calls carry idempotency keys, so what had arrived is not \
         applied twice.",
    ),
};
pub(crate) const RUN_UNKNOWN: Code = Code {
    meaning: &meaning(
        "LC0701",
        Exit::Usage,
        "there is no such run",
        "A run is named by its id, by the beginning of its id if no other run begins so, or by \
         @last, @last-failed or @prev. `layercake ls` lists them.",
    ),
};
pub(crate) const RUN_AMBIGUOUS: Code = Code {
    meaning: &meaning(
        "LC0702",
        Exit::Usage,
        "several runs begin like this",
        "Type more letters of the id; `layercake ls` lists them.",
    ),
};
pub(crate) const RUN_FAILED: Code = Code {
    meaning: &meaning(
        "LC0703",
        Exit::Failed,
        "the run failed",
        "A task of the run ended with a problem that nothing in the routine caught. \
         `layercake show RUN` says which task and why, `layercake log RUN` shows every record.",
    ),
};
pub(crate) const RUN_ENDED: Code = Code {
    meaning: &meaning(
        "LC0704",
        Exit::Usage,
        "the run has already ended",
        "A run that is completed, faulted or cancelled stays as it is. Start a new one.",
    ),
};
pub(crate) const TASK_UNKNOWN: Code = Code {
    meaning: &meaning(
        "LC0705",
        Exit::Usage,
        "the run has no such task",
        "After the colon stands the stable key of a task: its name path, with the pass of a loop in \
         brackets, for instance `triage/classify[2]`. `layercake show RUN` lists them.",
    ),
};
pub(crate) const RUN_STOPPED: Code = Code {
    meaning: &meaning(
        "LC0706",
        Exit::Stopped,
        "a budget or a policy stopped the run",
        "The run reached a limit that it was given: money, tokens, turns, tool calls or time; or it \
         wanted something that its autonomy does not allow. `layercake show RUN` names the limit.",
    ),
};
pub(crate) const RUN_WAITS: Code = Code {
    meaning: &meaning(
        "LC0707",
        Exit::Waiting,
        "the run waits for a person",
        "The run asked a question and nobody is here to answer it. It waits on disk. \
         `layercake inbox` lists the questions, `layercake inbox approve ID` answers, and \
         `layercake resume RUN` goes on.",
    ),
};
pub(crate) const RUN_INTERRUPTED: Code = Code {
    meaning: &meaning(
        "LC0708",
        Exit::Interrupted,
        "the command was interrupted",
        "Everything up to the last record is safe. `layercake resume RUN` goes on from there.",
    ),
};
pub(crate) const RUN_VERSION: Code = Code {
    meaning: &meaning(
        "LC0709",
        Exit::Usage,
        "this version of the routine exists with other content",
        "`namespace/name@version` names one content for ever. Give the changed routine a new version.",
    ),
};
pub(crate) const NOT_REPLAYABLE: Code = Code {
    meaning: &meaning(
        "LC0710",
        Exit::Incomparable,
        "the run cannot be replayed or forked like this",
        "A replay and a fork compute a run again from its records. That fails where a record, the \
         definition or a payload is missing, where a change lies before the point of the fork, and \
         for what this version cannot compute again. Nothing was changed.",
    ),
};
pub(crate) const QUESTION_UNKNOWN: Code = Code {
    meaning: &meaning(
        "LC0801",
        Exit::Usage,
        "there is no such open question",
        "The question does not exist, was answered already, or its run has ended. \
         `layercake inbox` lists what is open.",
    ),
};
pub(crate) const QUESTION_CHANGED: Code = Code {
    meaning: &meaning(
        "LC0802",
        Exit::Failed,
        "what was shown has changed",
        "An answer holds for exactly what the person saw. List the inbox again and look again.",
    ),
};
pub(crate) const BUNDLE_BROKEN: Code = Code {
    meaning: &meaning(
        "LC0711",
        Exit::Usage,
        "the file is not a usable bundle",
        "A bundle names every entry with its hash. This file is no bundle, was cut off or changed, \
         or was written by a newer version. Nothing of it was used.",
    ),
};
pub(crate) const SKILL_BROKEN: Code = Code {
    meaning: &meaning(
        "LC0901",
        Exit::Usage,
        "a skill cannot be loaded",
        "A skill is a folder with a SKILL.md that begins with a header: `name` and `description` \
         between two lines of `---`. Skills are looked for beside the routine, in the project's \
         `skills` folder, and in the folders that `--skills` or the settings name.",
    ),
};
pub(crate) const TOOL_UNKNOWN: Code = Code {
    meaning: &meaning(
        "LC0902",
        Exit::Usage,
        "there is no such tool",
        "`--tools` and the setting `agent.tools` take the names of built-in tools and of published \
         routines. `layercake routine ls` lists the routines and the tool name of each.",
    ),
};
pub(crate) const MCP_SERVER: Code = Code {
    meaning: &meaning(
        "LC0903",
        Exit::Environment,
        "an MCP server cannot be used",
        "A server in [mcp.servers] of layercake.toml was not reached, did not start, or is not \
         described in a way that can be used. Agents get the tools of all configured servers, so \
         none was started. Mend the section, or take it out.",
    ),
};
pub(crate) const TARGET_EXISTS: Code = Code {
    meaning: &meaning(
        "LC1001",
        Exit::Usage,
        "the folder is not empty",
        "The command writes new files and never over old ones. Name a new or empty folder.",
    ),
};
pub(crate) const CODE_UNKNOWN: Code = Code {
    meaning: &meaning(
        "LC1002",
        Exit::Usage,
        "there is no such code",
        "Codes are `LC` and four digits, for instance LC0201. `layercake explain` lists all.",
    ),
};
pub(crate) const DOCTOR: Code = Code {
    meaning: &meaning(
        "LC1003",
        Exit::Failed,
        "something is not as it should be",
        "A check of `layercake doctor` failed. Each line that failed says what to do.",
    ),
};
pub(crate) const INTERNAL: Code = Code {
    meaning: &meaning(
        "LC1099",
        Exit::Failed,
        "the program did not understand itself",
        "Something happened that should be impossible. Nothing recorded is lost. Please report it \
         with the output of the same command and `-vv`.",
    ),
};

/// Every code of the program, in order. The engine adds those of definitions.
pub(crate) const ALL: &[Code] = &[
    DEFINITION,
    FILE_MISSING,
    FILE_UNREADABLE,
    INPUT_INVALID,
    FORMAT_UNKNOWN,
    FOLDER_EMPTY,
    FOLDER_MISSING,
    SETTINGS_MISSING,
    SETTINGS_INVALID,
    STORE_UNREADABLE,
    STORE_NEWER,
    STORE_TAKEN,
    STORE_FULL,
    STORE_MISSING,
    MODEL_SCRIPT,
    MODEL_SPEC,
    MODEL_FAILED,
    MODEL_UNREACHABLE,
    ENDPOINT_UNREACHABLE,
    RUN_UNKNOWN,
    RUN_AMBIGUOUS,
    RUN_FAILED,
    RUN_ENDED,
    TASK_UNKNOWN,
    RUN_STOPPED,
    RUN_WAITS,
    RUN_INTERRUPTED,
    RUN_VERSION,
    NOT_REPLAYABLE,
    BUNDLE_BROKEN,
    QUESTION_UNKNOWN,
    QUESTION_CHANGED,
    SKILL_BROKEN,
    TOOL_UNKNOWN,
    MCP_SERVER,
    TARGET_EXISTS,
    CODE_UNKNOWN,
    DOCTOR,
    INTERNAL,
];

/// Finds a code by its id, in any case.
pub(crate) fn find(id: &str) -> Option<Code> {
    let id = id.to_ascii_uppercase();
    ALL.iter().find(|code| code.id == id).copied()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{ALL, find};

    #[test]
    fn every_code_is_listed_once_in_order_and_can_be_found() {
        let ids: Vec<&str> = ALL.iter().map(|code| code.id).collect();
        let sorted: BTreeSet<&str> = ids.iter().copied().collect();
        assert_eq!(ids, sorted.into_iter().collect::<Vec<_>>());
        assert!(ids.iter().all(|id| find(&id.to_lowercase()).is_some()));
    }

    #[test]
    fn no_code_is_missing_in_the_list() {
        let declared = include_str!("codes.rs").matches(": Code = Code {").count();
        // The text above this line contains the pattern once more: in this test.
        assert_eq!(declared - 1, ALL.len());
    }
}
