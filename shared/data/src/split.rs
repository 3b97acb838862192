use std::{any::Any, collections::BTreeMap, ops::Range, sync::Arc};

use kernels::noise::{Noise, Stream, uniform};
use ndarray::Array2;
use rayon::prelude::*;

use super::{
    Binarise, DataConfig, DataError, ExampleSet, FactorGrid, Knowledge, PixelShape, SplitName,
    examples::Example,
    sprites::{SIDE, write_bits},
};

/// Number of pixels below which one thread is faster.
const PARALLEL: usize = 1 << 15;

/// The pixel in [0, 1] of each byte.
const PIXEL_OF_BYTE: [f32; 256] = {
    let mut pixels = [0.0; 256];
    let mut byte = 0;
    while byte < pixels.len() {
        pixels[byte] = byte as f32 / 255.0;
        byte += 1;
    }
    pixels
};

/// A pixel of one half and above.
fn is_white(byte: u8) -> bool {
    byte >= 128
}

/// Part of a set of examples, or of several of one shape.
#[derive(Clone, Debug)]
pub struct Split {
    /// At least one.
    parts: Vec<Part>,
}

/// Consecutive examples of a set.
#[derive(Clone, Debug)]
struct Part {
    examples: Arc<ExampleSet>,
    range: Range<usize>,
}

impl From<ExampleSet> for Split {
    fn from(examples: ExampleSet) -> Self {
        let range = 0..examples.len();
        Self::of(Arc::new(examples), range)
    }
}

impl Split {
    fn of(examples: Arc<ExampleSet>, range: Range<usize>) -> Self {
        Self { parts: vec![Part { examples, range }] }
    }

    /// Number of examples.
    pub fn len(&self) -> usize {
        self.parts.iter().map(|part| part.range.len()).sum()
    }

    /// True if there is no example.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The set that has example `index`, and its place there.
    fn place(&self, index: usize) -> (&ExampleSet, usize) {
        let mut left = index;
        for part in &self.parts[..self.parts.len() - 1] {
            if left < part.range.len() {
                return (&part.examples, part.range.start + left);
            }
            left -= part.range.len();
        }
        let last = &self.parts[self.parts.len() - 1];
        (&last.examples, last.range.start + left)
    }

    /// Height and width of every image.
    pub fn shape(&self) -> PixelShape {
        self.parts[0].examples.shape()
    }

    /// Width of an input.
    pub fn input_dim(&self) -> usize {
        self.shape().pixels()
    }

    /// The first `count` examples, or all if there are fewer.
    pub fn take(&self, count: usize) -> Self {
        let mut left = count;
        let first = |part: &Part| {
            let taken = left.min(part.range.len());
            left -= taken;
            Part {
                examples: part.examples.clone(),
                range: part.range.start..part.range.start + taken,
            }
        };
        Self { parts: self.parts.iter().map(first).collect() }
    }

    /// `count` examples at equal distances, or all if there are fewer: of a set that lies in the order of its classes
    /// some of each.
    #[must_use]
    pub fn spread(&self, count: usize) -> Self {
        let len = self.len();
        if count == 0 || count >= len {
            return self.take(count);
        }
        let one =
            |part: &Part, at: usize| Part { examples: part.examples.clone(), range: at..at + 1 };
        let all = self.parts.iter().flat_map(|part| part.range.clone().map(move |at| (part, at)));
        // The example at which the share of those passed reaches another whole number of those wanted.
        let wanted = |index: usize| (index + 1) * count / len > index * count / len;
        let chosen = all.enumerate().filter(|&(index, _)| wanted(index));
        Self { parts: chosen.map(|(_, (part, at))| one(part, at)).collect() }
    }

    /// What example `index` is called where its data come from: a file's name, a row's number.
    pub fn name(&self, index: usize) -> Option<&str> {
        let (examples, place) = self.place(index);
        examples.name(place)
    }

    /// Class of example `index`.
    pub fn label(&self, index: usize) -> u8 {
        let (examples, place) = self.place(index);
        examples.label(place)
    }

    /// Classes of all examples.
    pub fn labels(&self) -> Vec<u8> {
        (0..self.len()).map(|index| self.label(index)).collect()
    }

