//! Limits of what the model is shown of a result, and the truth about what was left out.

/// Cuts a text to about a number of bytes: the beginning and the end stay, and a line between
/// them says how much is missing.
pub(crate) fn cut_to(text: String, bytes_max: usize) -> String {
    if text.len() <= bytes_max {
        return text;
    }
    // What went wrong stands more often at the end than in the middle.
    let head_end = floor_boundary(&text, bytes_max * 2 / 3);
    let tail_start = ceil_boundary(&text, text.len() - bytes_max / 3);
    let missing = tail_start - head_end;
    format!(
        "{}\n[... {missing} of {} bytes are left out here ...]\n{}",
        &text[..head_end],
        text.len(),
        &text[tail_start..]
    )
}

fn floor_boundary(text: &str, mut index: usize) -> usize {
    while !text.is_char_boundary(index) {
        index -= 1;
    }
    index
}

fn ceil_boundary(text: &str, mut index: usize) -> usize {
    while !text.is_char_boundary(index) {
        index += 1;
    }
    index
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_text_stays() {
        assert_eq!(cut_to("short".to_owned(), 5), "short");
    }

    #[test]
    fn long_text_says_what_is_missing() {
        let text = cut_to(format!("{}é{}", "a".repeat(59), "b".repeat(60)), 90);
        assert_eq!(
            text,
            format!(
                "{}\n[... 32 of 121 bytes are left out here ...]\n{}",
                "a".repeat(59),
                "b".repeat(30)
            )
        );
    }

    #[test]
    fn every_length_is_cut_between_characters() {
        for bytes_max in 0..40 {
            let text = cut_to("äöü€𝄞".repeat(4), bytes_max);
            assert!(text.contains("bytes are left out") || bytes_max >= 52);
        }
    }
}
