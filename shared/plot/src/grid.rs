use std::{fs, path::Path};

use anyhow::{Context, Result, anyhow, bail};
use burn::tensor::TensorData;
use data::PixelShape;
use files::write_atomic;
use image::{
    Delay, DynamicImage, Frame, ImageFormat, ImageReader, Limits, Rgb, RgbImage,
    buffer::ConvertBuffer,
    codecs::gif,
    imageops::{self, FilterType},
};
use ndarray::{Array2, ArrayView1};
use plotters::prelude::*;

use super::{
    canvas::Picture,
    chart::{FONT, painted, save},
    letters,
};

/// Side of a drawn image is at least this many pixels, by whole-number enlargement.
const LEAST_SIDE: usize = 56;
/// Images that a row which is read may have.
const MOST_COLUMNS: usize = 1000;
const GAP: usize = 4;
const MARGIN: usize = 10;
const CAPTION: usize = 34;
const LABEL_SIZE: f64 = 16.0;
/// Height of the labels of columns, and the gap below a block of rows.
const HEADER: usize = 22;
const BLOCK_GAP: usize = 12;
/// Columns beside each other; more are continued below.
const MOST_BESIDE: usize = 20;

/// A grid of grey or coloured images with a caption, labelled rows and optionally labelled columns.
pub struct Grid {
    shape: PixelShape,
    caption: String,
    columns: Vec<String>,
    rows: Vec<(String, Array2<f32>)>,
}

impl Grid {
    /// An empty grid of images of this shape.
    pub fn new(shape: PixelShape, caption: impl Into<String>) -> Self {
        Self { shape, caption: caption.into(), columns: Vec::new(), rows: Vec::new() }
    }

    /// Labels above the columns.
    #[must_use]
    pub fn columns(mut self, labels: impl IntoIterator<Item = String>) -> Self {
        self.columns = labels.into_iter().collect();
        self
    }

    /// A further row of images `[images, pixels]` with values in [0, 1].
    #[must_use]
    pub fn row(mut self, label: impl Into<String>, images: Array2<f32>) -> Self {
        self.rows.push((label.into(), images));
        self
    }

    /// Draws the grid into a PNG file.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn save(&self, path: &Path) -> Result<()> {
        save(path, self.painted())
    }

    /// The grid as an image.
    ///
    /// # Errors
    /// If it cannot be drawn.
    pub fn painted(&self) -> Result<Picture> {
        let scale = LEAST_SIDE.div_ceil(self.shape.height.max(self.shape.width)).max(1);
        let (width, height) = (self.shape.width * scale, self.shape.height * scale);
        let columns = self.rows.iter().map(|(_, images)| images.nrows()).max().unwrap_or(0);
        let cell = self.cell(width, height);
        let longest = widest(self.rows.iter().map(|(label, _)| label));
        let left = MARGIN + if longest > 0 { longest + 10 } else { 0 };
        let header = if self.columns.is_empty() { 0 } else { HEADER };
        let blocks = columns.div_ceil(MOST_BESIDE).max(1);
        let beside = columns.div_ceil(blocks);
        let block = header + self.rows.len() * (cell.1 + GAP) + BLOCK_GAP;
        let caption_width = 2 * MARGIN + letters::width(&self.caption, 19.0).ceil() as usize;
        let full = (
            (left + beside * (cell.0 + GAP) + MARGIN).max(caption_width) as u32,
            (MARGIN + CAPTION + blocks * block - BLOCK_GAP + MARGIN) as u32,
        );
        // Where a column lies, and the rows of its block begin.
        let place = |column: usize| {
            let top = MARGIN + CAPTION + column / beside * block + header;
            (left + column % beside * (cell.0 + GAP), top)
        };
        painted(full, |root| {
            let style = |size: f64| TextStyle::from((FONT, size).into_font()).color(&BLACK);
            root.draw_text(&self.caption, &style(19.0), (MARGIN as i32, MARGIN as i32))?;
            for (column, label) in self.columns.iter().enumerate() {
                let (x, top) = place(column);
                // A longer one would run into the next.
                let label = letters::within(label, LABEL_SIZE, cell.0 as f64);
                root.draw_text(&label, &style(LABEL_SIZE), (x as i32, (top - 20) as i32))?;
            }
            for (row, (label, images)) in self.rows.iter().enumerate() {
                let y = row * (cell.1 + GAP);
                for first in (0..columns).step_by(beside.max(1)) {
                    let middle = (place(first).1 + y + cell.1 / 2) as i32 - 8;
                    root.draw_text(label, &style(LABEL_SIZE), (MARGIN as i32, middle))?;
                }
                for (column, image) in images.rows().into_iter().enumerate() {
                    let (x, top) = place(column);
                    let size = (width as u32, height as u32);
                    let picture = picture(image, self.shape);
                    let picture = imageops::resize(&picture, size.0, size.1, FilterType::Nearest);
                    let at = (x as i32, (top + y + (cell.1 - height) / 2) as i32);
                    root.draw(
                        &BitMapElement::<_>::with_owned_buffer(at, size, picture.into_raw())
                            .context("an image of another size")?,
                    )?;
                }
            }
            Ok(())
        })
    }

    /// Width and height that an image of this size takes with its labels: a narrow one as many letters
    /// above it as a square one, a low one those beside it.
    fn cell(&self, width: usize, height: usize) -> (usize, usize) {
        let above = widest(&self.columns).min(LEAST_SIDE);
        let is_labelled = self.rows.iter().any(|(label, _)| !label.is_empty());
        let beside = if is_labelled { LABEL_SIZE as usize } else { 0 };
        (width.max(above), height.max(beside))
    }
}

