//! Sequences: steps of one width, and as many of them as each sequence has.

/// Sequences in one block, sequence by sequence and step by step.
#[derive(Debug)]
pub struct Sequences {
    steps: Steps,
    /// Width of a step.
    width: usize,
    /// The first step of each sequence, and the number of all steps at the end.
    starts: Vec<usize>,
}

/// What the steps consist of.
#[derive(Debug)]
enum Steps {
    /// Numbers, as many as a step is wide.
    Numbers(Vec<f32>),
    /// Symbols, as one-hot vectors as wide as a step.
    Symbols(Vec<u32>),
}

impl Sequences {
    /// Sequences of numbers: each a block of `steps * width` numbers, step by step.
    ///
    /// # Panics
    /// If a sequence is no whole number of steps.
    pub fn of_numbers(width: usize, sequences: &[Vec<f32>]) -> Self {
        assert!(sequences.iter().all(|sequence| sequence.len().is_multiple_of(width)));
        let steps = sequences.iter().map(|sequence| sequence.len() / width);
        Self { starts: starts(steps), steps: Steps::Numbers(sequences.concat()), width }
    }

    /// Sequences of symbols below `width`.
    ///
    /// # Panics
    /// If a symbol is not below `width`.
    pub fn of_symbols(width: usize, sequences: &[Vec<u32>]) -> Self {
        assert!(sequences.iter().flatten().all(|&symbol| (symbol as usize) < width));
        let steps = sequences.iter().map(Vec::len);
        Self { starts: starts(steps), steps: Steps::Symbols(sequences.concat()), width }
    }

    /// Number of sequences.
    pub fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// True if there is no sequence.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Width of a step.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Steps of one sequence.
    pub fn steps(&self, index: usize) -> usize {
        self.starts[index + 1] - self.starts[index]
    }

    /// Steps of the longest sequence.
    pub fn longest(&self) -> usize {
        (0..self.len()).map(|index| self.steps(index)).max().unwrap_or(0)
    }

    /// Feeds all bytes of a sequence to a checksum.
    pub(super) fn feed(&self, index: usize, sink: &mut dyn FnMut(&[u8])) {
        let (start, end) = (self.starts[index], self.starts[index + 1]);
        sink(&((end - start) as u64).to_le_bytes());
        let bytes: Vec<u8> = match &self.steps {
            Steps::Numbers(numbers) => {
                let own = &numbers[start * self.width..end * self.width];
                own.iter().flat_map(|number| number.to_le_bytes()).collect()
            }
            Steps::Symbols(symbols) => {
                symbols[start..end].iter().flat_map(|symbol| symbol.to_le_bytes()).collect()
            }
        };
        sink(&bytes);
    }

    /// Writes a sequence into `row`, step by step; the rest of the row becomes zero.
    pub(super) fn write(&self, index: usize, row: &mut [f32]) {
        let (start, end) = (self.starts[index], self.starts[index + 1]);
        let used = (end - start) * self.width;
        match &self.steps {
            Steps::Numbers(numbers) => {
                row[..used].copy_from_slice(&numbers[start * self.width..end * self.width]);
                row[used..].fill(0.0);
            }
            Steps::Symbols(symbols) => {
                row.fill(0.0);
                for (step, &symbol) in symbols[start..end].iter().enumerate() {
                    row[step * self.width + symbol as usize] = 1.0;
                }
            }
        }
    }
}

fn starts(steps: impl Iterator<Item = usize>) -> Vec<usize> {
    let sums = steps.scan(0, |sum, steps| {
        *sum += steps;
        Some(*sum)
    });
    std::iter::once(0).chain(sums).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_put_in_comes_out_and_the_rest_is_zero() {
        let numbers = Sequences::of_numbers(2, &[vec![1.0, 2.0], vec![3.0, 4.0, 5.0, 6.0]]);
        let symbols = Sequences::of_symbols(3, &[vec![2, 0], vec![1]]);
        assert_eq!((numbers.len(), numbers.longest(), numbers.steps(0)), (2, 2, 1));
        let written = |of: &Sequences, index: usize, width: usize| {
            let mut row = vec![9.0; width];
            of.write(index, &mut row);
            row
        };
        assert_eq!(written(&numbers, 0, 4), [1.0, 2.0, 0.0, 0.0]);
        assert_eq!(written(&numbers, 1, 4), [3.0, 4.0, 5.0, 6.0]);
        assert_eq!(written(&symbols, 0, 6), [0.0, 0.0, 1.0, 1.0, 0.0, 0.0]);
        assert_eq!(written(&symbols, 1, 6), [0.0, 1.0, 0.0, 0.0, 0.0, 0.0]);
    }
}
