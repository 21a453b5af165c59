//! Property 10: what is derived is never trusted more than what it was derived from, and
//! taking a source back reaches everything that rests on it.

use layercake_context::{ItemId, Op, Statement, Trust, Verdict};
use proptest::prelude::*;

use crate::fixture::{agent, commit, memory, person};

/// An assertion of the list: its own trust, and what it was derived from.
struct Line {
    id: ItemId,
    own: Trust,
    sources: Vec<usize>,
}

fn expected(lines: &[Line], index: usize) -> Trust {
    let sources = lines[index].sources.iter();
    let trusts = sources.map(|&source| expected(lines, source));
    trusts
        .min()
        .map_or(lines[index].own, |least| least.min(lines[index].own))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn property_10_trust_is_the_least_of_the_lineage(
        steps in prop::collection::vec(
            (any::<bool>(), prop::collection::vec(0..16_usize, 0..4)),
            1..16,
        ),
        judgements in prop::collection::vec((0..16_usize, 0..4_usize), 0..8),
    ) {
        let context = memory();
        let mut lines: Vec<Line> = Vec::new();
        for (by_person, sources) in steps {
            let sources: Vec<_> = sources.into_iter().filter(|&s| s < lines.len()).collect();
            let ids = sources.iter().map(|&source| lines[source].id);
            let name = format!("n{}", lines.len());
            let statement = Statement::new(name, "is", "so").derived_from(ids);
            let access = if by_person { person() } else { agent() };
            let receipt = context.commit(&access, commit([Op::Assert(statement)])).unwrap();
            lines.push(Line { id: receipt.ids[0], own: access.authority().first_trust(), sources });
        }
        for (index, verdict) in judgements {
            let Some(line) = lines.get_mut(index) else { continue };
            let (verdict, trust) = [
                (Verdict::Accept, Trust::Accepted),
                (Verdict::Dispute, Trust::Disputed),
                (Verdict::Reject, Trust::Rejected),
                (Verdict::Retract, Trust::Retracted),
            ][verdict];
            let no_effect = !line.own.is_live() && trust != Trust::Accepted && trust != Trust::Rejected;
            if !no_effect {
                line.own = trust;
            }
            let op = Op::Judge { item: line.id, verdict };
            context.commit(&person(), commit([op])).unwrap();
        }
        let view = context.latest(&person());
        for (index, line) in lines.iter().enumerate() {
            let trust = view.assertion(line.id).unwrap().unwrap().trust;
            prop_assert_eq!(trust, expected(&lines, index), "{}", line.id);
            let impact = view.impact(line.id).unwrap();
            for related in impact.related {
                let derived = lines.iter().position(|l| l.id == related.source.id()).unwrap();
                prop_assert!(expected(&lines, derived) <= trust);
                let why = view.why(related.source.id()).unwrap();
                prop_assert!(why.related.iter().any(|r| r.source.id() == line.id));
            }
        }
    }
}