    /// Classes of the chosen examples.
    pub fn labels_of(&self, indices: &[usize]) -> Vec<u8> {
        indices.iter().map(|&index| self.label(index)).collect()
    }

    /// Noise key of example `index`.
    pub fn key(&self, index: usize) -> u64 {
        let (examples, place) = self.place(index);
        examples.key(place)
    }

    /// Example `index` as it is stored.
    fn example(&self, index: usize) -> Example<'_> {
        let (examples, place) = self.place(index);
        examples.example(place)
    }

    /// Levels of image `index`, by rows and channels; `None` for other examples.
    pub(super) fn levels(&self, index: usize) -> Option<&[u8]> {
        match self.example(index) {
            Example::Image(levels) => Some(levels),
            _ => None,
        }
    }

    /// Feeds all bytes of the examples to a checksum.
    pub(super) fn feed(&self, sink: &mut dyn FnMut(&[u8])) {
        for part in &self.parts {
            part.examples.feed(part.range.clone(), sink);
        }
    }

    /// True if every pixel is stored as black or white.
    pub fn is_black_and_white(&self) -> bool {
        self.parts[0].examples.is_black_and_white()
    }

    /// True if the examples are rows of a table.
    pub fn is_rows(&self) -> bool {
        self.parts[0].examples.is_rows()
    }

    /// True if the examples are sequences, of unequal length.
    pub fn is_sequences(&self) -> bool {
        self.parts[0].examples.is_sequences()
    }

    /// What the examples are called.
    pub fn examples(&self) -> &'static str {
        match self {
            _ if self.is_rows() => "rows",
            _ if self.is_sequences() => "sequences",
            _ => "images",
        }
    }

    /// Steps of example `index`: of a sequence, or the rows of an image.
    pub fn steps(&self, index: usize) -> usize {
        let (examples, place) = self.place(index);
        examples.steps(place)
    }

    /// Grey levels in [0, 1] of the chosen examples, or rows of a table, `[examples, pixels]`.
    pub fn grey(&self, indices: &[usize]) -> Array2<f32> {
        self.inputs(indices, Binarise::None, Noise::new(0), 0)
    }

    /// The same of all examples.
    pub fn all_grey(&self) -> Array2<f32> {
        self.undrawn(Binarise::None)
    }

    /// All inputs, grey levels where pixels are drawn: see [`Binarise::undrawn`].
    pub fn undrawn(&self, binarise: Binarise) -> Array2<f32> {
        let all: Vec<usize> = (0..self.len()).collect();
        self.inputs(&all, binarise.undrawn(), Noise::new(0), 0)
    }

    /// Inputs of the chosen examples, `[examples, pixels]`, binarised by the noise of `epoch`; zeros
    /// after the end of a sequence.
    pub fn inputs(
        &self,
        indices: &[usize],
        binarise: Binarise,
        noise: Noise,
        epoch: u64,
    ) -> Array2<f32> {
        let mut inputs = Array2::zeros((indices.len(), self.width_of(indices)));
        if let Some(values) = inputs.as_slice_mut() {
            self.write_inputs(indices, binarise, noise, epoch, values);
        }
        inputs
    }

    /// Width of the inputs of these examples: sequences are as wide as the longest of them.
    pub fn width_of(&self, indices: &[usize]) -> usize {
        if !self.is_sequences() {
            return self.input_dim();
        }
        let longest = indices.iter().map(|&index| self.steps(index)).max().unwrap_or(0);
        longest * self.shape().width
    }

    /// Writes what [`Self::inputs`] returns into `values`, row by row.
    pub fn write_inputs(
        &self,
        indices: &[usize],
        binarise: Binarise,
        noise: Noise,
        epoch: u64,
        values: &mut [f32],
    ) {
        let width = self.width_of(indices).max(1);
        let write = |(row, &index): (&mut [f32], &usize)| {
            self.write_input(index, binarise, noise, epoch, row);
        };
        if values.len() < PARALLEL {
            values.chunks_mut(width).zip(indices).for_each(write);
        } else {
            values.par_chunks_mut(width).zip(indices).with_min_len(16).for_each(write);
        }
    }

    fn write_input(
        &self,
        index: usize,
        binarise: Binarise,
        noise: Noise,
        epoch: u64,
        row: &mut [f32],
    ) {
        let bytes = match self.example(index) {
            Example::Image(bytes) => bytes,
            Example::Row(values) => return row.copy_from_slice(values),
            Example::Sprite(sprite) => return write_bits(&sprite, row),
            Example::Sequence(sequences, index) => return sequences.write(index, row),
        };
        match binarise {
            Binarise::None => {
                // Divided, not looked up: the compiler makes vectors of it.
                for (value, &byte) in row.iter_mut().zip(bytes) {
                    *value = f32::from(byte) / 255.0;
                }
            }
            Binarise::Threshold => {
                for (value, &byte) in row.iter_mut().zip(bytes) {
                    *value = f32::from(u8::from(is_white(byte)));
                }
            }
            Binarise::Dynamic | Binarise::Static => {
                let epoch = if binarise == Binarise::Static { 0 } else { epoch };
                let mut generator = noise.generator(Stream::Binarise, epoch, self.key(index));
                // Black and white pixels need no draw; they are most of a digit.
                for (value, &byte) in row.iter_mut().zip(bytes) {
                    *value = match byte {
                        0 => 0.0,
                        255 => 1.0,
                        grey => {
                            f32::from(uniform(&mut generator) < PIXEL_OF_BYTE[usize::from(grey)])
                        }
                    };
                }
            }
        }
    }

    /// Mean of a step over all steps of all examples, `[width]`.
    pub fn step_mean(&self, binarise: Binarise) -> Vec<f32> {
        let width = self.shape().width.max(1);
        let mut sums = vec![0f64; width];
        for step in self.mean(binarise).chunks(width) {
            sums.iter_mut().zip(step).for_each(|(sum, &mean)| *sum += f64::from(mean));
        }
        let steps: usize = (0..self.len()).map(|index| self.steps(index)).sum();
        let scale = self.len() as f64 / steps.max(1) as f64;
        sums.iter().map(|sum| (sum * scale) as f32).collect()
    }

    /// Mean input of the split, by pixel, in expectation where pixels are drawn; of sequences, as if zeros followed
    /// their ends.
    pub fn mean(&self, binarise: Binarise) -> Vec<f32> {
        let level = |byte: u8| match binarise {
            Binarise::Threshold => 255 * u64::from(is_white(byte)),
            Binarise::Dynamic | Binarise::Static | Binarise::None => u64::from(byte),
        };
        // Grey levels add up exactly, whatever the order.
        let (mut greys, mut sums) = (vec![0u64; self.input_dim()], vec![0f64; self.input_dim()]);
        for index in 0..self.len() {
            match self.example(index) {
                Example::Image(bytes) => {
                    greys.iter_mut().zip(bytes).for_each(|(sum, &byte)| *sum += level(byte));
                }
                Example::Sprite(sprite) => {
                    for (bits, greys) in sprite.iter().zip(greys.chunks_mut(SIDE)) {
                        let white = |x: usize| 255 * (bits >> x & 1);
                        greys.iter_mut().enumerate().for_each(|(x, sum)| *sum += white(x));
                    }
                }
                Example::Sequence(sequences, index) => {
                    let mut row = vec![0.0; sums.len()];
                    sequences.write(index, &mut row);
                    sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += f64::from(value));
                }
                Example::Row(row) => {
                    sums.iter_mut().zip(row).for_each(|(sum, &value)| *sum += f64::from(value));
                }
            }
        }
        let scale = self.len().max(1) as f64;
        let mean =
            |(grey, sum): (&u64, &f64)| (*grey as f64 / (255.0 * scale) + sum / scale) as f32;
        greys.iter().zip(&sums).map(mean).collect()
    }
}

