use ndarray::{Array2, ArrayView1, ArrayView2, Axis};
use rayon::prelude::*;

use super::distances::{Examples, squared_distance};

/// Queries whose distances are bounded at a time, ...
const QUERIES: usize = 128;
/// ... from so many references.
const REFERENCES: usize = 2048;

/// Accuracy of a vote among the `k` nearest training codes in Euclidean distance, k from 1; ties go to the
/// class with the nearer neighbour. Codes are `[examples, features]`, with a label for each example.
pub fn nearest_neighbour_accuracy(
    train: &Array2<f32>,
    train_labels: &[u8],
    test: &Array2<f32>,
    test_labels: &[u8],
    k: usize,
) -> f64 {
    let correct = nearest(train.view(), test.view(), k)
        .iter()
        .zip(test_labels)
        .filter(|(best, label)| vote(best, train_labels) == Some(**label))
        .count();
    correct as f64 / test_labels.len().max(1) as f64
}

/// The `k` rows of `references` `[points, features]` nearest to each row of `queries` `[queries, features]` in
/// Euclidean distance: their places, nearest first, of equals the earlier first. Distances that are no numbers are the
/// greatest.
///
/// The result is that of exact comparisons: products in single precision tell which references may be among the nearest,
/// and the distances of those few are computed from their definition.
pub fn nearest(
    references: ArrayView2<'_, f32>,
    queries: ArrayView2<'_, f32>,
    k: usize,
) -> Vec<Vec<usize>> {
    let examples = Examples::of(references);
    let blocks: Vec<ArrayView2<'_, f32>> = queries.axis_chunks_iter(Axis(0), QUERIES).collect();
    let found: Vec<Vec<Vec<usize>>> = blocks
        .into_par_iter()
        .map(|block| nearest_to_each(references, &examples, block, k))
        .collect();
    found.into_iter().flatten().collect()
}

/// [`nearest`] for some of the queries; `examples` are the references.
fn nearest_to_each(
    references: ArrayView2<'_, f32>,
    examples: &Examples,
    queries: ArrayView2<'_, f32>,
    k: usize,
) -> Vec<Vec<usize>> {
    let mut searches: Vec<Search> = (0..queries.nrows()).map(|_| Search::of(k)).collect();
    for start in (0..references.nrows()).step_by(REFERENCES) {
        let end = references.nrows().min(start + REFERENCES);
        let bounds = examples.bound_some(start..end, queries);
        for (query, search) in searches.iter_mut().enumerate() {
            (start..end).zip(bounds.of(query)).for_each(|(place, bound)| search.see(place, bound));
            search.drop_distant();
        }
    }
    let pairs = searches.into_iter().zip(queries.rows());
    pairs.map(|(search, query)| search.nearest(references, query)).collect()
}

/// The references that may be among the k nearest of a query, of those seen so far.
struct Search {
    k: usize,
    /// The k least of the numbers that a squared distance is no greater than, in order.
    greatest: Vec<f64>,
    /// The last of these: k references are no farther. Infinite while fewer are known.
    reach: f64,
    /// What the squared distance of a reference is no less than, and its place, in the order of the places.
    candidates: Vec<(f64, usize)>,
}

impl Search {
    fn of(k: usize) -> Self {
        Self { k, greatest: Vec::new(), reach: f64::INFINITY, candidates: Vec::new() }
    }

    /// Takes the next reference, whose squared distance is between these numbers.
    #[inline]
    fn see(&mut self, place: usize, (least, greatest): (f64, f64)) {
        if least > self.reach {
            return;
        }
        self.candidates.push((least, place));
        if greatest < self.reach {
            self.come_nearer(greatest);
        }
    }

    /// Takes a number that a squared distance is no greater than.
    fn come_nearer(&mut self, greatest: f64) {
        let place = self.greatest.partition_point(|known| *known <= greatest);
        self.greatest.insert(place, greatest);
        self.greatest.truncate(self.k);
        if self.greatest.len() == self.k {
            self.reach = self.greatest.last().copied().unwrap_or(self.reach);
        }
    }

    /// Drops the candidates that others have turned out to be nearer than.
    fn drop_distant(&mut self) {
        let reach = self.reach;
        self.candidates.retain(|(least, _)| *least <= reach);
    }

    /// The places of the k nearest, nearest first.
    fn nearest(self, references: ArrayView2<'_, f32>, query: ArrayView1<'_, f32>) -> Vec<usize> {
        let mut nearest: Vec<(f64, usize)> = Vec::new();
        for (_, place) in self.candidates {
            let distance = squared_distance(query, references.row(place));
            let distance = if distance.is_nan() { f64::INFINITY } else { distance };
            nearest.insert(nearest.partition_point(|(d, _)| *d <= distance), (distance, place));
            nearest.truncate(self.k);
            // All duplicates are candidates: a code that is the same of every example would take long.
            if nearest.len() == self.k && nearest.last().is_some_and(|(d, _)| *d == 0.0) {
                break;
            }
        }
        nearest.into_iter().map(|(_, place)| place).collect()
    }
}