/// Width of the widest of these labels.
fn widest<'a>(labels: impl IntoIterator<Item = &'a String>) -> usize {
    let widths = labels.into_iter().map(|label| letters::width(label, LABEL_SIZE));
    widths.fold(0.0, f64::max).ceil() as usize
}

/// The numbers of an image as a picture: three channels are red, green and blue, one is grey.
fn picture(values: ArrayView1<'_, f32>, shape: PixelShape) -> RgbImage {
    RgbImage::from_fn(shape.width as u32, shape.height as u32, |x, y| {
        let first = (y as usize * shape.width + x as usize) * shape.channels;
        let last = shape.channels - 1;
        Rgb([0, 1, 2].map(|channel: usize| {
            (values[first + channel.min(last)].clamp(0.0, 1.0) * 255.0).round() as u8
        }))
    })
}

/// Frames as an endless animation, forth and back, in a GIF file.
///
/// # Errors
/// If the file cannot be written.
pub fn save_animation(path: &Path, frames: &[RgbImage]) -> Result<()> {
    /// Milliseconds a frame stays.
    const STAYS: u32 = 120;
    let mut bytes = Vec::new();
    {
        let mut encoder = gif::GifEncoder::new_with_speed(&mut bytes, 10);
        let encode = |encoder: &mut gif::GifEncoder<_>| {
            encoder.set_repeat(gif::Repeat::Infinite)?;
            let back = frames.iter().rev().skip(1).take(frames.len().saturating_sub(2));
            encoder.encode_frames(frames.iter().chain(back).map(|frame| {
                let delay = Delay::from_numer_denom_ms(STAYS, 1);
                Frame::from_parts(frame.convert(), 0, 0, delay)
            }))
        };
        encode(&mut encoder).with_context(|| format!("cannot encode {}", path.display()))?;
    }
    write_atomic(path, &bytes)
}

/// Tensor data as an array of `rows` by `columns`.
///
/// # Errors
/// If the data has another size.
pub fn to_array(data: TensorData, rows: usize, columns: usize) -> Result<Array2<f32>> {
    let values: Vec<f32> = data.iter::<f32>().collect();
    Array2::from_shape_vec((rows, columns), values).map_err(|e| anyhow!("{e}"))
}

/// Images side by side in a bare PNG, pixel for pixel.
///
/// # Errors
/// If the file cannot be written.
pub fn save_row(path: &Path, images: &Array2<f32>, shape: PixelShape) -> Result<()> {
    let mut row = RgbImage::new((images.nrows() * shape.width) as u32, shape.height as u32);
    for (column, image) in images.rows().into_iter().enumerate() {
        let x = (column * shape.width) as i64;
        imageops::replace(&mut row, &picture(image, shape), x, 0);
    }
    let row = DynamicImage::ImageRgb8(row);
    let row = if shape.is_coloured() { row } else { row.into_luma8().into() };
    let mut bytes = std::io::Cursor::new(Vec::new());
    row.write_to(&mut bytes, image::ImageFormat::Png)
        .with_context(|| format!("cannot encode {}", path.display()))?;
    write_atomic(path, bytes.get_ref())
}

/// Puts the rows that training has left in `folder` into one labelled strip with a caption, in order of epochs.
///
/// # Errors
/// If a row cannot be read or the strip cannot be written.
pub fn snapshot_strip(
    folder: &Path,
    target: &Path,
    shape: PixelShape,
    caption: &str,
) -> Result<()> {
    let mut rows: Vec<(f64, std::path::PathBuf)> = fs::read_dir(folder)
        .with_context(|| format!("cannot look into {}", folder.display()))?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter_map(|path| Some((path.file_stem()?.to_str()?.parse().ok()?, path.clone())))
        .collect();
    rows.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut grid =
        Grid::new(shape, caption).row("input", read_row(&folder.join("input.png"), shape)?);
    for (epoch, path) in rows {
        let unit = if epoch == 1.0 { "epoch" } else { "epochs" };
        grid = grid.row(format!("{epoch} {unit}"), read_row(&path, shape)?);
    }
    grid.save(target)
}