/// Three disjoint splits. The test split is for `evaluate` alone.
///
/// ```
/// use std::{collections::BTreeMap, sync::Arc};
///
/// use data::{ExampleSet, PixelShape, Splits};
///
/// let shape = PixelShape::grey(1, 1);
/// let pixels = vec![0, 51, 102, 255];
/// let images = Arc::new(ExampleSet::images(shape, pixels, vec![0, 1, 0, 1], false));
/// // Two images for training, one for validation, the rest for test.
/// let splits = Splits::consecutive(images, [2, 1], BTreeMap::new());
/// assert_eq!([splits.train.len(), splits.valid.len(), splits.test.len()], [2, 1, 1]);
/// assert_eq!(splits.train.grey(&[1])[[0, 0]], 0.2); // grey levels in [0, 1]
/// assert_eq!(splits.test.label(0), 1);
/// ```
#[derive(Clone, Debug)]
pub struct Splits {
    /// For fitting.
    pub train: Split,
    /// For early stopping and model selection.
    pub valid: Split,
    /// For reported metrics.
    pub test: Split,
    /// Source files, with the sha256 of their uncompressed content (of an npz archive, its own); empty
    /// for generated data.
    pub files: BTreeMap<String, String>,
    /// The grid of factors, for images that are taken from one.
    pub factors: Option<Arc<dyn FactorGrid>>,
    /// Further knowledge of the kind of data: a vocabulary, columns.
    pub known: Option<Arc<dyn Knowledge>>,
}

