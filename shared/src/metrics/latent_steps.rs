//! What a step of one standard deviation along each latent is, and changes.

use ndarray::{Array1, Array2, Axis};

use crate::trained::{GivenArray, Trained};

/// A code in the middle, and a step of one standard deviation along each latent.
pub struct LatentSteps {
    /// `[1, latents]`.
    pub origin: Array2<f32>,
    /// A row for each latent, `[latents, latents]`.
    pub unit: Array2<f32>,
}

impl LatentSteps {
    /// Those of the prior under a condition, `[1, width]`: zero noise decodes its mean, a unit of noise is one standard
    /// deviation of it.
    pub fn of_prior(model: &dyn Trained, given: GivenArray<'_>) -> Self {
        let latent = model.latent_dim();
        let origin = model.sample_prior(Array2::zeros((1, latent)).view(), given);
        let unit =
            model.sample_prior(Array2::eye(latent).view(), repeated(&given, latent)) - &origin;
        Self { origin, unit }
    }

    /// Mean and standard deviations of codes `[examples, latents]`, for a model without a prior, of which no code stands
    /// out.
    pub fn of_codes(codes: &Array2<f32>) -> Self {
        let mean = codes.mean_axis(Axis(0)).unwrap_or_else(|| Array1::zeros(codes.ncols()));
        Self {
            unit: Array2::from_diag(&codes.std_axis(Axis(0), 0.0)),
            origin: mean.insert_axis(Axis(0)),
        }
    }

    /// The squared change in what is decoded, by latent: it takes the place of the KL, which a point has not.
    pub fn changes(&self, model: &dyn Trained, given: GivenArray<'_>) -> Vec<f64> {
        let moved = &self.unit + &self.origin;
        let moved = model.decode(moved.view(), repeated(&given, moved.nrows()));
        let change = moved - model.decode(self.origin.view(), given);
        change.mapv(|d| f64::from(d).powi(2)).sum_axis(Axis(1)).to_vec()
    }
}

/// The condition of one example for every row.
fn repeated<'a>(given: &'a GivenArray<'_>, rows: usize) -> GivenArray<'a> {
    given.as_ref().and_then(|given| given.broadcast((rows, given.ncols())))
}
