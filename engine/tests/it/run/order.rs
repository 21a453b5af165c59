//! In which order tasks run, and under which keys.

use serde_json::json;

use super::trial::Trial;

#[test]
fn tasks_run_one_after_the_other() {
    Trial::start(
        "
        do:
          - outer:
              do:
                - a: { set: { x: 1 } }
                - b: { set: { x: '${ .x + 1 }' } }
          - c: { set: { x: '${ .x * 10 }' } }
        ",
        json!({}),
    )
    .expect(
        "
        run
        start outer
        start outer/a
        finish outer/a
        start outer/b
        finish outer/b
        finish outer
        start c
        finish c
        end: Completed
        ",
    )
    .expect_output(&json!({ "x": 20 }));
}

#[test]
fn an_empty_list_of_work_passes_its_input_on() {
    Trial::start(
        "
        do:
          - none: { for: { each: x, in: '${ [] }' }, do: [ { a: { set: { y: 1 } } } ] }
        ",
        json!({ "kept": true }),
    )
    .expect(
        "
        run
        start none
        finish none
        end: Completed
        ",
    )
    .expect_output(&json!({ "kept": true }));
}

#[test]
fn a_skipped_task_hands_its_input_on_and_ignores_its_then() {
    Trial::start(
        "
        do:
          - a: { if: '${ false }', set: { x: 1 }, then: end }
          - b: { set: { x: '${ .x }', ran: true } }
        ",
        json!({ "x": 7 }),
    )
    .expect(
        "
        run
        skip a
        start b
        finish b
        end: Completed
        ",
    )
    .expect_output(&json!({ "x": 7, "ran": true }));
}

#[test]
fn a_jump_forward_leaves_tasks_out_and_a_jump_back_counts_visits() {
    Trial::start(
        "
        do:
          - first: { set: { n: 0 }, then: count }
          - never: { set: { n: 100 } }
          - count: { set: { n: '${ .n + 1 }' } }
          - again:
              switch:
                - more: { when: '${ .n < 3 }', then: count }
        ",
        json!({}),
    )
    .expect(
        "
        run
        start first
        finish first
        start count
        finish count
        start again
        finish again
        start count#2
        finish count#2
        start again#2
        finish again#2
        start count#3
        finish count#3
        start again#3
        finish again#3
        end: Completed
        ",
    )
    .expect_output(&json!({ "n": 3 }));
}

#[test]
fn exit_leaves_the_scope_and_end_ends_the_run() {
    Trial::start(
        "
        do:
          - outer:
              do:
                - a: { set: { x: 1 }, then: exit }
                - b: { set: { x: 2 } }
          - inner:
              do:
                - c: { set: { x: '${ .x + 10 }' }, then: end }
          - d: { set: { x: 4 } }
        ",
        json!({}),
    )
    .expect(
        "
        run
        start outer
        start outer/a
        finish outer/a
        finish outer
        start inner
        start inner/c
        finish inner/c
        finish inner
        end: Completed
        ",
    )
    .expect_output(&json!({ "x": 11 }));
}

#[test]
fn the_output_of_one_pass_is_the_input_of_the_next() {
    Trial::start(
        "
        do:
          - sum:
              for: { each: n, in: '${ .numbers }', at: i }
              do:
                - add: { set: { numbers: '${ .numbers }', sum: '${ (.sum // 0) + $n * $i }' } }
              output: { as: '${ .sum }' }
        ",
        json!({ "numbers": [5, 6, 7] }),
    )
    .expect(
        "
        run
        start sum
        start sum/add[0]
        finish sum/add[0]
        start sum/add[1]
        finish sum/add[1]
        start sum/add[2]
        finish sum/add[2]
        finish sum
        end: Completed
        ",
    )
    .expect_output(&json!(20));
}

#[test]
fn while_is_tested_before_each_pass_and_exit_ends_a_pass() {
    Trial::start(
        "
        do:
          - loop:
              for: { each: n, in: '${ [1, 2, 3, 4] }' }
              while: '${ $n < 4 }'
              do:
                - odd:
                    switch:
                      - skip: { when: '${ $n % 2 == 1 }', then: exit }
                - note: { set: '${ . + [$n] }' }
        ",
        json!([]),
    )
    .expect(
        "
        run
        start loop
        start loop/odd[0]
        finish loop/odd[0]
        start loop/odd[1]
        finish loop/odd[1]
        start loop/note[1]
        finish loop/note[1]
        start loop/odd[2]
        finish loop/odd[2]
        finish loop
        end: Completed
        ",
    )
    .expect_output(&json!([2]));
}

#[test]
fn loops_nest_and_see_the_variables_around_them() {
    Trial::start(
        "
        do:
          - rows:
              for: { each: row, in: '${ [[1, 2], [3]] }', at: r }
              do:
                - cells:
                    for: { each: cell, in: '${ $row }', at: c }
                    do:
                      - note: { set: '${ . + [[$r, $c, $cell]] }' }
        ",
        json!([]),
    )
    .expect(
        "
        run
        start rows
        start rows/cells[0]
        start rows/cells[0]/note[0]
        finish rows/cells[0]/note[0]
        start rows/cells[0]/note[1]
        finish rows/cells[0]/note[1]
        finish rows/cells[0]
        start rows/cells[1]
        start rows/cells[1]/note[0]
        finish rows/cells[1]/note[0]
        finish rows/cells[1]
        finish rows
        end: Completed
        ",
    )
    .expect_output(&json!([[0, 0, 1], [0, 1, 2], [1, 0, 3]]));
}

#[test]
fn a_switch_without_match_falls_through_to_its_own_then() {
    let routine = "
        do:
          - choose:
              switch:
                - red: { when: '${ .color == \"red\" }', then: paint }
              then: end
          - paint: { set: { painted: '${ .color }' } }
        ";
    Trial::start(routine, json!({ "color": "red" })).expect_output(&json!({ "painted": "red" }));
    Trial::start(routine, json!({ "color": "blue" })).expect_output(&json!({ "color": "blue" }));
}

#[test]
fn a_routine_that_spins_is_stopped() {
    let trial = Trial::start(
        "
        do:
          - a: { set: { x: 1 } }
          - b: { switch: [ { on: { when: '${ true }', then: a } }, { off: { then: end } } ] }
        ",
        json!({}),
    );
    let problem = trial.run.problem().expect("the run failed");
    assert_eq!(problem.title, "the routine spins");
}
