//! Sequences along a time axis: piano rolls, and a number for each step.

use std::path::Path;

use anyhow::Result;
use ndarray::Array2;
use plotters::prelude::*;

use shared::{
    plot::{Area, COLOURS, Drawn, FONT, draw},
    progress,
};

/// Width of a picture, its margins, and the height of its parts, in pixels.
const WIDTH: u32 = 1100;
const LEFT: i32 = 70;
const RIGHT: i32 = 20;
const CAPTION: u32 = 44;
const TITLE: u32 = 24;
const ROLL: u32 = 220;
const BARS: u32 = 120;
/// The numbers of steps below a sequence, and their distance.
const TICKS: u32 = 22;
const TICK_EVERY: usize = 8;
const GAP: u32 = 26;
/// Notes shown above and below those that sound.
const AIR: usize = 2;
/// Sequences in one picture, at most.
const MOST: usize = 60;

/// One sequence of a picture.
#[derive(Clone, Debug, Default)]
pub struct Roll {
    /// What stands above it.
    pub title: String,
    /// 1 where a key sounds, `[steps, keys]`; none to show numbers alone.
    pub keys: Option<Array2<f32>>,
    /// MIDI number of the first key.
    pub lowest: u8,
    /// Steps that were given, not drawn: in another colour.
    pub given: usize,
    /// A number for each step, as bars below.
    pub values: Vec<f64>,
    /// What a step is called, below its bar; none for its number.
    pub labels: Vec<String>,
}

impl Roll {
    fn steps(&self) -> usize {
        self.keys.as_ref().map_or(self.values.len(), Array2::nrows)
    }

    fn height(&self) -> u32 {
        let roll = if self.keys.is_some() { ROLL } else { 0 };
        let bars = if self.values.is_empty() { 0 } else { BARS };
        TITLE + roll + bars + self.ticks() + GAP
    }

    /// Height of its time axis: none where each step has a label of its own.
    fn ticks(&self) -> u32 {
        if self.labels.is_empty() { TICKS } else { 0 }
    }

    /// The keys to show: those that sound, and some around them.
    fn range(&self) -> (usize, usize) {
        let Some(keys) = &self.keys else { return (0, 1) };
        let sounds = |key: &usize| keys.column(*key).iter().any(|&on| on > 0.5);
        let first = (0..keys.ncols()).find(sounds).unwrap_or(0);
        let last = (0..keys.ncols()).rev().find(sounds).unwrap_or(first);
        (first.saturating_sub(AIR), (last + AIR + 1).min(keys.ncols()))
    }
}

/// Draws sequences below each other into a PNG file, the first 60 of them, and says if there are more;
/// `unit` is what the numbers are.
///
/// # Errors
/// If the file cannot be written.
pub fn rolls(path: &Path, caption: &str, unit: &str, rolls: &[Roll]) -> Result<()> {
    if rolls.len() > MOST {
        let (path, all) = (path.display(), rolls.len());
        progress::line(&format!("{path} shows the first {MOST} of {all} sequences"));
    }
    let rolls = &rolls[..rolls.len().min(MOST)];
    let height = CAPTION + rolls.iter().map(Roll::height).sum::<u32>() + 10;
    let longest = rolls.iter().map(Roll::steps).max().unwrap_or(0).max(1);
    draw(path, (WIDTH, height), |root| {
        root.draw_text(caption, &text(22.0), (15, 12))?;
        let mut top = CAPTION as i32;
        for roll in rolls {
            root.draw_text(&roll.title, &text(16.0), (LEFT, top))?;
            top += TITLE as i32;
            if let Some(keys) = &roll.keys {
                paint_keys(root, roll, keys, longest, top)?;
                top += ROLL as i32;
            }
            if !roll.values.is_empty() {
                paint_bars(root, roll, unit, longest, top)?;
                top += BARS as i32;
            }
            if roll.ticks() > 0 {
                paint_ticks(root, roll.steps(), longest, top)?;
                top += roll.ticks() as i32;
            }
            top += GAP as i32;
        }
        Ok(())
    })
}

fn text(size: f64) -> TextStyle<'static> {
    TextStyle::from((FONT, size).into_font()).color(&BLACK)
}

