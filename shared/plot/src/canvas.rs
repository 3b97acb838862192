//! A picture being drawn, as pixels and as SVG at once.

use std::{
    convert::Infallible,
    fmt::Write,
    sync::atomic::{AtomicBool, Ordering},
};

use anyhow::{Result, anyhow};
use base64::{Engine, engine::general_purpose::STANDARD};
use image::{ImageFormat, RgbImage};
use plotters::prelude::*;
use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingErrorKind, FontTransform,
    text_anchor::{HPos, VPos},
};

use super::letters::{Letters, em_and_ascent, lacking, letters, width};

/// Pixels of the PNG for each unit of length, so that it is sharp on a slide.
const SCALE: u32 = 2;

/// True if pictures are written as SVG too.
static IS_SVG_WANTED: AtomicBool = AtomicBool::new(false);

/// From now on pictures are written as SVG too, beside the PNG.
pub fn also_as_svg() {
    IS_SVG_WANTED.store(true, Ordering::Relaxed);
}

/// True if [`also_as_svg`] was called.
pub fn is_svg_wanted() -> bool {
    IS_SVG_WANTED.load(Ordering::Relaxed)
}

/// A finished picture.
pub struct Picture {
    size: (u32, u32),
    pixels: Vec<u8>,
    svg: String,
    lacking: Option<char>,
}

/// What charts and grids are drawn on.
pub struct Canvas<'a>(&'a mut Picture);

impl Picture {
    /// A white one of this size, width and height.
    ///
    /// # Errors
    /// If it has too many pixels.
    pub(super) fn new(size: (u32, u32)) -> Result<Self> {
        let number =
            (3 * SCALE * SCALE).checked_mul(size.0).and_then(|row| row.checked_mul(size.1));
        let number = number.ok_or_else(|| {
            anyhow!("a picture of {} x {} has too many pixels: draw fewer", size.0, size.1)
        })?;
        Ok(Self { size, pixels: vec![255; number as usize], svg: String::new(), lacking: None })
    }

    /// To draw on.
    pub(super) fn canvas(&mut self) -> Canvas<'_> {
        Canvas(self)
    }

    /// Its pixels.
    ///
    /// # Errors
    /// If there are too many.
    pub fn image(self) -> Result<RgbImage> {
        let (width, height) = self.size;
        RgbImage::from_raw(width * SCALE, height * SCALE, self.pixels)
            .ok_or_else(|| anyhow!("too many pixels"))
    }

    /// The first letter in it that the font lacks, for which its pixels have a box.
    pub(super) fn lacking(&self) -> Option<char> {
        self.lacking
    }

    /// The same as SVG, text as text.
    pub fn svg(&self) -> String {
        let (width, height) = self.size;
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\">\n<rect width=\"100%\" height=\"100%\" \
             fill=\"white\"/>\n{}</svg>\n",
            self.svg
        )
    }
}

/// A text within SVG or HTML. Control characters that XML cannot hold, and a name may, are shown as unknown ones.
pub fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let is_space = |c: char| matches!(c, '\n' | '\t' | '\r');
    text.replace(|c: char| c.is_control() && !is_space(c), "\u{fffd}")
}

/// Colour and width on the pixels.
struct Enlarged(BackendColor, u32);

impl BackendStyle for Enlarged {
    fn color(&self) -> BackendColor {
        self.0
    }

    fn stroke_width(&self) -> u32 {
        self.1
    }
}

fn enlarged<S: BackendStyle>(style: &S) -> Enlarged {
    Enlarged(style.color(), style.stroke_width() * SCALE)
}

/// The corner of a unit, in pixels.
fn corner((x, y): BackendCoord) -> BackendCoord {
    (x * SCALE as i32, y * SCALE as i32)
}

/// The middle of a unit, in pixels.
fn middle((x, y): BackendCoord) -> BackendCoord {
    let half = SCALE as i32 / 2;
    (x * SCALE as i32 + half, y * SCALE as i32 + half)
}

fn colour_of(name: &str, colour: BackendColor) -> String {
    let (red, green, blue) = colour.rgb;
    let mut text = format!(" {name}=\"#{red:02x}{green:02x}{blue:02x}\"");
    if colour.alpha < 1.0 {
        let _ = write!(text, " {name}-opacity=\"{:.3}\"", colour.alpha);
    }
    text
}

fn stroke<S: BackendStyle>(style: &S) -> String {
    let width = style.stroke_width();
    format!(" fill=\"none\"{} stroke-width=\"{width}\"", colour_of("stroke", style.color()))
}

fn points(all: &[BackendCoord]) -> String {
    all.iter().map(|(x, y)| format!("{x},{y}")).collect::<Vec<_>>().join(" ")
}

type Drawn = std::result::Result<(), DrawingErrorKind<Infallible>>;
type Pixels<'a> = BitMapBackend<'a>;
type OnPixels =
    std::result::Result<(), DrawingErrorKind<<Pixels<'static> as DrawingBackend>::ErrorType>>;

