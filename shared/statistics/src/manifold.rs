use anyhow::{Result, ensure};
use ndarray::{Array2, ArrayView1, ArrayView2, Axis};
use rayon::prelude::*;

use super::distances::{Bounds, Examples, check, squared_distance};

/// Rows whose distances are bounded at a time.
const BLOCK: usize = 256;

/// The support of a distribution as Kynkäänniemi et al. 2019 estimate it from examples (eq. 1): the
/// union of closed balls, one around each example, that reach its k-th nearest neighbour.
///
/// With manifolds of real and of generated examples (eq. 2), precision is
/// `real.share_inside(generated)` and recall is `generated.share_inside(real)`.
///
/// The result is that of exact comparisons: matrix products in single precision decide only what
/// their worst rounding leaves no doubt about, and the few distances in doubt are computed from
/// their definition. So an example is inside a ball whose radius it set, and a duplicate inside one
/// of radius 0.
pub struct Manifold {
    /// `[examples, width]`
    features: Array2<f32>,
    /// Squared distance of each example to its k-th nearest neighbour.
    radii: Vec<f64>,
    examples: Examples,
}

impl Manifold {
    /// The manifold of `features` `[examples, width]`. The neighbours of an example are all the
    /// others, its duplicates among them. The paper takes k = 3.
    ///
    /// # Errors
    /// Unless `k` is at least 1 and there are more examples than that, or with numbers that are not
    /// finite.
    pub fn of(features: ArrayView2<'_, f32>, k: usize) -> Result<Self> {
        let rows = features.nrows();
        ensure!(k >= 1, "a radius needs at least one neighbour");
        ensure!(rows > k, "of {rows} examples none has {k} neighbours");
        check(features)?;
        let features = features.as_standard_layout().into_owned();
        let examples = Examples::of(features.view());
        let radii = by_blocks(features.view(), |start, block| {
            let bounds = examples.bound(block);
            (0..block.nrows())
                .map(|row| kth(features.view(), start + row, &bounds, row, k))
                .collect()
        });
        Ok(Self { features, radii, examples })
    }

    /// Share of `points` `[points, width]` that lie in the ball of at least one example.
    ///
    /// # Errors
    /// Without points, with points of another width, or with numbers that are not finite.
    pub fn share_inside(&self, points: ArrayView2<'_, f32>) -> Result<f64> {
        let (count, width) = points.dim();
        let own = self.features.ncols();
        ensure!(count > 0, "there are no points to look for");
        ensure!(width == own, "points of width {width} in a manifold of width {own}");
        check(points)?;
        let inside = by_blocks(points, |_, block| {
            let bounds = self.examples.bound(block);
            (0..block.nrows()).map(|row| self.holds(block.row(row), &bounds, row)).collect()
        });
        Ok(inside.iter().filter(|inside| **inside).count() as f64 / count as f64)
    }

    /// Whether a point, of which `row` of the bounds is given, lies in any ball.
    fn holds(&self, point: ArrayView1<'_, f32>, bounds: &Bounds<'_>, row: usize) -> bool {
        let balls = || bounds.of(row).zip(&self.radii);
        balls().any(|((_, greatest), radius)| greatest <= *radius)
            || balls().zip(self.features.rows()).any(|(((least, _), radius), example)| {
                least <= *radius && squared_distance(point, example) <= *radius
            })
    }
}

/// Squared distance of an example, of which `row` of the bounds is given, to the `k`-th nearest of
/// the others.
fn kth(
    features: ArrayView2<'_, f32>,
    example: usize,
    bounds: &Bounds<'_>,
    row: usize,
    k: usize,
) -> f64 {
    let mut greatest: Vec<f64> = bounds.of(row).map(|(_, greatest)| greatest).collect();
    greatest[example] = f64::INFINITY;
    // At least k of the others are no farther than this.
    let reach = *greatest.select_nth_unstable_by(k - 1, f64::total_cmp).1;
    // The nearest so far, nearest first.
    let mut nearest: Vec<f64> = Vec::with_capacity(k + 1);
    for (other, (least, _)) in bounds.of(row).enumerate() {
        if other == example || least > reach {
            continue;
        }
        let distance = squared_distance(features.row(example), features.row(other));
        nearest.insert(nearest.partition_point(|d| *d <= distance), distance);
        nearest.truncate(k);
        // All duplicates are in doubt: a generator that repeats itself would take long.
        if nearest.len() == k && nearest.last() == Some(&0.0) {
            break;
        }
    }
    nearest.last().copied().unwrap_or(f64::INFINITY)
}

