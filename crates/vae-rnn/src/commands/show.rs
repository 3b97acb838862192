//! Sequences as what they are: images, chords, drawings, text.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, anyhow};
use ndarray::{Array2, s};
use sequences::{Known, PIANO, Roll, Steps, Vocabulary, beats_of, rolls, steps_of};
use shared::{
    cli::{Loaded, Sheet, SheetRow, refuse_existing},
    data::Split,
    paper::RunConfig,
    plot::{Grid, Panel, Series, panels, write_svg},
    progress,
    run::write_atomic,
};

use crate::{
    Paper,
    midi::midi_file,
    svg::{drawing, drawings},
};

/// Quarter notes a minute.
const TEMPO: f64 = 90.0;
/// Images a row.
const ROW: usize = 10;

/// A sequence that was drawn, or begun and drawn to its end.
pub(super) struct ShownSequence {
    /// What it is a version of, if there are several; these are drawn together.
    pub(super) of: String,
    /// Its name among them.
    pub(super) title: String,
    /// The sequence, `[steps, width]`.
    pub(super) steps: Array2<f32>,
    /// Steps that were given.
    pub(super) given: usize,
}

impl ShownSequence {
    /// Its name among all.
    fn name(&self) -> String {
        if self.of.is_empty() { self.title.clone() } else { format!("{}, {}", self.of, self.title) }
    }

    /// True if both are versions of the same.
    fn is_beside(&self, next: &Self) -> bool {
        self.of == next.of
    }
}

/// What was given of a sequence, and then its versions, each with its title.
fn with_given(versions: &[ShownSequence]) -> Vec<(&str, Array2<f32>)> {
    let given = versions
        .first()
        .map(|first| ("given", first.steps.slice(s![..first.given, ..]).to_owned()));
    let all = versions.iter().map(|shown| (&*shown.title, shown.steps.clone()));
    given.into_iter().chain(all).collect()
}

/// True if each is a sequence of its own.
fn have_no_versions(sequences: &[ShownSequence]) -> bool {
    sequences.iter().all(|shown| shown.of.is_empty())
}

/// Writes sequences into `path`, whose ending is [`ending`], and beside it: returns the files, the picture first.
/// Drawings have a file each, of the same name and a number; `path` itself has those of which there
/// are versions, under their titles.
pub(super) fn show(
    run: &Loaded<Paper>,
    path: &Path,
    caption: &str,
    sequences: &[ShownSequence],
) -> Result<Vec<PathBuf>> {
    let caption = format!("{caption}: {}", run.title());
    match steps_of(run.config.data()) {
        Steps::Rows => {
            let mut grid = Grid::new(run.preparation.shape, caption);
            for row in sequences.chunks(ROW) {
                let images: Vec<f32> =
                    row.iter().flat_map(|shown| shown.steps.iter().copied()).collect();
                let pixels = images.len() / row.len().max(1);
                grid = grid.row("", Array2::from_shape_vec((row.len(), pixels), images)?);
            }
            grid.save(path)?;
            Ok(vec![path.to_owned()])
        }
        Steps::Chords => show_chords(run, path, &caption, sequences),
        Steps::Numbers => {
            let mut rows: Vec<SeriesRow<'_>> = Vec::new();
            let mut first = 0;
            for versions in sequences.chunk_by(ShownSequence::is_beside) {
                let titles: Vec<&str> = versions.iter().map(|shown| &*shown.title).collect();
                let lines = distinct(&titles).into_iter().zip(first..).collect();
                rows.push(SeriesRow { label: &versions[0].of, lines });
                first += versions.len();
            }
            show_series(run, [path, &path.with_extension("csv")], &caption, sequences, &rows)
        }
        Steps::Pen => show_drawings(run, path, &caption, sequences),
        Steps::Symbols => {
            let vocabulary = vocabulary(run)?;
            let (names, lines) = named_lines(sequences, |steps| vocabulary.line(symbols(steps)));
            write_text(path, &list(&names, &[""], &[lines]))
        }
    }
}

/// Drawings in a file each beside `path`, of the same name and a number; versions of the same also
/// side by side in `path`.
fn show_drawings(
    run: &Loaded<Paper>,
    path: &Path,
    caption: &str,
    sequences: &[ShownSequence],
) -> Result<Vec<PathBuf>> {
    let files = numbered(run, path, "svg", sequences.len())?;
    let sheet = sheet_of_versions(caption, sequences);
    if let Some(sheet) = &sheet {
        write_svg(path, sheet)?;
    }
    for (file, shown) in files.iter().zip(sequences) {
        write_svg(file, &drawing(&strokes(&shown.steps)))?;
    }
    remove_higher(run, path, "svg", sequences.len())?;
    Ok(sheet.map(|_| path.to_owned()).into_iter().chain(files).collect())
}

