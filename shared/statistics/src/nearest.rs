use ndarray::{Array1, Array2, ArrayView2, Axis};
use rayon::prelude::*;

const QUERIES: usize = 128;
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
/// Euclidean distance: their places, nearest first, of equals the earlier first.
pub fn nearest(
    references: ArrayView2<'_, f32>,
    queries: ArrayView2<'_, f32>,
    k: usize,
) -> Vec<Vec<usize>> {
    // The rounding of products grows with the numbers' size, so they are of numbers less the mean.
    let width = references.ncols();
    let centre = references.mean_axis(Axis(0)).unwrap_or_else(|| Array1::zeros(width));
    let (references, queries) = (&references - &centre, &queries - &centre);
    let squares: Vec<f32> = references.rows().into_iter().map(|row| row.dot(&row)).collect();
    let blocks: Vec<ArrayView2<'_, f32>> = queries.axis_chunks_iter(Axis(0), QUERIES).collect();
    let found: Vec<Vec<Vec<usize>>> = blocks
        .into_par_iter()
        .map(|queries| {
            // The k nearest so far of each query, nearest first.
            let mut nearest: Vec<Vec<(f32, usize)>> =
                vec![Vec::with_capacity(k.min(references.nrows()) + 1); queries.nrows()];
            for (part, references) in references.axis_chunks_iter(Axis(0), REFERENCES).enumerate() {
                let products = queries.dot(&references.t());
                for (query, row) in products.rows().into_iter().enumerate() {
                    let best = &mut nearest[query];
                    for (offset, &product) in row.iter().enumerate() {
                        let index = part * REFERENCES + offset;
                        // The query's own square does not change the order.
                        let distance = squares[index] - 2.0 * product;
                        if best.len() < k || best.last().is_some_and(|last| distance < last.0) {
                            let place = best.partition_point(|(d, _)| *d <= distance);
                            best.insert(place, (distance, index));
                            best.truncate(k);
                        }
                    }
                }
            }
            let indices =
                |best: Vec<(f32, usize)>| best.into_iter().map(|(_, index)| index).collect();
            nearest.into_iter().map(indices).collect()
        })
        .collect();
    found.into_iter().flatten().collect()
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
}
