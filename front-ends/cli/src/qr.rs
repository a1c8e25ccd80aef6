//! QR codes on a terminal.

use std::io::IsTerminal;

use qrcode::{Color, EcLevel, QrCode};

/// Returns a text as a QR code for standard error; `None` where that is no terminal, or the text is too long for one.
pub(crate) fn for_terminal(text: &str) -> Option<String> {
    if !std::io::stderr().is_terminal() {
        return None;
    }
    draw(text, std::env::var_os("NO_COLOR").is_none())
}

/// Draws two rows of modules in each line, light ones as ink. With colours black and white are what they say; without, the terminal
/// must be a dark one, which phones can read the wrong way round too.
fn draw(text: &str, coloured: bool) -> Option<String> {
    let code = QrCode::with_error_correction_level(text, EcLevel::L).ok()?;
    let (width, modules) = (code.width(), code.to_colors());
    let is_light = |row: Option<usize>, column: Option<usize>| match (row, column) {
        (Some(row), Some(column)) if row < width && column < width => {
            modules[row * width + column] == Color::Light
        }
        _ => true,
    };
    let side = width + 2 * QUIET;
    let mut lines = Vec::with_capacity(side.div_ceil(2));
    for upper in (0..side).step_by(2) {
        let ink = (0..side).map(|column| {
            let column = column.checked_sub(QUIET);
            match (
                is_light(upper.checked_sub(QUIET), column),
                is_light((upper + 1).checked_sub(QUIET), column),
            ) {
                (true, true) => '\u{2588}',
                (true, false) => '\u{2580}',
                (false, true) => '\u{2584}',
                (false, false) => ' ',
            }
        });
        let ink: String = ink.collect();
        lines.push(if coloured { format!("\u{1b}[97;40m{ink}\u{1b}[0m") } else { ink });
    }
    Some(lines.join("\n"))
}

/// The light frame that belongs to a QR code, in modules (ISO/IEC 18004).
const QUIET: usize = 4;

#[cfg(test)]
mod tests {
    use super::{QUIET, draw};

    /// "Version 1: 21 x 21 modules" (ISO/IEC 18004), and a finder pattern of 7 x 7 in three corners.
    #[test]
    fn a_code_has_its_size_its_frame_and_its_corners() {
        let picture = draw("claviger", false).expect("it is short");
        let lines: Vec<Vec<char>> = picture.lines().map(|line| line.chars().collect()).collect();
        let side = 21 + 2 * QUIET;
        assert_eq!(lines.len(), side.div_ceil(2));
        assert!(lines.iter().all(|line| line.len() == side));
        assert!(lines[0].iter().all(|cell| *cell == '\u{2588}'), "the frame is light");
        let top = |column: usize| lines[QUIET / 2][QUIET + column];
        // Rows 0 and 1 of the code: a dark row of seven, then dark, five light, dark.
        let corner = [' ', '\u{2584}', '\u{2584}', '\u{2584}', '\u{2584}', '\u{2584}', ' '];
        assert_eq!((0..7).map(top).collect::<Vec<_>>(), corner);
        assert_eq!((14..21).map(top).collect::<Vec<_>>(), corner);
    }

    #[test]
    fn what_is_too_long_for_a_code_has_no_picture() {
        assert!(draw(&"x".repeat(4000), true).is_none());
        assert!(draw(&"x".repeat(1024), true).is_some_and(|picture| picture.starts_with("\u{1b}[97;40m")));
    }
}