/// Where a step begins.
fn left(step: usize, longest: usize) -> i32 {
    let width = WIDTH as i32 - LEFT - RIGHT;
    LEFT + (width as f64 * step as f64 / longest as f64).round() as i32
}

fn paint_keys(root: &Area<'_>, roll: &Roll, keys: &Array2<f32>, longest: usize, top: i32) -> Drawn {
    let (first, last) = roll.range();
    let row = |key: usize| {
        top + (f64::from(ROLL) * (last - key) as f64 / (last - first) as f64).round() as i32
    };
    let end = left(keys.nrows(), longest);
    for key in first..last {
        let note = usize::from(roll.lowest) + key;
        // A line under each C, and its name.
        if note.is_multiple_of(12) {
            let line = vec![(LEFT, row(key)), (end, row(key))];
            root.draw(&PathElement::new(line, RGBColor(205, 205, 205)))?;
            let name = format!("C{}", note as i32 / 12 - 1);
            root.draw_text(&name, &text(14.0), (LEFT - 32, row(key) - 14))?;
        }
    }
    for (step, notes) in keys.rows().into_iter().enumerate() {
        let colour = if step < roll.given { COLOURS[7] } else { COLOURS[0] };
        for key in (first..last).filter(|&key| notes[key] > 0.5) {
            let corners = [
                (left(step, longest) + 1, row(key + 1) + 1),
                (left(step + 1, longest) - 1, row(key)),
            ];
            root.draw(&Rectangle::new(corners, colour.filled()))?;
        }
    }
    let frame = [(LEFT, top), (end, top + ROLL as i32)];
    root.draw(&Rectangle::new(frame, BLACK.stroke_width(1)))?;
    Ok(())
}

/// Numbers of steps, from 0, where they begin.
fn paint_ticks(root: &Area<'_>, steps: usize, longest: usize, top: i32) -> Drawn {
    // Wide enough apart for their letters.
    let every = (1..).map(|n| n * TICK_EVERY).find(|&every| left(every, longest) - LEFT > 60);
    for step in (0..=steps).step_by(every.unwrap_or(TICK_EVERY)) {
        let x = left(step, longest);
        root.draw(&PathElement::new(vec![(x, top), (x, top + 5)], BLACK))?;
        let label = if step == 0 { "step 0".to_owned() } else { step.to_string() };
        root.draw_text(&label, &text(14.0), (x, top + 6))?;
    }
    Ok(())
}

fn paint_bars(root: &Area<'_>, roll: &Roll, unit: &str, longest: usize, top: i32) -> Drawn {
    let labels = if roll.labels.is_empty() { 0 } else { 24 };
    let (ceiling, floor) = (top + 8, top + BARS as i32 - labels);
    let greatest = roll.values.iter().copied().fold(0.0, f64::max).max(1e-9);
    let least = roll.values.iter().copied().fold(0.0, f64::min);
    let level = |value: f64| {
        let share = (value - least) / (greatest - least);
        floor - (f64::from(floor - ceiling) * share).round() as i32
    };
    for (step, &value) in roll.values.iter().enumerate() {
        let (a, b) = (level(value), level(0.0));
        let corners =
            [(left(step, longest) + 1, a.min(b)), (left(step + 1, longest) - 1, a.max(b))];
        root.draw(&Rectangle::new(corners, COLOURS[1].filled()))?;
    }
    for value in [least, greatest] {
        let label = format!("{value:.1}");
        root.draw_text(&label, &text(14.0), (LEFT - 42, level(value) - 8))?;
    }
    let middle = i32::midpoint(ceiling, floor);
    root.draw_text(unit, &text(14.0), (LEFT - 62, middle - 8))?;
    let line = vec![(LEFT, level(0.0)), (left(roll.values.len(), longest), level(0.0))];
    root.draw(&PathElement::new(line, BLACK))?;
    for (step, label) in roll.labels.iter().enumerate() {
        let x = i32::midpoint(left(step, longest), left(step + 1, longest)) - 4;
        root.draw_text(label, &text(15.0), (x, floor + 5))?;
    }
    Ok(())
}
