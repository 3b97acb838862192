//! Patches of images and their adjoint, line by line of the window.

use std::ops::Range;

use pulp::NullaryFnOnce;

use super::window::{Geometry, Window};

/// Offsets into a window at this position that fall into an image of this length, and where the
/// first does.
#[inline(always)]
fn inside(position: usize, length: usize, window: Window) -> (Range<usize>, usize) {
    let Window { side, stride, padding } = window;
    let at = position * stride;
    let start = padding.saturating_sub(at).min(side);
    let end = (length + padding).saturating_sub(at).min(side);
    (start..end.max(start), (at + start).saturating_sub(padding))
}

/// Calls `task(start, part, from)` for each line of each window: the line begins at `start` of the
/// patches, and `part` of it is over the image, from `from` there.
#[inline(always)]
fn by_line(geometry: Geometry, mut task: impl FnMut(usize, Range<usize>, usize)) {
    let Geometry { image: [height, width, channels], window } = geometry;
    let [down, across] = geometry.positions();
    let line = geometry.line();
    for row in 0..down {
        let (lines, top) = inside(row, height, window);
        for column in 0..across {
            let (columns, left) = inside(column, width, window);
            let part = columns.start * channels..columns.end * channels;
            let patch = (row * across + column) * window.side * line;
            for i in 0..window.side {
                if lines.contains(&i) && !part.is_empty() {
                    let y = top + i - lines.start;
                    task(patch + i * line, part.clone(), (y * width + left) * channels);
                } else {
                    task(patch + i * line, 0..0, 0);
                }
            }
        }
    }
}

/// The patches of one image.
pub(super) struct Cut<'a> {
    pub(super) geometry: Geometry,
    pub(super) image: &'a [f32],
    pub(super) patches: &'a mut [f32],
}

impl NullaryFnOnce for Cut<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let length = self.geometry.line();
        by_line(self.geometry, |start, part, from| {
            let line = &mut self.patches[start..][..length];
            if part.len() < length {
                line.fill(0.0);
            }
            let image = &self.image[from..][..part.len()];
            line[part].copy_from_slice(image);
        });
    }
}

/// An image, the sum of its patches.
pub(super) struct Overlap<'a> {
    pub(super) geometry: Geometry,
    pub(super) patches: &'a [f32],
    pub(super) image: &'a mut [f32],
}

impl NullaryFnOnce for Overlap<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        self.image.fill(0.0);
        by_line(self.geometry, |start, part, from| {
            let image = &mut self.image[from..][..part.len()];
            for (pixel, &value) in image.iter_mut().zip(&self.patches[start..][part]) {
                *pixel += value;
            }
        });
    }
}