/// The results of a function on blocks of rows, in order; it receives the index of the first row.
fn by_blocks<T: Send + Clone>(
    rows: ArrayView2<'_, f32>,
    of: impl Fn(usize, ArrayView2<'_, f32>) -> Vec<T> + Sync,
) -> Vec<T> {
    let blocks: Vec<ArrayView2<'_, f32>> = rows.axis_chunks_iter(Axis(0), BLOCK).collect();
    let found: Vec<Vec<T>> =
        blocks.into_par_iter().enumerate().map(|(index, block)| of(index * BLOCK, block)).collect();
    found.concat()
}

#[cfg(test)]
mod tests {
    use kernels::noise::{Noise, Stream};
    use ndarray::{arr2, concatenate, s};

    use super::*;

    fn normal(rows: usize, width: usize, seed: u64) -> Array2<f32> {
        let noise = Noise::new(seed).normal(Stream::Prior, 0, &[0], rows * width);
        Array2::from_shape_vec((rows, width), noise).unwrap()
    }

    fn share(examples: &Array2<f32>, points: &Array2<f32>, k: usize) -> f64 {
        Manifold::of(examples.view(), k).unwrap().share_inside(points.view()).unwrap()
    }

    /// The definition, word by word.
    fn reference(examples: &Array2<f32>, points: &Array2<f32>, k: usize) -> f64 {
        let (examples, points) = (examples.mapv(f64::from), points.mapv(f64::from));
        let distance = |a: ArrayView1<'_, f64>, b: ArrayView1<'_, f64>| {
            a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt()
        };
        let radius = |i: usize| {
            let others = (0..examples.nrows()).filter(|j| *j != i);
            let mut all: Vec<f64> =
                others.map(|j| distance(examples.row(i), examples.row(j))).collect();
            all.sort_by(f64::total_cmp);
            all[k - 1]
        };
        let radii: Vec<f64> = (0..examples.nrows()).map(radius).collect();
        let inside = points.rows().into_iter().filter(|point| {
            let mut balls = examples.rows().into_iter().zip(&radii);
            balls.any(|(example, radius)| distance(*point, example) <= *radius)
        });
        inside.count() as f64 / points.nrows() as f64
    }

    #[test]
    fn it_agrees_with_the_definition() {
        let mut partial = 0;
        for seed in 0..60 {
            let (width, k) = (1 + seed as usize % 5, 1 + seed as usize % 4);
            let (rows, points) = (k + 1 + 7 * (seed as usize % 9), 10 + 6 * (seed as usize % 7));
            let (mut real, mut generated) =
                (normal(rows, width, 2 * seed), normal(points, width, 2 * seed + 1) * 1.5);
            match seed % 3 {
                // Whole numbers: many duplicates, and points on spheres.
                0 => [&mut real, &mut generated].map(|set| set.mapv_inplace(f32::round)),
                // Far from the origin, where products in single precision know no distance.
                1 => [&mut real, &mut generated].map(|set| *set += 30_000.0),
                _ => [(); 2],
            };
            let found = share(&real, &generated, k);
            assert_eq!(found, reference(&real, &generated, k), "seed {seed}");
            partial += usize::from(found > 0.0 && found < 1.0);
        }
        assert!(partial > 30, "{partial} cases were neither none nor all");
    }

    #[test]
    fn blocks_join_in_order() {
        // Two clusters of different scales: a radius at the wrong example would show.
        let mut real = normal(3 * BLOCK + 17, 3, 100);
        real.slice_mut(s![BLOCK - 5.., ..]).mapv_inplace(|x| 0.01 * x + 20.0);
        let mut points = normal(2 * BLOCK + 5, 3, 101) * 1.3;
        points.slice_mut(s![BLOCK + 9.., ..]).mapv_inplace(|x| 0.01 * x + 20.0);
        let found = share(&real, &points, 3);
        assert_eq!(found, reference(&real, &points, 3));
        assert!(found > 0.2 && found < 0.98, "{found}");
    }

    #[test]
    fn a_set_covers_itself_and_nothing_far_away() {
        for (rows, width, k) in [(500, 10, 3), (4, 3, 3), (300, 80, 1)] {
            let set = normal(rows, width, 102);
            assert_eq!(share(&set, &set, k), 1.0);
            let far = normal(rows, width, 103) + 100.0;
            assert_eq!((share(&set, &far, k), share(&far, &set, k)), (0.0, 0.0));
        }
    }

    #[test]
    fn a_dropped_mode_costs_recall_and_not_precision() {
        let mut real = normal(600, 4, 104);
        real.slice_mut(s![400.., ..]).mapv_inplace(|x| x + 50.0);
        let generated = real.slice(s![..400, ..]).to_owned();
        assert_eq!(share(&real, &generated, 3), 1.0);
        let recall = share(&generated, &real, 3);
        assert!((recall - 400.0 / 600.0).abs() < 1e-12, "{recall}");
    }

    #[test]
    fn a_widened_set_costs_precision_and_not_recall() {
        let (real, generated) = (normal(800, 8, 105), normal(800, 8, 106) * 3.0);
        let (precision, recall) = (share(&real, &generated, 3), share(&generated, &real, 3));
        assert!(precision < 0.1 && recall > 0.9, "{precision} {recall}");
    }

    #[test]
    fn duplicates_are_neighbours_and_an_example_is_not_its_own() {
        // With k = 1 both of the first two have radius 0, the third 1 to either.
        let set = arr2(&[[0.0f32], [0.0], [1.0]]);
        let manifold = Manifold::of(set.view(), 1).unwrap();
        assert_eq!(manifold.radii, [0.0, 0.0, 1.0]);
        assert_eq!(
            manifold.share_inside(arr2(&[[0.0f32], [2.0], [-0.1], [2.1]]).view()).unwrap(),
            0.5
        );
        assert_eq!(Manifold::of(set.view(), 2).unwrap().radii, [1.0, 1.0, 1.0]);
        // Duplicates of a point whose products are inexact.
        let point = normal(1, 700, 107) * 1e3;
        let same = concatenate![Axis(0), point, point, point, point];
        let manifold = Manifold::of(same.view(), 3).unwrap();
        assert_eq!(manifold.radii, [0.0; 4]);
        assert_eq!(manifold.share_inside(point.view()).unwrap(), 1.0);
        assert_eq!(manifold.share_inside((&point * 1.000001).view()).unwrap(), 0.0);
    }

    #[test]
    fn the_number_of_threads_does_not_matter() {
        let (real, generated) = (normal(900, 60, 108), normal(900, 60, 109));
        let with = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let manifold = Manifold::of(real.view(), 3).unwrap();
                let share = manifold.share_inside(generated.view()).unwrap();
                (manifold.radii, share)
            })
        };
        assert_eq!(with(1), with(3));
    }

    #[test]
    fn what_has_no_manifold_is_refused() {
        let set = normal(4, 3, 110);
        assert!(Manifold::of(set.view(), 0).is_err());
        assert!(Manifold::of(set.view(), 4).is_err());
        let mut broken = set.clone();
        broken[[3, 2]] = f32::NAN;
        assert!(Manifold::of(broken.view(), 3).is_err());
        let manifold = Manifold::of(set.view(), 3).unwrap();
        assert!(manifold.share_inside(broken.view()).is_err());
        assert!(manifold.share_inside(normal(4, 2, 111).view()).is_err());
        assert!(manifold.share_inside(Array2::zeros((0, 3)).view()).is_err());
    }
}