/// A row for each sequence of which there are versions: what was given of it, and these.
fn sheet_of_versions(caption: &str, sequences: &[ShownSequence]) -> Option<String> {
    if have_no_versions(sequences) {
        return None;
    }
    let (mut columns, mut rows) = (Vec::new(), Vec::new());
    for versions in sequences.chunk_by(ShownSequence::is_beside) {
        let (titles, drawn): (Vec<String>, Vec<String>) = with_given(versions)
            .into_iter()
            .map(|(title, steps)| (title.to_owned(), drawing(&strokes(&steps))))
            .unzip();
        columns = titles;
        rows.push((versions[0].of.clone(), drawn));
    }
    Some(drawings(caption, &columns, &rows))
}

/// Lines of text and their names: of versions also what was given, of others no names.
fn named_lines(
    sequences: &[ShownSequence],
    line: impl Fn(&Array2<f32>) -> String,
) -> (Vec<String>, Vec<String>) {
    if have_no_versions(sequences) {
        return (Vec::new(), sequences.iter().map(|shown| line(&shown.steps)).collect());
    }
    let mut named = Vec::new();
    for versions in sequences.chunk_by(ShownSequence::is_beside) {
        for (title, steps) in with_given(versions) {
            named.push((format!("{}, {title}", versions[0].of), line(&steps)));
        }
    }
    named.into_iter().unzip()
}

/// Writes a text into `path` and prints it: returns the file.
fn write_text(path: &Path, text: &str) -> Result<Vec<PathBuf>> {
    write_atomic(path, text.as_bytes())?;
    shared::print_text!("{text}");
    Ok(vec![path.to_owned()])
}

/// The symbols of a run's text.
fn vocabulary(run: &Loaded<Paper>) -> Result<Vocabulary> {
    let none = || anyhow!("{} has no vocabulary", run.run.path().display());
    Known::of(&run.preparation).vocabulary.ok_or_else(none)
}

/// Chords as piano rolls in `picture`, and each as a MIDI file beside it, of the same name and a number.
fn show_chords(
    run: &Loaded<Paper>,
    picture: &Path,
    caption: &str,
    sequences: &[ShownSequence],
) -> Result<Vec<PathBuf>> {
    let all: Vec<Roll> = sequences.iter().map(|shown| roll(run, shown)).collect();
    let tunes = numbered(run, picture, "mid", sequences.len())?;
    let is_begun = all.iter().any(|roll| roll.given > 0);
    let colours = if is_begun { "; what was given is beige" } else { "" };
    rolls(picture, &format!("{caption}{colours}"), "", &all)?;
    let beats = beats_of(run.config.data())?;
    for (tune, shown) in tunes.iter().zip(sequences) {
        write_atomic(tune, &midi_file(&chords(lowest_key(run), &shown.steps), beats, TEMPO))?;
    }
    remove_higher(run, picture, "mid", sequences.len())?;
    Ok([picture.to_owned()].into_iter().chain(tunes).collect())
}

/// Names of so many files beside `path`, of the same name and a number, none of which is of the user's.
fn numbered(run: &Loaded<Paper>, path: &Path, ending: &str, count: usize) -> Result<Vec<PathBuf>> {
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    let file = |number: usize| path.with_file_name(format!("{name}-{number}.{ending}"));
    let files: Vec<PathBuf> = (1..=count).map(file).collect();
    files.iter().try_for_each(|file| refuse_users(run, file))?;
    Ok(files)
}

/// Refuses to write over a file of the user's: only those in the run's folder are replaced.
fn refuse_users(run: &Loaded<Paper>, file: &Path) -> Result<()> {
    if file.parent() == Some(run.run.path()) { Ok(()) } else { refuse_existing(file) }
}

/// Lines of a chart, at most: more could not be told apart.
const LINES: usize = 8;
/// Columns of series that are drawn side by side, at most.
const COLUMNS: usize = 4;

/// Series that are drawn into one chart for each column, with the name of each and its place among all.
struct SeriesRow<'a> {
    label: &'a str,
    lines: Vec<(String, usize)>,
}