/// Images that [`save_row`] wrote side by side, `[images, pixels]`.
pub fn read_row(path: &Path, shape: PixelShape) -> Result<Array2<f32>> {
    let cannot = || format!("cannot read {}", path.display());
    let (height, width) = (u32::try_from(shape.height)?, shape.width.max(1));
    // A header may promise more than the file has.
    let mut limits = Limits::default();
    limits.max_image_height = Some(height);
    limits.max_image_width = u32::try_from(MOST_COLUMNS.saturating_mul(width)).ok();
    let mut file = ImageReader::open(path).with_context(cannot)?;
    file.set_format(ImageFormat::Png);
    file.limits(limits);
    let row = file.decode().with_context(cannot)?.into_rgb8();
    if row.height() != height || !(row.width() as usize).is_multiple_of(width) {
        bail!(
            "{}: {} x {} pixels are not images of {} x {width} side by side; train the run again",
            path.display(),
            row.height(),
            row.width(),
            shape.height
        );
    }
    let images = row.width() as usize / width;
    Ok(Array2::from_shape_fn((images, shape.pixels()), |(image, number)| {
        let (pixel, channel) = (number / shape.channels, number % shape.channels);
        let x = image * shape.width + pixel % shape.width;
        f32::from(row.get_pixel(x as u32, (pixel / shape.width) as u32).0[channel]) / 255.0
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_columns_are_continued_below() {
        let shape = PixelShape::grey(28, 28);
        let size = |columns: usize| {
            let grid = Grid::new(shape, "").row("one", Array2::zeros((columns, 784)));
            let grid = grid.row("two", Array2::zeros((columns, 784)));
            let grid = grid.columns((0..columns).map(|column| column.to_string()));
            let picture = grid.painted().unwrap().image().unwrap();
            (picture.width(), picture.height())
        };
        let (one, two) = (size(20), size(40));
        assert_eq!(one.0, two.0);
        assert!(two.1 > one.1 + 4 * 56, "{one:?} {two:?}");
        assert!(size(200).0 <= one.0);
    }

    /// Places of the columns' labels and of the rows', of images of this size.
    fn labels(height: usize, width: usize) -> [Vec<(f64, f64)>; 2] {
        let images = || Array2::zeros((3, height * width));
        let grid = Grid::new(PixelShape::grey(height, width), "digits")
            .columns(["#7", "0.25", "+1.0 sd"].map(String::from))
            .row("input", images())
            .row("mean", images());
        let svg = grid.painted().unwrap().svg();
        let page = roxmltree::Document::parse(&svg).unwrap();
        let place = |label: &str| {
            let text = page.descendants().find(|node| node.text() == Some(label)).expect(label);
            let number = |name| text.attribute(name).unwrap().parse::<f64>().unwrap();
            (number("x"), number("y"))
        };
        [["#7", "0.25", "+1.0 sd"].map(place).into(), ["input", "mean"].map(place).into()]
    }

    #[test]
    fn labels_of_narrow_and_of_low_images_are_whole_and_lie_beside_one_another() {
        for (height, width) in [(32, 8), (4, 64), (1, 100), (100, 1), (28, 28)] {
            let [columns, rows] = labels(height, width);
            for (pair, label) in columns.windows(2).zip(["#7", "0.25"]) {
                let between = pair[1].0 - pair[0].0;
                assert!(between > letters::width(label, LABEL_SIZE), "{height} x {width}");
            }
            assert!(rows[0].1 - columns[0].1 >= LABEL_SIZE, "{height} x {width}");
            assert!(rows[1].1 - rows[0].1 > LABEL_SIZE, "{height} x {width}");
        }
    }

    #[test]
    fn labels_do_not_move_usual_images() {
        let grid = Grid::new(PixelShape::grey(28, 28), "")
            .columns(["a long name of a class".to_owned()])
            .row("input", Array2::zeros((1, 784)));
        for side in [56, 60, 64, 96] {
            assert_eq!(grid.cell(side, side), (side, side));
        }
    }

    /// A picture lower than the images panicked, and the header alone said how much memory was taken.
    #[test]
    fn a_row_that_is_none_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("input.png");
        let shape = |height, width| PixelShape::grey(height, width);
        save_row(&path, &Array2::zeros((3, 20)), shape(5, 4)).unwrap();
        assert_eq!(read_row(&path, shape(5, 4)).unwrap(), Array2::<f32>::zeros((3, 20)));
        for other in [shape(6, 4), shape(4, 4), shape(5, 5)] {
            assert!(read_row(&path, other).is_err(), "{other:?}");
        }
        let colour = PixelShape { channels: 3, ..shape(2, 2) };
        let levels =
            Array2::from_shape_fn((3, 12), |(image, at)| ((12 * image + at) as f32) / 255.0);
        let coloured = folder.path().join("colour.png");
        save_row(&coloured, &levels, colour).unwrap();
        assert_eq!(read_row(&coloured, colour).unwrap(), levels);
        let mut bytes = fs::read(&path).unwrap();
        // Width and height, of which the checksum follows at 29.
        bytes[16..24].copy_from_slice(&[0, 0, 0xff, 0xff, 0, 0, 0xff, 0xff]);
        fs::write(&path, bytes).unwrap();
        assert!(read_row(&path, shape(5, 4)).is_err());
    }
}
