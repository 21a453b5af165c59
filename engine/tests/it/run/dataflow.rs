//! How data flows: input, output, export, the run's own ends, and what expressions see.

use serde_json::json;

use super::trial::Trial;

#[test]
fn each_task_takes_in_works_and_puts_out_in_this_order() {
    Trial::start(
        "
        do:
          - a:
              if: '${ .n == 1 }'
              input:
                schema: { document: { required: [n] } }
                from: { n: '${ .n + 1 }' }
              set: { raw: '${ .n * 10 }', same: '${ $input.n }' }
              output:
                as: { out: '${ .raw }', same: '${ .same }' }
                schema: { document: { required: [out] } }
              export:
                as: { kept: '${ .out }', seen: '${ $output.out }', was: '${ $context.n }' }
                schema: { document: { required: [kept] } }
          - b:
              set: { input: '${ . }', context: '${ $context }' }
        ",
        json!({ "n": 1 }),
    )
    .expect_output(&json!({
        "input": { "out": 20, "same": 2 },
        "context": { "kept": 20, "seen": 20, "was": 1 },
    }));
}

#[test]
fn the_context_starts_as_the_transformed_input_of_the_run() {
    Trial::start(
        "
        input: { from: '${ .inner }' }
        do:
          - a: { set: { context: '${ $context }', input: '${ . }', raw: '${ $workflow.input }' } }
        output: { as: { all: '${ . }' } }
        ",
        json!({ "inner": { "x": 1 } }),
    )
    .expect_output(&json!({
        "all": {
            "context": { "x": 1 },
            "input": { "x": 1 },
            "raw": { "inner": { "x": 1 } },
        }
    }));
}

#[test]
fn a_value_that_breaks_its_schema_is_a_validation_problem_there() {
    let cases = [
        (
            "input: { schema: { document: { type: string } } }, set: { y: 1 }",
            "/do/0/a",
        ),
        (
            "set: { y: 1 }, output: { schema: { document: { type: string } } }",
            "/do/0/a",
        ),
        (
            "set: { y: 1 }, export: { as: '${ 5 }', schema: { document: { type: string } } }",
            "/do/0/a",
        ),
    ];
    for (task, instance) in cases {
        Trial::start(&format!("do:\n  - a: {{ {task} }}"), json!({}))
            .expect_problem("validation", instance);
    }
    let input = "input: { schema: { document: { type: object } } }\ndo:\n  - a: { set: { y: 1 } }";
    Trial::start(input, json!(5)).expect_problem("validation", "/");
    let output =
        "do:\n  - a: { set: { y: 1 } }\noutput: { schema: { document: { type: string } } }";
    Trial::start(output, json!(5)).expect_problem("validation", "/");
}

#[test]
fn a_failing_expression_is_a_problem_of_its_task() {
    let cases = [
        "if: '${ .x.y }', set: { z: 1 }",
        "input: { from: '${ .x.y }' }, set: { z: 1 }",
        "set: { z: '${ .x.y }' }",
        "set: { z: 1 }, output: { as: '${ .z.y }' }",
        "set: { z: 1 }, export: { as: '${ .z.y }' }",
        "wait: '${ \"soon\" }'",
        "for: { each: i, in: '${ .x }' }, do: [ { b: { set: { z: 1 } } } ]",
    ];
    for task in cases {
        let trial = Trial::start(&format!("do:\n  - a: {{ {task} }}"), json!({ "x": 1 }));
        trial.expect_problem("expression", "/do/0/a");
        let trace: Vec<_> = trial.records.iter().map(|record| record.seq).collect();
        assert_eq!(trace, [1, 2, 3, 4], "started, faulted, ended: {task}");
    }
}

#[test]
fn expressions_see_the_task_the_run_and_the_runtime() {
    let mut trial = Trial::start(
        "
        do:
          - pause: { wait: { milliseconds: 500 } }
          - a:
              set:
                name: '${ $task.name }'
                reference: '${ $task.reference }'
                input: '${ $task.input }'
                at: '${ $task.startedAt.epoch.milliseconds }'
                began: '${ $workflow.startedAt.iso8601 }'
                routine: '${ $workflow.definition.document.name }'
                runtime: '${ $runtime.name }'
        ",
        json!({ "x": 1 }),
    );
    trial.pass(500).expect_output(&json!({
        "name": "a",
        "reference": "/do/1/a",
        "input": { "x": 1 },
        "at": 1500,
        "began": "1970-01-01T00:00:01.000Z",
        "routine": "trial",
        "runtime": "layercake",
    }));
}
