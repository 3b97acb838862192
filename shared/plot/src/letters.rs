//! Text as pixels: letters stand where the font wants them, to a fraction of a pixel. Whole numbers of
//! pixels, as plotters has them, leave gaps within words.

use std::sync::OnceLock;

use ab_glyph::{Font, FontRef, Glyph, PxScale, ScaleFont, point};

/// The font of every picture, carried in the program: nothing need be installed.
fn font() -> Option<&'static FontRef<'static>> {
    static FONT: OnceLock<Option<FontRef<'static>>> = OnceLock::new();
    FONT.get_or_init(|| FontRef::try_from_slice(epaint_default_fonts::UBUNTU_LIGHT).ok()).as_ref()
}

/// How dark each pixel of a text is, `[height, width]`, 0 to 1.
pub(super) struct Letters {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) darkness: Vec<f32>,
}

/// Letters of a line and the width of it, in pixels; the baseline is `ascent` below the top.
fn set(text: &str, size: f32) -> (Vec<Glyph>, f32) {
    let Some(font) = font() else { return (Vec::new(), 0.0) };
    let scaled = font.as_scaled(PxScale::from(size));
    let (mut x, mut glyphs) = (0.0, Vec::new());
    for letter in text.chars() {
        let id = scaled.glyph_id(letter);
        if let Some(last) = glyphs.last() {
            let last: &Glyph = last;
            x += scaled.kern(last.id, id);
        }
        glyphs.push(id.with_scale_and_position(size, point(x, scaled.ascent())));
        x += scaled.h_advance(id);
    }
    (glyphs, x)
}

/// The first letter of a text that the font lacks.
pub(super) fn lacking(text: &str) -> Option<char> {
    let font = font()?;
    text.chars().find(|&letter| font.glyph_id(letter).0 == 0)
}

/// Width of a text in pixels.
pub(super) fn width(text: &str, size: f64) -> f64 {
    f64::from(set(text, size as f32).1)
}

/// As much of the beginning of a text as fits into this width, in pixels; `…` for the rest.
pub(super) fn within(text: &str, size: f64, most: f64) -> String {
    if width(text, size) <= most {
        return text.to_owned();
    }
    let ends = text.char_indices().map(|(end, _)| format!("{}…", text[..end].trim_end()));
    ends.take_while(|beginning| width(beginning, size) <= most).last().unwrap_or_default()
}

/// What a text of letters `size` pixels high from the lowest to the highest looks like.
pub(super) fn letters(text: &str, size: f64) -> Letters {
    let (glyphs, across) = set(text, size as f32);
    let (width, height) = (across.ceil() as usize + 2, size.ceil() as usize + 2);
    let mut darkness = vec![0f32; width * height];
    for glyph in glyphs.into_iter().filter_map(|glyph| font()?.outline_glyph(glyph)) {
        let corner = glyph.px_bounds().min;
        glyph.draw(|x, y, covered| {
            let (x, y) = (corner.x as i64 + i64::from(x), corner.y as i64 + i64::from(y));
            if let (Ok(x), Ok(y)) = (usize::try_from(x), usize::try_from(y))
                && x < width
                && y < height
            {
                let pixel = &mut darkness[y * width + x];
                *pixel = (*pixel + covered).min(1.0);
            }
        });
    }
    Letters { width, height, darkness }
}

/// The em of letters of this size, what other programs call the size of a font; and the distance of
/// the baseline from the top.
pub(super) fn em_and_ascent(size: f64) -> (f64, f64) {
    let Some(font) = font() else { return (size, size) };
    let height = f64::from(font.height_unscaled());
    let em = f64::from(font.units_per_em().unwrap_or(height as f32));
    (size * em / height, size * f64::from(font.ascent_unscaled()) / height)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_is_too_long_ends_where_it_fits() {
        assert_eq!(within("left", 16.0, 100.0), "left");
        let short = within("left arrow pointing to the west", 16.0, 100.0);
        assert!(short.starts_with("left a") && short.ends_with('…'), "{short}");
        assert!(width(&short, 16.0) <= 100.0 && width("…", 16.0) > 2.0);
        assert_eq!(within("wide", 16.0, 1.0), "");
    }

    #[test]
    fn a_letter_that_the_font_lacks_is_found() {
        assert_eq!(lacking("naïve Bäume ¶ ± 0.5 …"), None);
        assert_eq!(lacking("digit 七, 八"), Some('七'));
    }

    #[test]
    fn words_have_no_gaps_that_depend_on_rounding() {
        // A word twice as large is twice as wide, and so is the word twice.
        let small = width("reconstructions", 16.0);
        assert!((width("reconstructions", 32.0) - 2.0 * small).abs() < 1e-3 * small);
        assert!(small > 60.0 && small < 200.0, "{small}");
        let drawn = letters("I I", 32.0);
        let column = |x: usize| -> f32 {
            (0..drawn.height).map(|y| drawn.darkness[y * drawn.width + x]).sum()
        };
        let inked = (0..drawn.width).filter(|&x| column(x) > 1.0).count();
        assert!((2..20).contains(&inked), "{inked} columns of two strokes");
    }
}