fn vote(nearest: &[usize], labels: &[u8]) -> Option<u8> {
    let mut votes: Vec<(u8, usize)> = Vec::new();
    for &index in nearest {
        match votes.iter_mut().find(|(label, _)| *label == labels[index]) {
            Some((_, count)) => *count += 1,
            None => votes.push((labels[index], 1)),
        }
    }
    // The first of equals met its first neighbour earlier.
    votes.iter().rev().max_by_key(|(_, count)| *count).map(|(label, _)| *label)
}

#[cfg(test)]
mod tests {
    use kernels::noise::{Noise, Stream};

    use super::*;

    #[test]
    fn it_agrees_with_the_definition() {
        let noise = Noise::new(4);
        // Years, say: far from 0 and near one another.
        let away = 2000.0;
        let points = |n: usize, epoch| {
            let normal = noise.normal(Stream::Prior, epoch, &[0], n * 3);
            away + Array2::from_shape_vec((n, 3), normal).unwrap()
        };
        let label = |row: ndarray::ArrayView1<'_, f32>| {
            u8::from(row[0] > away) + 2 * u8::from(row[1] > away)
        };
        let (train, test) = (points(3000, 0), points(300, 1));
        let labels = |a: &Array2<f32>| a.rows().into_iter().map(label).collect::<Vec<u8>>();
        let (train_labels, test_labels) = (labels(&train), labels(&test));
        let direct = test
            .rows()
            .into_iter()
            .zip(&test_labels)
            .filter(|(query, label)| {
                let mut order: Vec<(f32, usize)> = train
                    .rows()
                    .into_iter()
                    .enumerate()
                    .map(|(i, row)| ((&row - query).mapv(|d| d * d).sum(), i))
                    .collect();
                order.sort_by(|a, b| a.0.total_cmp(&b.0));
                let five: Vec<usize> = order[..5].iter().map(|(_, i)| *i).collect();
                vote(&five, &train_labels) == Some(**label)
            })
            .count() as f64
            / 300.0;
        let found = nearest_neighbour_accuracy(&train, &train_labels, &test, &test_labels, 5);
        assert_eq!(found, direct);
        assert!(found > 0.9);
        assert_eq!(
            nearest_neighbour_accuracy(&train, &train_labels, &train, &train_labels, 1),
            1.0
        );
    }

    /// The definition, word by word.
    fn reference(references: &Array2<f32>, queries: &Array2<f32>, k: usize) -> Vec<Vec<usize>> {
        let of = |query: ArrayView1<'_, f32>| {
            let distance = |row: ArrayView1<'_, f32>| squared_distance(query, row);
            let distances: Vec<f64> = references.rows().into_iter().map(distance).collect();
            let mut order: Vec<usize> = (0..distances.len()).collect();
            // Equals stay in their order.
            order.sort_by(|&a, &b| distances[a].total_cmp(&distances[b]));
            order.truncate(k);
            order
        };
        queries.rows().into_iter().map(of).collect()
    }

    /// Points in two clusters around `apart` and its negative, turn by turn.
    fn clusters(rows: usize, apart: f32, epoch: u64) -> Array2<f32> {
        let normal = Noise::new(5).normal(Stream::Prior, epoch, &[0], rows * 3);
        let mut points = Array2::from_shape_vec((rows, 3), normal).unwrap();
        for (index, mut row) in points.rows_mut().into_iter().enumerate() {
            row += if index % 2 == 0 { apart } else { -apart };
        }
        points
    }

    #[test]
    fn the_nearest_are_those_of_the_definition_whatever_products_say() {
        // More than one block of either.
        let (references, queries) = (REFERENCES + 300, QUERIES + 20);
        for apart in [0.0, 1e4] {
            for is_whole in [false, true] {
                let points = |rows, epoch| {
                    let points = clusters(rows, apart, epoch);
                    // Whole numbers: many duplicates, and many at the same distance.
                    if is_whole { points.mapv(f32::round) } else { points }
                };
                let (references, queries) = (points(references, 0), points(queries, 1));
                for k in [1, 5, 40] {
                    let found = nearest(references.view(), queries.view(), k);
                    assert_eq!(
                        found,
                        reference(&references, &queries, k),
                        "{apart} {is_whole} {k}"
                    );
                }
            }
        }
    }

    #[test]
    fn numbers_whose_products_overflow_have_neighbours_too() {
        for scale in [1e25, 1e38] {
            let points =
                |rows, epoch| clusters(rows, 0.0, epoch).mapv(|x| x.clamp(-3.0, 3.0) * scale);
            let (references, queries) = (points(60, 2), points(9, 3));
            let found = nearest(references.view(), queries.view(), 5);
            assert_eq!(found, reference(&references, &queries, 5), "{scale}");
        }
    }

    #[test]
    fn what_is_no_number_is_the_farthest_and_there_are_no_more_than_there_are() {
        let references = ndarray::arr2(&[[f32::NAN], [3.0], [1.0]]);
        let queries = ndarray::arr2(&[[0.0f32], [f32::NAN]]);
        let of = |k| nearest(references.view(), queries.view(), k);
        assert_eq!(of(7), [[2, 1, 0], [0, 1, 2]]);
        assert_eq!(of(2), [[2, 1], [0, 1]]);
        assert_eq!(of(0), [[0usize; 0]; 2]);
        let none = Array2::<f32>::zeros((0, 1));
        assert_eq!(nearest(none.view(), queries.view(), 3), [[0usize; 0]; 2]);
    }
}