impl SeriesRow<'_> {
    /// [`LINES`] of them, evenly spaced with both ends; all if there are no more.
    fn drawn(&self) -> impl Iterator<Item = &(String, usize)> {
        let count = self.lines.len();
        let places = (0..count.min(LINES)).map(move |line| match count {
            few if few <= LINES => line,
            many => line * (many - 1) / (LINES - 1),
        });
        places.map(|place| &self.lines[place])
    }
}

/// Series as charts in `picture`, a row of charts for each of `rows` and one for each column of the data, and all in the
/// CSV `file`, in the units of the data.
fn show_series(
    run: &Loaded<Paper>,
    [picture, file]: [&Path; 2],
    caption: &str,
    sequences: &[ShownSequence],
    rows: &[SeriesRow<'_>],
) -> Result<Vec<PathBuf>> {
    refuse_users(run, file)?;
    let columns = Known::of(&run.preparation).columns.unwrap_or_default();
    let mut table = csv::Writer::from_writer(Vec::new());
    let header = ["series", "step"].into_iter().chain(columns.iter().map(|own| &*own.name));
    table.write_record(header)?;
    let mut numbers: Vec<Vec<Vec<f64>>> = Vec::new();
    let titles: Vec<String> = sequences.iter().map(ShownSequence::name).collect();
    for (shown, title) in sequences.iter().zip(distinct(&titles)) {
        let original = |step: ndarray::ArrayView1<'_, f32>| -> Vec<f64> {
            columns.iter().zip(step).map(|(column, &x)| column.original(x)).collect()
        };
        let steps: Vec<Vec<f64>> = shown.steps.rows().into_iter().map(original).collect();
        for (step, own) in steps.iter().enumerate() {
            let cells = own.iter().map(f64::to_string);
            table.write_record([title.clone(), step.to_string()].into_iter().chain(cells))?;
        }
        numbers.push(steps);
    }
    let drawn = |row: &SeriesRow<'_>, place: usize| {
        let line = |(name, own): &(String, usize)| {
            let points = numbers[*own].iter().enumerate();
            let points = points.map(|(step, values)| (step as f64, values[place])).collect();
            Series { name: name.clone(), points }
        };
        let up = columns[place].name.clone();
        Panel { title: row.label.to_owned(), up, lines: row.drawn().map(line).collect() }
    };
    let shown = columns.len().min(COLUMNS);
    let charts: Vec<Vec<Panel>> =
        rows.iter().map(|row| (0..shown).map(|place| drawn(row, place)).collect()).collect();
    let path = picture.display();
    if let Some(row) = rows.iter().find(|row| row.lines.len() > LINES) {
        progress::line(&format!("{path} shows {LINES} of {} series", row.lines.len()));
    }
    if columns.len() > shown {
        progress::line(&format!("{path} shows the first {shown} of {} columns", columns.len()));
    }
    panels(picture, caption, "step", &charts)?;
    let bytes = table.into_inner().map_err(|error| anyhow!("{error}"))?;
    write_atomic(file, &bytes)?;
    Ok(vec![picture.to_owned(), file.to_owned()])
}

/// These titles, numbered where several are equal or one is empty: rows of a table are told apart by them.
fn distinct<S: AsRef<str>>(titles: &[S]) -> Vec<String> {
    let titles: Vec<&str> = titles.iter().map(AsRef::as_ref).collect();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    titles.iter().for_each(|title| *counts.entry(title).or_default() += 1);
    let mut numbers: BTreeMap<&str, usize> = BTreeMap::new();
    let distinct = titles.iter().map(|&title| {
        if titles.len() == 1 || !title.is_empty() && counts[title] == 1 {
            return title.to_owned();
        }
        let number = numbers.entry(title).or_default();
        loop {
            *number += 1;
            let numbered = format!("{title} {number}").trim().to_owned();
            if !counts.contains_key(&*numbered) {
                return numbered;
            }
        }
    });
    distinct.collect()
}

/// Ending of the files that sequences of such steps are drawn into.
pub(crate) fn ending(steps: Steps) -> &'static str {
    match steps {
        Steps::Rows | Steps::Chords | Steps::Numbers => "png",
        Steps::Pen => "svg",
        Steps::Symbols => "txt",
    }
}

