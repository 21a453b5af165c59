//! The control flow as an SVG that needs nothing else: tasks in the order of the text, one below
//! the other, what is inside of something moved to the right, arrows beside them.

use std::collections::BTreeMap;

use super::picture::{Arrow, Shape, drawing};
use crate::definition::tree::Tree;

/// Sizes, in pixels.
const WIDTH: usize = 220;
const HEIGHT: usize = 44;
const GAP: usize = 26;
const INDENT: usize = 28;
const MARGIN: usize = 20;
/// How far an arrow that skips tasks stands out, for each task that it skips, and at most.
const BULGE: usize = 12;
const BULGE_MAX: usize = 160;
/// How much of a label is written, in characters.
const LABEL_CHARS_MAX: usize = 34;

/// Where a box stands.
#[derive(Clone, Copy)]
struct Place {
    row: usize,
    x: usize,
    y: usize,
}

/// Writes the picture.
pub(crate) fn svg(tree: &Tree) -> String {
    let (shapes, arrows) = drawing(tree);
    let ordered = ordered(shapes);
    let places: BTreeMap<&str, Place> = ordered
        .iter()
        .enumerate()
        .map(|(row, shape)| {
            let x = MARGIN + BULGE_MAX + shape.depth * INDENT;
            let y = MARGIN + row * (HEIGHT + GAP);
            (shape.id.as_str(), Place { row, x, y })
        })
        .collect();
    let right = places.values().map(|place| place.x).max().unwrap_or(0);
    let width = right + WIDTH + BULGE_MAX + MARGIN;
    let height = 2 * MARGIN + ordered.len() * (HEIGHT + GAP);
    let title = escaped(&format!(
        "{}/{}",
        tree.document.namespace, tree.document.name
    ));
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         width=\"{width}\" height=\"{height}\" font-family=\"sans-serif\" font-size=\"12\" role=\"img\">\n\
         <title>{title}</title>\n\
         <defs><marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"8\" \
         markerHeight=\"8\" orient=\"auto\"><path d=\"M0 0L8 4L0 8z\" fill=\"#555\"/></marker></defs>\n"
    );
    for arrow in &arrows {
        if let (Some(from), Some(to)) = (places.get(&*arrow.from), places.get(&*arrow.to)) {
            text.push_str(&line(arrow, *from, *to));
        }
    }
    for shape in &ordered {
        text.push_str(&figure(shape, places[shape.id.as_str()]));
    }
    text.push_str("</svg>\n");
    text
}

/// Puts the end last; everything else is in the order of the text already.
fn ordered(shapes: Vec<Shape>) -> Vec<Shape> {
    let (ends, mut ordered): (Vec<Shape>, Vec<Shape>) =
        shapes.into_iter().partition(|shape| shape.kind == "end");
    ordered.extend(ends);
    ordered
}

fn figure(shape: &Shape, at: Place) -> String {
    let (fill, radius) = match shape.kind {
        "start" | "end" => ("#e8e8e8", HEIGHT / 2),
        "switch" => ("#fff3d6", 2),
        "for" | "do" | "try" | "fork" => ("#e3eefc", 2),
        "raise" => ("#fde4e1", 6),
        _ => ("#ffffff", 6),
    };
    let middle = at.x + WIDTH / 2;
    let lines: Vec<&str> = shape.label.split('\n').collect();
    let first = at.y + HEIGHT / 2 + 4 - (lines.len() - 1) * 8;
    let mut text = format!(
        "<rect x=\"{}\" y=\"{}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" rx=\"{radius}\" \
         fill=\"{fill}\" stroke=\"#555\"/>\n",
        at.x, at.y
    );
    for (n, line) in lines.iter().enumerate() {
        let weight = if n == 0 { "bold" } else { "normal" };
        text.push_str(&format!(
            "<text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\" font-weight=\"{weight}\">{}</text>\n",
            first + n * 16,
            escaped(line)
        ));
    }
    text
}

/// Draws an arrow: down to the next task, on the right to a later one, on the left back.
fn line(arrow: &Arrow, from: Place, to: Place) -> String {
    let dash = if arrow.dashed {
        " stroke-dasharray=\"4 3\""
    } else {
        ""
    };
    let (path, x, y) = if to.row == from.row + 1 {
        let (start, end) = (from.x + WIDTH / 2, to.x + WIDTH / 2);
        let (top, bottom) = (from.y + HEIGHT, to.y);
        (
            format!("M{start} {top}L{end} {bottom}"),
            end + 6,
            bottom - 8,
        )
    } else {
        let skipped = from.row.abs_diff(to.row);
        let bulge = (skipped * BULGE).min(BULGE_MAX);
        let (top, bottom) = (from.y + HEIGHT / 2, to.y + HEIGHT / 2);
        if to.row > from.row {
            let (start, end) = (from.x + WIDTH, to.x + WIDTH);
            let out = start.max(end) + bulge;
            (
                format!("M{start} {top}C{out} {top} {out} {bottom} {end} {bottom}"),
                start + 6,
                top - 4,
            )
        } else {
            let (start, end) = (from.x, to.x);
            let out = start.min(end).saturating_sub(bulge);
            (
                format!("M{start} {top}C{out} {top} {out} {bottom} {end} {bottom}"),
                out + 6,
                top - 4,
            )
        }
    };
    let mut text = format!(
        "<path d=\"{path}\" fill=\"none\" stroke=\"#555\"{dash} marker-end=\"url(#tip)\"/>\n"
    );
    if !arrow.label.is_empty() {
        text.push_str(&format!(
            "<text x=\"{x}\" y=\"{y}\" fill=\"#555\">{}</text>\n",
            escaped(&arrow.label)
        ));
    }
    text
}

fn escaped(text: &str) -> String {
    let mut short: String = text.chars().take(LABEL_CHARS_MAX).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
        .chars()
        .filter(|letter| !letter.is_control())
        .map(|letter| match letter {
            '&' => "&amp;".to_owned(),
            '<' => "&lt;".to_owned(),
            '>' => "&gt;".to_owned(),
            '"' => "&quot;".to_owned(),
            other => other.to_string(),
        })
        .collect()
}