impl Splits {
    /// Consecutive examples: `train` for training, `valid` for validation, the rest for test.
    pub fn consecutive(
        rows: Arc<ExampleSet>,
        [train, valid]: [usize; 2],
        files: BTreeMap<String, String>,
    ) -> Self {
        let part = |range| Split::of(rows.clone(), range);
        Self {
            train: part(0..train),
            valid: part(train..train + valid),
            test: part(train + valid..rows.len()),
            files,
            factors: None,
            known: None,
        }
    }

    /// Every example of the sets the splits are taken from, in the order of the sets: also those that
    /// `train_examples` leaves out. MNIST's training images are its first 60,000, the test images follow.
    pub fn all(&self) -> Split {
        let mut parts: Vec<Part> = Vec::new();
        for part in [&self.train, &self.valid, &self.test].into_iter().flat_map(|s| &s.parts) {
            if parts.iter().all(|known| !Arc::ptr_eq(&known.examples, &part.examples)) {
                let range = 0..part.examples.len();
                parts.push(Part { examples: part.examples.clone(), range });
            }
        }
        Split { parts }
    }

    /// The same data with every example in the test split.
    #[must_use]
    pub fn as_test(self) -> Self {
        let all = self.all();
        Self { train: all.take(0), valid: all.take(0), test: all, ..self }
    }

    /// The knowledge of the kind of data, if it has this type.
    pub fn known<T: Knowledge>(&self) -> Option<&T> {
        let known: &dyn Any = self.known.as_deref()?;
        known.downcast_ref()
    }