/// Draws the sequences of a shared command: text as a list, drawings side by side, chords as piano rolls and
/// MIDI files; nothing of images, which are drawn as such.
pub(crate) fn draw_sheet(
    run: &Loaded<Paper>,
    sheet: &Sheet,
    path: &Path,
) -> Result<Option<Vec<PathBuf>>> {
    let steps = steps_of(run.config.data());
    if steps == Steps::Rows {
        return Ok(None);
    }
    let width = run.preparation.shape.width;
    let sequences = |row: &SheetRow| -> Result<Vec<Array2<f32>>> {
        let own = |(x, &steps): (ndarray::ArrayView1<'_, f32>, &usize)| {
            let own = x.slice(s![..steps * width]).to_owned();
            Ok(own.into_shape_with_order((steps, width))?)
        };
        row.examples.rows().into_iter().zip(&row.steps).map(own).collect()
    };
    let rows = sheet.rows.iter().map(sequences).collect::<Result<Vec<_>>>()?;
    match steps {
        Steps::Symbols => {
            let vocabulary = vocabulary(run)?;
            let line = |own: &Array2<f32>| vocabulary.line(symbols(own));
            let lines: Vec<Vec<String>> =
                rows.iter().map(|row| row.iter().map(line).collect()).collect();
            let labels: Vec<&str> = sheet.rows.iter().map(|row| &*row.label).collect();
            return write_text(path, &list(&sheet.columns, &labels, &lines)).map(Some);
        }
        Steps::Pen => {
            let strokes = |own: &Array2<f32>| drawing(&strokes(own));
            let drawn: Vec<(String, Vec<String>)> = (sheet.rows.iter().zip(&rows))
                .map(|(row, own)| (row.label.clone(), own.iter().map(strokes).collect()))
                .collect();
            write_svg(path, &drawings(&sheet.caption, &sheet.columns, &drawn))?;
            return Ok(Some(vec![path.to_owned()]));
        }
        Steps::Rows | Steps::Chords | Steps::Numbers => {}
    }
    let mut shown = Vec::new();
    let mut series = Vec::new();
    for (row, own) in sheet.rows.iter().zip(rows) {
        let name = |place: usize| match sheet.columns.get(place) {
            Some(column) if !column.is_empty() => column.clone(),
            _ => (place + 1).to_string(),
        };
        let lines = (0..own.len()).map(|place| (name(place), shown.len() + place)).collect();
        series.push(SeriesRow { label: &row.label, lines });
        for (place, steps) in own.into_iter().enumerate() {
            let column = sheet.columns.get(place).map_or("", String::as_str);
            let title = format!("{} {column}", row.label).trim().to_owned();
            shown.push(ShownSequence { of: String::new(), title, steps, given: 0 });
        }
    }
    Ok(Some(if steps == Steps::Numbers {
        // Not that of the picture: scores have such a file.
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let values = path.with_file_name(format!("{name}-values.csv"));
        show_series(run, [path, &values], &sheet.caption, &shown, &series)?
    } else {
        show_chords(run, path, &sheet.caption, &shown)?
    }))
}

/// Lines of text as a table with a line for each column of a sheet, or as they are if nothing has a label.
fn list(columns: &[String], labels: &[&str], rows: &[Vec<String>]) -> String {
    if columns.is_empty() && labels.iter().all(|label| label.is_empty()) {
        return rows.iter().flatten().map(|line| format!("{line}\n")).collect();
    }
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let cell = |row: &Vec<String>, place: usize| row.get(place).cloned().unwrap_or_default();
    let mut table =
        vec![[String::new()].into_iter().chain(labels.iter().map(|&l| l.to_owned())).collect()];
    table.extend((0..count).map(|place| {
        let column = columns.get(place).cloned().unwrap_or_default();
        [column].into_iter().chain(rows.iter().map(|row| cell(row, place))).collect::<Vec<_>>()
    }));
    // A header says nothing where there is one row.
    let table = if rows.len() == 1 { &table[1..] } else { &table[..] };
    let widths: Vec<usize> = (0..=rows.len())
        .map(|place| table.iter().map(|line| line[place].chars().count()).max().unwrap_or(0))
        .collect();
    let mut text = String::new();
    for line in table {
        let cells = line.iter().zip(&widths).filter(|(_, width)| **width > 0);
        let padded: Vec<String> = cells.map(|(cell, &width)| format!("{cell:width$}")).collect();
        text.push_str(padded.join("  ").trim_end());
        text.push('\n');
    }
    text
}