impl Canvas<'_> {
    /// Draws on the pixels. Their buffer has their size: that is all that could go wrong.
    fn on_pixels(&mut self, draw: impl FnOnce(&mut Pixels<'_>) -> OnPixels) {
        let size = (self.0.size.0 * SCALE, self.0.size.1 * SCALE);
        let mut pixels = BitMapBackend::with_buffer(&mut self.0.pixels, size);
        let _ = draw(&mut pixels);
    }

    fn add(&mut self, element: &str) {
        self.0.svg.push_str(element);
        self.0.svg.push('\n');
    }
}

impl DrawingBackend for Canvas<'_> {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        self.0.size
    }

    fn ensure_prepared(&mut self) -> Drawn {
        Ok(())
    }

    fn present(&mut self) -> Drawn {
        Ok(())
    }

    fn draw_pixel(&mut self, at: BackendCoord, colour: BackendColor) -> Drawn {
        self.draw_rect(at, at, &Enlarged(colour, 1), true)
    }

    fn draw_line<S: BackendStyle>(
        &mut self,
        from: BackendCoord,
        to: BackendCoord,
        style: &S,
    ) -> Drawn {
        self.draw_path([from, to], style)
    }

    fn draw_rect<S: BackendStyle>(
        &mut self,
        from: BackendCoord,
        to: BackendCoord,
        style: &S,
        fill: bool,
    ) -> Drawn {
        let (left, right) = (from.0.min(to.0), from.0.max(to.0));
        let (top, bottom) = (from.1.min(to.1), from.1.max(to.1));
        if fill {
            // Its own rectangle ends before this corner.
            let end = corner((right + 1, bottom + 1));
            self.on_pixels(|b| b.draw_rect(corner((left, top)), end, &enlarged(style), true));
            self.add(&format!(
                "<rect x=\"{left}\" y=\"{top}\" width=\"{}\" height=\"{}\"{}/>",
                right - left + 1,
                bottom - top + 1,
                colour_of("fill", style.color())
            ));
            return Ok(());
        }
        let frame = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)];
        self.draw_path(frame, style)
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        path: I,
        style: &S,
    ) -> Drawn {
        let path: Vec<BackendCoord> = path.into_iter().collect();
        if style.color().alpha == 0.0 || path.len() < 2 {
            return Ok(());
        }
        let on_pixels: Vec<BackendCoord> = path.iter().copied().map(middle).collect();
        self.on_pixels(|b| b.draw_path(on_pixels, &enlarged(style)));
        self.add(&format!("<polyline points=\"{}\"{}/>", points(&path), stroke(style)));
        Ok(())
    }

    fn draw_circle<S: BackendStyle>(
        &mut self,
        at: BackendCoord,
        radius: u32,
        style: &S,
        fill: bool,
    ) -> Drawn {
        self.on_pixels(|b| b.draw_circle(middle(at), radius * SCALE, &enlarged(style), fill));
        let paint = if fill { colour_of("fill", style.color()) } else { stroke(style) };
        let (x, y) = at;
        self.add(&format!("<circle cx=\"{x}\" cy=\"{y}\" r=\"{radius}\"{paint}/>"));
        Ok(())
    }

    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        corners: I,
        style: &S,
    ) -> Drawn {
        let corners: Vec<BackendCoord> = corners.into_iter().collect();
        let on_pixels: Vec<BackendCoord> = corners.iter().copied().map(middle).collect();
        self.on_pixels(|b| b.fill_polygon(on_pixels, &enlarged(style)));
        let paint = colour_of("fill", style.color());
        self.add(&format!("<polygon points=\"{}\"{paint}/>", points(&corners)));
        Ok(())
    }

    fn estimate_text_size<S: BackendTextStyle>(
        &self,
        text: &str,
        style: &S,
    ) -> std::result::Result<(u32, u32), DrawingErrorKind<Infallible>> {
        let size = style.size();
        Ok((width(text, size).ceil() as u32, size.ceil() as u32))
    }

    fn draw_text<S: BackendTextStyle>(&mut self, text: &str, style: &S, at: BackendCoord) -> Drawn {
        let colour = style.color();
        if text.is_empty() || colour.alpha == 0.0 {
            return Ok(());
        }
        self.0.lacking = self.0.lacking.or_else(|| lacking(text));
        let (size, anchor, turn) = (style.size(), style.anchor(), style.transform());
        // Shares of width and height that lie left of and above the anchor.
        let left = match anchor.h_pos {
            HPos::Left => 0.0,
            HPos::Center => 0.5,
            HPos::Right => 1.0,
        };
        let above = match anchor.v_pos {
            VPos::Top => 0.0,
            VPos::Center => 0.5,
            VPos::Bottom => 1.0,
        };
        let wide = width(text, size);
        let scale = f64::from(SCALE);
        let Letters { width: columns, height: rows, darkness } = letters(text, size * scale);
        let (dx, dy) = ((left * wide * scale).round(), (above * size * scale).round());
        let (x0, y0) = corner(at);
        let full = (self.0.size.0 * SCALE, self.0.size.1 * SCALE);
        for row in 0..rows {
            for column in 0..columns {
                let dark = f64::from(darkness[row * columns + column]) * colour.alpha;
                if dark <= 0.0 {
                    continue;
                }
                let (x, y) = turn.transform(column as i32 - dx as i32, row as i32 - dy as i32);
                let (Ok(x), Ok(y)) = (u32::try_from(x0 + x), u32::try_from(y0 + y)) else {
                    continue;
                };
                if x < full.0 && y < full.1 {
                    let first = 3 * (y as usize * full.0 as usize + x as usize);
                    let (red, green, blue) = colour.rgb;
                    let pixel = &mut self.0.pixels[first..first + 3];
                    for (old, new) in pixel.iter_mut().zip([red, green, blue]) {
                        let mixed = f64::from(*old) * (1.0 - dark) + f64::from(new) * dark;
                        *old = mixed.round() as u8;
                    }
                }
            }
        }
        let (em, ascent) = em_and_ascent(size);
        let degrees = match turn {
            FontTransform::None => 0,
            FontTransform::Rotate90 => 90,
            FontTransform::Rotate180 => 180,
            FontTransform::Rotate270 => 270,
        };
        let (x, y) = at;
        let turned = if degrees == 0 {
            String::new()
        } else {
            format!(" transform=\"rotate({degrees} {x} {y})\"")
        };
        // The width is ours, whichever font the reader has.
        self.add(&format!(
            "<text x=\"{:.2}\" y=\"{:.2}\" font-family=\"Ubuntu, sans-serif\" font-weight=\"300\" \
             font-size=\"{em:.2}\" textLength=\"{wide:.2}\"{}{turned}>{}</text>",
            f64::from(x) - left * wide,
            f64::from(y) - above * size + ascent,
            colour_of("fill", colour),
            escaped(text)
        ));
        Ok(())
    }

    fn blit_bitmap(&mut self, at: BackendCoord, (wide, high): (u32, u32), rgb: &[u8]) -> Drawn {
        let full = (self.0.size.0 * SCALE, self.0.size.1 * SCALE);
        let (x0, y0) = corner(at);
        for y in 0..high * SCALE {
            for x in 0..wide * SCALE {
                let from = 3 * ((y / SCALE) * wide + x / SCALE) as usize;
                let (Ok(x), Ok(y)) = (u32::try_from(x0 + x as i32), u32::try_from(y0 + y as i32))
                else {
                    continue;
                };
                if x < full.0 && y < full.1 {
                    let to = 3 * (y as usize * full.0 as usize + x as usize);
                    self.0.pixels[to..to + 3].copy_from_slice(&rgb[from..from + 3]);
                }
            }
        }
        let mut png = std::io::Cursor::new(Vec::new());
        let image = RgbImage::from_raw(wide, high, rgb.to_vec());
        if image.is_some_and(|image| image.write_to(&mut png, ImageFormat::Png).is_ok()) {
            let (x, y) = at;
            let data = STANDARD.encode(png.get_ref());
            self.add(&format!(
                "<image x=\"{x}\" y=\"{y}\" width=\"{wide}\" height=\"{high}\" \
                 style=\"image-rendering:pixelated\" href=\"data:image/png;base64,{data}\"/>"
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plotters::style::text_anchor::Pos;

    #[test]
    fn what_is_drawn_is_in_the_pixels_and_in_the_svg() {
        let mut picture = Picture::new((100, 60)).unwrap();
        {
            let mut canvas = picture.canvas();
            canvas.draw_rect((10, 10), (19, 14), &RED.filled(), true).unwrap();
            let end = TextStyle::from(("sans-serif", 16).into_font())
                .pos(Pos::new(HPos::Right, VPos::Top));
            canvas.draw_text("a < b & c", &end, (90, 30)).unwrap();
            canvas.blit_bitmap((30, 0), (1, 1), &[0, 0, 255]).unwrap();
        }
        let svg = picture.svg();
        assert!(svg.contains("<rect x=\"10\" y=\"10\" width=\"10\" height=\"5\" fill=\"#ff0000\""));
        assert!(svg.contains(">a &lt; b &amp; c</text>"), "{svg}");
        assert!(roxmltree::Document::parse(&svg).is_ok(), "{svg}");
        let name = format!("<a>{}</a>", escaped("two\u{1b}[31mlines\n"));
        assert!(roxmltree::Document::parse(&name).is_ok(), "{name}");
        let image = picture.image().unwrap();
        let count = |is: fn([u8; 3]) -> bool| image.pixels().filter(|pixel| is(pixel.0)).count();
        assert_eq!(count(|pixel| pixel == [255, 0, 0]), 50 * (SCALE * SCALE) as usize);
        assert_eq!(count(|pixel| pixel == [0, 0, 255]), (SCALE * SCALE) as usize);
        let dark =
            image.enumerate_pixels().filter(|(.., pixel)| pixel.0[1] < 100 && pixel.0[0] < 100);
        let inked: Vec<(u32, u32)> = dark.map(|(x, y, _)| (x / SCALE, y / SCALE)).collect();
        // The text ends at its anchor.
        let texts = inked.iter().filter(|(x, _)| *x != 30);
        assert!(texts.clone().count() > 20);
        assert!(texts.clone().all(|(x, y)| (20..=90).contains(x) && (30..48).contains(y)));
    }
}