    /// Splits `pool` into training and validation as configured; `own` is the data set's own number of
    /// validation examples.
    ///
    /// # Errors
    /// If more training examples are asked for than there are.
    pub fn new(
        pool: Arc<ExampleSet>,
        test: Arc<ExampleSet>,
        own: Option<usize>,
        config: &DataConfig,
    ) -> Result<Self, DataError> {
        let total = pool.len();
        let valid = match config.split {
            SplitName::Standard => own.unwrap_or(total / 6),
            SplitName::Iwae => 400.min(total / 6),
        };
        let train = 0..config.training(total - valid, "examples")?;
        let test_range = 0..test.len();
        Ok(Self {
            train: Split::of(pool.clone(), train),
            valid: Split::of(pool, total - valid..total),
            test: Split::of(test, test_range),
            files: BTreeMap::new(),
            factors: None,
            known: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Sequences, segments};

    fn splits(config: &DataConfig) -> Result<Splits, DataError> {
        let (pool, test) = segments::generate();
        Splits::new(Arc::new(pool), Arc::new(test), None, config)
    }

    fn config() -> DataConfig {
        DataConfig::new("segments", Binarise::Dynamic)
    }

    #[test]
    fn splits_are_disjoint_and_complete() {
        let splits = splits(&config()).unwrap();
        let keys = |split: &Split| (0..split.len()).map(|i| split.key(i)).collect::<Vec<_>>();
        let mut all = [keys(&splits.train), keys(&splits.valid), keys(&splits.test)].concat();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
        assert_eq!(splits.train.len() + splits.valid.len(), 2400);
    }

    #[test]
    fn all_is_every_example_once_in_the_order_of_the_sets() {
        let few = DataConfig { train_examples: Some(100), ..config() };
        let splits = splits(&few).unwrap();
        let all = splits.all();
        assert_eq!((splits.train.len(), all.len()), (100, 3000));
        let same = |index: usize, split: &Split, place: usize| {
            assert_eq!(all.grey(&[index]), split.grey(&[place]));
            assert_eq!((all.key(index), all.label(index)), (split.key(place), split.label(place)));
        };
        same(99, &splits.train, 99);
        same(2000, &splits.valid, 0);
        same(2399, &splits.valid, 399);
        same(2400, &splits.test, 0);
        same(2999, &splits.test, 599);
        let part = all.take(2401);
        assert_eq!((part.len(), part.key(2400)), (2401, splits.test.key(0)));
        let test = splits.clone().as_test();
        assert_eq!([test.train.len(), test.valid.len(), test.test.len()], [0, 0, 3000]);
    }

    #[test]
    fn examples_at_equal_distances_are_of_every_part() {
        let all = splits(&config()).unwrap().all();
        let places = |count: usize| {
            let spread = all.spread(count);
            let place = |key| (0..all.len()).find(|&i| all.key(i) == key).unwrap();
            (0..spread.len()).map(|i| place(spread.key(i))).collect::<Vec<_>>()
        };
        assert_eq!(places(3), [999, 1999, 2999]);
        for count in [1, 7, 700, 2999] {
            let found = places(count);
            assert_eq!(found.len(), count);
            // No distance differs from another by more than one.
            let between = found.windows(2).map(|pair| pair[1] - pair[0]);
            let exact = 3000 / count;
            assert!(between.into_iter().all(|by| by == exact || by == exact + 1), "{count}");
        }
        assert_eq!(
            [all.spread(0).len(), all.spread(3000).len(), all.spread(4000).len()],
            [0, 3000, 3000]
        );
    }

    #[test]
    fn binarisation_follows_the_grey_level_and_its_key() {
        let train = splits(&config()).unwrap().train;
        let noise = Noise::new(3);
        let draw = |epoch| train.inputs(&[5], Binarise::Dynamic, noise, epoch);
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        assert_eq!(
            train.inputs(&[5], Binarise::Static, noise, 1),
            train.inputs(&[5], Binarise::Static, noise, 2)
        );
        // The average over many epochs is the grey level.
        let epochs = 4000;
        let mut mean = Array2::<f32>::zeros((1, train.input_dim()));
        for epoch in 0..epochs {
            mean += &draw(epoch);
        }
        mean /= epochs as f32;
        let worst = (&mean - &train.grey(&[5])).fold(0f32, |worst, d| worst.max(d.abs()));
        assert!(worst < 0.05, "largest deviation {worst}");
    }

    #[test]
    fn the_mean_is_that_of_the_inputs() {
        let train = splits(&config()).unwrap().train.take(300);
        for (binarise, tolerance) in
            [(Binarise::None, 1e-5), (Binarise::Threshold, 1e-5), (Binarise::Static, 0.12)]
        {
            let all: Vec<usize> = (0..train.len()).collect();
            let inputs = train.inputs(&all, binarise, Noise::new(3), 0);
            let mean = inputs.mean_axis(ndarray::Axis(0)).unwrap();
            let differences = mean.iter().zip(train.mean(binarise)).map(|(a, b)| (a - b).abs());
            let worst = differences.fold(0f32, f32::max);
            assert!(worst < tolerance, "{binarise:?}: {worst}");
        }
    }

    #[test]
    fn every_step_counts_once_in_the_mean_step() {
        let sequences = [vec![1.0, 0.0], vec![1.0, 1.0, 0.0, 0.0, 1.0, 0.0]];
        let split = Split::from(ExampleSet::sequences(Sequences::of_numbers(2, &sequences), false));
        assert_eq!(split.step_mean(Binarise::None), [0.75, 0.25]);
    }

    #[test]
    fn too_many_training_examples_are_refused() {
        let bad = DataConfig { train_examples: Some(1_000_000), ..config() };
        assert!(splits(&bad).unwrap_err().to_string().contains("train_examples"));
    }
}