/// Removes what an earlier call of the same command wrote beside `path` under numbers above `last`: it would be taken
/// for this call's. Only files NAME-NUMBER.ENDING in the run's folder, as [`numbered`] calls them, are touched.
fn remove_higher(run: &Loaded<Paper>, path: &Path, ending: &str, last: usize) -> Result<()> {
    let folder = run.run.path();
    if path.parent() != Some(folder) {
        return Ok(());
    }
    let name = &*path.file_stem().unwrap_or_default().to_string_lossy();
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

/// The number of a file that [`numbered`] has named.
fn number_of(file: &str, name: &str, ending: &str) -> Option<usize> {
    let rest = file.strip_prefix(name)?.strip_prefix('-')?;
    let digits = rest.strip_suffix(ending)?.strip_suffix('.')?;
    let number = digits.parse().ok()?;
    // Neither +7 nor 007 is written so.
    (usize::to_string(&number) == digits).then_some(number)
}

/// A sequence of chords as a piano roll.
pub(super) fn roll(run: &Loaded<Paper>, shown: &ShownSequence) -> Roll {
    Roll {
        title: shown.name(),
        keys: Some(shown.steps.clone()),
        lowest: lowest_key(run),
        given: shown.given,
        ..Roll::default()
    }
}

/// A sequence of a split as it is, `[steps, width]`.
pub(super) fn sequence(run: &Loaded<Paper>, split: &Split, index: usize) -> Result<Array2<f32>> {
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
    use ndarray::{Array2, array};

    use super::{ShownSequence, distinct, list, named_lines, number_of, sheet_of_versions};

    /// A sequence of three steps and what a model made of it, with one step given.
    fn versions() -> [ShownSequence; 2] {
        [("the truth", 3.0), ("completion 1", 4.0)].map(|(title, last)| ShownSequence {
            of: "#7".into(),
            title: title.into(),
            steps: array![[1.0, 0.0, 0.0], [2.0, 0.0, 0.0], [last, 0.0, 1.0]],
            given: 1,
        })
    }

    /// The first number of each step.
    fn line(steps: &Array2<f32>) -> String {
        steps.column(0).iter().map(f32::to_string).collect()
    }

    #[test]
    fn a_completed_text_says_what_was_given_and_which_is_the_truth() {
        let (names, lines) = named_lines(&versions(), line);
        let text = list(&names, &[""], &[lines]);
        assert_eq!(text, "#7, given         1\n#7, the truth     123\n#7, completion 1  124\n");
    }

    #[test]
    fn a_text_that_is_no_version_of_another_is_listed_as_it_is() {
        let drawn = versions().map(|shown| ShownSequence { of: String::new(), ..shown });
        let (names, lines) = named_lines(&drawn, line);
        assert_eq!(list(&names, &[""], &[lines]), "123\n124\n");
        assert_eq!(sheet_of_versions("Drawn", &drawn), None);
    }

    #[test]
    fn completed_drawings_are_side_by_side_under_their_titles() {
        let sheet = sheet_of_versions("Completed", &versions()).unwrap();
        for label in ["Completed", "#7", "given", "the truth", "completion 1"] {
            assert_eq!(sheet.matches(&format!(">{label}</text>")).count(), 1, "{label}");
        }
        assert_eq!(sheet.matches("<polyline").count(), 3);
    }

    #[test]
    fn titles_that_are_equal_or_empty_are_numbered() {
        assert_eq!(distinct(&["a", "b"]), ["a", "b"]);
        assert_eq!(
            distinct(&["", "likely", "", "likely", "c"]),
            ["1", "likely 1", "2", "likely 2", "c"]
        );
        assert_eq!(distinct(&["a", "a", "a 1", "", "2", ""]), ["a 2", "a 3", "a 1", "1", "2", "3"]);
    }

    #[test]
    fn text_is_a_list_or_a_table_with_a_line_for_each_column() {
        let line = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
        assert_eq!(list(&[], &[""; 2], &[line(&["Ann", "Bo"]), line(&["Cy"])]), "Ann\nBo\nCy\n");
        let columns = line(&["0.00", "1.00"]);
        let one = list(&columns, &["codes"], &[line(&["Ann", "Bo"])]);
        assert_eq!(one, "0.00  Ann\n1.00  Bo\n");
        let two = list(&columns, &["was", "is"], &[line(&["Ann", "Bo"]), line(&["Anna", "Bob"])]);
        assert_eq!(two, "      was  is\n0.00  Ann  Anna\n1.00  Bo   Bob\n");
    }

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
