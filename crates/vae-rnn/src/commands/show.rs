//! Sequences as what they are: images, chords, drawings, text.

use std::{fs, path::PathBuf};

use anyhow::{Context, Result};
use ndarray::{Array2, s};
use sequences::{Known, PIANO, Roll, Steps, rolls};
use shared::{cli::Loaded, paper::RunConfig, plot::Grid, progress, run::write_atomic};

use crate::{Paper, midi::midi_file, svg::drawing};

/// Quarter notes a minute.
const TEMPO: f64 = 90.0;
/// Images a row.
const ROW: usize = 10;

/// A sequence that was drawn, or begun and drawn to its end.
pub(super) struct Shown {
    /// Its name.
    pub(super) title: String,
    /// The sequence, `[steps, width]`.
    pub(super) steps: Array2<f32>,
    /// Steps that were given.
    pub(super) given: usize,
}

/// Writes sequences under a name as files people open: returns them, the picture first.
pub(super) fn show(
    run: &Loaded<Paper>,
    name: &str,
    caption: &str,
    sequences: &[Shown],
) -> Result<Vec<PathBuf>> {
    let caption = format!("{caption}: {}", run.title());
    match Steps::of(run.config.data()) {
        Steps::Rows => {
            let picture = run.run.file(&format!("{name}.png"));
            let mut grid = Grid::new(run.preparation.shape, caption);
            for row in sequences.chunks(ROW) {
                let images: Vec<f32> =
                    row.iter().flat_map(|shown| shown.steps.iter().copied()).collect();
                let pixels = images.len() / row.len().max(1);
                grid = grid.row("", Array2::from_shape_vec((row.len(), pixels), images)?);
            }
            grid.save(&picture)?;
            Ok(vec![picture])
        }
        Steps::Chords => {
            let picture = run.run.file(&format!("{name}.png"));
            let all: Vec<Roll> = sequences.iter().map(|shown| roll(run, shown)).collect();
            rolls(&picture, &caption, "", &all)?;
            let mut files = vec![picture];
            for (number, shown) in sequences.iter().enumerate() {
                let file = run.run.file(&format!("{name}-{}.mid", number + 1));
                write_atomic(&file, &midi_file(&chords(lowest_key(run), &shown.steps), TEMPO))?;
                files.push(file);
            }
            remove_higher(run, name, "mid", sequences.len())?;
            Ok(files)
        }
        Steps::Pen => {
            let mut files = Vec::new();
            for (number, shown) in sequences.iter().enumerate() {
                let file = run.run.file(&format!("{name}-{}.svg", number + 1));
                write_atomic(&file, drawing(&strokes(&shown.steps)).as_bytes())?;
                files.push(file);
            }
            remove_higher(run, name, "svg", sequences.len())?;
            Ok(files)
        }
        Steps::Symbols => {
            let vocabulary = Known::of(&run.preparation).vocabulary;
            let mut text = String::new();
            for shown in sequences {
                if let Some(vocabulary) = &vocabulary {
                    text.push_str(&vocabulary.line(symbols(&shown.steps)));
                }
                text.push('\n');
            }
            let file = run.run.file(&format!("{name}.txt"));
            write_atomic(&file, text.as_bytes())?;
            shared::print_text!("{text}");
            Ok(vec![file])
        }
    }
}

/// Removes what an earlier call of the same command wrote under numbers above `last`: it would be taken for
/// this call's. Only files NAME-NUMBER.ENDING, as [`show`] numbers them, are touched.
fn remove_higher(run: &Loaded<Paper>, name: &str, ending: &str, last: usize) -> Result<()> {
    let folder = run.run.path();
    let entries = fs::read_dir(folder)
        .with_context(|| format!("cannot look into {}", folder.display()))?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut higher: Vec<usize> =
        entries.filter_map(|file| number_of(&file, name, ending)).filter(|n| *n > last).collect();
    higher.sort_unstable();
    for number in &higher {
        let path = run.run.file(&format!("{name}-{number}.{ending}"));
        fs::remove_file(&path)
            .with_context(|| format!("cannot remove {}, of an earlier call", path.display()))?;
    }
    match higher[..] {
        [] => {}
        [one] => progress::line(&format!("removed {name}-{one}.{ending}, of an earlier call")),
        [first, .., last] => progress::line(&format!(
            "removed {} files of an earlier call, {name}-{first}.{ending} to {name}-{last}.{ending}",
            higher.len()
        )),
    }
    Ok(())
}

/// The number of a file that [`show`] has numbered.
fn number_of(file: &str, name: &str, ending: &str) -> Option<usize> {
    let rest = file.strip_prefix(name)?.strip_prefix('-')?;
    let digits = rest.strip_suffix(ending)?.strip_suffix('.')?;
    let number = digits.parse().ok()?;
    // Neither +7 nor 007 is written so.
    (usize::to_string(&number) == digits).then_some(number)
}

/// A sequence of chords as a piano roll.
pub(super) fn roll(run: &Loaded<Paper>, shown: &Shown) -> Roll {
    Roll {
        title: shown.title.clone(),
        keys: Some(shown.steps.clone()),
        lowest: lowest_key(run),
        given: shown.given,
        ..Roll::default()
    }
}

/// The sequences of a split as they are, `[steps, width]` each.
pub(super) fn sequence(run: &Loaded<Paper>, index: usize) -> Result<Array2<f32>> {
    let split = &run.data()?.valid;
    let x = split.inputs(&[index], run.config.data.binarise, run.noise(), 0);
    let (steps, width) = (split.steps(index), split.shape().width);
    let own = x.slice(s![0, ..steps * width]).to_owned();
    Ok(own.into_shape_with_order((steps, width))?)
}

/// The lowest key chords of a run are played on.
fn lowest_key(run: &Loaded<Paper>) -> u8 {
    Known::of(&run.preparation).keys.map_or(PIANO.0, |keys| keys.lowest)
}

/// MIDI notes of each step.
fn chords(lowest: u8, steps: &Array2<f32>) -> Vec<Vec<u8>> {
    let sounding = |row: ndarray::ArrayView1<'_, f32>| {
        let keys = row.iter().enumerate().filter(|(_, on)| **on > 0.5);
        keys.map(|(key, _)| lowest.saturating_add(key as u8)).collect()
    };
    steps.rows().into_iter().map(sounding).collect()
}

fn strokes(steps: &Array2<f32>) -> Vec<[f32; 3]> {
    steps.rows().into_iter().map(|step| [step[0], step[1], step[2]]).collect()
}

/// The symbols of a text, by number.
pub(super) fn symbols(steps: &Array2<f32>) -> Vec<usize> {
    let number = |step: ndarray::ArrayView1<'_, f32>| {
        step.iter().position(|&is_this| is_this > 0.5).unwrap_or_default()
    };
    steps.rows().into_iter().map(number).collect()
}

#[cfg(test)]
mod tests {
    use super::number_of;

    #[test]
    fn only_files_that_were_numbered_here_have_a_number() {
        assert_eq!(number_of("generated-40.mid", "generated", "mid"), Some(40));
        for other in [
            "generated-40.svg",
            "generated-.mid",
            "generated-007.mid",
            "generated-+7.mid",
            "generated-7.mid.mid",
            "generated-7-mine.mid",
            "generated7.mid",
            "completed-7.mid",
            "generated.mid",
        ] {
            assert_eq!(number_of(other, "generated", "mid"), None, "{other}");
        }
    }
}
